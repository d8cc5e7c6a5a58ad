// `npm run screens -- FOLDER`: a picture of every page after a real run, wide, projector and phone, light and dark.

import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

const folder = process.argv[2];
if (!folder) {
  console.error("usage: npm run screens -- FOLDER");
  process.exit(2);
}
const { status } = spawnSync("npx", ["playwright", "test", "--config", "screens.config.ts", ...process.argv.slice(3)], {
  cwd: import.meta.dirname,
  env: { ...process.env, ROUNDTRIP_SCREENS: resolve(folder) },
  stdio: "inherit",
});
process.exit(status ?? 1);
