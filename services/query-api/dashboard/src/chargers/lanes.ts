// What happened to a charger, as stretches of time: its connection, the states of its connectors, its sessions.

import type { ChargerDetail, TimelineItem } from "../core/types";
import type { Tone } from "../ui/badges";

export interface Stretch {
  from: number;
  to: number;
  tone: Tone | "accent";
  title: string;
  session?: string | null;
}

export interface Lane {
  kind: "connection" | "status" | "session";
  connector: number | null;
  stretches: Stretch[];
}

const TONES: Record<string, Tone> = { Available: "soft", Faulted: "bad", Unavailable: "warn", Charging: "good" };
const ms = (iso: string) => new Date(iso).getTime();

/** `items`: of the time from `from` to `to`, in any order, without kinds boot and error. What was before the first of a kind is known only from `charger`. */
export function lanes(charger: ChargerDetail, items: readonly TimelineItem[], from: number, to: number): Lane[] {
  const sorted = [...items].sort((a, b) => ms(a.at) - ms(b.at));
  const found = [connection(charger, sorted, from, to), ...states(charger, sorted, from, to), ...sessions(sorted, to)];
  for (const lane of found) lane.stretches = lane.stretches.map((one) => ({ ...one, from: Math.max(one.from, from), to: Math.min(one.to, to) })).filter((one) => one.to > one.from);
  return found;
}

function connection({ online, since }: ChargerDetail, items: TimelineItem[], from: number, to: number): Lane {
  const stretches: Stretch[] = [];
  const add = (begin: number, end: number) => stretches.push({ from: begin, to: end, tone: "good", title: "" });
  for (const item of items) {
    if (item.kind === "connect") add(ms(item.at), item.until ? ms(item.until) : to);
    // Its begin is before the time that is looked at.
    if (item.kind === "disconnect" && item.duration_s !== null && ms(item.at) - item.duration_s * 1000 < from) add(from, ms(item.at));
  }
  if (online && since && ms(since) <= from) add(from, to);
  return { kind: "connection", connector: null, stretches };
}

function states({ connectors }: ChargerDetail, items: TimelineItem[], from: number, to: number): Lane[] {
  const told = new Map<number | null, { at: number; status: string }[]>();
  for (const { connector_id, status, since } of connectors) told.set(connector_id, ms(since) <= from ? [{ at: from, status }] : []);
  for (const item of items) {
    if (item.kind !== "status" || !item.status) continue;
    const listed = told.get(item.connector_id) ?? [];
    told.set(item.connector_id, [...listed, { at: ms(item.at), status: item.status }]);
  }
  const ids = [...told.keys()].sort((a, b) => (a ?? -1) - (b ?? -1));
  return ids.map((connector) => {
    const listed = told.get(connector)!;
    const stretches = listed.map(({ at, status }, index) => ({ from: at, to: listed[index + 1]?.at ?? to, tone: TONES[status] ?? "accent", title: status }) satisfies Stretch);
    return { kind: "status", connector, stretches };
  });
}

function sessions(items: TimelineItem[], to: number): Lane[] {
  const byId = new Map<string, Stretch & { connector: number | null; open: boolean }>();
  for (const item of items) {
    if (item.kind !== "session" || !item.started_at) continue;
    const id = item.session_id ?? item.entry_id;
    // A stop of OCPP 1.6 does not say where it was.
    const connector = item.connector_id ?? byId.get(id)?.connector ?? null;
    const title = item.transaction_id ?? "";
    const end = item.stopped_at ?? item.until;
    byId.set(id, { from: ms(item.started_at), to: end ? ms(end) : to, tone: "good", title, session: item.session_id, connector, open: !end });
  }
  // One whose stop was lost is over once the next one begins there, as for the API's `is_open`.
  const found = [...byId.values()];
  const next = ({ from, connector }: { from: number; connector: number | null }) =>
    Math.min(to, ...found.filter((other) => other.connector === connector && other.from > from).map((other) => other.from));
  const all = found.map(({ open, ...one }) => (open ? { ...one, to: next(one) } : one));
  return all.length ? [{ kind: "session", connector: null, stretches: all }] : [];
}
