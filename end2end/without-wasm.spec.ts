// A document reads well before and without WebAssembly: with JavaScript off everything but the lab is there.

import { shell } from "./fixtures/curl";
import { LABS } from "./fixtures/lab";
import { expect, test } from "./fixtures/test";

test.use({ javaScriptEnabled: false });

// The WebAssembly is preloaded, and nothing asks for it: that is the experiment.
test.beforeEach(({ guard }) => guard.allow(/preloaded using link preload but not used/));

for (const { slug, title } of LABS) {
  test(`${slug} without JavaScript`, async ({ page }) => {
    await page.goto("/");
    await page.getByRole("main").getByRole("link", { name: title, exact: true }).click();
    await expect(page).toHaveURL(`/labs/${slug}`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(title);
    // Playwright looks for no text inside <noscript>.
    const words = page.locator("#lab noscript p");
    await expect(words).toBeVisible();
    await expect(words).toContainText("The lab needs JavaScript and WebAssembly.");
    const lesson = page.getByRole("article", { name: "Lesson" });
    await expect(lesson.getByRole("heading", { name: "What it is" })).toBeVisible();
    for (const part of ["In your terminal", "The code that ran", "Bytes"]) {
      await expect(page.getByRole("heading", { name: part, level: 2 })).toBeVisible();
    }
    await expect(page.getByRole("region", { name: "In your terminal" }).locator("pre").first()).toContainText("run=");
    const labs = page.getByRole("navigation", { name: "Labs" });
    await expect(labs.getByRole("link", { name: title, exact: true })).toHaveAttribute("aria-current", "page");
  });

  test(`${slug}: the commands in the document work as they stand`, async ({ page }, info) => {
    await page.goto(`/labs/${slug}`);
    const commands = await page.getByRole("region", { name: "In your terminal" }).locator("pre").allInnerTexts();
    expect(commands.length).toBeGreaterThan(2);
    // A subscriber ends by its own limit of five seconds, which curl calls a failure (28).
    const lines = commands.map((command) => (/ -m \d+ /.test(command) ? `${command} || test $? -eq 28` : command));
    const output = await shell([`cd '${info.outputPath().replace(/'/g, "'\\''")}'`, ...lines].join("\n"));
    const run = JSON.parse(output.slice(output.lastIndexOf('{"version"'))) as { events: { lane: string; kind: string }[] };
    expect(run.events.filter((event) => event.kind === "read").length).toBeGreaterThan(0);
    expect(run.events.some((event) => event.lane === "terminal")).toBe(true);
  });
}

test("the first page without JavaScript", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Limits" })).toBeVisible();
  await expect(page.getByRole("group", { name: "Display" }), "buttons that could do nothing").toBeHidden();
});
