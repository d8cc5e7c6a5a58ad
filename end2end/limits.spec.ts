// What one request and one response do badly, and what does it well: four experiments, each real.

import { type Page } from "@playwright/test";

import { shell } from "./fixtures/curl";
import { Lab, type TraceEvent } from "./fixtures/lab";
import { expect, test } from "./fixtures/test";

/** What the server said of an event. */
const summary = (event: TraceEvent) => String(event.detail.summary ?? "");
const isStep = (event: TraceEvent) => event.kind === "process" && summary(event).startsWith("step ");

class Limits extends Lab {
  /** The sentence that says what it came to. */
  readonly point = this.region.getByRole("region", { name: "What it came to" }).locator("p.point");
  readonly jobs = this.region.locator(".job-list li");
  readonly requests = this.region.locator(".line-list li");

  constructor(page: Page) {
    super(page, "limits");
  }

  figure(name: string) {
    const pair = this.region.locator("dl > div").filter({ has: this.page.getByText(name, { exact: true }) });
    return pair.getByRole("definition");
  }

  /** Runs, and waits until it is over. */
  async runs(): Promise<void> {
    await this.press();
    await expect(this.button).toContainText("Run");
  }

  async steps(): Promise<TraceEvent[]> {
    return (await this.events()).filter(isStep);
  }

  /** Waits until a job has made all its steps. */
  async worksToTheEnd(): Promise<void> {
    await expect.poll(async () => (await this.steps()).map(summary)).toContain("step 20 of 20");
  }
}

test.describe("a chat", () => {
  test("the one who asks sees later, and asks for nothing; the other is told", async ({ page, guard }) => {
    guard.allowAborts();
    const lab = new Limits(page);
    await lab.open("?every_ms=300&ask_ms=1000");
    await lab.runs();
    await expect(lab.said("Both have seen all that was said.")).toBeVisible();
    await expect(lab.point).toHaveText(
      /^By asking, a message was seen .+ after it was taken, with \d+ requests, \d+ of them for nothing; by push .+ after, on one request\.$/,
    );
    for (const reader of ["Asks", "Told"]) {
      const lines = lab.region.getByRole("region", { name: reader }).getByRole("listitem");
      await expect(lines).toHaveText([
        /^Guest: Is the kettle on\?after /,
        /^Cook: Since five minutes ago\.after /,
        /^Guest: Then tea is ready\.after /,
        /^Cook: It was, before you asked\.after /,
      ]);
    }
    const events = await lab.events();
    const received = (lane: string) =>
      events.filter((event) => event.kind === "received" && event.lane === lane).map((event) => event.detail.message);
    expect(received("subscriber:1")).toHaveLength(4);
    expect(new Set(received("subscriber:2"))).toEqual(new Set(received("subscriber:1")));
    const asked = events.filter((event) => event.kind === "request_sent" && event.lane === "subscriber:1");
    await expect(lab.figure("its requests").first()).toContainText(new RegExp(`^${asked.length}\\b`));
    expect(events.filter((event) => event.kind === "request_sent" && event.lane === "subscriber:2")).toHaveLength(1);
  });

  test("by hand nothing is seen until the person asks", async ({ page, guard }) => {
    guard.allowAborts();
    const lab = new Limits(page);
    await lab.open("?messages=2&every_ms=100&ask_ms=0");
    await lab.press();
    const told = lab.region.getByRole("region", { name: "Told" }).getByRole("listitem");
    const asks = lab.region.getByRole("region", { name: "Asks" });
    await expect(told).toHaveCount(2);
    await expect(asks.getByRole("listitem")).toHaveCount(0);
    await asks.getByRole("button", { name: "Ask now" }).click();
    await expect(asks.getByRole("listitem")).toHaveCount(2);
    await expect(lab.button).toContainText("Run");
  });

  test("who joins in is seen by both, each in its way", async ({ page, guard }) => {
    guard.allowAborts();
    const lab = new Limits(page);
    const say = lab.region.getByRole("button", { name: "Say" });
    await lab.open("?messages=2&every_ms=100&ask_ms=0");
    await expect(say).toBeDisabled();
    await lab.press();
    const [asks, told] = ["Asks", "Told"].map((name) => lab.region.getByRole("region", { name }));
    await expect(told.getByRole("listitem")).toHaveCount(2);
    await lab.region.getByLabel("Your own line").fill("  <b>Is there any left?</b> ");
    await say.click();
    await expect(told.getByRole("listitem").last()).toHaveText(/^You: <b>Is there any left\?<\/b>after /);
    await expect(lab.region.getByLabel("Your own line")).toHaveValue("");
    await asks.getByRole("button", { name: "Ask now" }).click();
    await expect(asks.getByRole("listitem")).toHaveCount(3);
    await expect(lab.said("Both have seen all that was said.")).toBeVisible();
    await expect(say).toBeDisabled();
  });

  test("a stream that is cut comes back behind its last message", async ({ page, guard }) => {
    guard.allow(/ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED_ENCODING/);
    guard.allowAborts();
    const lab = new Limits(page);
    await lab.open("?messages=6&every_ms=400&ask_ms=300&fault=cut");
    await lab.press();
    await expect(lab.alert.filter({ hasText: "The stream broke." })).toBeVisible();
    await expect(lab.said("Both have seen all that was said.")).toBeVisible({ timeout: 30_000 });
    await expect(lab.region.getByRole("region", { name: "Told" }).getByRole("listitem")).toHaveCount(6);
    await lab.hasEvent("fault");
  });

  test("two pages talk without disturbing each other", async ({ page, context, guard }) => {
    guard.allowAborts();
    const [one, other] = [new Limits(page), new Limits(await context.newPage())];
    for (const lab of [one, other]) await lab.open("?messages=3&every_ms=100&ask_ms=200");
    await Promise.all([one.runs(), other.runs()]);
    for (const lab of [one, other]) {
      await expect(lab.region.getByRole("region", { name: "Told" }).getByRole("listitem")).toHaveCount(3);
      await expect(lab.region.getByRole("region", { name: "Asks" }).getByRole("listitem")).toHaveCount(3);
    }
  });
});

test.describe("a job of minutes", () => {
  test("a gateway gives up, and the server works on for nobody", async ({ page, guard }) => {
    guard.allowStatus(504);
    const lab = new Limits(page);
    await lab.open("?experiment=job&work_ms=2000&timeout_ms=500");
    await lab.runs();
    await expect(lab.alert.filter({ hasText: "Gateway timeout (504)." })).toBeVisible();
    await lab.worksToTheEnd();
    await expect(lab.point).toHaveText(/^The gateway gave up after .+; the server worked .+ s more, for nobody\.$/);
    const steps = await lab.steps();
    const gaveUp = (await lab.events()).find((event) => event.detail.status === 504 && event.kind === "respond")!;
    expect(steps.filter((step) => step.at_ns > gaveUp.at_ns).length).toBeGreaterThan(10);
  });

  test("held without a gateway it is answered when it is done", async ({ page }) => {
    const lab = new Limits(page);
    await lab.open("?experiment=job&work_ms=600&timeout_ms=0");
    await lab.runs();
    await expect(lab.point).toHaveText(/^The response was held for .+; until then the page knew nothing of the job\.$/);
    await expect(lab.jobs).toHaveText([/done, 100 %$/]);
  });

  const ways = [
    { answer: "poll", words: /^Accepted after .+\. Looks: \d+; the last told .+ after the job was done\.$/ },
    { answer: "long-poll", words: /^Accepted after .+\. Held questions: 1; the last told .+ after the job was done\.$/ },
    { answer: "stream", words: /^Accepted after .+\. Events: \d+; the last told .+ after the job was done\.$/ },
  ];
  for (const { answer, words } of ways) {
    test(`accepted, and looked after: ${answer}`, async ({ page, guard }) => {
      guard.allowAborts();
      const lab = new Limits(page);
      await lab.open(`?experiment=job&work_ms=1500&answer=${answer}`);
      await lab.press();
      await expect(lab.button).toContainText("Cancel");
      await expect(lab.jobs).toHaveText([/^[0-9a-f]{8}/]);
      await expect(lab.said("The job is over, and the page knows.")).toBeVisible();
      await expect(lab.button).toContainText("Run");
      await expect(lab.jobs).toHaveText([/done, 100 %$/]);
      await expect(lab.point).toHaveText(words);
      const responds = (await lab.events()).filter((event) => event.kind === "respond");
      expect(responds[0]!.detail.status).toBe(202);
    });

    test(`accepted, and cancelled: ${answer}`, async ({ page, guard }) => {
      guard.allowAborts();
      const lab = new Limits(page);
      await lab.open(`?experiment=job&work_ms=60000&answer=${answer}`);
      await lab.press();
      await expect(lab.jobs).toHaveText([/, 0 %$/]);
      await expect(lab.button).toContainText("Cancel");
      await lab.press();
      await expect(lab.button).toContainText("Run");
      await expect(lab.jobs).toHaveText([/cancelled, \d %$/]);
      await expect(lab.point).toHaveText(/^Accepted after .+\. Cancelled when .+ were worked; .+ were spared\.$/);
      expect((await lab.steps()).map(summary).at(-1)).toMatch(/^step 1 of 20, cancelled$/);
    });
  }

  test("pressed twice it is two jobs; with one key it is one", async ({ page }) => {
    const lab = new Limits(page);
    await lab.open("?experiment=job&work_ms=400&answer=long-poll&press=twice");
    await lab.runs();
    await expect(lab.point).toContainText("Two presses made two jobs.");
    await expect(lab.jobs).toHaveCount(2);
    await lab.region.getByLabel("Pressed").selectOption("twice, one key");
    await lab.runs();
    await expect(lab.point).toContainText("Two presses made one job.");
    await expect(lab.jobs).toHaveCount(1);
  });

  test("a cut takes a held answer with it, and does not hurt a job that has an address", async ({ page, guard }) => {
    guard.allow(/ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/);
    const lab = new Limits(page);
    await lab.open("?experiment=job&work_ms=8000&timeout_ms=0&fault=cut");
    await lab.runs();
    await expect(lab.alert.filter({ hasText: "The connection broke before the answer came." })).toBeVisible();
    await expect(lab.point).toHaveText(/^The connection was over after .+; the server worked .+ more, for nobody\.$/);
    await lab.region.getByLabel("The answer").selectOption("202, long-polled");
    await lab.press();
    await expect(lab.alert.filter({ hasText: "A question was cut off." })).toBeVisible();
    await expect(lab.said("The job is over, and the page knows.")).toBeVisible();
    await expect(lab.jobs).toHaveText([/done, 100 %$/]);
    await expect(lab.point).toHaveText(/\. Held questions: \d+; the last told /);
  });

  test("curl orders the same job, is told where it is, and cancels it", async ({ page }) => {
    const lab = new Limits(page);
    await lab.open("?experiment=job&work_ms=60000&answer=poll");
    const order = await lab.command("Order the job, and keep where it is");
    const cancel = await lab.command("Cancel it");
    const job = JSON.parse(await shell(`${order}\n${cancel}`)) as { state: string; work_ms: number };
    expect(job).toMatchObject({ state: "cancelled", work_ms: 60_000 });
    await lab.hasEvent("process");
  });
});

test.describe("a client that leaves", () => {
  test("is ignored: the server works to the end, for nobody", async ({ page, guard }) => {
    guard.allowAborts();
    const lab = new Limits(page);
    await lab.open("?experiment=leave&work_ms=4000&leave_ms=400");
    await lab.runs();
    await expect(lab.said(/^The client has left\./)).toBeVisible();
    await lab.worksToTheEnd();
    await expect(lab.point).toHaveText(/^The client left after .+; the server noticed .+ later and went on: .+ s of work for nobody\.$/);
  });

  test("is noticed: the server stops within a step", async ({ page, guard }) => {
    guard.allowAborts();
    const lab = new Limits(page);
    await lab.open("?experiment=leave&work_ms=20000&leave_ms=300&then=cancel");
    await lab.runs();
    await lab.hasEvent("noticed");
    await expect.poll(async () => (await lab.steps()).map(summary).at(-1)).toBe("step 1 of 20, cancelled");
    await expect(lab.point).toHaveText(/^The client left after .+; the server noticed .+ later and stopped: .+ of work for nobody, .+ s spared\.$/);
    const events = await lab.events();
    const at = (kind: string) => events.find((event) => event.kind === kind)!;
    const off = at("aborted").error_ns + at("noticed").error_ns;
    expect(at("noticed").at_ns + off).toBeGreaterThanOrEqual(at("aborted").at_ns);
    expect(events.some((event) => event.kind === "respond"), "nobody was answered").toBe(false);
  });

  test("a cut is noticed as well", async ({ page, guard }) => {
    guard.allow(/ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/);
    const lab = new Limits(page);
    await lab.open("?experiment=leave&work_ms=20000&leave_ms=300&then=cancel&fault=cut");
    await lab.runs();
    await expect(lab.said(/^The connection is cut\./)).toBeVisible();
    await lab.hasEvent("fault");
    await lab.hasEvent("noticed");
  });
});

test.describe("six connections", () => {
  test("the seventh waits in the browser, and goes as soon as one is closed", async ({ page, guard }) => {
    guard.allowAborts();
    const lab = new Limits(page);
    await lab.open("?experiment=six&work_ms=60000");
    await lab.press();
    await expect(lab.requests).toHaveText([
      ...Array<RegExp>(6).fill(/open, at the server after/),
      /in line in the browser/,
    ]);
    await expect(lab.point).toContainText("6 of 7 requests reached the server at once; 1 in line in the browser: the server has not heard of it.");
    const reads = async () => {
      const events = await lab.events();
      const asked = events.filter((event) => event.kind === "request_sent" && summary(event).includes("/events?request="));
      const read = new Set(events.filter((event) => event.kind === "read").map((event) => event.detail.exchange));
      return [asked.length, asked.filter((event) => read.has(event.detail.exchange)).length];
    };
    expect(await reads()).toEqual([7, 6]);
    await lab.region.getByRole("button", { name: "Close request 2" }).click();
    await expect(lab.requests.nth(6)).toContainText("open, at the server after");
    await expect(lab.requests.nth(1)).toContainText("over");
    await expect(lab.point).toContainText("1 waited in the browser until a connection was free");
    expect(await reads()).toEqual([7, 7]);
    await lab.press();
    await expect(lab.button).toContainText("Run");
  });

  test("six find a connection each", async ({ page, guard }) => {
    guard.allowAborts();
    const lab = new Limits(page);
    await lab.open("?experiment=six&requests=6&work_ms=500");
    await lab.runs();
    await expect(lab.point).toHaveText("6 of 6 requests reached the server at once.");
    await expect(lab.requests).toHaveText(Array<RegExp>(6).fill(/over, at the server after/));
  });
});

test("a link reproduces the experiment, and what is out of bounds is said", async ({ page }) => {
  const lab = new Limits(page);
  await lab.open("?experiment=leave&work_ms=5000&leave_ms=250&then=cancel");
  await expect(lab.region.getByLabel("Experiment")).toHaveValue("2");
  await expect(lab.region.getByLabel(/^The client leaves after/)).toHaveValue("250");
  await expect(lab.region.getByLabel("The server then")).toHaveValue("1");
  await expect(lab.region.getByLabel(/^Gateway timeout/)).toBeHidden();
  await lab.region.getByLabel("Experiment").selectOption("Six connections");
  await expect(page).toHaveURL(/experiment=six&work_ms=5000/);
  await expect(lab.region.getByLabel(/^Requests at once/)).toHaveValue("7");
  await lab.open("?experiment=six&requests=13");
  await expect(lab.said("requests=13 in the address is out of bounds (1 to 12): 12 is used.")).toBeVisible();
});
