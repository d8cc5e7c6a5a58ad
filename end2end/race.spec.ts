// All ways to hear of a topic at once: what each brings, what each costs, and where every message is.

import { type Locator, type Page } from "@playwright/test";

import { shell } from "./fixtures/curl";
import { Lab } from "./fixtures/lab";
import { expect, test } from "./fixtures/test";
import { topic } from "./fixtures/topic";

const WAYS = ["Short polling", "Long polling", "Server-sent events", "NDJSON stream", "WebSocket"] as const;
type Way = (typeof WAYS)[number];

/** How long a race may take in these tests, in milliseconds. */
const RACE = { timeout: 30_000 };

class Race extends Lab {
  /** Which costs what. */
  readonly table: Locator;
  readonly plot: Locator;
  readonly crowd: Locator;

  constructor(page: Page) {
    super(page, "race");
    this.table = this.region.getByRole("table", { name: "Which costs what" });
    this.plot = this.region.getByRole("region", { name: "How late each message was" });
    this.crowd = this.region.getByRole("region", { name: "A crowd" });
  }

  /** What stands in a way's row, by the column's name. */
  async row(way: Way): Promise<Record<string, string>> {
    const names = await this.table.getByRole("columnheader").allInnerTexts();
    const row = this.table.getByRole("row").filter({ has: this.page.getByRole("rowheader", { name: way }) });
    const cells = await row.getByRole("cell").allInnerTexts();
    return Object.fromEntries(cells.map((cell, place) => [names[place + 1]!, cell]));
  }

  /** The sentence below it. */
  costs(way: Way): Locator {
    const group = this.table.getByRole("rowgroup").filter({ has: this.page.getByRole("rowheader", { name: way }) });
    return group.getByRole("row").last();
  }

  /** A way's row of the plot. */
  plotRow(way: Way): Locator {
    return this.plot.locator(".plot-row").filter({ hasText: way });
  }

  /** A way's dots, as many as there are messages. */
  dots(way: Way): Locator {
    return this.plotRow(way).locator(".dots > i");
  }

  /** Runs to the end. */
  async runs(): Promise<void> {
    await this.press();
    await expect(this.button).toContainText("Stop");
    await expect(this.button).toContainText("Run", RACE);
  }
}

/** A time in words, in milliseconds. */
function ms(words: string): number {
  const [, figure, unit] = /([\d.]+) (ns|µs|ms|s)$/.exec(words) ?? [];
  return Number(figure) * { ns: 1e-6, "µs": 1e-3, ms: 1, s: 1_000 }[unit as "ns" | "µs" | "ms" | "s"];
}

test("all transports at once: every message reaches each subscriber once, and each has its price", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new Race(page);
  await lab.open(`?topic=${topic()}&messages=12&rate=10&interval_ms=400`);
  await lab.runs();
  await expect(lab.said("12 of 12 acknowledged or seen. Every subscriber has all of them: nothing is missing.")).toBeVisible();
  for (const way of WAYS) {
    await expect(lab.dots(way)).toHaveCount(12);
    const row = await lab.row(way);
    expect(row, way).toMatchObject({ Messages: "12", Gaps: "0", Twice: "0", "Accounted for": "12 here" });
    expect(ms(row.Median!), way).toBeLessThanOrEqual(ms(row.p99!));
    expect(row.Header, way).toMatch(/^[1-9]/);
    expect(row.Body, way).toMatch(/^[1-9]/);
  }
  // A stream is one request, a message by polling is a request or part of one.
  for (const way of ["Server-sent events", "NDJSON stream", "WebSocket"] as const) {
    expect((await lab.row(way)).Requests).toBe("1");
    await expect(lab.costs(way)).toContainText("Costs a connection: ");
  }
  await expect(lab.costs("Long polling")).toContainText(/Costs requests: \d+ of them and [\d.]+ k?B of header for 12 messages/);
  await expect(lab.costs("Short polling")).toContainText(/Costs waiting and empty answers: .* late in the middle, \d+ of \d+ requests for nothing/);

  // The events say the same: each subscriber's lane has each message once.
  await lab.hasEvent("received", 60);
  const events = (await lab.events()).filter((event) => event.kind === "received");
  for (const lane of [1, 2, 3, 4, 5]) {
    const ids = events.filter((event) => event.lane === `subscriber:${lane}`).map((event) => event.detail.message);
    expect(new Set(ids).size, `subscriber ${lane}`).toBe(12);
    expect(ids).toHaveLength(12);
  }
});

test("in bursts, by hand, and from a terminal", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new Race(page);
  await lab.open(`?topic=${topic()}&publish=bursts&messages=6&rate=3&interval_ms=200`);
  await lab.runs();
  await expect(lab.said(/^6 of 6 acknowledged or seen\./)).toBeVisible();

  await lab.region.getByRole("combobox", { name: "Publish", exact: true }).selectOption("by hand");
  const one = lab.region.getByRole("button", { name: "Publish one" });
  await expect(one).toBeDisabled();
  await lab.press();
  await expect(one).toBeEnabled();
  await one.click();
  await expect(lab.dots("WebSocket")).toHaveCount(1);
  await expect(lab.dots("Short polling")).toHaveCount(1);
  expect(await shell(await lab.command(/^Publish a message/))).toMatch(/^HTTP\/1\.1 201 Created/);
  await expect.poll(async () => (await lab.row("NDJSON stream")).Messages).toBe("2");
  await lab.press();
  await expect(lab.said(/^You stopped\. 1 of 1 acknowledged or seen\./)).toBeVisible();
});

test("a link reproduces the experiment", async ({ page }) => {
  const name = topic();
  const lab = new Race(page);
  const query = `?topic=${name}&messages=7&rate=9&interval_ms=250&ack=disk&faults=latency%3D300ms&on=sse&swarm=17`;
  await lab.open(query);
  await expect(lab.region.getByRole("textbox", { name: "Topic" })).toHaveValue(name);
  await expect(lab.region.getByRole("textbox", { name: /^Each second/ })).toHaveValue("9");
  await expect(lab.region.getByRole("combobox", { name: "Fault" }).locator(":checked")).toHaveText("300 ms of latency");
  await expect(lab.crowd.getByRole("textbox", { name: /^Subscribers/ })).toHaveValue("17");
  await lab.region.getByRole("textbox", { name: /^Messages/ }).fill("8");
  await expect(page).toHaveURL(`/labs/race${query.replace("messages=7", "messages=8")}`);
});

test("latency for one subscriber: its dots stand high, and the fault is on the timeline, its own alone", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new Race(page);
  await lab.open(`?topic=${topic()}&messages=6&rate=6&interval_ms=200&faults=latency%3D300ms&on=sse`);
  await lab.runs();
  await expect(lab.said(/nothing is missing/)).toBeVisible();
  expect(ms((await lab.row("Server-sent events")).Median!)).toBeGreaterThanOrEqual(300);
  // Each of its dots stands above the line of 100 ms.
  const line = await lab.plotRow("Server-sent events").locator(".line").nth(2).boundingBox();
  for (const dot of await lab.dots("Server-sent events").all()) {
    expect((await dot.boundingBox())!.y).toBeLessThan(line!.y);
  }
  // Nobody else has the fault.
  await lab.hasEvent("fault");
  const events = await lab.events();
  const asked = events.find((event) => event.kind === "request_sent" && event.lane === "subscriber:3");
  const faults = events.filter((event) => event.kind === "fault").map((event) => event.detail.exchange);
  expect(new Set(faults)).toEqual(new Set([asked?.detail.exchange]));
});

test("a topic's name is bounded, in words", async ({ page }) => {
  const lab = new Race(page);
  await lab.open("?topic=.hidden");
  await expect(lab.said("topic in the address is no topic's name")).toBeVisible();
  const name = lab.region.getByRole("textbox", { name: "Topic" });
  await name.fill("no name");
  await expect(lab.button).toHaveAttribute("aria-disabled", "true");
  await name.fill(topic());
  await expect(lab.button).toHaveAttribute("aria-disabled", "false");
});

test.describe("with a server of its own", () => {
  test.use({ ownServer: true });

  test("a crowd hears every message; where there is no room for more, the page says so", async ({ page, guard, request }) => {
    guard.allowAborts();
    guard.allowStatus(429);
    const name = topic();
    const lab = new Race(page);
    await lab.open(`?topic=${name}&messages=5&rate=5&interval_ms=200&swarm=50`);
    await lab.crowd.getByRole("button", { name: "Add them" }).click();
    await expect(lab.crowd.getByRole("status").filter({ hasText: /^50 of 50 connected/ })).toBeVisible(RACE);
    await lab.runs();
    // Five messages, fifty subscribers.
    await expect(lab.crowd.getByRole("status").filter({ hasText: "5 messages published, 250 received: 0 gaps, 0 lost, 0 twice, 0 on the way." })).toBeVisible(RACE);
    await expect(lab.crowd.getByRole("definition")).toHaveText(WAYS.map(() => /^50 messages, median .+s, p99 .+s, \d+ requests$/));
    await lab.crowd.getByRole("button", { name: "Send them away" }).click();
    await expect(lab.crowd.getByRole("status").filter({ hasText: "50 were there and have left." })).toBeVisible();

    // All places there are: those of the fifty become free as they leave.
    let swarms = 0;
    await expect(async () => {
      const order = { topic: name, subscribers: 1000, transports: ["stream"] };
      if ((await request.post("/api/race/swarm", { data: order })).status() === 202) swarms += 1;
      expect(swarms).toBe(4);
    }).toPass(RACE);
    await lab.crowd.getByRole("button", { name: "Add them" }).click();
    await expect(lab.alert.filter({ hasText: "The subscribers were not added." })).toContainText("Subscribers of all swarms: at most 4000 at once");
  });

  for (const ack of ["memory", "disk"] as const) {
    test(`the server is killed during the race and comes back: the page accounts for every message (topic ${ack})`, async ({ page, guard, server }) => {
      guard.allowServerGone();
      guard.allowAborts();
      const lab = new Race(page);
      await lab.open(`?topic=${topic()}&messages=60&rate=10&interval_ms=300&ack=${ack}`);
      await lab.press();
      await expect.poll(async () => lab.dots("Short polling").count()).toBeGreaterThan(5);
      await server.kill();
      await expect(lab.said(/[1-9]\d* unknown/)).toBeVisible();
      await server.start();
      await expect(lab.button).toContainText("Run", RACE);

      const words = await lab.said(/acknowledged or seen/).innerText();
      expect(words).toContain("nothing is missing.");
      const count = (what: RegExp) => Number(what.exec(words)?.[1] ?? 0);
      const [taken, sent] = [count(/^(\d+) of/), count(/^\d+ of (\d+)/)];
      const unknown = count(/(\d+) unknown/);
      expect(sent, words).toBe(60);
      expect(taken + unknown, words).toBe(60);
      expect(words).not.toContain("came twice");
      for (const way of WAYS) {
        const row = await lab.row(way);
        const here = Number(/^(\d+) here/.exec(row["Accounted for"]!)?.[1]);
        const named = Number(/(\d+) in a gap/.exec(row["Accounted for"]!)?.[1] ?? 0);
        expect(here + named, `${way}: ${row["Accounted for"]}`).toBe(taken);
        expect(row["Accounted for"]).not.toMatch(/lost|on the way/);
        // What was only in memory is a gap for each; a topic on disk has lost nothing that it acknowledged.
        if (ack === "memory") expect(Number(row.Gaps), way).toBeGreaterThan(0);
        else expect([row.Gaps, named], way).toEqual(["0", 0]);
        await expect(lab.dots(way)).toHaveCount(here);
      }
    });
  }
});
