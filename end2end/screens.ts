// Takes the pictures: each page after a real run, in three sizes and two colour schemes.

import { type Page } from "@playwright/test";
import { join } from "node:path";

import { largeJpeg } from "./fixtures/jpeg";
import { LABS, Lab } from "./fixtures/lab";
import { savedRun } from "./fixtures/saved";
import { expect, test } from "./fixtures/test";

const folder = process.env.ROUNDTRIP_SCREENS ?? "screens";
const SIZES = [
  { name: "wide", viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1, projector: false },
  // 1920 × 1080 at 150 %, as a projector in a lecture hall is set.
  { name: "projector", viewport: { width: 1280, height: 720 }, deviceScaleFactor: 1.5, projector: true },
  { name: "phone", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, projector: false },
] as const;

/** The labs that hear the same scenario, each in its way. */
const TOPIC_LABS = new Set<string>(["short-polling", "long-polling", "server-sent-events", "websocket"]);

async function afterRun(page: Page, path: string): Promise<void> {
  if (path === "/run") {
    await page.goto(path);
    await page
      .locator("#lab input[type=file]")
      .setInputFiles({ name: "run.json", mimeType: "application/json", buffer: Buffer.from(savedRun(10_000)) });
    await expect(page.locator(".timeline-summary")).toHaveText(/requests/);
    return;
  }
  const slug = LABS.find((lab) => path === `/labs/${lab.slug}`)?.slug;
  if (!slug) {
    await page.goto(path);
    return;
  }
  const lab = new Lab(page, slug);
  const queries: Partial<Record<typeof slug, string>> = {
    "publish-subscribe": "?topic=screens&burst=3",
    "server-sent-events": "?drop_after=1",
    chunks: "?file_kib=2048&cut_kib=1500&chunk_kib=128&rate_mbit=50&latency_ms=10",
  };
  await lab.open(queries[slug] ?? "");
  if (slug === "image-upload") await page.locator("#file").setInputFiles(largeJpeg());
  await lab.press();
  const done = {
    "request-response": "consumed",
    limits: "received",
    "short-polling": "received",
    "long-polling": "received",
    "server-sent-events": "received",
    websocket: "received",
    "publish-subscribe": "received",
    race: "received",
    "image-upload": "finished",
    chunks: "finished",
  } as const;
  await lab.hasEvent(done[slug]);
  if (TOPIC_LABS.has(slug)) await expect(lab.said(/^3 of 3 messages arrived/)).toBeVisible();
  if (slug === "race") await expect(lab.said(/nothing is missing/)).toBeVisible({ timeout: 30_000 });
  if (slug === "limits") await expect(lab.said("Both have seen all that was said.")).toBeVisible();
  if (slug === "chunks") {
    await expect(lab.said(/^The cut at/)).toBeVisible({ timeout: 30_000 });
    await page.getByRole("button", { name: "Try every chunk size" }).click();
    await expect(lab.said(/^Quickest here/).first()).toBeVisible({ timeout: 60_000 });
  }
  if (slug === "image-upload") await expect(page.getByText("yes: the server has exactly these bytes")).toBeVisible();
}

for (const size of SIZES) {
  for (const colorScheme of ["light", "dark"] as const) {
    test.describe(`${size.name} ${colorScheme}`, () => {
      test.use({ viewport: size.viewport, deviceScaleFactor: size.deviceScaleFactor, colorScheme });

      for (const path of ["/", ...LABS.map((lab) => `/labs/${lab.slug}`), "/run"]) {
        test(path, async ({ page, guard }) => {
          guard.allow(/./);
          if (size.projector) await page.addInitScript(() => localStorage.setItem("roundtrip.projector", "on"));
          await afterRun(page, path);
          const name = `${path.split("/").filter(Boolean).join("-") || "home"}-${size.name}-${colorScheme}`;
          await page.screenshot({ path: join(folder, `${name}.png`) });
          await page.screenshot({ path: join(folder, `${name}-full.png`), fullPage: true });
        });
      }
    });
  }
}
