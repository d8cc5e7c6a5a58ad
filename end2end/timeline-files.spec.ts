// Runs as files: saved, opened without the server that made them, compared, refused in words; a full run; a run with losses.

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";

import { Lab } from "./fixtures/lab";
import { exchange, saved, savedRun } from "./fixtures/saved";
import { expect, test } from "./fixtures/test";
import { Viewer } from "./fixtures/viewer";

/** What the README promises. */
const RUN_EVENTS_MAX = 20_000;
const FILE_BYTES_MAX = 32 * 1024 * 1024;

test.describe("with a server of its own", () => {
  test.use({ ownServer: true });

  test("a saved run opens again when every server that knew it is gone", async ({ page, server, guard, visitor, launch }) => {
    guard.allowServerGone();
    const lab = new Lab(page, "request-response");
    await lab.open("?delay_ms=1");
    await lab.press();
    await lab.hasEvent("consumed");
    const events = await lab.events();
    await expect(lab.timeline.table.or(lab.timeline.mark(events.length)).first()).toBeVisible();
    const rows = await lab.timeline.rows();
    expect(rows.length).toBe(events.length);
    const summary = (await lab.timeline.summary.textContent())!;
    const { name, text } = await lab.timeline.save();
    expect(name).toBe(`roundtrip-${lab.runId.slice(0, 8)}.json`);
    const file = JSON.parse(text);
    expect(file).toMatchObject({ version: 1, run: lab.runId, dropped: 0 });
    expect(file.events).toEqual(events);
    await server.stop();

    const other = await launch();
    const viewer = new Viewer(await visitor({ baseURL: other.origin }));
    await viewer.open();
    expect((await viewer.page.request.get(`/api/runs/${lab.runId}`)).status(), "it has no memory of the run").toBe(404);
    await other.stop();
    await viewer.timeline.open(name, text);
    await expect(viewer.timeline.root.getByText(`Opened run: “${name}”`)).toContainText(`${events.length} events`);
    await expect(viewer.timeline.summary).toHaveText(summary);
    expect(await viewer.timeline.rows()).toEqual(rows);
  });
});

test("a file that is dropped on the timeline is opened", async ({ page }, info) => {
  const { timeline } = new Viewer(page);
  await new Viewer(page).open();
  const path = info.outputPath("dropped.json");
  await writeFile(path, saved(exchange(0)));
  const window = (await timeline.picture.boundingBox())!;
  const browser = await page.context().newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await browser.send("Input.dispatchDragEvent", {
      type,
      x: window.x + window.width / 2,
      y: window.y + window.height / 2,
      data: { items: [], files: [path], dragOperationsMask: 1 },
    });
  }
  await expect(timeline.root.getByText("Opened run: “dropped.json”")).toContainText("10 events");
  expect(await timeline.rows()).toHaveLength(10);
});

test("a file that cannot be opened: what happened, why, and what to do; what was there stays", async ({ page }) => {
  const viewer = new Viewer(page);
  const timeline = await viewer.show(saved(exchange(0)));
  const tooMany = Array.from({ length: RUN_EVENTS_MAX + 1 }, () => exchange(0)[0]!);
  const newer = "Open it with the Roundtrip that saved it.";
  const another = "Open a file that “Save run” wrote.";
  const cases: [name: string, text: string | Buffer, why: string | RegExp, advice: string][] = [
    ["notes.txt", "Not a run.", /It is not a saved run \(line 1, column 1\)\./, another],
    ["other.json", '{"version":1,"events":[]}', /It is not a saved run \(line 1, column \d+\)\./, another],
    ["newer.json", saved(exchange(0), { version: 99 }), "It is of version 99, and this page reads versions up to 1.", newer],
    ["long.json", saved(tooMany), "It holds 20001 events, and a run has 20000 at most.", another],
    ["large.json", Buffer.alloc(FILE_BYTES_MAX + 1, " "), "It has 33.6 MB, and a run takes 33.6 MB at most.", another],
  ];
  for (const [name, text, why, advice] of cases) {
    await timeline.open(name, text);
    await expect(timeline.alert).toContainText(`“${name}” was not opened.`);
    await expect(timeline.alert).toContainText(why);
    await expect(timeline.alert).toContainText(advice);
  }
  await expect(timeline.root.getByText("Opened run: “run.json”")).toBeVisible();
  await expect(timeline.mark(1)).toBeVisible();
  await timeline.open("run.json", saved(exchange(0)));
  await expect(timeline.alert).toHaveCount(0);
});

test("two runs side by side on one scale, the difference in words", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  const { timeline } = lab;
  await lab.open("?delay_ms=5");
  await lab.press();
  await lab.hasEvent("consumed");
  await expect(timeline.summary).toHaveText(/Answered in/);
  await lab.region.getByRole("button", { name: "Keep", exact: true }).click();
  await lab.region.getByRole("textbox", { name: /^Delay/ }).fill("600");
  await lab.press();
  const difference = /^This run took ([\d.]+) (m?s), the kept one [\d.]+ m?s: [\d.]+ m?s slower, [\d.]+ m?s of it working\.$/;
  await expect(timeline.summary).toHaveText(difference);
  const [, took, unit] = difference.exec(await timeline.summary.innerText()) ?? [];
  expect(Number(took) * (unit === "s" ? 1000 : 1)).toBeGreaterThanOrEqual(600);
  const browsers = timeline.picture.locator(".timeline-head").filter({ hasText: "Browser" });
  await expect(browsers).toHaveText(["Browserkept", "Browserthis"]);
  await expect(timeline.root.getByText("Compared with the kept run, on one scale from where each begins.")).toBeVisible();

  await timeline.show("Waterfall");
  await expect(timeline.singles().first()).toBeVisible();
  await timeline.root.getByRole("button", { name: "Stop comparing" }).click();
  await expect(timeline.summary).toHaveText(/Answered in/);
  await timeline.show("Ladder");
  await expect(browsers).toHaveText(["Browser"]);
});

test("a run of 10,000 events: the table in pages, the picture dense until one zooms in", async ({ page }) => {
  const timeline = await new Viewer(page).show(savedRun(10_000));
  await expect(timeline.summary).toHaveText(/1,?000 requests/);
  await timeline.tool("Fit the whole run into the window").click();
  await expect(timeline.crowds()).not.toHaveCount(0);
  await expect(timeline.crowds().first()).toHaveAccessibleName(/^\d+ events too near to be told apart here; the first: /);
  await timeline.picture.focus();
  await expect(async () => {
    await page.keyboard.press("+");
    await page.keyboard.press("+");
    await page.keyboard.press("+");
    expect(await timeline.singles().count()).toBeGreaterThan(5);
    expect(await timeline.crowds().count()).toBe(0);
  }).toPass({ intervals: [400] });
  await expect(timeline.singles().first()).toHaveAccessibleName(/, at [\d.]+ m?s ± \d+ µs$/);

  const rows = await timeline.rows();
  expect(rows.map((row) => row.seq)).toEqual(Array.from({ length: 500 }, (_, place) => place + 1));
  const caption = timeline.table.getByRole("caption");
  await expect(caption).toHaveText("Events by time, counted from the first one: 1 to 500 of 10000.");
  await expect(timeline.root.getByText("Page 1 of 20")).toBeVisible();
  await expect(timeline.root.getByRole("button", { name: "Earlier" })).toBeDisabled();
  await timeline.root.getByRole("button", { name: "Later" }).click();
  await expect(caption).toHaveText(/501 to 1000 of 10000\.$/);
  await timeline.table.getByRole("button", { name: "Event 777", exact: true }).click();
  await expect(timeline.fact("Number")).toHaveText("777");
});

test("what was dropped is counted: from a file", async ({ page }) => {
  const viewer = new Viewer(page);
  const dropped = viewer.timeline.legend.getByText(/dropped/);
  await viewer.show(saved(exchange(0)));
  await expect(dropped).toHaveCount(0);
  await viewer.show(saved(exchange(0), { dropped: 1 }));
  await expect(dropped).toHaveText(/^1 event was dropped: /);
  await viewer.show(saved(exchange(0), { dropped: 4_321 }));
  await expect(dropped).toHaveText("4321 events were dropped: the run is full, or events came faster than they could be kept.");
});

test("what was dropped is counted: of a run that nobody had opened and that grew too long", async ({ page }) => {
  const run = randomBytes(16).toString("hex");
  // Five events a request at least, and 500 in a run that no page has opened.
  for (let request = 1; request <= 120; request += 1) {
    const exchange = request.toString(16).padStart(16, "0");
    await page.request.get("/api/echo?delay_ms=0", { headers: { traceparent: `00-${run}-${exchange}-01` } });
  }
  const response = await page.request.get(`/api/runs/${run}`);
  const { dropped, events } = (await response.json()) as { dropped: number; events: unknown[] };
  expect(events).toHaveLength(500);
  expect(dropped).toBeGreaterThan(0);
  const lab = new Lab(page, "request-response");
  await lab.open(`?run=${run}`);
  await expect(lab.timeline.legend.getByText(/^\d+ events were dropped/)).toContainText(`${dropped} events`);
});
