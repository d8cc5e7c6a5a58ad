// Pictures of every page, to be looked at: see screens.mjs.

import { defineConfig } from "@playwright/test";

import { chromium, outputDir } from "./chromium";

export default defineConfig({
  testDir: ".",
  testMatch: "screens.ts",
  outputDir,
  fullyParallel: true,
  workers: 1,
  timeout: 90_000,
  reporter: [["list"]],
  use: chromium,
});
