import { defineConfig, devices } from "@playwright/test";

// Debian's Chromium; another one by ROUNDTRIP_CHROMIUM.
const executablePath = process.env.ROUNDTRIP_CHROMIUM || "/usr/bin/chromium";

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
  outputDir: "test-results",
  use: {
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
  projects: [{ name: "chromium", use: { ...devices["Desktop Chrome"] } }],
});
