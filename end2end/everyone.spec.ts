// By keyboard alone, on a phone, without motion.

import type { Locator, Page } from "@playwright/test";

import { auditBothSchemes } from "./fixtures/axe";
import { LABS, Lab } from "./fixtures/lab";
import { expect, test } from "./fixtures/test";

/** More presses of Tab than any page needs to come to its controls. */
const TABS_MAX = 60;

/** Presses Tab until this has the focus, and that can be seen. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < TABS_MAX; presses += 1) {
    await page.keyboard.press("Tab");
    if (await target.evaluate((element) => element === document.activeElement)) {
      const ring = await target.evaluate((element) => {
        const style = getComputedStyle(element);
        return style.outlineStyle !== "none" || style.boxShadow !== "none";
      });
      expect(ring, "the focus can be seen").toBe(true);
      return;
    }
  }
  throw new Error(`${target} was not reached by ${TABS_MAX} presses of Tab`);
}

test("request–response by keyboard alone", async ({ page }) => {
  await page.goto("/");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await tabTo(page, page.getByRole("link", { name: "Start with one request" }));
  const lab = new Lab(page, "request-response");
  await page.keyboard.press("Enter");
  await expect(lab.button).toBeVisible();

  const delay = lab.region.getByRole("textbox", { name: /^Delay/ });
  await tabTo(page, delay);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("3");
  // In a field the key is a letter, not a command.
  await page.keyboard.press("r");
  await expect(delay).toHaveValue("3r");
  await page.keyboard.press("Backspace");
  const first = page.waitForRequest(/\/api\/echo/);
  await page.keyboard.press("Enter");
  expect((await first).url()).toContain("delay_ms=3");
  await expect(lab.said("Status 200,")).toBeVisible();

  await tabTo(page, lab.button);
  const second = page.waitForRequest(/\/api\/echo/);
  await page.keyboard.press("r");
  await second;
  // The words of the first answer still stand there: what counts is that the page has used the second one.
  await lab.hasEvent("consumed", 2);
  await expect(lab.said("Status 200,")).toBeVisible();

  await tabTo(page, lab.tab("In your terminal"));
  await page.keyboard.press("End");
  await expect(lab.tab("Bytes")).toBeFocused();
  await expect(page.getByRole("tabpanel", { name: "Bytes" })).toBeVisible();
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  for (const { slug, verb } of LABS) {
    test(`${slug}: controls in a sheet, one button in reach`, async ({ page }) => {
      const lab = new Lab(page, slug);
      await lab.open();
      await expect(lab.button).toContainText(verb);
      await expect(lab.button).toBeInViewport();
      const sheet = lab.region.getByRole("group", { name: "Controls" });
      await expect(sheet).toBeHidden();
      await lab.region.getByRole("button", { name: "Controls" }).tap();
      await expect(sheet).toBeVisible();
      await auditBothSchemes(page, `${slug}, its sheet open on a phone`);
      await sheet.getByRole("button", { name: "Done" }).tap();
      await expect(sheet).toBeHidden();
    });
  }

  test("the labs are one tap away", async ({ page }) => {
    await new Lab(page, "request-response").open();
    await page.getByRole("button", { name: "Labs" }).tap();
    await page.getByRole("navigation", { name: "Labs" }).getByRole("link", { name: "Image upload" }).tap();
    await expect(page).toHaveURL("/labs/image-upload");
  });
});

test.describe("without motion", () => {
  test.use({ contextOptions: { reducedMotion: "reduce" } });

  test("nothing on a lab's page moves by itself", async ({ page }) => {
    const lab = new Lab(page, "request-response");
    await lab.open("?delay_ms=0");
    await lab.press();
    await expect(lab.said("Status 200,")).toBeVisible();
    expect(await page.evaluate(() => document.getAnimations().map((animation) => animation.playState))).toEqual([]);
  });
});
