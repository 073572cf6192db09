// What the columns say of an entry; a click on a value searches for it.

import type { ComponentChildren } from "preact";

import { duration, full, number } from "../core/format";
import type { LogEntryDetail } from "../core/types";
import { t } from "../i18n";
import { StatusText } from "../ui/badges";
import { Icon } from "../ui/icons";
import { SourceText, columnTitle } from "../log/columns";
import { addFilter } from "../log/search";
import type { FilterName } from "../log/terms";

type Fact = [name: string, shown: ComponentChildren, filter?: { name: FilterName; value: string }];

function fact(name: FilterName, value: string | number | null, shown: ComponentChildren = value): Fact | null {
  return value === null || value === "" ? null : [name, shown, { name, value: String(value) }];
}

const plain = (name: string, shown: ComponentChildren | null): Fact | null => (shown === null || shown === "" ? null : [name, shown]);
const time = (iso: string | null) => iso && <time dateTime={iso}>{full(iso)}</time>;

function first(entry: LogEntryDetail): (Fact | null)[] {
  return [
    plain("datetime", time(entry.datetime)),
    fact("charger", entry.charger_id),
    fact("connector", entry.connector_id),
    fact("site", entry.site_id),
    fact("source", entry.source, <SourceText source={entry.source} />),
    plain("latency", entry.latency_ms === null ? null : duration(entry.latency_ms)),
    fact("status", entry.status, <StatusText status={entry.status} />),
    fact("error_code", entry.error_code),
    fact("vendor_error_code", entry.vendor_error_code),
    plain("info", entry.info),
    plain("vendor_id", entry.vendor_id),
    fact("id_tag", entry.id_tag),
    plain("id_tag_info_status", entry.id_tag_info_status),
    fact("transaction_id", entry.transaction_id),
    plain("reason", entry.reason),
    plain("meter_stop", entry.meter_stop === null ? null : `${number(entry.meter_stop)} Wh`),
    plain("power", reading(entry, "power")),
    plain("current", reading(entry, "current_import")),
    plain("voltage", reading(entry, "voltage")),
    plain("response_error_code", entry.response_error_code),
    plain("response_error_description", entry.response_error_description),
  ];
}

function further(entry: LogEntryDetail): (Fact | null)[] {
  return [
    plain("request_timestamp", time(entry.request_timestamp)),
    fact("subprotocol", entry.subprotocol),
    fact("message_id", entry.message_id),
    plain("connection_id", entry.connection_id),
    plain("sequence", number(entry.sequence)),
    plain("gateway_id", entry.gateway_id),
    plain("kafka", `${entry.kafka_partition} / ${entry.kafka_offset}`),
    plain("stored_at", time(entry.stored_at)),
    plain("id", entry.id),
  ];
}

function reading(entry: LogEntryDetail, prefix: "power" | "current_import" | "voltage"): string | null {
  const parts = (["l1", "l2", "l3"] as const).flatMap((phase) => {
    const value = entry[`${prefix}_${phase}`];
    return value === null ? [] : [`${phase.toUpperCase()} ${number(value)}`];
  });
  const whole = entry[prefix];
  if (whole !== null) parts.push(number(whole));
  return parts.length ? `${parts.join(", ")} ${entry[`${prefix}_unit`] ?? ""}`.trim() : null;
}

export function Facts({ entry }: { entry: LogEntryDetail }) {
  return (
    <>
      <List facts={first(entry)} />
      <details class="further">
        <summary>{t().entry.technical}</summary>
        <List facts={further(entry)} />
      </details>
    </>
  );
}

/** Longer than this, a value gets twice the room. */
const LONG = 22;

function List({ facts }: { facts: (Fact | null)[] }) {
  return (
    <dl class="facts">
      {facts.map((one) => {
        if (!one) return null;
        const [name, shown, filter] = one;
        return (
          <div key={name} class={typeof shown === "string" && shown.length > LONG ? "long" : undefined}>
            <dt>{columnTitle(name)}</dt>
            <dd>{filter ? <Filtering name={name} filter={filter} shown={shown} /> : shown}</dd>
          </div>
        );
      })}
    </dl>
  );
}

function Filtering({ name, filter, shown }: { name: string; filter: { name: FilterName; value: string }; shown: ComponentChildren }) {
  return (
    <button
      type="button"
      class="fact-filter"
      title={t().entry.filterBy(columnTitle(name), filter.value)}
      onClick={() => addFilter(filter.name, filter.value)}
    >
      {shown} <Icon name="filter" size={12} />
    </button>
  );
}
