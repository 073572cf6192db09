import assert from "node:assert/strict";
import { test } from "node:test";

import { parse } from "../src/core/json";
import { place, read, step } from "../src/entry/marks";

const TEXT = '{"connectorId": "x", "meterValue": [{"sampledValue": [{"value": 1}]}], "odd name": {"a.b": 1}}';

test("a violation is shown at its place, or at the nearest that is there", () => {
  const violations = [
    "request.connectorId: expected an integer, got 'x'",
    "request.meterValue[0].timestamp: missing",
    "request.meterValue[0].sampledValue[0].value: expected text, got 1",
    "request['odd name'].a.b: too much",
    "request: and 3 more",
    "response.status: missing",
    "log: charger is not in ocpp.chargers",
  ];
  const placed = place(violations, "request", parse(TEXT));
  assert.deepEqual(Object.fromEntries([...placed].map(([path, found]) => [path, found.map(({ reason }) => reason)])), {
    "request.connectorId": ["expected an integer, got 'x'"],
    "request.meterValue[0]": ["missing"],
    "request.meterValue[0].sampledValue[0].value": ["expected text, got 1"],
    "request['odd name'].a.b": ["too much"],
    request: ["and 3 more"],
  });
});

test("steps are written as the enricher writes them", () => {
  assert.deepEqual(["a", "a b", "it's", 'both \' and "', "\n", 3].map(step), [".a", "['a b']", '["it\'s"]', "['both \\' and \"']", "['\\n']", "[3]"]);
  assert.equal(step("é".repeat(50)), `['${"é".repeat(39)}…]`);
});

test("a reason may hold colons", () => {
  assert.deepEqual(read("request.a: expected: b"), { path: "request.a", reason: "expected: b" });
});
