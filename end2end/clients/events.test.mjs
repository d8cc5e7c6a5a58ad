// npm eventsource follows a topic over a connection that breaks.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";

import { EventSource } from "eventsource";

import { Proxy } from "./proxy.mjs";

const origin = process.env.ROUNDTRIP_URL;
/** How long the test may take in all, in milliseconds. */
const timeout = 60_000;

async function publish(topic, payload) {
  const answer = await fetch(`${origin}/api/topics/${topic}/messages`, {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: payload,
  });
  assert.equal(answer.status, 201);
  return (await answer.json()).id;
}

test("every message comes once and in order, also those of the time in between", { timeout }, async (t) => {
  const topic = `events-${randomUUID()}`;
  const proxy = await Proxy.to(origin);
  t.after(() => proxy.close());
  const source = new EventSource(`${proxy.origin}/api/topics/${topic}/events`);
  t.after(() => source.close());

  const seen = [];
  const waiting = new Map();
  source.addEventListener("message", (event) => {
    seen.push([event.lastEventId, event.data]);
    waiting.get(event.data)?.();
  });
  source.addEventListener("gap", () => assert.fail("nothing was lost"));
  const heard = (payload) => new Promise((resolve) => waiting.set(payload, resolve));
  const published = [];
  const say = async (payload) => published.push([await publish(topic, payload), payload]);

  await once(source, "open");
  let last = heard("two\nlines");
  await say("one");
  await say("two\nlines");
  await last;

  const broken = once(source, "error");
  proxy.breakAll();
  await broken;
  // Nobody listens now.
  await say("three");
  await say("");
  last = heard("five");
  await once(source, "open");
  await say("five");
  await last;
  assert.deepEqual(seen, published);
});

test("what the history has lost is said", { timeout }, async (t) => {
  const topic = `events-${randomUUID()}`;
  const settings = await fetch(`${origin}/api/topics/${topic}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ history: { count: 1 } }),
  });
  assert.equal(settings.status, 200);
  const first = await publish(topic, "1");
  for (const payload of ["2", "3", "4"]) {
    await publish(topic, payload);
  }
  const source = new EventSource(`${origin}/api/topics/${topic}/events?after=${first}`);
  t.after(() => source.close());
  // Both come in one piece.
  const [[gap], [message]] = await Promise.all([once(source, "gap"), once(source, "message")]);
  const { after, missed, reason } = JSON.parse(gap.data).gap;
  assert.deepEqual({ after, missed, reason }, { after: first, missed: 2, reason: "evicted" });
  assert.equal(message.data, "4");
});
