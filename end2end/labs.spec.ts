// Every page: what it is called, what it may load, that everyone can use it, that nothing goes wrong on it.

import { auditBothSchemes } from "./fixtures/axe";
import { LABS, Lab } from "./fixtures/lab";
import { expect, test } from "./fixtures/test";

/** Our other pages and their first headings. */
const PAGES = [
  { path: "/", heading: "See what two programs say to each other, measured at both ends" },
  { path: "/run", heading: "Saved run" },
  { path: "/credits", heading: "Credits" },
] as const;
const PHONE = { width: 390, height: 844 };
const WIDE = { width: 1920, height: 1080 };

const ALL = [...PAGES, ...LABS.map((lab) => ({ path: `/labs/${lab.slug}`, heading: lab.title }))];

test("the first page links every lab", async ({ page }) => {
  await page.goto("/");
  const links = page.getByRole("main").locator("h3 a");
  await expect(links).toHaveText(LABS.map((lab) => lab.title));
  for (const [place, lab] of LABS.entries()) {
    await expect(links.nth(place)).toHaveAttribute("href", `/labs/${lab.slug}`);
  }
});

for (const { path, heading } of ALL) {
  test(`${path}: heading, title, policy`, async ({ page }) => {
    const response = await page.goto(path);
    const headers = response?.headers() ?? {};
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none';/);
    expect(headers["content-security-policy"]).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:/);
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
    expect(headers["cross-origin-embedder-policy"]).toBe("require-corp");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(heading);
    await expect(page).toHaveTitle(path === "/" ? "Roundtrip" : `${heading} · Roundtrip`);
    expect(await page.evaluate(() => crossOriginIsolated), "the clock's step is 5 µs").toBe(true);
  });

  test(`${path}: no fault that axe finds, light and dark`, async ({ page }) => {
    await page.goto(path);
    if (path.startsWith("/labs/")) await expect(page.locator("form.controls button[type=submit]")).toBeVisible();
    await auditBothSchemes(page, path);
  });

  test(`${path}: nothing is wider than the window`, async ({ page }) => {
    for (const viewport of [PHONE, WIDE]) {
      await page.setViewportSize(viewport);
      await page.goto(path);
      if (path.startsWith("/labs/")) await expect(page.locator("form.controls button[type=submit]")).toBeVisible();
      const { scrollWidth, clientWidth } = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return { scrollWidth, clientWidth };
      });
      expect(scrollWidth, `at ${viewport.width} px`).toBeLessThanOrEqual(clientWidth);
    }
  });
}

for (const { slug } of LABS) {
  test(`${slug}: the lab as assistive technology has it`, async ({ page }) => {
    const lab = new Lab(page, slug);
    await lab.open();
    await expect(lab.region).toMatchAriaSnapshot({ name: `${slug}.aria.yml` });
  });

  test(`${slug}: lesson, source and tabs`, async ({ page }) => {
    const lab = new Lab(page, slug);
    await lab.open();
    const lesson = page.getByRole("article", { name: "Lesson" });
    for (const heading of ["What it is", "When to use", "What it costs", "The standard"]) {
      await expect(lesson.getByRole("heading", { name: heading })).toBeVisible();
    }
    const source = await lab.panel("The code that ran");
    await expect(source.getByText(`${slug.replaceAll("-", "_")}`).first()).toBeVisible();
    await lab.tab("The code that ran").press("ArrowRight");
    await expect(lab.tab("Bytes")).toBeFocused();
    await expect(page.getByRole("tabpanel", { name: "Bytes" })).toBeVisible();
  });
}

test("an address that nothing has says so and links what there is", async ({ page, guard }) => {
  guard.allowStatus(404);
  const response = await page.goto("/labs/no-such-lab");
  expect(response?.status()).toBe(404);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing has this address");
  await expect(page.getByRole("link", { name: LABS[0].title, exact: true })).toBeVisible();
  await auditBothSchemes(page, "the page for no address");
});

test("the API's own page shows the endpoints, from this server alone", async ({ page }) => {
  await page.goto("/api");
  await expect(page.getByText("/api/echo").first()).toBeVisible();
});

test("theme, contrast and projector stay as they were chosen, on every page", async ({ page }) => {
  await page.goto("/labs/request-response");
  const display = page.getByRole("group", { name: "Display" });
  const theme = display.getByRole("button", { name: /Theme/ });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await theme.click();
  await expect(theme).toHaveText("Theme: light");
  await expect.poll(background).toBe(light);
  await theme.click();
  await expect(theme).toHaveText("Theme: dark");
  await expect.poll(background).not.toBe(light);
  const projector = display.getByRole("button", { name: "Projector" });
  await display.getByRole("button", { name: "Contrast" }).click();
  await projector.click();
  await expect(projector).toHaveAttribute("aria-pressed", "true");
  await page.goto("/labs/image-upload");
  await expect(theme).toHaveText("Theme: dark");
  await expect(projector).toHaveAttribute("aria-pressed", "true");
  await expect(display.getByRole("button", { name: "Contrast" })).toHaveAttribute("aria-pressed", "true");
});
