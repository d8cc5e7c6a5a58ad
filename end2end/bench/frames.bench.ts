// Frame times while a run of 10,000 events is panned by the mouse.

import { expect, test } from "@playwright/test";

import { Program } from "../fixtures/program";
import { savedRun } from "../fixtures/saved";

const EVENTS = 10_000;
/** How often the picture is dragged there and back, and in how many moves each way. */
const DRAGS = 10;
const MOVES = 60;
/** The aim, in milliseconds: 60 frames in a second, and a little for the clock's step. */
const MEDIAN_MAX_MS = 17;

test("frames", async ({ page }) => {
  const program = await Program.launch();
  try {
    await page.goto(`${program.origin}/run`);
    await page
      .locator("#lab input[type=file]")
      .setInputFiles({ name: "run.json", mimeType: "application/json", buffer: Buffer.from(savedRun(EVENTS)) });
    const picture = page.locator("#lab canvas").first();
    await expect(picture).toBeVisible();
    await expect(page.locator(".timeline-summary")).toHaveText(/requests/);
    const box = (await picture.boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];

    await page.evaluate(() => {
      const times: number[] = [];
      const frame = (at: number) => {
        times.push(at);
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
      Object.assign(window, { frameTimes: times });
    });
    for (let drag = 0; drag < DRAGS; drag += 1) {
      const way = (drag % 2 === 0 ? -1 : 1) * (box.height / 3);
      await page.mouse.move(x, y - way / 2);
      await page.mouse.down();
      await page.mouse.move(x, y + way / 2, { steps: MOVES });
      await page.mouse.up();
    }
    const times = await page.evaluate(() => (window as unknown as { frameTimes: number[] }).frameTimes);
    const took = times.slice(1).map((at, place) => at - times[place]!).sort((a, b) => a - b);
    const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))]!;
    const [median, p95, p99] = [at(0.5), at(0.95), at(0.99)];
    console.log(
      `${EVENTS} events, ${took.length} frames while panning: median ${median.toFixed(1)} ms, ` +
        `p95 ${p95.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (Chromium ${page.context().browser()?.version()}, no GPU)`,
    );
    expect(median, "the median of a frame, in ms").toBeLessThanOrEqual(MEDIAN_MAX_MS);
  } finally {
    await program.dispose();
  }
});
