// The timeline of a run as it happens: three ways to look at it, the present held still and replayed, one event in full.

import { Lab } from "./fixtures/lab";
import { exchange, saved, savedRun } from "./fixtures/saved";
import { expect, test } from "./fixtures/test";
import { Viewer } from "./fixtures/viewer";

/** Lanes as the trace calls them and as people read them. */
const LANES: Record<string, string> = { browser: "Browser", socket: "Socket", handler: "Handler" };
const DURATION = /^−?[\d.]+ (ns|µs|ms|s)$/;

/** A lab after so many requests, each with all its events. */
async function after(lab: Lab, requests: number, query = "?delay_ms=1"): Promise<void> {
  await lab.open(query);
  for (let done = 1; done <= requests; done += 1) {
    await lab.press();
    await lab.hasEvent("consumed", done);
  }
  await expect(lab.timeline.summary).toHaveText(requests === 1 ? /Answered in/ : new RegExp(`${requests} requests`));
}

test("ladder, waterfall and table show one run; the table has every event in order", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await after(lab, 1);
  const { timeline } = lab;
  await expect(timeline.picture.getByText("Handler", { exact: true }), "lanes have heads").toBeVisible();
  const events = (await lab.events()).sort((a, b) => a.at_ns - b.at_ns || a.seq - b.seq);
  await expect(timeline.mark(events[0]!.seq)).toBeVisible();

  await timeline.show("Waterfall");
  await expect(timeline.picture.getByText("Handler", { exact: true })).toBeHidden();
  await expect(timeline.mark(events[0]!.seq)).toBeVisible();

  const rows = await timeline.rows();
  await expect(timeline.picture).toBeHidden();
  await expect(timeline.table.getByRole("caption")).toHaveText(`Events by time, counted from the first one: ${events.length}.`);
  expect(rows.map((row) => row.seq)).toEqual(events.map((event) => event.seq));
  for (const [place, event] of events.entries()) {
    const row = rows[place]!;
    expect(row).toMatchObject({ lane: LANES[event.lane], truth: event.truth });
    expect(row.time).toMatch(DURATION);
    expect(row.error).toMatch(DURATION);
    expect(row.took).toMatch(event.duration_ns === undefined ? /^$/ : DURATION);
    expect(row.bytes).toMatch(event.bytes === undefined ? /^$/ : /^[\d.]+ (B|kB|MB)$/);
  }
  await timeline.show("Ladder");
  await expect(timeline.mark(events[0]!.seq)).toBeVisible();
});

test("the table says time, error and what a figure is: measured, derived, modelled", async ({ page }) => {
  const events = exchange(0);
  events[0]!.truth = "derived";
  events[0]!.detail.formula = "first read − rtt / 2";
  events.splice(1, 0, { ...events[0]!, lane: "network", kind: "fault", at_ns: 100_000, error_ns: 0, truth: "modelled" });
  const timeline = await new Viewer(page).show(saved(events));
  const rows = await timeline.rows();
  expect(rows.slice(0, 4)).toMatchObject([
    { seq: 1, time: "0 ns", lane: "Browser", error: "60 µs", truth: "derived", what: "sends: GET /api/echo/0" },
    { seq: 2, time: "100 µs", lane: "Network", error: "0 ns", truth: "modelled" },
    { seq: 3, time: "200 µs", lane: "Socket", error: "1 µs", truth: "measured", what: "reads 412 B", bytes: "412 B" },
    { seq: 4, time: "210 µs", lane: "Handler", took: "90 µs", truth: "measured", what: "parses, 90 µs" },
  ]);
  await timeline.table.getByRole("button", { name: "Event 1", exact: true }).click();
  await expect(timeline.fact("Truth")).toHaveText("Derived: computed from measured figures.");
  await expect(timeline.fact("Formula")).toHaveText("first read − rtt / 2");
});

test("the view follows what happens, and stands still when it is told to", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await after(lab, 4);
  const { timeline } = lab;
  const newest = async () => (await lab.events()).reduce((last, event) => (event.at_ns >= last.at_ns ? event : last)).seq;
  await expect(timeline.mark(await newest()), "the newest is in the window").toBeInViewport();
  await expect(timeline.badge).toBeHidden();

  await timeline.tool("Pause").click();
  await expect(timeline.tool("Pause")).toHaveAttribute("aria-pressed", "true");
  await expect(timeline.badge).toHaveText(/^Still · [\d.]+ (ms|s)$/);
  const seen = await newest();
  const before = await timeline.place(seen);
  await lab.press();
  await lab.hasEvent("consumed", 5);
  await expect(timeline.badge).toHaveText(/^Still · .* · \d+ of \d+ events to come$/);
  const unseen = await newest();
  expect(unseen).not.toBe(seen);
  await expect(timeline.mark(unseen)).toHaveCount(0);
  expect(await timeline.place(seen), "what is drawn stays where it is").toEqual(before);

  await timeline.tool("Pause").click();
  await expect(timeline.badge).toBeHidden();
  await expect(timeline.mark(unseen)).toBeInViewport();
});

test("event by event, by button and by key; scrubbing", async ({ page }) => {
  const timeline = await new Viewer(page).show(saved(exchange(0)));
  await timeline.tool("Next event").click();
  await expect(timeline.fact("Number")).toHaveText("1");
  await page.keyboard.press("]");
  await page.keyboard.press("]");
  await expect(timeline.fact("Number")).toHaveText("3");
  await expect(timeline.mark(3)).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("[");
  await expect(timeline.fact("Number")).toHaveText("2");
  await timeline.tool("Previous event").click();
  await expect(timeline.fact("Number")).toHaveText("1");
  await timeline.inspector().getByRole("button", { name: "Next event" }).click();
  await expect(timeline.fact("Number")).toHaveText("2");
  await timeline.inspector().getByRole("button", { name: "Close" }).click();

  // Standing still, a step draws up to its event.
  await timeline.scrub.press("Home");
  await expect(timeline.scrub).toHaveAttribute("aria-valuetext", "at 0 ns");
  await expect(timeline.mark(1)).toBeVisible();
  await expect(timeline.mark(2)).toHaveCount(0);
  await page.keyboard.press("ArrowRight");
  await expect(timeline.badge).toHaveText("Still · 200 µs · 8 of 10 events to come");
  await expect(timeline.mark(2)).toBeVisible();
  await timeline.tool("Next event").click();
  await expect(timeline.badge).toHaveText("Still · 210 µs · 7 of 10 events to come");
  await timeline.scrub.press("End");
  await expect(timeline.mark(10)).toBeVisible();
  await timeline.tool("Pause").click();
  await expect(timeline.scrub).toHaveAttribute("aria-valuetext", "as it happens");
});

test("a replay says how much slower it is, can be stopped, and ends", async ({ page }) => {
  const timeline = await new Viewer(page).show(savedRun(30));
  await timeline.speed().selectOption("1/1000 speed");
  await timeline.tool("Replay").click();
  await expect(timeline.badge).toHaveText(/^1\/1000 of true speed · .* · \d+ of 30 events to come$/);
  await expect(timeline.mark(30)).toHaveCount(0);
  const at = await timeline.badge.textContent();
  await expect(timeline.badge, "time goes on").not.toHaveText(at!);
  await page.keyboard.press("p");
  await expect(timeline.badge).toHaveText(/^Still · /);
  await timeline.speed().selectOption("True speed");
  await timeline.tool("Go on").click();
  await expect(timeline.badge, "at the end it follows again").toBeHidden();
  await expect(timeline.mark(30)).toBeVisible();
});

test("at a slow speed, what comes is replayed slowly as it comes", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await after(lab, 1);
  await lab.timeline.speed().selectOption("1/1000 speed");
  await lab.press();
  await expect(lab.timeline.badge).toHaveText(/^1\/1000 of true speed · /);
  await lab.timeline.tool("Stop").click();
  await expect(lab.timeline.badge).toHaveText(/^Still · /);
});
