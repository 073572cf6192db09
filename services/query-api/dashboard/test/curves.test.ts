import assert from "node:assert/strict";
import { test } from "node:test";

import type { CurvePoint } from "../src/core/types";
import { bounds, charts } from "../src/sessions/curves";

const points = (...found: Partial<CurvePoint>[]) => found.map((point, index) => ({ at: new Date(index * 1000).toISOString(), ...point }) as CurvePoint);

test("a line a phase, and none for what is not known", () => {
  const found = charts(points({ power_l1_w: 1000, power_l3_w: null }, { power_l1_w: null }));
  assert.deepEqual(found, [{ quantity: "power", unit: "kW", lines: [{ phase: "L1", values: [1, null] }] }]);
});

test("energy is what came on top of the first reading", () => {
  const [energy] = charts(points({ energy_wh: null }, { energy_wh: 5000 }, { energy_wh: 7500 }));
  assert.deepEqual(energy?.lines[0]?.values, [null, 0, 2.5]);
  assert.deepEqual(bounds(energy!), [0, 2.5]);
});

test("no points, no charts", () => assert.deepEqual(charts([]), []));
