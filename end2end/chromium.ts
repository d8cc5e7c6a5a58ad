// The browser that every configuration here uses: the system's Chromium, quiet, without QUIC.

import { devices, type PlaywrightTestConfig } from "@playwright/test";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The desktop's size in most tests, in CSS pixels. */
export const DESKTOP = { width: 1440, height: 900 };

export const chromium: PlaywrightTestConfig["use"] = {
  ...devices["Desktop Chrome"],
  viewport: DESKTOP,
  launchOptions: {
    // Debian's Chromium; another one by ROUNDTRIP_CHROMIUM.
    executablePath: process.env.ROUNDTRIP_CHROMIUM || "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  },
};

/** Where traces and pictures of failures go: out of the checkout in CI, ROUNDTRIP_TEST_OUTPUT says where else. */
export const outputDir =
  process.env.ROUNDTRIP_TEST_OUTPUT ||
  (process.env.CI ? join(tmpdir(), "roundtrip-end2end") : "test-results");
