// npm tus-js-client uploads 50 MiB with a pause, over a connection that breaks, and takes an upload back.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { Upload } from "tus-js-client";

import { Proxy } from "./proxy.mjs";

const origin = process.env.ROUNDTRIP_URL;
const MIB = 1024 * 1024;
/** How long a test may take in all, in milliseconds. */
const timeout = 120_000;

/** Starts an upload; `onStored` hears how far it is, `done` resolves with the upload when it is finished. */
function upload(endpoint, file, options, onStored = () => {}) {
  let current;
  const done = new Promise((resolve, reject) => {
    current = new Upload(file, {
      endpoint: `${endpoint}/files`,
      chunkSize: 4 * MIB,
      retryDelays: [0, 100, 500, 1000],
      metadata: { filename: "noise – ü.bin", filetype: "application/octet-stream" },
      onError: reject,
      onSuccess: () => resolve(current),
      onChunkComplete: (_, stored) => onStored(stored, current),
      ...options,
    });
  });
  return { current, done };
}

/** What the server says of the upload with this URL. */
async function image(url) {
  const id = new URL(url).pathname.split("/").at(-1);
  const about = await fetch(`${origin}/api/images/${id}`);
  assert.equal(about.status, 200);
  return about.json();
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

test("50 MiB with a pause", { timeout }, async () => {
  const file = randomBytes(50 * MIB);
  let paused = false;
  let resumedAt;
  const { current, done } = upload(origin, file, {}, async (stored, current) => {
    if (!paused && stored >= 20 * MIB) {
      paused = true;
      await current.abort();
      const head = await fetch(current.url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
      resumedAt = Number(head.headers.get("upload-offset"));
      current.start();
    }
  });
  current.start();
  const finished = await done;
  assert.ok(resumedAt >= 20 * MIB && resumedAt < 50 * MIB, `resumed at ${resumedAt}`);
  const { bytes, sha256: digest } = await image(finished.url);
  assert.equal(bytes, file.length);
  assert.equal(digest, sha256(file));
});

test("over a connection that breaks in the middle of pieces", { timeout }, async (t) => {
  const proxy = await Proxy.to(origin);
  t.after(() => proxy.close());
  const file = randomBytes(20 * MIB);
  let breaks = 0;
  const { current, done } = upload(proxy.origin, file, {
    onProgress: (sent) => {
      if (sent >= (breaks + 1) * 6 * MIB && breaks < 3) {
        breaks += 1;
        proxy.breakAll();
      }
    },
  });
  current.start();
  const finished = await done;
  assert.equal(breaks, 3);
  assert.equal((await image(finished.url)).sha256, sha256(file));
});

test("the first piece with the creation, the length at the end", { timeout }, async () => {
  const file = randomBytes(5 * MIB);
  const stream = new Blob([file]).stream();
  const { current, done } = upload(origin, stream, {
    chunkSize: MIB,
    uploadLengthDeferred: true,
    uploadDataDuringCreation: true,
  });
  current.start();
  assert.equal((await image((await done).url)).sha256, sha256(file));
});

test("an upload that is taken back is gone", { timeout }, async () => {
  const { current, done } = upload(origin, randomBytes(MIB), {});
  current.start();
  const { url } = await done;
  await Upload.terminate(url, {});
  const head = await fetch(url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
  assert.equal(head.status, 410);
});
