// One request and chunks over the same line, which drops once: what it cost each; and chunks of every size.

import { type Locator, type Page } from "@playwright/test";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import { shell } from "./fixtures/curl";
import { Lab } from "./fixtures/lab";
import { expect, test } from "./fixtures/test";

const KIB = 1024;

class Chunks extends Lab {
  readonly picture: Locator;
  readonly came: Locator;
  readonly sizes: Locator;

  constructor(page: Page) {
    super(page, "chunks");
    this.picture = this.region.getByRole("region", { name: "How much of the file the server has" });
    this.came = this.region.getByRole("table", { name: "What it came to" });
    this.sizes = this.region.getByRole("region", { name: "Which size of a chunk" });
  }

  /** What stands in a way's row, by the column's name. */
  async row(way: "One request" | "Chunks"): Promise<Record<string, string>> {
    const names = await this.came.getByRole("columnheader").allInnerTexts();
    const cells = await this.came
      .getByRole("row")
      .filter({ has: this.page.getByRole("rowheader", { name: way }) })
      .getByRole("cell")
      .allInnerTexts();
    return Object.fromEntries(cells.map((cell, place) => [names[place + 1]!, cell]));
  }
}

test("the same cut costs one request the file so far, and the chunks a question", async ({ page, guard }) => {
  guard.allowServerGone();
  const lab = new Chunks(page);
  await lab.open("?file_kib=1024&chunk_kib=128&rate_mbit=40&latency_ms=5&cut_kib=700");
  // There is always a connection that the browser could use again: on one it would send by itself what was cut.
  await page.evaluate(() => {
    const ask = (): unknown => fetch("/healthz").then(() => setTimeout(ask, 2));
    for (let count = 0; count < 3; count += 1) ask();
  });
  await lab.press();
  await expect(lab.button).toContainText("Stop");
  await expect(lab.said(/^The cut at 717 kB cost the one request 717 kB sent again and \S+ m?s; the chunks \S+ k?B and \S+ m?s\. In all: /)).toBeVisible({
    timeout: 30_000,
  });
  await expect(lab.button).toContainText("Compare");

  const [one, chunks] = [await lab.row("One request"), await lab.row("Chunks")];
  expect(one).toMatchObject({ Acknowledged: "1.05 MB", "Sent again": "717 kB", Requests: "2" });
  expect(chunks.Acknowledged).toBe("1.05 MB");
  // Created, eight chunks of which one was cut, asked once, and what was missing of the one.
  expect(Number(chunks.Requests)).toBeGreaterThanOrEqual(11);
  for (const way of [one, chunks]) {
    expect(way.Header).toMatch(/^[1-9]/);
    expect(way["Recovered in"]).toMatch(/ m?s$/);
    expect(way["In all"]).toMatch(/ m?s$/);
  }

  // The timeline has the same: each line was cut once, behind the same byte of the file, and both files are whole.
  const events = await lab.events();
  const cuts = events.filter((event) => event.kind === "fault" && event.detail["fault"] === "cut");
  expect(cuts.map((cut) => cut.bytes).sort((a, b) => a! - b!)).toEqual([(700 % 128) * KIB, 700 * KIB]);
  const finished = events.filter((event) => event.kind === "finished");
  expect(new Set(finished.map((event) => event.detail["sha256"])).size).toBe(1);
  expect(finished).toHaveLength(2);
  // What was uploaded to compare is not kept.
  for (const { detail } of finished) {
    await expect.poll(async () => (await page.request.get(`/api/images/${String(detail["upload"])}`)).status()).toBe(410);
  }

  // The same from a terminal joins the run.
  const before = (await lab.events()).filter((event) => event.kind === "finished").length;
  const make = await lab.command("Make a file as large");
  const send = await lab.command(/^Send it in chunks/);
  await shell(['cd "$(mktemp -d)"', make, send].join("\n"));
  await lab.hasEvent("finished", before + 1);
});

test("two stretches at once make one file, and a corrupted chunk is caught by its checksum", async ({ page, guard }) => {
  guard.allowStatus(460);
  const lab = new Chunks(page);
  await lab.open("?file_kib=256&chunk_kib=64&rate_mbit=100&latency_ms=0&cut_kib=0&at_once=2&chunks=corrupted");
  await lab.press();
  // It is said only when both files have the same digest.
  await expect(
    lab.said(/^The line held: .* The corrupted chunk did not fit its checksum: the server refused it \(460\), and it was sent again\.$/),
  ).toBeVisible({ timeout: 30_000 });
  expect((await lab.row("Chunks"))["Sent again"]).toBe("65.5 kB");
  const events = await lab.events();
  expect(events.filter((event) => event.kind === "respond" && event.detail["status"] === 460)).toHaveLength(1);
  // Two stretches, what they were joined to, and the one request.
  expect(events.filter((event) => event.kind === "created")).toHaveLength(4);
});

test("parts that a terminal sends at once join the run, and become one file", async ({ page }, info) => {
  const lab = new Chunks(page);
  await lab.open("?file_kib=256&chunk_kib=64&rate_mbit=100&latency_ms=0&cut_kib=0&at_once=3");
  const make = await lab.command("Make a file as large");
  const send = await lab.command("Send parts of it at once, and have them joined");
  const answer = await shell(`cd '${info.outputPath()}'\n${make}\n${send}`);
  const [, id] = /^location: \/files\/(\w+)\r$/im.exec(answer) ?? [];
  const image = await (await page.request.get(`/api/images/${id}`)).json();
  const file = await readFile(info.outputPath("file.bin"));
  expect(image).toMatchObject({ bytes: 256 * 1024, sha256: createHash("sha256").update(file).digest("hex") });
  await expect.poll(async () => (await lab.events()).filter((event) => event.kind === "created").length).toBe(4);
});

test("every chunk size is tried, and the best is named with what was measured", async ({ page, guard }) => {
  guard.allowServerGone();
  const lab = new Chunks(page);
  await lab.open("?file_kib=256&rate_mbit=50&latency_ms=10&cut_kib=100");
  await lab.sizes.getByRole("button", { name: "Try every chunk size" }).click();
  await expect(lab.sizes.getByRole("status")).toHaveText(/^Quickest here with one cut: (64|128|256) KiB, in /, { timeout: 30_000 });
  await expect(lab.sizes.getByRole("rowheader")).toHaveText(["64 KiB", "128 KiB", "256 KiB"]);
  const chunks = lab.sizes.getByRole("row").getByRole("cell").nth(0);
  await expect(chunks).toHaveText("4");
  await expect(lab.sizes.getByRole("row").nth(3).getByRole("cell").nth(1)).toContainText(/^[\d.]+ Mbit\/s$/);
  // A measurement is not drawn.
  expect((await lab.events()).filter((event) => event.kind === "request_sent")).toHaveLength(0);
});

test("what is set is in the address, and Stop stops both", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new Chunks(page);
  await lab.open("?rate_mbit=1");
  await page.getByLabel("Drops at").fill("0");
  await expect(page).toHaveURL((url) => url.searchParams.get("cut_kib") === "0" && url.searchParams.get("rate_mbit") === "1");
  await lab.press();
  await lab.hasEvent("read");
  await lab.press();
  await expect(lab.said("You stopped.")).toBeVisible();
  await lab.hasEvent("aborted", 2);
  await expect(lab.button).toContainText("Compare");
});
