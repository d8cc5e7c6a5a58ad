// One request, one response: the five steps measured, what the controls say is what is sent, what goes wrong is said.

import { Breaks } from "./fixtures/breaks";
import { curl, shell } from "./fixtures/curl";
import { Lab } from "./fixtures/lab";
import { expect, test } from "./fixtures/test";

/** The server's steps of one exchange, in the order in which they happen. */
const SERVER_STEPS = ["read", "parse", "process", "respond", "write"];

test("Run: one request, measured at both ends", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await lab.open();
  await lab.press();

  await expect(lab.summary).toHaveText(/Answered in [\d.]+ (ms|s)/);
  await expect(lab.said("Status 200,")).toBeVisible();

  // The browser's own events come up the feed into the server's copy.
  await lab.hasEvent("consumed");
  const events = await lab.events();
  const at = (kind: string) => {
    const event = events.find((event) => event.kind === kind);
    expect(event, `an event of kind ${kind}`).toBeDefined();
    return event!;
  };
  for (const kind of SERVER_STEPS) expect(at(kind).truth, kind).toBe("measured");
  const times = SERVER_STEPS.map((kind) => at(kind).at_ns);
  expect(at("process").duration_ns).toBeGreaterThanOrEqual(40e6);
  expect(at("read").at_ns).toBeLessThanOrEqual(at("process").at_ns);
  expect(at("process").at_ns + at("process").duration_ns!).toBeLessThanOrEqual(at("write").at_ns);
  expect(Math.max(...times)).toBe(at("write").at_ns);
  // Between the two clocks an order is only as certain as their errors allow.
  const [sent, read] = [at("request_sent"), at("read")];
  expect(sent.lane).toBe("browser");
  expect(sent.error_ns).toBeGreaterThan(0);
  expect(sent.at_ns - sent.error_ns).toBeLessThanOrEqual(read.at_ns + read.error_ns);
  const [written, head] = [at("write"), at("response_head")];
  expect(written.at_ns - written.error_ns).toBeLessThanOrEqual(head.at_ns + head.error_ns);
  expect(head.at_ns).toBeLessThanOrEqual(at("response_end").at_ns);
});

test("every response says its own time in Server-Timing", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await lab.open();
  const answer = page.waitForResponse((response) => response.url().includes("/api/echo"));
  await lab.press();
  expect((await answer).headers()["server-timing"]).toMatch(/process;.*dur=\d/);
});

test("a link reproduces the experiment, and the address follows the controls", async ({ page, visitor }) => {
  const lab = new Lab(page, "request-response");
  await lab.open("?method=PUT&format=xml&delay_ms=5&bytes=2000&framing=chunked&status=201");
  await expect(lab.region.getByLabel("Method", { exact: true })).toHaveValue("2");
  await expect(lab.region.getByLabel("Body", { exact: true })).toHaveValue("3");
  await expect(lab.region.getByRole("textbox", { name: /^Delay/ })).toHaveValue("5");
  const request = page.waitForRequest((request) => request.url().includes("/api/echo"));
  await lab.press();
  const sent = await request;
  expect(sent.method()).toBe("PUT");
  expect(sent.headers()["content-type"]).toBe("application/xml");
  const response = await sent.response();
  expect(response?.status()).toBe(201);
  expect(response?.headers()["transfer-encoding"]).toBe("chunked");
  await expect(lab.said("Status 201,")).toBeVisible();

  await lab.region.getByLabel("Body", { exact: true }).selectOption("Form");
  await lab.region.getByRole("textbox", { name: /^Delay/ }).fill("7");
  await expect(page).toHaveURL(/format=form/);
  await expect(page).toHaveURL(/delay_ms=7/);
  const other = new Lab(await visitor(), "request-response");
  await other.open(new URL(page.url()).search);
  await expect(other.region.getByLabel("Body", { exact: true })).toHaveValue("1");
  await expect(other.region.getByRole("textbox", { name: /^Delay/ })).toHaveValue("7");
});

test("a bound in the address and in a field is named, and kept", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await lab.open("?delay_ms=30001");
  await expect(lab.region.getByText("delay_ms=30001 in the address is out of bounds (0 to 30000): 30000 is used.")).toBeVisible();
  const delay = lab.region.getByRole("textbox", { name: /^Delay/ });
  await delay.fill("30001");
  await expect(lab.region.getByText("The server allows 30,000 ms at most.")).toBeVisible();
  await delay.blur();
  await expect(delay).toHaveValue("30000");
});

for (const [format, understood] of [
  ["JSON", '"order":7'],
  ["Form", "item = two scones"],
  ["Multipart", "Two scones, please."],
  ["XML", "Root element order, 3 elements in all"],
  ["HTML", "<p>Tea and scones</p>"],
  ["Plain text", "Tea and scones for order 7"],
  ["None", "No body came."],
] as const) {
  test(`a body as ${format}: what the server understood`, async ({ page }) => {
    const lab = new Lab(page, "request-response");
    await lab.open("?delay_ms=0");
    await lab.region.getByLabel("Body", { exact: true }).selectOption(format);
    await lab.region.getByRole("button", { name: "Details" }).click();
    await lab.press();
    await expect(lab.region.getByRole("region", { name: "The server understood this" })).toContainText(understood);
  });
}

test("malformed on purpose: the raw request, the server's 400, the bytes", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await lab.open();
  await lab.region.getByLabel("Request", { exact: true }).selectOption("Two Content-Lengths");
  await expect(page).toHaveURL(/preset=two-lengths/);
  await lab.press();
  await expect(lab.region.getByText(/The server answered \d+ B: HTTP\/1\.1 400 Bad Request/)).toBeVisible();
  await lab.hasEvent("read");
  const bytes = await lab.panel("Bytes");
  await expect(bytes).toContainText("Content-Length");
  await expect(bytes).toContainText("400");
});

test("a raw request of one's own is sent as it is written", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await lab.open("?preset=correct");
  const text = lab.region.getByRole("textbox", { name: /You send these bytes/ });
  await text.fill("BREW /api/echo HTTP/1.1\\r\\nHost: \\{host}\\r\\ntraceparent: \\{traceparent}\\r\\nX-Tea: Earl\\x20Grey\\r\\n\\r\\n");
  await lab.press();
  await expect(lab.region.getByText(/The server answered .*: HTTP\/1\.1 200 OK/)).toBeVisible();
  await expect(lab.region.getByRole("region", { name: "The server answers these bytes" })).toContainText("Earl Grey");
  await text.fill("GET \\q");
  await expect(lab.region.getByText(/Line 1: After a backslash there must be/)).toBeVisible();
});

test("curl, as copied from the page, joins the run on the screen", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const lab = new Lab(page, "request-response");
  await lab.open();
  await lab.press();
  await expect(lab.summary).toHaveText(/Answered in/);
  const panel = await lab.panel("In your terminal");
  await panel.getByRole("button", { name: "Copy" }).first().click();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toMatch(/^curl /);
  expect(command).toContain(lab.runId);
  expect(await shell(command)).toMatch(/^HTTP\/1\.1 200 OK/);
  await expect(lab.summary).toHaveText(/2 requests/);
  expect((await lab.events()).some((event) => event.lane === "terminal")).toBe(true);
});

test("a request that names the run before anyone opened it is there when the page comes", async ({ page, server }) => {
  const run = "4bf92f3577b34da6a3ce929d0e0e4736";
  await curl("-H", `traceparent: 00-${run}-00f067aa0ba902b7-01`, `${server.origin}/api/echo?delay_ms=1`);
  const lab = new Lab(page, "request-response");
  await lab.open(`?run=${run}`);
  await expect(lab.summary).toHaveText(/Answered in/);
  expect(lab.runId).toBe(run);
  expect((await lab.events()).some((event) => event.lane === "terminal")).toBe(true);
});

test("a request can be stopped", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new Lab(page, "request-response");
  await lab.open("?delay_ms=30000");
  const request = page.waitForRequest((request) => request.url().includes("/api/echo"));
  await lab.press();
  await request;
  await expect(lab.button).toContainText("Stop");
  await lab.press();
  await expect(lab.alert).toContainText("You stopped the request.");
  await expect(lab.button).toContainText("Run");
});

test.describe("with a server of its own", () => {
  test.use({ ownServer: true });

  test("the server stops: the error says what happened and what to do, and Run works again after a restart", async ({
    page,
    guard,
    server,
  }) => {
    guard.allowServerGone();
    const lab = new Lab(page, "request-response");
    await lab.open("?delay_ms=0");
    await lab.press();
    await expect(lab.summary).toHaveText(/Answered in/);

    expect(await server.stop(), "SIGTERM ends it well").toBe(0);
    await lab.press();
    await expect(lab.alert.filter({ hasText: "No response came." })).toContainText("See whether it runs, then run again.");

    await server.start();
    await expect(lab.region.getByText(/Connected again\./)).toBeVisible({ timeout: 20_000 });
    await lab.press();
    await expect(lab.said("Status 200,")).toBeVisible();
    await expect(lab.alert).toHaveCount(0);
  });
});

test("a fault chosen on the page: felt, on the timeline, in the link, and by curl", async ({ page, visitor }) => {
  const words = "latency=150ms,jitter=50ms";
  const lab = new Lab(page, "request-response");
  const breaks = new Breaks(lab);
  await lab.open();
  await breaks.choose("A server on the other side of the world");
  await expect(breaks.words).toHaveValue(words);
  await breaks.stand(words);
  await lab.press();
  await lab.hasEvent("consumed");
  // Once up and once down: twice 100 ms at least.
  const events = await lab.events();
  const at = (kind: string) => events.find((event) => event.kind === kind)!;
  expect(at("response_end").at_ns - at("request_sent").at_ns).toBeGreaterThanOrEqual(200e6);
  const faults = await breaks.happened("latency");
  expect(faults.map((fault) => [fault.lane, fault.truth, fault.detail["direction"]])).toEqual([
    ["socket", "measured", "request"],
    ["socket", "measured", "response"],
  ]);
  expect((await lab.timeline.rows()).filter((row) => row.what.startsWith("fault: latency"))).toHaveLength(2);

  const command = await lab.command("The request that the controls describe");
  expect(command).toContain(`-H Roundtrip-Faults:${words} `);
  expect(await shell(command)).toMatch(/^HTTP\/1\.1 200 OK/);
  await expect.poll(async () => (await breaks.happened("latency")).length).toBe(4);

  const other = new Lab(await visitor(), "request-response");
  await other.open(`?faults=${words}`);
  const theirs = new Breaks(other);
  await expect(theirs.choice).toHaveValue(words);
  await other.press();
  await theirs.happens("latency");
});

test("an answer that breaks off is no answer, and the timeline shows where it was cut", async ({ page, guard }) => {
  guard.allowServerGone();
  const lab = new Lab(page, "request-response");
  const breaks = new Breaks(lab);
  await lab.open();
  await breaks.choose("An answer that breaks off");
  await lab.press();
  await expect(lab.alert).toContainText("No response came.");
  await breaks.happens("cut");
  expect((await breaks.happened("cut"))[0]?.bytes).toBe(100);
});

test("words that ask for no fault are refused beside the field, and nothing is sent", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  const breaks = new Breaks(lab);
  await lab.open("?faults=rate=1bit");
  await expect(lab.said("The fault rate=1bit is beyond its bounds: once, from 1kbit to 1Gbit. None is used.")).toBeVisible();
  await breaks.button.click();
  await breaks.words.fill("latency=11s");
  await expect(lab.region.getByText("The fault latency=11s is beyond its bounds: once, from 1ms to 10s.")).toBeVisible();
  await expect(breaks.words).toHaveAttribute("aria-invalid", "true");
  await expect(lab.button).toHaveAttribute("aria-disabled", "true");
  await breaks.words.press("Tab");
  await page.keyboard.press("r");
  await breaks.words.fill("latency=10s");
  await expect(lab.button).toHaveAttribute("aria-disabled", "false");
  expect((await lab.events()).filter((event) => event.kind === "request_sent")).toEqual([]);
  await breaks.choose("Nothing");
  await lab.press();
  await expect(lab.said("Status 200,")).toBeVisible();
});
