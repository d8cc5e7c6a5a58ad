// A request that the server holds until it has something.

import { Breaks } from "./fixtures/breaks";
import { shell } from "./fixtures/curl";
import { TopicLab, faultTest, ids, restartTest, sharedTests, topic } from "./fixtures/topic";
import { expect, test } from "./fixtures/test";

const SLUG = "long-polling";

test("a request is held until the topic has a message, and no longer", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&every_ms=600`);
  await lab.runs(3);
  await expect(lab.point).toHaveText(
    /^Each message arrived .+ after the topic had it; each request was held .+ on average; .+ kB of header for 42 B of message\.$/,
  );

  const events = await lab.heard(3);
  // The first asks where the topic stands; each message then takes one request, and none is left over to be given up.
  await expect(lab.figure("Requests")).toHaveText("4, 1 of them empty");
  expect(events.filter((event) => event.kind === "aborted")).toEqual([]);
  const held = events.filter((event) => event.kind === "process");
  expect(held).toHaveLength(3);
  const delivered = events.filter((event) => event.kind === "delivered");
  expect(delivered).toHaveLength(3);
  expect(ids(events)).toEqual(delivered.map((event) => event.detail.message));
  const published = delivered.map((event) => event.detail.published_at_ns as number);
  for (const [place, { at_ns, duration_ns, detail }] of held.entries()) {
    expect(delivered[place]!.detail.exchange).toBe(detail.exchange);
    expect(at_ns + duration_ns!, "it ends with the message").toBeGreaterThanOrEqual(published[place]!);
  }
  expect(held.some(({ at_ns }, place) => at_ns < published[place]!), "it began before there was a message").toBe(true);
});

test("when the time is over the answer is empty, and the page asks again", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&messages=1&every_ms=1500&wait=1`);
  await lab.runs(1);
  await expect(lab.figure("Requests")).toHaveText("3, 2 of them empty");
  const [first, second] = (await lab.heard(1)).filter((event) => event.kind === "process");
  expect(first!.duration_ns!).toBeGreaterThanOrEqual(1_000_000_000);
  expect(second!.duration_ns!).toBeLessThan(1_000_000_000);
});

test("messages at once come in few answers, in their order", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&messages=20&every_ms=0`);
  await lab.runs(20);
  const events = await lab.heard(20);
  const offsets = ids(events).map((id) => Number(String(id).split("-")[1]));
  expect(offsets).toEqual([...Array(20).keys()].map((offset) => offset + 1));
});

test("a preference asks for the same: curl waits, the page publishes", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&messages=1&every_ms=1000`);
  const waiting = shell(await lab.command(/^Wait for the next message, by a preference/));
  await lab.runs(1);
  const answer = await waiting;
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  expect(answer).toMatch(/^preference-applied: wait=10\r$/im);
  expect(answer).toContain('"data":"Tea is ready"');
});

test("an answer that breaks off is asked for again, and comes when the line is mended", async ({ page, guard }) => {
  guard.allowServerGone();
  guard.allowAborts();
  const lab = new TopicLab(page, SLUG);
  const breaks = new Breaks(lab);
  await lab.open(`?topic=${topic()}&messages=1&every_ms=100`);
  await breaks.choose("An answer that breaks off");
  await lab.press();
  await expect(lab.alert.filter({ hasText: "The poll was not answered." })).toBeVisible();
  await breaks.happens("cut");
  expect((await breaks.happened("cut"))[0]?.bytes).toBe(150);
  await breaks.choose("Nothing");
  await expect(lab.said("1 of 1 messages arrived.")).toBeVisible();
});

faultTest(SLUG, /^Wait for the next message/);
sharedTests(SLUG, { name: /^Hold for/, query: "wait=30", value: "30" });
restartTest(SLUG, "wait=20", /The poll was not answered\..*The page asks again in 1 s\./s);
