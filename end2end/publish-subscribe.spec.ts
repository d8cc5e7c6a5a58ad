// Publishers and subscribers that know a topic: who gets what, what comes after a break, what is said about a gap.

import type { Locator, Page } from "@playwright/test";
import { randomUUID } from "node:crypto";

import { Breaks } from "./fixtures/breaks";
import { curl, shell } from "./fixtures/curl";
import { Lab } from "./fixtures/lab";
import { expect, test } from "./fixtures/test";

/** Tests share a server: each has a topic of its own. */
const topic = () => `t-${randomUUID()}`;

class PublishSubscribe extends Lab {
  constructor(page: Page) {
    super(page, "publish-subscribe");
  }

  subscriber(number: number): Subscriber {
    return new Subscriber(this.region.getByRole("listitem").filter({ has: this.page.getByRole("heading", { name: `Subscriber ${number}`, exact: true }) }), number);
  }

  /** The broker's inside. */
  get inside(): Locator {
    return this.region.getByRole("region", { name: "Inside the topic" });
  }

  /** What the broker's inside says in the row of this name: how far behind it is, and what it has missed. */
  async row(name: string): Promise<string[]> {
    const header = this.page.getByRole("rowheader", { name, exact: true });
    return this.inside.getByRole("row").filter({ has: header }).getByRole("cell").allInnerTexts();
  }

  async publish(text: string): Promise<void> {
    await this.region.getByRole("textbox", { name: /^Message/ }).fill(text);
    await this.press();
    await expect(this.button).toContainText("Publish");
  }
}

class Subscriber {
  /** What came, newest first, as `id text`. */
  readonly messages: Locator;

  constructor(
    readonly card: Locator,
    readonly number: number,
  ) {
    this.messages = card.getByRole("list", { name: `Messages of subscriber ${number}` }).getByRole("listitem");
  }

  async is(state: string | RegExp): Promise<void> {
    await expect(this.card.getByRole("status").filter({ hasText: state })).toBeVisible();
  }

  async turn(verb: "Connect" | "Disconnect" | "Reconnect"): Promise<void> {
    await this.card.getByRole("button", { name: `${verb} subscriber ${this.number}` }).click();
  }

  /** Exactly these texts, oldest first: each once. */
  async has(...texts: string[]): Promise<void> {
    await expect(this.messages).toHaveText([...texts].reverse().map((text) => new RegExp(`^[0-9a-f]{8}-\\d+ ${text}$`)));
  }
}

test("one message, every subscriber, one lane each", async ({ page }) => {
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${topic()}`);
  await lab.publish("Tea is ready");
  for (const number of [1, 2]) {
    await lab.subscriber(number).is("connected, 1 message");
    await lab.subscriber(number).has("Tea is ready");
  }
  await expect(lab.summary).toHaveText(/2 subscribers|each subscriber|both/);
  await lab.hasEvent("received", 2);
  const events = await lab.events();
  const [published] = events.filter((event) => event.kind === "published");
  expect(published?.lane).toBe("topic");
  for (const event of events.filter((event) => event.kind === "received")) {
    expect(event.detail.message).toBe(published?.detail.message);
    expect(event.at_ns + event.error_ns).toBeGreaterThanOrEqual(published!.at_ns - published!.error_ns);
  }
});

test("two pages exchange messages", async ({ page, visitor }) => {
  const name = topic();
  const here = new PublishSubscribe(page);
  await here.open(`?topic=${name}&subscribers=1&connect=now`);
  await here.subscriber(1).is("connected");
  const there = new PublishSubscribe(await visitor());
  await there.open(`?topic=${name}&subscribers=1&connect=now`);
  await there.subscriber(1).is("connected");

  await here.publish("one from here");
  await there.subscriber(1).has("one from here");
  await there.publish("one from there");
  for (const lab of [here, there]) await lab.subscriber(1).has("one from here", "one from there");
});

test("the link for a second page opens the same topic, connected", async ({ page, context }) => {
  const name = topic();
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${name}`);
  const opened = context.waitForEvent("page");
  await lab.region.getByRole("link", { name: "Open a second page on this topic" }).click();
  const second = new PublishSubscribe(await opened);
  await second.subscriber(1).is("connected");
  await lab.publish("to the other tab");
  await second.subscriber(1).has("to the other tab");
});

test("a subscriber that was away gets what it missed, each message once", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${topic()}`);
  await lab.publish("first");
  const subscriber = lab.subscriber(1);
  await subscriber.has("first");
  await subscriber.turn("Disconnect");
  await subscriber.is("not connected");
  for (const text of ["second", "third"]) await lab.publish(text);
  await lab.subscriber(2).has("first", "second", "third");
  await subscriber.turn("Reconnect");
  await subscriber.has("first", "second", "third");
  await expect(subscriber.card.getByText(/All 2 messages it missed came at once\./)).toBeVisible();
  await lab.publish("fourth");
  await subscriber.has("first", "second", "third", "fourth");
});

test("several at once arrive in the topic's order", async ({ page }) => {
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${topic()}&burst=20&subscribers=3`);
  await lab.publish("cup");
  for (const number of [1, 2, 3]) {
    const subscriber = lab.subscriber(number);
    await subscriber.is("20 messages");
    const ids = await subscriber.messages.locator("code").allInnerTexts();
    expect(ids.map((id) => Number(id.split("-")[1]))).toEqual([...Array(20).keys()].map((offset) => 20 - offset));
  }
});

test("curl publishes into the run on the screen, and its message arrives on the page", async ({ page }) => {
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${topic()}&subscribers=1&connect=now`);
  await lab.subscriber(1).is("connected");
  expect(await shell(await lab.command("Publish the message"))).toMatch(/^HTTP\/1\.1 201 Created/);
  await lab.subscriber(1).has("Tea is ready");
  await lab.hasEvent("published");
  expect((await lab.events()).some((event) => event.lane === "terminal")).toBe(true);
});

test("a message that somebody else publishes arrives too", async ({ page, server }) => {
  const name = topic();
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${name}&subscribers=1&connect=now`);
  await lab.subscriber(1).is("connected");
  await curl("-H", "Content-Type: text/plain", "-d", "from nowhere in particular", `${server.origin}/api/topics/${name}/messages`);
  await lab.subscriber(1).has("from nowhere in particular");
});

test("the broker's inside: the log against its bounds, where each subscriber stands, who left", async ({ page, guard, visitor }) => {
  guard.allowAborts();
  const name = topic();
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${name}&keep=3`);
  await expect(lab.inside).toContainText("The topic has not begun");
  await lab.publish("one");
  await expect(lab.inside).toContainText(/1 of 3 messages, 3 B of 16\.8 MB, the oldest .+ of 24 h\./);
  await expect(lab.inside.getByRole("rowheader", { name: "2 subscribers" })).toBeVisible();
  for (const number of [1, 2]) await expect.poll(() => lab.row(`Subscriber ${number}`)).toEqual(["0", "0"]);
  await expect(lab.inside.locator('.inside-cells [data-is="kept"]')).toHaveCount(1);

  const there = new PublishSubscribe(await visitor());
  await there.open(`?topic=${name}&subscribers=1&connect=now`);
  await expect.poll(() => lab.row("Another, by event stream")).toEqual(["0", "0"]);
  await expect.poll(() => there.row("Subscriber 1")).toEqual(["0", "0"]);

  for (const text of ["two", "three", "four", "five"]) await lab.publish(text);
  await expect(lab.inside).toContainText("3 of 3 messages");
  await expect(lab.inside).toContainText("2 were let go of.");
  await expect(lab.inside.locator('.inside-cells [data-is="kept"]')).toHaveCount(3);
  await expect(lab.inside.locator('.inside-cells [data-is="gone"]')).toHaveCount(2);

  await lab.subscriber(2).turn("Disconnect");
  await expect.poll(() => lab.row("Subscriber 2, left")).toEqual(["0", "0"]);
  await expect(lab.inside.getByRole("rowheader", { name: "2 subscribers" })).toBeVisible();
  const told = JSON.parse(await shell(await lab.command("Look into the topic"))) as { first: number; subscribers: number };
  expect([told.first, told.subscribers]).toEqual([3, 2]);
});

test("a slow line: the subscriber falls behind until there is a gap, and the other does not", async ({ page }) => {
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${topic()}&burst=50&size=20000&keep=10&faults=rate=2Mbit`);
  const breaks = new Breaks(lab);
  await lab.press();
  const behind = async (name: string) => parseInt((await lab.row(name))[0] ?? "", 10);
  await expect.poll(() => behind("Subscriber 1"), { intervals: [50] }).toBeGreaterThan(0);
  const slow = lab.subscriber(1);
  await expect(slow.card.getByText(/messages? (is|are) missing: this subscriber did not read fast enough/)).toBeVisible();
  await breaks.happens("rate");
  await expect.poll(async () => (await lab.row("Subscriber 1"))[0], { timeout: 30_000 }).toBe("0");
  await expect.poll(() => behind("Subscriber 2")).toBe(0);
  // What it has and what it was told that it has missed is all.
  const missed = Number((await lab.row("Subscriber 1"))[1]);
  expect(missed).toBeGreaterThan(0);
  await slow.is(`connected, ${50 - missed} messages`);
  const events = await lab.events();
  const slowly = events.find((event) => event.kind === "request_sent" && event.lane === "subscriber:1");
  const gaps = events.filter((event) => event.kind === "gap" && event.detail["exchange"] === slowly?.detail["exchange"]);
  expect(gaps.reduce((sum, gap) => sum + Number(gap.detail["missed"]), 0)).toBe(missed);
});

test("a proxy that collects, for one subscriber: the other has the message; curl would have to wait too", async ({ page, visitor }) => {
  const name = topic();
  const lab = new PublishSubscribe(page);
  const breaks = new Breaks(lab);
  await lab.open(`?topic=${name}`);
  await breaks.choose("A proxy that collects 4 KiB");
  await breaks.stand("buffer=4KiB");
  await lab.publish("collected");
  await lab.subscriber(2).has("collected");
  // The broker has handed it on: it is not behind.
  await expect.poll(() => lab.row("Subscriber 1")).toEqual(["0", "0"]);
  await lab.subscriber(1).is("0 messages");
  expect(await lab.command("Subscribe; Ctrl+C ends it")).toContain("-H Roundtrip-Faults:buffer=4KiB ");
  expect(await lab.command("Publish the message")).not.toContain("Roundtrip-Faults");
  const there = new PublishSubscribe(await visitor());
  await there.open(`?topic=${name}&faults=buffer=150B`);
  await expect(new Breaks(there).choice).toHaveValue("buffer=150B");
  for (const text of ["first", "second", "third"]) await there.publish(`${text} ${"and more ".repeat(6)}`);
  await there.subscriber(1).is(/, [12] messages?/);
  await new Breaks(there).happens("buffer");
});

test("the topic restarts: its subscribers come back, and that nothing is missing is said", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${topic()}`);
  await lab.publish("before");
  for (const number of [1, 2]) await lab.subscriber(number).has("before");
  await new Breaks(lab).button.click();
  await lab.region.getByRole("button", { name: "Restart the topic" }).click();
  await expect(lab.said("The topic was restarted: its history is gone")).toBeVisible();
  for (const number of [1, 2]) {
    await expect(lab.subscriber(number).card.getByText(/Nothing is missing: the topic began a new life/)).toBeVisible();
  }
  await expect(lab.inside).toContainText("0 of 10,000 messages");
  await lab.publish("after");
  for (const number of [1, 2]) await lab.subscriber(number).has("before", "after");
});

test("hundreds of subscribers: each is counted, some have a row", async ({ page, server }) => {
  const name = topic();
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${name}&subscribers=1&connect=now`);
  const abort = new AbortController();
  const url = `${server.origin}/api/topics/${name}/stream`;
  await Promise.all([...Array(200)].map(() => fetch(url, { signal: abort.signal })));
  await expect(lab.inside.getByRole("rowheader", { name: "201 subscribers" })).toBeVisible();
  await expect(lab.inside).toContainText("196 subscribers have no row here.");
  expect(await lab.row("Subscriber 1")).toEqual(["0", "0"]);
  await expect(lab.inside.locator(".inside-bars [data-count]")).toHaveAttribute("data-count", "201");
  abort.abort();
  await expect(lab.inside.getByRole("rowheader", { name: "1 subscriber", exact: true })).toBeVisible();
});

test("a topic's name and a message's length are bounded, in words", async ({ page }) => {
  const lab = new PublishSubscribe(page);
  await lab.open(`?topic=${topic()}`);
  const name = lab.region.getByRole("textbox", { name: "Topic" });
  await name.fill(".hidden");
  await expect(lab.region.getByText(/A topic's name is 1 to 128 of/)).toBeVisible();
  await expect(lab.button).toHaveAttribute("aria-disabled", "true");
  await name.fill(topic());
  const message = lab.region.getByRole("textbox", { name: /^Message/ });
  await message.fill("a".repeat(64 * 1024 + 1));
  await expect(lab.button).toHaveAttribute("aria-disabled", "true");
  await message.fill("a".repeat(64 * 1024));
  await expect(lab.button).toHaveAttribute("aria-disabled", "false");
  await lab.press();
  await lab.subscriber(1).is("1 message");
});

test.describe("with a server of its own", () => {
  test.use({ ownServer: true });

  test("the server is killed and comes back: the gap is said", async ({ page, guard, server }) => {
    guard.allowServerGone();
    const name = topic();
    const lab = new PublishSubscribe(page);
    await lab.open(`?topic=${name}&subscribers=1`);
    await lab.publish("before");
    const subscriber = lab.subscriber(1);
    await subscriber.has("before");

    await server.kill();
    await subscriber.is("broken, trying again");
    await lab.press();
    await expect(lab.alert.filter({ hasText: "The message was not published" })).toContainText("See whether it runs, then publish again.");

    await server.start();
    await subscriber.is("connected");
    await expect(subscriber.card.getByText(/the topic began a new life, as after a restart of the server/)).toBeVisible();
    await lab.publish("after");
    await subscriber.has("before", "after");
  });
});
