import assert from "node:assert/strict";
import { test } from "node:test";

import { EventParser } from "../src/core/sse";

const STREAM = ': ping\n\nevent: entry\nid: a1\ndata: {"x":\ndata: 1}\n\nid: a2\r\ndata:two\r\n\r\ndata: three\r\rretry: 5\nother\n\n';
const EXPECTED = [
  { event: "entry", id: "a1", data: '{"x":\n1}' },
  { event: "message", id: "a2", data: "two" },
  { event: "message", id: "a2", data: "three" },
];

test("events, however the stream is cut", () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) found.push(...parser.push(STREAM.slice(at, at + size)));
    assert.deepEqual(found, EXPECTED, `pieces of ${size}`);
  }
});

test("an event without data is none, and its name is not kept for the next", () => {
  assert.deepEqual(new EventParser().push("event: entry\n\ndata: x\n\n"), [{ event: "message", id: "", data: "x" }]);
});

test("what is not complete waits", () => {
  const parser = new EventParser();
  assert.deepEqual(parser.push("data: x\n"), []);
  assert.deepEqual(parser.push("\n"), [{ event: "message", id: "", data: "x" }]);
});
