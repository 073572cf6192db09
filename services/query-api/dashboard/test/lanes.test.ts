import assert from "node:assert/strict";
import { test } from "node:test";

import { lanes } from "../src/chargers/lanes";
import type { ChargerDetail, TimelineItem } from "../src/core/types";

const at = (minute: number) => new Date(minute * 60_000).toISOString();
const ms = (minute: number) => minute * 60_000;
const charger = (changes: Partial<ChargerDetail>): ChargerDetail => ({ online: false, since: null, connectors: [], ...changes }) as ChargerDetail;
const item = (minute: number, kind: string, more: object): TimelineItem => ({ at: at(minute), until: null, connector_id: null, kind, ...more }) as unknown as TimelineItem;
const drawn = (found: ReturnType<typeof lanes>, kind: string) => found.filter((lane) => lane.kind === kind).map(({ stretches }) => stretches.map(({ from, to, title }) => [from / 60_000, to / 60_000, title]));

test("connections are from when they begin to when they end, or to now", () => {
  const items = [item(40, "connect", {}), item(20, "disconnect", { duration_s: 600 }), item(10, "connect", { until: at(20) })];
  assert.deepEqual(drawn(lanes(charger({}), items, ms(0), ms(60)), "connection"), [[[10, 20, ""], [40, 60, ""]]]);
});

test("a connection that began before is drawn from the start", () => {
  const ended = [item(20, "disconnect", { duration_s: 7200 })];
  assert.deepEqual(drawn(lanes(charger({}), ended, ms(10), ms(60)), "connection"), [[[10, 20, ""]]]);
  assert.deepEqual(drawn(lanes(charger({ online: true, since: at(1) }), [], ms(10), ms(60)), "connection"), [[[10, 60, ""]]]);
});

test("a state lasts until the next one of its connector", () => {
  const items = [
    item(30, "status", { connector_id: 1, status: "Faulted" }),
    item(20, "status", { connector_id: 2, status: "Available" }),
    item(10, "status", { connector_id: 1, status: "Charging" }),
  ];
  const found = lanes(charger({}), items, ms(0), ms(60));
  assert.deepEqual(drawn(found, "status"), [[[10, 30, "Charging"], [30, 60, "Faulted"]], [[20, 60, "Available"]]]);
  assert.equal(found.find((lane) => lane.connector === 1)?.stretches[1]?.tone, "bad");
});

test("a state of long ago holds still", () => {
  const connectors = [{ connector_id: 1, status: "Available", error_code: null, since: at(1) }];
  assert.deepEqual(drawn(lanes(charger({ connectors }), [], ms(10), ms(60)), "status"), [[[10, 60, "Available"]]]);
});

test("start and stop are one session, cut at the edges", () => {
  const session = { session_id: "s", transaction_id: "7", started_at: at(5), stopped_at: at(30) };
  const items = [item(30, "session", { ...session, event: "stop" }), item(5, "session", { ...session, event: "start" })];
  assert.deepEqual(drawn(lanes(charger({}), items, ms(10), ms(60)), "session"), [[[10, 30, "7"]]]);
});

test("a session without a stop ends where the next one of its connector begins", () => {
  const session = (id: string, start: number, connector_id: number | null, stop: number | null = null) =>
    item(start, "session", { session_id: id, transaction_id: id, connector_id, started_at: at(start), stopped_at: stop && at(stop), event: "start" });
  const items = [session("a", 5, 1), session("b", 10, 2), session("c", 20, 1, 30), session("d", 25, null), session("e", 40, null), session("f", 45, 1)];
  const ended = [...items, item(30, "session", { session_id: "c", transaction_id: "c", connector_id: null, started_at: at(20), stopped_at: at(30), event: "stop" })];
  assert.deepEqual(drawn(lanes(charger({}), ended, ms(0), ms(60)), "session"), [[[5, 20, "a"], [10, 60, "b"], [20, 30, "c"], [25, 40, "d"], [40, 60, "e"], [45, 60, "f"]]]);
});
