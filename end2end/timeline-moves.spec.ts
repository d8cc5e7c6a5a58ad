// Moving about in the picture: zoom and pan by mouse, keyboard and touch; what is idle is folded, and unfolds.

import { exchange, saved, savedRun } from "./fixtures/saved";
import { expect, test } from "./fixtures/test";
import type { Box, Timeline } from "./fixtures/timeline";
import { Fingers } from "./fixtures/touch";
import { Viewer } from "./fixtures/viewer";

/** One step of the keys and buttons. */
const STEP = 1.5;
/** Handles stand on whole pixels, and so does what is scrolled. */
const ROUNDED_PX = 3;
/** Of one exchange: the request leaves, the server has read it; the request works; the page has used the answer. */
const [SENT, READ, WORKS, USED] = [1, 2, 4, 10] as const;

function middle(box: Box): { x: number; y: number } {
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** A run whose whole is on one scale, so that a zoom has the same effect everywhere. */
async function toScale(viewer: Viewer, text = saved(exchange(0))): Promise<Timeline> {
  const timeline = await viewer.show(text);
  await timeline.tool("To scale").click();
  await expect(timeline.tool("To scale")).toHaveAttribute("aria-pressed", "true");
  return timeline;
}

/** A run that is much longer than the window. */
async function longer(viewer: Viewer): Promise<Timeline> {
  const timeline = await viewer.show(savedRun(400));
  for (let presses = 0; presses < 6; presses += 1) await timeline.tool("Larger").click();
  await expect
    .poll(() => timeline.picture.evaluate((window) => window.scrollHeight - window.clientHeight))
    .toBeGreaterThan(2_000);
  return timeline;
}

test("keys and buttons change the scale; 0 and Fit bring back the whole", async ({ page }) => {
  const timeline = await toScale(new Viewer(page));
  // The work lasts through the middle of the window, which stays where it is.
  const length = async () => (await timeline.place(WORKS)).height;
  const before = await length();
  await timeline.picture.focus();
  await page.keyboard.press("+");
  await page.keyboard.press("+");
  await expect.poll(length).toBeGreaterThan(before * STEP * STEP * 0.9);
  const larger = await length();
  await page.keyboard.press("-");
  await expect.poll(length).toBeLessThan(larger * 0.9);
  expect(await length()).toBeGreaterThan(before * STEP * 0.9);

  for (const fit of [() => page.keyboard.press("0"), () => timeline.tool("Fit the whole run into the window").click()]) {
    await timeline.tool("Larger").click();
    await timeline.tool("Larger").click();
    await expect.poll(() => timeline.picture.evaluate((window) => window.scrollHeight > window.clientHeight)).toBe(true);
    await timeline.picture.focus();
    await fit();
    await expect(timeline.mark(SENT)).toBeInViewport();
    await expect(timeline.mark(USED)).toBeInViewport();
    expect(await timeline.picture.evaluate((window) => window.scrollHeight - window.clientHeight)).toBeLessThanOrEqual(1);
  }
});

test("the wheel scrolls; with Ctrl it changes the scale under the pointer", async ({ page }) => {
  const timeline = await toScale(new Viewer(page));
  const at = middle(await timeline.place(WORKS));
  const start = await timeline.place(WORKS);
  await page.mouse.move(at.x, start.y + 4);
  await page.keyboard.down("Control");
  for (let turn = 0; turn < 4; turn += 1) await page.mouse.wheel(0, -120);
  await page.keyboard.up("Control");
  await expect.poll(() => timeline.scrolled()).toBeGreaterThan(0);
  // The picture follows with its next frame.
  const height = async () => (await timeline.place(WORKS)).height;
  await expect.poll(height, "the page's own zoom is as it was").toBeGreaterThan(start.height * 2);
  const after = await timeline.place(WORKS);
  expect(Math.abs(after.y - start.y), "what is under the pointer stays there").toBeLessThanOrEqual(ROUNDED_PX + 4);

  const scrolled = await timeline.scrolled();
  await page.mouse.wheel(0, 60);
  await expect.poll(() => timeline.scrolled()).toBe(scrolled + 60);
  expect((await timeline.place(WORKS)).height, "the scale is as it was").toBe(after.height);
});

test("a drag moves the picture with the hand, and is no click", async ({ page }) => {
  const timeline = await longer(new Viewer(page));
  const before = await timeline.scrolled();
  const window = (await timeline.picture.boundingBox())!;
  const [x, y] = [window.x + window.width / 2, window.y + window.height * 0.8];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x, y - 150, { steps: 10 });
  await page.mouse.up();
  await expect.poll(() => timeline.scrolled()).toBe(before + 150);
  await expect(timeline.inspector()).toBeHidden();
});

test("arrow keys scroll the picture; on a mark they go from event to event", async ({ page }) => {
  const timeline = await longer(new Viewer(page));
  await timeline.picture.focus();
  await page.keyboard.press("Home");
  await expect.poll(() => timeline.scrolled()).toBe(0);
  await page.keyboard.press("PageDown");
  await expect.poll(() => timeline.scrolled()).toBeGreaterThan(100);
  const scrolled = await timeline.scrolled();
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => timeline.scrolled()).toBeGreaterThan(scrolled);
  await page.keyboard.press("Home");
  await expect.poll(() => timeline.scrolled()).toBe(0);

  await timeline.place(SENT);
  await page.keyboard.press("Tab");
  await expect(timeline.mark(SENT), "one Tab from the picture to its marks").toBeFocused();
  await page.keyboard.press("Enter");
  await expect(timeline.fact("Number")).toHaveText("1");
  await page.keyboard.press("ArrowDown");
  await expect(timeline.fact("Number")).toHaveText("2");
  await expect(timeline.mark(READ)).toBeFocused();
});

test("the waterfall is zoomed and scrolled across", async ({ page }) => {
  const timeline = await new Viewer(page).show(savedRun(40));
  await timeline.show("Waterfall");
  const width = async () => (await timeline.place(WORKS)).width;
  const before = await width();
  await timeline.picture.focus();
  // Each press moves the picture too, so that what was in the middle stays there: only behind the last it can be moved.
  const across = () => timeline.picture.evaluate((window) => window.scrollWidth);
  for (let presses = 0; presses < 4; presses += 1) {
    const width = await across();
    await page.keyboard.press("+");
    await expect.poll(across).toBeGreaterThan(width);
  }
  await timeline.picture.evaluate((window) => (window.scrollLeft = 0));
  expect(await width()).toBeGreaterThan(before * STEP);
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => timeline.picture.evaluate((window) => window.scrollLeft)).toBeGreaterThan(0);
});

test.describe("with fingers", () => {
  test.use({ hasTouch: true });

  test("one finger scrolls, two change the scale between them", async ({ page }) => {
    const timeline = await toScale(new Viewer(page));
    const fingers = await Fingers.on(page);
    const before = await timeline.place(WORKS);
    const at = middle(before);
    await fingers.drag(
      { from: { x: at.x, y: at.y - 30 }, to: { x: at.x, y: at.y - 120 } },
      { from: { x: at.x, y: at.y + 30 }, to: { x: at.x, y: at.y + 120 } },
    );
    await expect.poll(async () => (await timeline.place(WORKS)).height).toBeGreaterThan(before.height * 3);
    await expect(timeline.inspector(), "no tap").toBeHidden();

    const scrolled = await timeline.scrolled();
    const window = middle((await timeline.picture.boundingBox())!);
    await fingers.drag({ from: { x: window.x, y: window.y + 100 }, to: { x: window.x, y: window.y - 100 } });
    await expect.poll(() => timeline.scrolled()).toBeGreaterThan(scrolled + 100);
  });

  test("a tap on a mark opens its event", async ({ page }) => {
    const timeline = await new Viewer(page).show(saved(exchange(0)));
    await timeline.mark(WORKS).tap();
    await expect(timeline.fact("Number")).toHaveText(String(WORKS));
  });
});

test("idle stretches are folded and say how long they were; they unfold, and all can be had to scale", async ({ page }) => {
  // 40 ms of work between flights of 200 µs, then 3 s of nothing.
  const events = [...exchange(0, { work_ms: 40 }), ...exchange(1, { work_ms: 40, start_ms: 3_000 })];
  const timeline = await new Viewer(page).show(saved(events));
  const work = timeline.folds.and(page.getByRole("button", { name: /^Unfold (39|40)/ }));
  await timeline.tool("Fit the whole run into the window").click();
  await expect(work, "both stretches of work").toHaveCount(2);
  await expect(timeline.folds.and(page.getByRole("button", { name: "Unfold 2.96 s in which nothing happens" }))).toBeVisible();
  await expect(timeline.folds).toHaveCount(3);
  await expect(timeline.legend.getByText("folded: idle for so long")).toBeVisible();

  const folded = (await timeline.place(WORKS)).height;
  await work.first().click();
  await expect(timeline.folds).toHaveCount(2);
  expect((await timeline.place(WORKS)).height, "what was folded is as long as it lasted").toBeGreaterThan(folded);

  await timeline.tool("To scale").click();
  await expect(timeline.folds).toHaveCount(0);
  await timeline.tool("To scale").click();
  await expect(timeline.folds).not.toHaveCount(0);
});
