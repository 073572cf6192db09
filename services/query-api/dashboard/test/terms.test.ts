import assert from "node:assert/strict";
import { test } from "node:test";

import { quoted, split } from "../src/log/terms";

const short = (q: string) => split(q).map(({ not, field, text }) => `${not ? "-" : ""}${field ? `${field}:` : ""}${text}`);

test("words, phrases, what must not be, filters", () => {
  assert.deepEqual(short('lab faulted "door open" -noise -"two words"'), ["lab", "faulted", "door open", "-noise", "-two words"]);
  assert.deepEqual(short('status:Faulted -action:Heartbeat charger:"CP 1"'), ["status:Faulted", "-action:Heartbeat", "charger:CP 1"]);
});

test("a phrase ends before a blank, and what nothing closes is a word", () => {
  assert.deepEqual(short('"emergency stop", faulted'), ["emergency stop", "faulted"]);
  assert.deepEqual(short('"a":"b" x'), ['a":"b', "x"]);
  assert.deepEqual(short('"connectorId":1 faulted'), ['"connectorId":1', "faulted"]);
  assert.deepEqual(short('"open'), ['"open']);
  assert.deepEqual(short('"connectorId":1 "door open" x'), ['"connectorId":1', "door open", "x"]);
  assert.deepEqual(short('"connectorId":1 status:"Two Words" -"c d"'), ['"connectorId":1', "status:Two Words", "-c d"]);
  assert.deepEqual(short('"status": "Faulted", x'), ['status": "Faulted', "x"]);
  assert.deepEqual(short('charger:"CP 1'), ['charger:"CP', "1"]);
  assert.ok(split('charger:"CP 1').every(({ field }) => field === null));
});

test("an unknown name before a colon is an ordinary term", () => {
  assert.deepEqual(short("ws://x 12:30 foo:bar"), ["ws://x", "12:30", "foo:bar"]);
  assert.ok(split("ws://x 12:30").every(({ field }) => field === null));
});

test("terms are kept as they were written", () => {
  const q = 'a "b c" -d status:"X Y"';
  assert.equal(split(q).map(({ raw }) => raw).join(" "), q);
});

test("a text that would mean something else is quoted", () => {
  assert.equal(quoted("plain"), "plain");
  for (const text of ["two words", "-minus", "status:Faulted"]) {
    const [term, ...more] = split(quoted(text));
    assert.deepEqual([term?.text, term?.not, term?.field, more.length], [text, false, null, 0]);
  }
});
