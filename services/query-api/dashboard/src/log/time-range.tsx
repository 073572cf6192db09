// The time range: quick ones, and one of one's own.

import { useState } from "preact/hooks";

import { moment } from "../core/format";
import { preferences } from "../core/preferences";
import { toMs } from "../core/times";
import { t } from "../i18n";
import { Menu } from "../ui/menu";
import { type Search, search, setRange } from "./search";

const QUICK = ["-15m", "-1h", "-6h", "-24h", "-7d", "-30d", ""] as const;

export function rangeText({ from, to }: Pick<Search, "from" | "to">): string {
  const texts = t().time;
  // What is no moment stands as it is: the API says so.
  const show = (text: string) => (text.startsWith("-") ? text : (momentOf(text) ?? text));
  if (!to) {
    const quick = (texts as unknown as Record<string, string>)[from || "all"];
    return quick ?? (from.startsWith("-") ? texts.relative(from) : texts.since(show(from)));
  }
  return from ? texts.between(show(from), show(to)) : texts.until(show(to));
}

function momentOf(text: string): string | null {
  const ms = toMs(text);
  return ms === null ? null : moment(ms);
}

export function TimeRange() {
  const { from, to } = search.value;
  return (
    <Menu label={rangeText({ from, to })} name={`${t().time.label}: ${rangeText({ from, to })}`} icon="calendar" align="end" class="time-range">
      {(close) => (
        <div class="range-panel">
          <ul class="menu-list">
            {QUICK.map((quick) => (
              <li key={quick}>
                <button
                  type="button"
                  class="option"
                  aria-pressed={!to && from === quick}
                  onClick={() => {
                    setRange(quick);
                    close();
                  }}
                >
                  {t().time[quick || "all"]}
                </button>
              </li>
            ))}
          </ul>
          <Own close={close} />
        </div>
      )}
    </Menu>
  );
}

function Own({ close }: { close: () => void }) {
  const { from, to } = search.value;
  const [begin, setBegin] = useState(forInput(from));
  const [end, setEnd] = useState(forInput(to));
  const wrong = Boolean(begin && end && begin >= end);
  const submit = (event: Event) => {
    event.preventDefault();
    if (wrong || (!begin && !end)) return;
    setRange(begin && fromInput(begin), end && fromInput(end));
    close();
  };
  return (
    <form class="range-own" onSubmit={submit}>
      <h3>{t().time.custom}</h3>
      <label>
        {t().time.from}
        <input type="datetime-local" step="1" value={begin} onInput={(event) => setBegin(event.currentTarget.value)} />
      </label>
      <label>
        {t().time.to}
        <input type="datetime-local" step="1" value={end} onInput={(event) => setEnd(event.currentTarget.value)} />
      </label>
      <p class={wrong ? "hint bad-text" : "hint soft"} role={wrong ? "alert" : undefined}>
        {wrong ? t().time.order : zoneHint()}
      </p>
      <button type="submit" class="button primary" disabled={wrong || (!begin && !end)}>
        {t().common.apply}
      </button>
    </form>
  );
}

/** In which zone one's own times are meant. */
export const zoneHint = (): string => t().time.zone(preferences.value.zone === "utc" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone);

/** For <input type=datetime-local>, in the zone that was chosen; "" for what is no moment. */
export function forInput(text: string): string {
  const ms = toMs(text);
  if (ms === null) return "";
  const shift = preferences.value.zone === "utc" ? 0 : new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - shift).toISOString().slice(0, 19);
}

export const fromInput = (text: string): string => new Date(preferences.value.zone === "utc" ? `${text}Z` : text).toISOString();
