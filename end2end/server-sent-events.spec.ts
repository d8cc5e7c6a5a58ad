// One response that does not end, and what comes after a break.

import { Breaks } from "./fixtures/breaks";
import { TopicLab, faultTest, ids, restartTest, sharedTests, topic } from "./fixtures/topic";
import { expect, test } from "./fixtures/test";

const SLUG = "server-sent-events";

test("one request, and every message comes down its response", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&every_ms=200`);
  await lab.runs(3);
  await expect(lab.point).toHaveText(
    /^Each message arrived .+ after the topic had it; one response stayed open .+; .+ of header for 42 B of message\.$/,
  );
  await expect(lab.figure("Requests")).toHaveText("1");
  await lab.hasEvent("stream_closed");
  const events = await lab.heard(3);
  expect(events.filter((event) => event.kind === "stream_opened")).toHaveLength(1);
  const delivered = events.filter((event) => event.kind === "delivered");
  expect(ids(events)).toEqual(delivered.map((event) => event.detail.message));
  await lab.hasEvent("unsubscribed");
});

test("the page drops the connection: what it missed comes at once, each message once", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&messages=6&every_ms=300&drop_after=2`);
  await lab.runs(6);
  await expect(lab.point).toContainText(/the stream broke once, and the (1 message that was|\d messages that were) missed came at once; /);
  await expect(lab.figure("Requests")).toHaveText("2");
  const events = await lab.heard(6);
  const offsets = ids(events).map((id) => Number(String(id).split("-")[1]));
  expect(offsets).toEqual([1, 2, 3, 4, 5, 6]);
  const [first, second] = events.filter((event) => event.kind === "subscribed");
  expect(first?.detail.message).toMatch(/-0$/);
  expect(second?.detail.message).toMatch(/-2$/);
});

test("a buffering proxy lets the messages arrive in lumps, and keeps the last of them", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new TopicLab(page, SLUG);
  const breaks = new Breaks(lab);
  await lab.open(`?topic=${topic()}&messages=50&every_ms=20&text=${"tea+".repeat(40)}`);
  await breaks.choose("A proxy that collects 4 KiB");
  await lab.press();
  await expect.poll(async () => (await lab.events()).filter((event) => event.kind === "published").length).toBe(50);
  const lumped = async () => (await lab.heard(20)).filter((event) => event.kind === "fault" && event.detail["fault"] === "buffer");
  await expect.poll(async () => (await lumped()).length).toBe(2);
  const heard = await lab.heard(20);
  // The head of the response, then lumps of just that size.
  const [, ...lumps] = heard.filter((event) => event.kind === "write");
  expect(lumps.map((event) => event.bytes)).toEqual([4_096, 4_096]);
  const received = heard.filter((event) => event.kind === "received").length;
  expect(received).toBeLessThan(50);
  await expect(lab.said(`${received} of 50 messages arrived.`)).toBeVisible();
  expect(await lab.command(/^Listen; Ctrl/)).toContain("-H Roundtrip-Faults:buffer=4KiB ");
  await lab.press();
});

test("a line that drops: the browser comes back by itself, each message once", async ({ page, guard }) => {
  guard.allowServerGone();
  guard.allowAborts();
  const lab = new TopicLab(page, SLUG);
  const breaks = new Breaks(lab);
  await lab.open(`?topic=${topic()}&messages=5&every_ms=700`);
  await breaks.choose("A line that drops after 2 s");
  await lab.runs(5);
  await breaks.happens("cut_after");
});

test("a line that drops before the first message: what was published meanwhile comes all the same", async ({ page, guard }) => {
  guard.allowServerGone();
  guard.allowAborts();
  const lab = new TopicLab(page, SLUG);
  await lab.open("");
  const published = await page.evaluate(async (topic) => {
    const publish = async (data: string) => {
      const answer = await fetch(`/api/topics/${topic}/messages`, { method: "POST", body: data });
      return ((await answer.json()) as { id: string }).id;
    };
    await publish("before");
    const source = new EventSource(`/api/topics/${topic}/events?faults=cut_after=1s`);
    await new Promise((resolve) => source.addEventListener("error", resolve, { once: true }));
    const id = await publish("missed");
    const message = await new Promise<MessageEvent<string>>((resolve) => {
      source.addEventListener("message", resolve, { once: true });
    });
    source.close();
    return [id, message.lastEventId, message.data];
  }, topic());
  expect(published).toEqual([published[0], published[0], "missed"]);
});

faultTest(SLUG, /^Listen; Ctrl/);
sharedTests(SLUG, { name: /^Drop after/, query: "drop_after=4", value: "4" });
restartTest(SLUG, "", /The stream broke\..*The browser opens it again by itself\./s);
