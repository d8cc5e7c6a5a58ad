// Asking again and again: what a message waits for the next poll, what the empty answers cost.

import { shell } from "./fixtures/curl";
import { TopicLab, faultTest, ids, restartTest, sharedTests, topic } from "./fixtures/topic";
import { expect, test } from "./fixtures/test";

const SLUG = "short-polling";

test("each message waits for the next poll, and the figures are those of the run", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&every_ms=300&interval_ms=250`);
  await lab.runs(3);
  await expect(lab.point).toHaveText(
    /^Each message waited .+ on average for the next poll \(at most .+\); \d+ of \d+ answers were empty; .+ kB of header for 42 B of message\.$/,
  );

  const events = await lab.heard(3);
  const polls = events.filter((event) => event.kind === "request_sent");
  const brought = new Set(events.filter((event) => event.kind === "received").map((event) => event.detail.exchange));
  await expect(lab.figure("Requests")).toHaveText(`${polls.length}, ${polls.length - brought.size} of them empty`);
  // No poll is held: the server is done with it at once.
  expect(events.filter((event) => event.kind === "process")).toEqual([]);
  const delivered = events.filter((event) => event.kind === "delivered");
  expect(ids(events)).toEqual(delivered.map((event) => event.detail.message));
  for (const event of delivered) expect(event.at_ns).toBeGreaterThan(event.detail.published_at_ns as number);
});

test("what was there before the run is not its own", async ({ page }) => {
  const name = topic();
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${name}&messages=1&every_ms=0&interval_ms=100`);
  await lab.runs(1);
  await lab.runs(1);
  await lab.hasEvent("received", 2);
  expect(new Set(ids(await lab.events())).size).toBe(2);
});

test("the commands poll as the page does", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&messages=1&every_ms=0&interval_ms=100`);
  await lab.runs(1);
  const poll = await lab.command("Ask once what is new");
  expect(JSON.parse(await shell(poll))).toMatchObject({ messages: [] });
  await shell(await lab.command("Publish a message"));
  expect(JSON.parse(await shell(poll))).toMatchObject({ messages: [{ data: "Tea is ready" }] });
  const loop = await lab.command(/^Ask five times/);
  const answers = (await shell(loop)).trim().split("\n");
  expect(answers.map((answer) => (JSON.parse(answer) as { messages: unknown[] }).messages)).toEqual([[], [], [], [], []]);
  await expect.poll(async () => (await lab.events()).filter((event) => event.lane === "terminal").length).toBeGreaterThanOrEqual(7);
});

faultTest(SLUG, /^Ask once/);
sharedTests(SLUG, { name: /^Ask every/, query: "interval_ms=400", value: "400" });
restartTest(SLUG, "interval_ms=100", /The poll was not answered\..*The page asks again in 100 ms\./s);
