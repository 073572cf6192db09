// Numbers, times and durations, by locale and as chosen.

import { signal } from "@preact/signals";

import { locale, preferences } from "./preferences";

/** The moment, for relative times: moves on every few seconds while somebody looks at them. */
export const now = signal(Date.now());
setInterval(() => {
  if (preferences.value.times === "relative" && !document.hidden) now.value = Date.now();
}, 5000);

const cache = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>();

function cached<T extends Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>(key: string, make: () => T): T {
  const whole = `${locale.value} ${key}`;
  let found = cache.get(whole);
  if (!found) cache.set(whole, (found = make()));
  return found as T;
}

const zone = () => (preferences.value.zone === "utc" ? "UTC" : undefined);

/** A format of dates in the zone that was chosen. */
export function dates(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const timeZone = zone();
  return cached(`${name} ${timeZone}`, () => new Intl.DateTimeFormat(locale.value, { hourCycle: "h23", ...options, timeZone }));
}

const TIME: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const DAY: Intl.DateTimeFormatOptions = { day: "2-digit", month: "short" };

/** By UTC, which is cheap: a row is drawn with each of these. */
export const isOfAnotherYear = (iso: string | number): boolean => new Date(iso).getUTCFullYear() !== new Date().getUTCFullYear();

/** 25 Nov; with the year where it is another one. */
export function day(iso: string | number): string {
  const date = new Date(iso);
  if (isOfAnotherYear(iso)) return dates("day of year", { ...DAY, year: "numeric" }).format(date);
  return dates("day", DAY).format(date);
}

/** 03:43:47.123 */
export const time = (iso: string | number): string => dates("ms", { ...TIME, fractionalSecondDigits: 3 }).format(new Date(iso));

/** 03:43:47 */
export const clock = (iso: string | number): string => dates("s", TIME).format(new Date(iso));

/** 25 Nov 2026, 03:43:47.123 UTC: in full, with its zone. */
export function full(iso: string | number): string {
  return dates("full", { ...DAY, ...TIME, year: "numeric", fractionalSecondDigits: 3, timeZoneName: "short" }).format(new Date(iso));
}

const MOMENT: Intl.DateTimeFormatOptions = { ...DAY, hour: "2-digit", minute: "2-digit" };

/** 25 Nov, 03:43: to the minute; with the year where it is another one. */
export function moment(iso: string | number): string {
  const format = isOfAnotherYear(iso) ? dates("moment of year", { ...MOMENT, year: "numeric" }) : dates("moment", MOMENT);
  return format.format(new Date(iso));
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** 3 min. ago */
export function ago(iso: string | number, from = now.value): string {
  const seconds = (new Date(iso).getTime() - from) / 1000;
  const [unit, size] = UNITS.find(([, least]) => Math.abs(seconds) >= least) ?? (["second", 1] as const);
  return cached("ago", () => new Intl.RelativeTimeFormat(locale.value, { style: "short", numeric: "always" })).format(Math.trunc(seconds / size), unit);
}

export function number(value: number, options: Intl.NumberFormatOptions = {}): string {
  return cached(JSON.stringify(options), () => new Intl.NumberFormat(locale.value, options)).format(value);
}

/** 12.3k: where there is little room. */
export const compact = (value: number): string => number(value, { notation: "compact", maximumFractionDigits: 1 });

/** 230 ms, 4.2 secs, 1.6 mins, 12 mins */
export function duration(ms: number): string {
  const unit = (value: number, name: string, maximumFractionDigits: number) =>
    number(value, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits });
  if (ms < 1000) return unit(ms, "millisecond", 0);
  if (ms < 60_000) return unit(ms / 1000, "second", 1);
  if (ms < 3_600_000) return unit(ms / 60_000, "minute", ms < 600_000 ? 1 : 0);
  return ms < 86_400_000 * 2 ? unit(ms / 3_600_000, "hour", 1) : unit(ms / 86_400_000, "day", 1);
}
