import { defineConfig } from "@playwright/test";

import { chromium, outputDir } from "./chromium";

export default defineConfig({
  testDir: ".",
  testMatch: "**/*.spec.ts",
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  // A test that passes at the second attempt has found something.
  retries: 0,
  // Two: each has a browser and a server of its own.
  workers: 2,
  reporter: [["list"]],
  outputDir,
  // ARIA snapshots stand beside their specs, one file each.
  snapshotPathTemplate: "{testDir}/snapshots/{arg}{ext}",
  // No gate on speed: a busy machine may be slow.
  timeout: 90_000,
  expect: { timeout: 15_000 },
  use: {
    ...chromium,
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
  },
  projects: [{ name: "chromium" }],
});
