import assert from "node:assert/strict";
import { test } from "node:test";

import { duration } from "../src/core/format";
import { energy, power } from "../src/sessions/parts";

test("some minutes have a digit more: 1 min would be anything up to 90 seconds", () => {
  assert.deepEqual([230, 4_230, 60_000, 95_000, 725_000].map(duration), ["230 ms", "4.2 secs", "1 min", "1.6 mins", "12 mins"]);
});

test("figures below each other have as many digits as others", () => {
  assert.deepEqual([300, 1_240].map((wh) => energy(wh, true)), ["0.30 kWh", "1.24 kWh"]);
  assert.deepEqual([19_000, 13_440, 0].map((w) => power(w, true)), ["19.0 kW", "13.4 kW", "0 W"]);
  assert.deepEqual([energy(300), power(19_000), energy(null)], ["0.3 kWh", "19 kW", ""]);
});
