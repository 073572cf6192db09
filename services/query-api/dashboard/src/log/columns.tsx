// The columns of the table: what they are called, how wide they are, what they show.

import { computed } from "@preact/signals";
import type { ComponentChildren } from "preact";

import { ago, clock, day, duration, full, now, number, time } from "../core/format";
import { preferences, prefer } from "../core/preferences";
import { place, setQuery } from "../core/router";
import type { LogEntry } from "../core/types";
import { t } from "../i18n";
import { OutcomeBadge, StatusText, titleOf } from "../ui/badges";
import { Icon } from "../ui/icons";

export interface Column {
  name: string;
  /** A track of a CSS grid. */
  width: string;
  cell: (entry: LogEntry) => ComponentChildren;
  end?: boolean;
  /** What it shows, where that is not in every row. */
  fields?: readonly (keyof LogEntry)[];
}

type Text = { [K in keyof LogEntry]: LogEntry[K] extends string | null ? K : never }[keyof LogEntry];

const text = (name: Text, width: string, column = name as string): Column => ({ name: column, width, cell: (entry) => entry[name] as string | null, fields: [name] });

function readings(name: "power" | "current" | "voltage", prefix: "power" | "current_import" | "voltage"): Column {
  const cell = (entry: LogEntry) => {
    const phases = ([`${prefix}_l1`, `${prefix}_l2`, `${prefix}_l3`] as const).map((key) => entry[key]);
    const all = phases.some((value) => value !== null) ? phases.map((value) => (value === null ? "–" : number(value))) : [entry[prefix]].flatMap((value) => (value === null ? [] : [number(value)]));
    return all.length ? `${all.join(" / ")} ${entry[`${prefix}_unit`] ?? ""}` : null;
  };
  return { name, width: "11rem", cell, end: true, fields: [`${prefix}_l1`, `${prefix}_l2`, `${prefix}_l3`, prefix, `${prefix}_unit`] };
}

/** The usual nine fit beside each other from 1,024 pixels on: who sent it is an arrow there. */
const COLUMNS: readonly Column[] = [
  { name: "datetime", width: "minmax(12rem, 12.5rem)", cell: (entry) => <Moment iso={entry.datetime} /> },
  { name: "action", width: "minmax(11.8rem, 1.6fr)", cell: (entry) => <Action entry={entry} /> },
  text("charger_id", "minmax(8.8rem, 1fr)", "charger"),
  { name: "connector", width: "6.6rem", cell: (entry) => entry.connector_id },
  { name: "status", width: "minmax(9.4rem, .9fr)", cell: (entry) => <StatusText status={entry.status} /> },
  { name: "error_code", width: "minmax(6.5rem, 1.2fr)", cell: (entry) => <ErrorCode entry={entry} /> },
  { name: "source", width: "minmax(2.1rem, 10.5rem)", cell: (entry) => <SourceText source={entry.source} /> },
  text("site_id", "minmax(6.9rem, .9fr)", "site"),
  { name: "latency", width: "5.1rem", cell: (entry) => (entry.latency_ms === null ? "" : duration(entry.latency_ms)), end: true },
  { name: "outcome", width: "10rem", cell: (entry) => <OutcomeBadge outcome={entry.outcome} /> },
  text("vendor_error_code", "9rem"),
  text("info", "minmax(10rem, 1.5fr)"),
  text("vendor_id", "9rem"),
  text("id_tag", "9rem"),
  text("id_tag_info_status", "8rem"),
  text("transaction_id", "9rem"),
  text("reason", "9rem"),
  { name: "meter_stop", width: "8rem", cell: (entry) => (entry.meter_stop === null ? "" : `${number(entry.meter_stop)} Wh`), end: true, fields: ["meter_stop"] },
  { name: "request_timestamp", width: "12.5rem", cell: (entry) => entry.request_timestamp && <Moment iso={entry.request_timestamp} />, fields: ["request_timestamp"] },
  text("message_id", "12rem"),
  text("subprotocol", "7rem"),
  text("response_error_code", "11rem"),
  { name: "violations", width: "minmax(12rem, 2fr)", cell: (entry) => entry.violations.join("; ") },
  readings("power", "power"),
  readings("current", "current_import"),
  readings("voltage", "voltage"),
];

export const COLUMN_NAMES = COLUMNS.map(({ name }) => name);
const USUAL = COLUMN_NAMES.slice(0, 9);

export const columnTitle = (name: string): string => (t().field as unknown as Record<string, string>)[name] ?? name;

/** Those of the address bar; of a bare address those that were chosen last. */
export const columns = computed<readonly Column[]>(() => {
  const query = place.value.query;
  const named = query.get("columns")?.split(",") ?? (query.size === 0 ? preferences.value.columns : null) ?? USUAL;
  const found = [...new Set(named)].flatMap((name) => COLUMNS.find((column) => column.name === name) ?? []);
  return found.length ? found : COLUMNS.slice(0, 9);
});

/** What rows and cards are made of, whichever columns are shown. */
const ALWAYS = "charger_id,site_id,connector_id,action,source,outcome,status,error_code,vendor_error_code,response_error_code,latency_ms,violations".split(",");

/** What is asked for of each entry: of fewer fields, the page comes sooner. */
export const fields = computed(() => [...new Set([...ALWAYS, ...columns.value.flatMap((column) => column.fields ?? [])])].join(","));

export function chooseColumns(names: string[]): void {
  const usual = names.join() === USUAL.join() || names.length === 0;
  prefer({ columns: usual ? null : names });
  setQuery({ columns: usual ? null : names.join(",") }, { replace: true });
}

/** A bare address gets the columns that were chosen last: what is in it is what is shown. */
export function showChosenColumns(): void {
  const chosen = preferences.value.columns;
  if (chosen && place.value.query.size === 0) setQuery({ columns: chosen.join(",") }, { replace: true });
}

/** A moment as chosen, `coarse`: to the second; in full when one points at it, since that is dear and there are many. */
export function Moment({ iso, coarse }: { iso: string; coarse?: boolean }) {
  const relative = preferences.value.times === "relative";
  const inFull = (event: PointerEvent) => ((event.currentTarget as HTMLElement).title = full(iso));
  return (
    <time dateTime={iso} onPointerEnter={inFull}>
      {relative ? (
        ago(iso, Math.max(now.value, new Date(iso).getTime()))
      ) : (
        <>
          <span class="soft">{day(iso)}</span> {coarse ? clock(iso) : time(iso)}
        </>
      )}
    </time>
  );
}

function Action({ entry }: { entry: LogEntry }) {
  const count = entry.violations.length;
  return (
    <>
      <span class={entry.action ? "action" : "action untitled"} title={titleOf(entry)}>
        {titleOf(entry)}
      </span>
      {count > 0 && (
        <span class="violation-mark" title={`${t().log.violations(count)}: ${entry.violations[0]}`}>
          <Icon name="warning" size={13} />
          <span class="off-screen">{t().log.violations(count)}</span>
        </span>
      )}
    </>
  );
}

function ErrorCode({ entry }: { entry: LogEntry }) {
  const code = entry.error_code ?? entry.response_error_code;
  if (!code) return null;
  if (code === "NoError") return <span class="soft">{code}</span>;
  const text = entry.vendor_error_code ? `${code} · ${entry.vendor_error_code}` : code;
  return (
    <span class="bad-text" title={text}>
      {text}
    </span>
  );
}

export function SourceText({ source }: { source: LogEntry["source"] }) {
  return (
    <span class="source" title={t().source[source]}>
      <Icon name={source === "csms" ? "receive" : "send"} size={13} /> <span class="source-name">{t().source[source]}</span>
    </span>
  );
}
