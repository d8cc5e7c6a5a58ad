// Publishers and subscribers that know a topic: who gets what, what comes after a break, what is said about a gap.

import type { Locator, Page } from "@playwright/test";
import { randomUUID } from "node:crypto";

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

  async is(state: string): Promise<void> {
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
