// One connection, both ways: what a frame takes against a request, what the page has to do by itself.

import { Breaks } from "./fixtures/breaks";
import { shell } from "./fixtures/curl";
import { TopicLab, faultTest, ids, restartTest, sharedTests, topic } from "./fixtures/topic";
import { expect, test } from "./fixtures/test";

const SLUG = "websocket";

test("messages go up the socket and come down it", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&every_ms=200`);
  await lab.runs(3);
  await expect(lab.point).toHaveText(
    /^Each message arrived .+ after the topic had it; one socket stayed open .+; .+ of header once, then .+ of frames for 42 B of message\.$/,
  );
  await lab.hasEvent("stream_closed");
  const events = await lab.heard(3);
  // All of it is one exchange: what was published as well.
  for (const kind of ["sent", "published", "delivered", "received"]) {
    expect(events.filter((event) => event.kind === kind), kind).toHaveLength(3);
  }
  expect((await lab.events()).filter((event) => event.kind === "request_sent")).toHaveLength(1);
  expect(ids(events)).toEqual(events.filter((event) => event.kind === "published").map((event) => event.detail.message));
});

test("a burst goes up at once and arrives in its order", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&messages=50&by=burst`);
  await lab.runs(50);
  const events = await lab.heard(50);
  const offsets = ids(events).map((id) => Number(String(id).split("-")[1]));
  expect(offsets).toEqual([...Array(50).keys()].map((offset) => offset + 1));
});

test("by POST each message is a request of its own", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&messages=2&every_ms=200&by=post`);
  await lab.runs(2);
  const events = await lab.events();
  const asked = events.filter((event) => event.kind === "request_sent").map((event) => event.detail.summary);
  expect(asked.filter((summary) => /^POST .*\/messages$/.test(String(summary)))).toHaveLength(2);
  expect(events.filter((event) => event.kind === "sent")).toEqual([]);
});

test("a message that is too long is refused in words, and the socket goes on", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&messages=1&every_ms=0`);
  const text = lab.region.getByRole("textbox", { name: "Message up to" });
  await text.fill("a".repeat(64 * 1024 + 1));
  await expect(lab.button).toHaveAttribute("aria-disabled", "true");
  await text.fill("a".repeat(64 * 1024));
  await lab.runs(1);
});

test("curl shakes hands, and sees the frame that the page publishes", async ({ page }) => {
  const lab = new TopicLab(page, SLUG);
  await lab.open(`?topic=${topic()}&messages=1&every_ms=500`);
  const handshake = await lab.command(/^Look at the handshake/);
  const seen = shell(`${handshake} -m 4 || test $? -eq 28`);
  await lab.runs(1);
  const words = await seen;
  expect(words).toMatch(/^HTTP\/1\.1 101 Switching Protocols/);
  expect(words).toContain('"data":"Tea is ready"');
});

test("a line that drops: the page opens another socket, and every message is accounted for", async ({ page, guard }) => {
  guard.allowServerGone();
  guard.allowAborts();
  const lab = new TopicLab(page, SLUG);
  const breaks = new Breaks(lab);
  await lab.open(`?topic=${topic()}&messages=5&every_ms=700`);
  await breaks.choose("A line that drops after 2 s");
  await lab.press();
  await expect(lab.alert.filter({ hasText: "Close code 1006" })).toBeVisible();
  await breaks.happens("cut_after");
  await lab.accounts(5);
});

faultTest(SLUG, /^Open the socket/);
sharedTests(SLUG, { name: "Publish", query: "by=post", value: "1" });
restartTest(SLUG, "", /The socket closed\..*Close code 1006.*The page opens it again/s);
