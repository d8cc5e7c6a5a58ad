// How the timeline looks to those who want no motion, more contrast, or have a small window.

import { audit } from "./fixtures/axe";
import { exchange, saved } from "./fixtures/saved";
import { expect, test } from "./fixtures/test";
import type { Timeline } from "./fixtures/timeline";
import { Viewer } from "./fixtures/viewer";

/** The event of an exchange that lasts. */
const WORKS = 4;

/** Replays a long piece of work slowly, and resolves to the pictures at two moments of it. */
async function twoMoments(viewer: Viewer): Promise<[string, string]> {
  const timeline = await viewer.show(saved(exchange(0, { work_ms: 90 })));
  await timeline.tool("To scale").click();
  await timeline.scrub.press("Home");
  for (let step = 1; step < WORKS; step += 1) await timeline.scrub.press("ArrowRight");
  await timeline.speed().selectOption("1/1000 speed");
  await timeline.tool("Go on").click();
  // A moment of the work, and one that is 5 ms later at least: 5 s of the reader's time.
  const first = await moment(timeline, 1);
  const before = await picture(timeline);
  await moment(timeline, first + 5);
  return [before, await picture(timeline)];
}

/** Waits until the replay has come to this moment, in milliseconds; resolves to the one it is at. */
async function moment(timeline: Timeline, least_ms: number): Promise<number> {
  let at = 0;
  await expect(async () => {
    at = Number(/ · ([\d.]+) ms · /.exec((await timeline.badge.textContent()) ?? "")?.[1]);
    expect(at).toBeGreaterThanOrEqual(least_ms);
  }).toPass();
  return at;
}

function picture(timeline: Timeline): Promise<string> {
  return timeline.canvas.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
}

test("a replay draws time as it goes on", async ({ page }) => {
  const [before, after] = await twoMoments(new Viewer(page));
  expect(after).not.toBe(before);
});

test.describe("without motion", () => {
  test.use({ contextOptions: { reducedMotion: "reduce" } });

  test("a replay goes from event to event, and nothing moves in between", async ({ page }) => {
    const [before, after] = await twoMoments(new Viewer(page));
    expect(after).toBe(before);
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  });
});

test.describe("with more contrast", () => {
  for (const [colorScheme, paper] of [["light", 255], ["dark", 0]] as const) {
    test(`${colorScheme}: black and white, words at seven to one`, async ({ page }) => {
      const timeline = await new Viewer(page).show(saved(exchange(0)));
      await page.emulateMedia({ colorScheme, contrast: "more" });
      const window = (await timeline.picture.boundingBox())!;
      const corner = () => timeline.colour(window.x + window.width - 20, window.y + window.height - 20);
      await expect.poll(corner, "the picture's paper").toEqual([paper, paper, paper]);
      await timeline.mark(WORKS).click();
      await audit(page, `the timeline with more contrast, ${colorScheme}`, ["color-contrast-enhanced"]);
    });
  }
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("the ladder has all its lanes and their names in the window", async ({ page }) => {
    const timeline = await new Viewer(page).show(saved(exchange(0, { work_ms: 40 })));
    expect(await timeline.picture.evaluate((window) => window.scrollWidth - window.clientWidth)).toBe(0);
    for (const lane of ["Browser", "Socket", "Handler"]) {
      const head = timeline.picture.getByText(lane, { exact: true });
      await expect(head).toBeInViewport({ ratio: 1 });
      const cut = await head.evaluate((name) => name.getBoundingClientRect().right - name.parentElement!.getBoundingClientRect().right);
      expect(cut, `${lane} is not cut off`).toBeLessThanOrEqual(0);
    }
    await timeline.mark(WORKS).tap();
    await expect(timeline.fact("Took")).toHaveText("40 ms");
  });
});
