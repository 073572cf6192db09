import assert from "node:assert/strict";
import { test } from "node:test";

import { type Node, parse, visible } from "../src/core/json";

/** Written as it was read, without blanks. */
function write(node: Node): string {
  if (node.kind === "object") return `{${node.children.map(({ name, node: child }) => `${JSON.stringify(name)}:${write(child)}`).join()}}`;
  if (node.kind === "array") return `[${node.children.map(({ node: child }) => write(child)).join()}]`;
  return node.raw;
}

test("numbers keep their digits, and texts their escapes", () => {
  for (const text of ["12345678901234567890", "1.10", "-0", "1e400", '"\\u00e9\\/"', "true", "null", '{"a":[1,{"b":""}],"a":2,"":[]}']) {
    assert.equal(write(parse(text)!), text);
  }
  assert.equal(write(parse(' { "a" : [ 1 , 2 ] } ')!), '{"a":[1,2]}');
});

test("what JSON.parse takes is taken, and nothing else", () => {
  const texts = ["", "{", "[1,]", "01", "1.", "+1", "'a'", '"\t"', '{"a"}', '{"a":1,}', "nul", "[1] 2", '"\\x"', "{}", "[]", '""', "1E+5", '[[],{"x":{}}]'];
  for (const text of texts) {
    let valid = true;
    try {
      JSON.parse(text);
    } catch {
      valid = false;
    }
    assert.equal(parse(text) !== null, valid, text);
  }
});

test("a text of a megabyte and deep nesting break nothing", () => {
  assert.equal(parse(`"${"a\\n".repeat(400_000)}"`)?.kind, "string");
  assert.equal(parse("[".repeat(100_000)), null);
  assert.equal(parse("[".repeat(400) + "]".repeat(400))?.kind, "array");
});

test("what cannot be seen, or turns the direction of reading, is shown as an escape", () => {
  assert.equal(visible("a\u202eb\u200bc\u0000"), "a\\u202eb\\u200bc\\u0000");
  assert.equal(visible("é 😀 مرحبا 漢字\n\t"), "é 😀 مرحبا 漢字\n\t");
  assert.equal(visible("\ud83d"), "\\ud83d");
});
