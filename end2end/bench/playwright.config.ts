// Measurements in the browser: `cargo xtask bench frames`. Not part of the tests.

import { defineConfig } from "@playwright/test";

import { chromium, outputDir } from "../chromium";

export default defineConfig({
  testDir: ".",
  testMatch: "*.bench.ts",
  outputDir,
  workers: 1,
  timeout: 120_000,
  reporter: [["list"]],
  use: chromium,
});
