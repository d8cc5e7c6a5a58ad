// A photograph in one request or in chunks: paused, resumed, cancelled, broken off; the same SHA-256 at both ends and here.

import type { Locator, Page } from "@playwright/test";
import { createHash } from "node:crypto";
import { open, writeFile } from "node:fs/promises";

import { Breaks } from "./fixtures/breaks";
import { LARGE, type Picture, largeJpeg, notAnImage, smallJpeg } from "./fixtures/jpeg";
import { Lab } from "./fixtures/lab";
import { expect, test } from "./fixtures/test";

class ImageUpload extends Lab {
  readonly upload: Locator;
  readonly state: Locator;
  readonly cancel: Locator;

  constructor(page: Page) {
    super(page, "image-upload");
    this.upload = this.region.getByRole("region", { name: "Upload", exact: true });
    this.state = this.upload.locator(".upload-state");
    this.cancel = this.region.getByRole("button", { name: "Cancel" });
  }

  /** Chooses a picture, or the file at a path, which has the same time whenever it is chosen. */
  async choose(picture: Picture, path?: string): Promise<void> {
    await this.region.getByLabel(/^Files up to/).setInputFiles(path ?? picture);
    await expect(this.region.getByText(picture.name).first()).toBeVisible();
  }

  /** Drops or pastes a file somewhere on the page. */
  async bring(how: "drop" | "paste", picture: Picture): Promise<void> {
    await this.page.evaluate(
      ([how, name, type, base64]) => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], name, { type }));
        const event = how === "drop" ? new DragEvent("drop", { dataTransfer: data }) : new ClipboardEvent("paste", { clipboardData: data });
        window.dispatchEvent(event);
      },
      [how, picture.name, picture.mimeType, picture.buffer.toString("base64")] as const,
    );
    await expect(this.region.getByText(picture.name).first()).toBeVisible();
  }

  /** The three digests are one: the page's, the server's, and the one that Node computed. */
  async agree(picture: Picture): Promise<void> {
    await expect(this.state).toHaveText("Stored.", { timeout: 30_000 });
    await expect(this.upload.getByText("yes: the server has exactly these bytes")).toBeVisible({ timeout: 30_000 });
    await expect(this.upload.locator('[data-digest="page"]')).toHaveText(picture.sha256);
    await expect(this.upload.locator('[data-digest="server"]')).toHaveText(picture.sha256);
  }

  /** Waits until the server has stored at least one chunk, and not all. */
  async isUnderWay(): Promise<void> {
    await expect(this.upload.locator(".upload-words")).toHaveText(/\(([1-9]|[1-8]\d) %\)/);
  }

  /** The original as the server hands it out. */
  async original(): Promise<{ bytes: Buffer; digest: string | undefined }> {
    const finished = (await this.events()).find((event) => event.kind === "finished");
    const response = await this.page.request.get(`/api/images/${String(finished?.detail.upload)}/original`);
    expect(response.headers()["content-disposition"]).toMatch(/^attachment/);
    return { bytes: await response.body(), digest: response.headers()["repr-digest"] };
  }
}

/** As slow as a phone's link, so that there is something to pause; the requests themselves are untouched. */
async function slowly(page: Page, bytesPerSecond = 6_000_000): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytesPerSecond,
  });
}

// Chromium at times reports the answered POST without a body as aborted; that its Location arrived, each test shows.
test.beforeEach(({ guard }) => guard.allow(/POST \S+\/files: net::ERR_ABORTED/));

test("a photograph of 8 MB and more in chunks, paused and resumed: the same SHA-256 at both ends", async ({ page, guard }) => {
  guard.allowAborts();
  const picture = largeJpeg();
  expect(picture.buffer.length).toBeGreaterThanOrEqual(8_000_000);
  const lab = new ImageUpload(page);
  await lab.open("?chunk_kib=256");
  await slowly(page);
  await lab.choose(picture);
  await lab.press();
  await lab.isUnderWay();
  await expect(lab.button).toContainText("Pause");
  await lab.press();
  await expect(lab.state).toHaveText("Paused. On resuming, the server is asked how much it has.");
  await expect(lab.button).toContainText("Resume");

  const asked = page.waitForResponse((response) => response.request().method() === "HEAD" && response.url().includes("/files/"));
  await lab.press();
  const offset = Number((await asked).headers()["upload-offset"]);
  expect(offset).toBeGreaterThan(0);
  expect(offset).toBeLessThan(picture.buffer.length);
  await lab.agree(picture);
  await expect(lab.summary).toHaveText(/paused once.*Both ends computed the same SHA-256\./);
  await expect(lab.upload.getByRole("img")).toBeVisible();
  await expect(lab.upload.getByText(`${LARGE.width.toLocaleString("en")} × ${LARGE.height.toLocaleString("en")} pixels`)).toBeVisible();

  const { bytes, digest } = await lab.original();
  expect(bytes.equals(picture.buffer), "the original is byte for byte the file").toBe(true);
  expect(digest).toBe(`sha-256=:${Buffer.from(picture.sha256, "hex").toString("base64")}:`);
});

test("one request, with progress", async ({ page }) => {
  const picture = largeJpeg();
  const lab = new ImageUpload(page);
  await lab.open("?way=one");
  await slowly(page);
  await lab.choose(picture);
  const request = page.waitForRequest((request) => request.url().endsWith("/api/images"));
  await lab.press();
  expect((await request).method()).toBe("POST");
  await lab.isUnderWay();
  await lab.agree(picture);
  await expect(lab.summary).toHaveText(/stored in one request/);
  await lab.hasEvent("progress");
});

test("the sample photograph needs no choosing", async ({ page }) => {
  const lab = new ImageUpload(page);
  await lab.open();
  await lab.press();
  await expect(lab.state).toHaveText("Stored.");
  await expect(lab.upload.getByText("yes: the server has exactly these bytes")).toBeVisible();
  await expect(lab.upload.getByRole("img")).toBeVisible();
});

test("cancelled: the server lets go of what it had", async ({ page, guard }) => {
  guard.allowAborts();
  const lab = new ImageUpload(page);
  await lab.open("?chunk_kib=256");
  await slowly(page);
  await lab.choose(largeJpeg());
  const created = page.waitForResponse((response) => response.request().method() === "POST" && response.url().endsWith("/files"));
  await lab.press();
  const location = (await created).headers()["location"]!;
  await lab.isUnderWay();
  await lab.cancel.click();
  await expect(lab.state).toHaveText("Cancelled: the server has let go of what it had.");
  const gone = await page.request.head(location, { headers: { "Tus-Resumable": "1.0.0" } });
  expect([404, 410]).toContain(gone.status());
  await expect(lab.button).toContainText("Upload");
});

test("a file that is no image is stored all the same, and the page says why there is no preview", async ({ page }) => {
  const file = notAnImage();
  const lab = new ImageUpload(page);
  await lab.open();
  await lab.choose(file);
  await lab.press();
  await lab.agree(file);
  await expect(lab.upload.getByRole("img")).toHaveCount(0);
  await expect(lab.upload.locator(".upload-preview")).toContainText("No preview: The bytes are not a JPEG, PNG, WebP or GIF");
});

test("a small photograph in one chunk", async ({ page }) => {
  const picture = smallJpeg();
  const lab = new ImageUpload(page);
  await lab.open();
  await lab.choose(picture);
  await lab.press();
  await lab.agree(picture);
});

test("several files go one after the other; a file may be dropped, pasted or photographed", async ({ page }) => {
  const lab = new ImageUpload(page);
  await lab.open();
  const names = ["one.jpg", "two.jpg", "three.jpg"];
  const input = lab.region.getByLabel(/^Files up to/);
  await input.setInputFiles(names.map((name) => ({ ...smallJpeg(), name })));
  const items = lab.upload.getByRole("list", { name: "Files" }).getByRole("listitem");
  await expect(items).toHaveText([/^one.jpg.*is next, or under way$/, /^two.jpg.*waits$/, /^three.jpg.*waits$/]);
  await lab.press();
  await expect(items).toHaveText(names.map((name) => new RegExp(`^${name}.*stored, same SHA-256$`)));
  for (const [at, name] of names.entries()) {
    await expect(items.nth(at).getByRole("img", { name: `Preview of ${name}` })).toHaveJSProperty("naturalWidth", 64);
  }
  await lab.agree(smallJpeg());
  expect((await lab.events()).filter((event) => event.kind === "finished")).toHaveLength(3);
  // The picture is shown without what its camera wrote into it.
  await expect(lab.upload.locator("figcaption")).toContainText("without metadata: no place, no time, no camera");

  await lab.bring("drop", { ...smallJpeg(), name: "dropped.jpg" });
  await lab.bring("paste", { ...notAnImage(), name: "pasted.txt" });
  await lab.press();
  await lab.agree(notAnImage());
  const camera = lab.region.locator("#camera");
  await expect(camera).toHaveAttribute("capture", "environment");
  await camera.setInputFiles({ ...smallJpeg(), name: "taken.jpg" });
  await expect(lab.region.getByText("taken.jpg").first()).toBeVisible();
});

test("a file one byte too large is not taken, and the others go on", async ({ page }, info) => {
  const GIB = 1024 ** 3;
  const sparse = async (name: string, length: number) => {
    const path = info.outputPath(name);
    const file = await open(path, "w");
    await file.truncate(length);
    await file.close();
    return path;
  };
  const small = info.outputPath("small.jpg");
  await writeFile(small, smallJpeg().buffer);
  const lab = new ImageUpload(page);
  await lab.open();
  const input = lab.region.getByLabel(/^Files up to 1\.07 GB each/);
  const refused = lab.region.getByText("more.bin was not taken.");
  const more = await sparse("more.bin", GIB + 1);
  await input.setInputFiles(more);
  await expect(refused).toBeVisible();
  await input.setInputFiles(await sparse("most.bin", GIB));
  await expect(lab.region.getByText("most.bin, 1.07 GB")).toBeVisible();
  await expect(refused).toBeHidden();

  await input.setInputFiles([more, small]);
  await expect(refused).toBeVisible();
  const items = lab.upload.getByRole("list", { name: "Files" }).getByRole("listitem");
  await expect(items).toHaveText([/^more.bin.*not taken: too large$/, /^small.jpg.*is next, or under way$/]);
  await lab.press();
  await lab.agree(smallJpeg());
  await expect(items).toHaveText([/^more.bin.*not taken: too large$/, /^small.jpg.*stored, same SHA-256$/]);
});

test("begun in one tab, gone on with in another, and after a reload: the same file is recognised", async ({ page, context, guard }, info) => {
  guard.allowAborts();
  guard.allowServerGone();
  // A request of the first tab that is under way when the second one asks is told that it was taken over.
  guard.allowStatus(409);
  const picture = largeJpeg();
  const path = info.outputPath(picture.name);
  await writeFile(path, picture.buffer);
  const first = new ImageUpload(page);
  await first.open("?chunk_kib=256");
  await slowly(page, 4_000_000);
  await first.choose(picture, path);
  await first.press();
  await first.isUnderWay();

  // Another tab takes it over; the first one says so, and keeps still.
  const second = new ImageUpload(await context.newPage());
  await second.open("?chunk_kib=256");
  await slowly(second.page, 4_000_000);
  await second.choose(picture, path);
  await expect(second.said("This file was begun before: Upload goes on with it.")).toBeVisible();
  const asked = second.page.waitForResponse((response) => response.request().method() === "HEAD");
  await second.press();
  const had = Number((await asked).headers()["upload-offset"]);
  expect(had).toBeGreaterThan(0);
  await expect(first.state).toHaveText("Another tab goes on with this file. Resume takes it back.");
  await expect(first.button).toContainText("Resume");

  // That one is reloaded in the middle: the page has forgotten the file, the browser has not forgotten the upload.
  await expect(second.upload.locator(".upload-words")).toHaveText(/\([2-9]\d %\)/);
  await second.page.reload();
  await expect(second.button).toBeVisible();
  await second.choose(picture, path);
  const again = second.page.waitForResponse((response) => response.request().method() === "HEAD");
  await second.press();
  expect(Number((await again).headers()["upload-offset"])).toBeGreaterThan(had);
  await second.agree(picture);

  // The first one finds that nothing is left to send.
  await first.press();
  await first.agree(picture);
  expect((await first.events()).filter((event) => event.kind === "created")).toHaveLength(1);
});

test("a file of 200 MB goes up without ever being in the page's memory", async ({ page }, info) => {
  const length = 200_000_000;
  const path = info.outputPath("large.bin");
  const file = await open(path, "w");
  await file.truncate(length);
  await file.close();
  const lab = new ImageUpload(page);
  await lab.open("?chunk_kib=8192");
  const session = await page.context().newCDPSession(page);
  const used = async () => {
    const heap = (await session.send("Runtime.getHeapUsage")) as Record<string, number>;
    return heap["usedSize"]! + (heap["embedderHeapUsedSize"] ?? 0) + (heap["backingStorageSize"] ?? 0);
  };
  const before = await used();
  const digest = createHash("sha256").update(Buffer.alloc(length)).digest("hex");
  const picture = { name: "large.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(0), sha256: digest };
  await lab.choose(picture, path);
  await lab.press();
  let most = 0;
  await expect
    .poll(
      async () => {
        most = Math.max(most, await used());
        return lab.state.innerText();
      },
      { timeout: 60_000, intervals: [50] },
    )
    .toBe("Stored.");
  await lab.agree(picture);
  most = Math.max(most, await used());
  expect(most - before, "bytes more than before").toBeLessThan(32_000_000);
});

test.describe("with a server of its own", () => {
  test.use({ ownServer: true });

  test("the server is killed mid-upload and comes back: the upload goes on from what was stored", async ({ page, guard, server }) => {
    guard.allowServerGone();
    guard.allowAborts();
    const picture = largeJpeg();
    const lab = new ImageUpload(page);
    await lab.open("?chunk_kib=256");
    await slowly(page);
    await lab.choose(picture);
    await lab.press();
    await lab.isUnderWay();
    await server.kill();
    await expect(lab.state).toHaveText(/The server did not answer\. Try \d is in/);

    const asked = page.waitForResponse((response) => response.request().method() === "HEAD" && response.url().includes("/files/"));
    await server.start();
    const offset = Number((await asked).headers()["upload-offset"]);
    expect(offset, "what was stored survived the kill").toBeGreaterThan(0);
    await lab.agree(picture);
  });
});

test("a line that drops within a request: the upload goes on behind what arrived", async ({ page, guard }) => {
  guard.allowServerGone();
  // Chromium sends a request again by itself whose connection it had used before: from where it no longer goes on.
  guard.allowStatus(409);
  const lab = new ImageUpload(page);
  const breaks = new Breaks(lab);
  await lab.open();
  await breaks.choose("A line that drops 300 kB into a request");
  await lab.press();
  await expect(lab.state).toHaveText("Stored.", { timeout: 30_000 });
  await expect(lab.upload.getByText("yes: the server has exactly these bytes")).toBeVisible();
  await breaks.happens("cut");
  expect((await breaks.happened("cut"))[0]?.bytes).toBe(300_000);
  expect(await lab.command("In one request")).toContain("-H Roundtrip-Faults:cut=300000 ");
});
