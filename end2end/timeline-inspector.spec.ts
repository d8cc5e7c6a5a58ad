// One event in full, and how sure its time is.

import { Lab } from "./fixtures/lab";
import { exchange, saved } from "./fixtures/saved";
import { expect, test } from "./fixtures/test";
import { Viewer } from "./fixtures/viewer";

test("an event says what, when, how sure, which bytes, and what the lesson says of it", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await lab.open("?method=POST&format=json&delay_ms=1");
  await lab.press();
  await lab.hasEvent("consumed");
  const { timeline } = lab;
  const read = (await lab.events()).find((event) => event.kind === "read")!;
  await timeline.mark(read.seq).click();

  const inspector = timeline.inspector();
  await expect(inspector.getByRole("heading")).toHaveText(/^reads \d+ B/);
  await expect(inspector.getByText("Socket", { exact: true })).toBeVisible();
  await expect(timeline.fact("When")).toHaveText(/^[\d.]+ (ns|µs|ms|s) ± [\d.]+ (ns|µs|ms)$/);
  await expect(timeline.fact("Truth")).toHaveText("Measured: a clock was read when it happened.");
  await expect(timeline.fact("Bytes")).toHaveText(`${read.bytes} B`);
  await expect(timeline.fact("Head")).toHaveText(/^\d+ B$/);
  await expect(inspector.getByText(/^POST \/api\/echo.* HTTP\/1\.1/)).toContainText("content-type: application/json␍␊");
  const hex = inspector.getByText(/^00000000 {2}50 4f 53 54/);
  await expect(hex).toBeHidden();
  await inspector.getByText("As bytes").click();
  await expect(hex).toContainText("POST /api/echo");

  const sentence = page.getByRole("article", { name: "Lesson" }).locator('[data-explains~="read"]');
  await expect(inspector.getByText(/^A read returns the bytes that have arrived/)).toBeVisible();
  await expect(sentence, "and it is marked in the lesson").toHaveClass(/is-current/);
});

test("by keyboard alone: to a mark, into the inspector, out again, and the focus is where it was", async ({ page }) => {
  const timeline = await new Viewer(page).show(saved(exchange(0)));
  await timeline.place(1);
  await timeline.picture.focus();
  await page.keyboard.press("Tab");
  await expect(timeline.mark(1)).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect(timeline.mark(2)).toBeFocused();
  const inspector = timeline.inspector();
  await expect(timeline.fact("Number")).toHaveText("2");
  await page.keyboard.press("Escape");
  await expect(inspector).toBeHidden();
  await expect(timeline.mark(2), "closed from the picture").toBeFocused();

  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(inspector.getByRole("button", { name: "Previous event" })).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(timeline.fact("Number")).toHaveText("4");
  await expect(inspector.getByRole("button", { name: "Next event" }), "a step leaves the focus on its button").toBeFocused();
  await page.keyboard.press("Escape");
  await expect(inspector).toBeHidden();
  await expect(timeline.mark(4), "closed from the inspector").toBeFocused();

  await page.keyboard.press("Enter");
  await inspector.getByRole("button", { name: "Close" }).focus();
  await page.keyboard.press("Enter");
  await expect(inspector).toBeHidden();
  await expect(timeline.mark(4), "closed by its button").toBeFocused();
});

test("from the table: the inspector opens beside it, and closing returns to the line", async ({ page }) => {
  const timeline = await new Viewer(page).show(saved(exchange(0)));
  await timeline.show("Table");
  const line = timeline.table.getByRole("button", { name: "Event 4", exact: true });
  await line.focus();
  await page.keyboard.press("Enter");
  await expect(line).toHaveAttribute("aria-pressed", "true");
  await expect(timeline.fact("Took")).toHaveText("1.2 ms");
  await timeline.inspector().getByRole("button", { name: "Close" }).focus();
  await page.keyboard.press("Escape");
  await expect(timeline.inspector()).toBeHidden();
  await expect(line).toBeFocused();
});

test("how far the two clocks may disagree is said in words", async ({ page }) => {
  const lab = new Lab(page, "request-response");
  await lab.open("?delay_ms=1");
  await lab.press();
  await lab.hasEvent("consumed");
  const words = /^The browser’s clock and the server’s agree to ± [\d.]+ (µs|ms) here: the soft bands\.$/;
  await expect(lab.timeline.legend.getByText(words)).toBeVisible();
  const sent = (await lab.events()).find((event) => event.kind === "request_sent")!;
  await expect(lab.timeline.mark(sent.seq)).toHaveAccessibleName(/^Browser sends.*, at [\d.]+ (ns|µs|ms|s) ± [\d.]+ (µs|ms)$/);
});

test("how far the two clocks may disagree is drawn: a soft band about the arrow's end", async ({ page }) => {
  const viewer = new Viewer(page);
  /** The colour beside the browser's line, above the moment at which it has the response's head. */
  const beside = async (error_ns: number) => {
    const timeline = await viewer.show(saved(exchange(0, { error_ns })));
    await timeline.tool("To scale").click();
    await timeline.tool("Fit the whole run into the window").click();
    const head = await timeline.place(7);
    const us = (await timeline.apart(2, 7)) / (1_800 - 200);
    const [x, y] = [head.x + head.width / 2 + 8, head.y + head.height / 2];
    return Promise.all([timeline.colour(x, y - 80 * us), timeline.colour(x, y - 180 * us)]);
  };
  const [sure, paper] = await beside(0);
  expect(sure, "a sure end has no band").toEqual(paper);
  const [within, without] = await beside(120_000);
  expect(within, "120 µs to each side").not.toEqual(paper);
  expect(without).toEqual(paper);
});
