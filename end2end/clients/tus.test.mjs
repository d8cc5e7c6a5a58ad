// npm tus-js-client uploads 50 MiB with a pause, over a connection that breaks, in parallel parts, from a stored URL; and takes
// an upload back.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Upload } from "tus-js-client";
import { FileUrlStorage } from "tus-js-client/node/FileUrlStorage";

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

test("parallel parts that are joined", { timeout }, async () => {
  const file = randomBytes(20 * MIB + 7);
  const requests = [];
  const { current, done } = upload(origin, file, {
    parallelUploads: 3,
    onBeforeRequest: (request) =>
      requests.push([request.getMethod(), request.getHeader("Upload-Concat")]),
  });
  current.start();
  const { url } = await done;
  const { bytes, sha256: digest } = await image(url);
  assert.equal(bytes, file.length);
  assert.equal(digest, sha256(file));
  const concats = requests.filter(([method]) => method === "POST").map(([, concat]) => concat);
  assert.deepEqual(concats.slice(0, 3), ["partial", "partial", "partial"]);
  assert.match(concats[3], /^final;(\S+ ){2}\S+$/);
  const head = await fetch(url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
  assert.equal(head.headers.get("upload-concat"), concats[3]);
  // A part is no image.
  const [part] = concats[3].slice("final;".length).split(" ");
  const about = await fetch(`${origin}/api/images/${new URL(part).pathname.split("/").at(-1)}`);
  assert.equal(about.status, 404);
});

test("parallel parts over a connection that breaks", { timeout }, async (t) => {
  const proxy = await Proxy.to(origin);
  t.after(() => proxy.close());
  const file = randomBytes(20 * MIB);
  let broken = false;
  const { current, done } = upload(proxy.origin, file, {
    parallelUploads: 4,
    onProgress: (sent) => {
      if (!broken && sent > 8 * MIB) {
        broken = true;
        proxy.breakAll();
      }
    },
  });
  current.start();
  assert.equal((await image((await done).url)).sha256, sha256(file));
  assert.ok(broken);
});

test("another process goes on from the stored URL", { timeout }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "tus-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = randomBytes(12 * MIB);
  const remembered = {
    fingerprint: async () => "this file",
    storeFingerprintForResuming: true,
    removeFingerprintOnSuccess: true,
  };
  const urlStorage = () => new FileUrlStorage(join(folder, "urls.json"));
  const stopped = await new Promise((resolve, reject) => {
    const first = new Upload(file, {
      endpoint: `${origin}/files`,
      chunkSize: 4 * MIB,
      urlStorage: urlStorage(),
      ...remembered,
      onError: reject,
      onChunkComplete: (_, stored) => stored === 4 * MIB && first.abort().then(() => resolve(first)),
    });
    first.start();
  });

  const offsets = [];
  const { current, done } = upload(origin, file, { urlStorage: urlStorage(), ...remembered }, (at) =>
    offsets.push(at),
  );
  const [previous] = await current.findPreviousUploads();
  assert.equal(previous.uploadUrl, stopped.url);
  current.resumeFromPreviousUpload(previous);
  current.start();
  const { url } = await done;
  assert.equal(url, stopped.url);
  assert.ok(offsets[0] >= 8 * MIB, `it began again: ${offsets}`);
  assert.equal((await image(url)).sha256, sha256(file));
  assert.deepEqual(await current.findPreviousUploads(), []);
});

test("an upload that is taken back is gone", { timeout }, async () => {
  const { current, done } = upload(origin, randomBytes(MIB), {});
  current.start();
  const { url } = await done;
  await Upload.terminate(url, {});
  const head = await fetch(url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
  assert.equal(head.status, 410);
});
