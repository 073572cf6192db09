// What of a session's curve is drawn: a chart a quantity, a line a phase. A line without a value is left out.

import type { CurvePoint } from "../core/types";

export type Quantity = "power" | "current" | "voltage" | "energy" | "soc";

export interface Line {
  /** L1 to L3; null: of all phases. */
  phase: string | null;
  values: (number | null)[];
}

export interface Chart {
  quantity: Quantity;
  unit: string;
  lines: Line[];
}

type Name = Exclude<keyof CurvePoint, "at">;

const LINES: Record<Quantity, [phase: string | null, name: Name][]> = {
  power: [[null, "power_w"], ["L1", "power_l1_w"], ["L2", "power_l2_w"], ["L3", "power_l3_w"]],
  current: [[null, "current_a"], ["L1", "current_l1_a"], ["L2", "current_l2_a"], ["L3", "current_l3_a"]],
  voltage: [[null, "voltage_v"], ["L1", "voltage_l1_v"], ["L2", "voltage_l2_v"], ["L3", "voltage_l3_v"]],
  energy: [[null, "energy_wh"]],
  soc: [[null, "soc_percent"]],
};
const UNITS: Record<Quantity, string> = { power: "kW", current: "A", voltage: "V", energy: "kWh", soc: "%" };
const THOUSANDS: readonly Quantity[] = ["power", "energy"];

export function charts(points: readonly CurvePoint[]): Chart[] {
  return (Object.keys(LINES) as Quantity[]).flatMap((quantity) => {
    const scale = THOUSANDS.includes(quantity) ? 1000 : 1;
    const lines = LINES[quantity]
      .map(([phase, name]) => ({ phase, values: values(points, name, quantity === "energy").map((value) => (value === null ? null : value / scale)) }))
      .filter(({ values }) => values.some((value) => value !== null));
    return lines.length ? [{ quantity, unit: UNITS[quantity], lines }] : [];
  });
}

/** Of a register: how much more it reads than at first; nobody looks for the age of a meter here. */
function values(points: readonly CurvePoint[], name: Name, isRegister: boolean): (number | null)[] {
  const found = points.map((point) => point[name] ?? null);
  const first = isRegister ? (found.find((value) => value !== null) ?? 0) : 0;
  return found.map((value) => (value === null ? null : value - first));
}

/** Least and most of a chart. */
export function bounds({ lines }: Chart): [number, number] {
  const all = lines.flatMap(({ values }) => values.filter((value) => value !== null));
  return [Math.min(...all), Math.max(...all)];
}
