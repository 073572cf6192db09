// What is searched for: read from the address bar, and written there.

import { computed } from "@preact/signals";

import { preferences } from "../core/preferences";
import { type Query, href, place, setQuery } from "../core/router";
import { FILTERS, type FilterName, quoted, split } from "./terms";

export const USUAL_FROM = "-24h";
/** Stands in the address bar for "no bounds", since nothing there means the usual range. */
export const ALL_TIME = "all";

export interface Search {
  q: string;
  filters: Partial<Record<FilterName, string[]>>;
  violations: boolean;
  /** -24h, an ISO time, or "" */
  from: string;
  to: string;
}

export function readSearch(query: URLSearchParams): Search {
  const filters: Search["filters"] = {};
  for (const name of FILTERS) {
    const values = query.getAll(name).filter(Boolean);
    if (values.length) filters[name] = [...new Set(values)];
  }
  const from = query.get("from") ?? (query.has("to") ? "" : USUAL_FROM);
  return {
    q: query.get("q") ?? "",
    filters,
    violations: query.get("violations") === "true",
    from: from === ALL_TIME ? "" : from,
    to: query.get("to") ?? "",
  };
}

/** The parameters that the API is asked with. */
export function parameters({ q, filters, violations, from, to }: Search): Query {
  return { q, ...filters, violations: violations ? "true" : null, from, to };
}

// Through text, so that an address that changes in something else does not search again.
const key = computed(() => JSON.stringify(readSearch(place.value.query)));
export const search = computed(() => JSON.parse(key.value) as Search);
export const openEntry = computed(() => place.value.query.get("entry"));
export const following = computed(() => place.value.query.get("live") === "1");

export const isFiltered = ({ q, filters, violations }: Search): boolean => Boolean(q) || violations || Object.keys(filters).length > 0;

export function setFilter(name: FilterName, values: string[]): void {
  setQuery({ [name]: values, entry: null });
}

export function addFilter(name: FilterName, value: string): void {
  setFilter(name, [...new Set([...(search.value.filters[name] ?? []), value])]);
}

export function removeFilter(name: FilterName, value: string): void {
  setFilter(name, (search.value.filters[name] ?? []).filter((one) => one !== value));
}

export function clearFilters(): void {
  setQuery({ q: null, violations: null, entry: null, ...Object.fromEntries(FILTERS.map((name) => [name, null])) });
}

export function setRange(from: string, to = ""): void {
  const usual = from === USUAL_FROM && !to;
  setQuery({ from: usual ? null : from || (to ? null : ALL_TIME), to, entry: null, live: to ? null : following.value ? "1" : null });
}

/** What was typed: terms stay terms, `field:value` becomes a filter. */
export function addTerms(text: string): void {
  const terms = split(text);
  const changes: Query = {};
  for (const { field, not, text: value } of terms) {
    if (!field || not) continue;
    const before = (changes[field] as string[] | undefined) ?? search.value.filters[field] ?? [];
    changes[field] = [...new Set([...before, value])];
  }
  const words = terms.filter(({ field, not }) => !field || not).map(({ raw }) => raw);
  const known = split(search.value.q).map(({ raw }) => raw);
  setQuery({ ...changes, q: [...new Set([...known, ...words])].join(" "), entry: null });
}

export function removeTerm(raw: string): void {
  setQuery({ q: split(search.value.q).map((term) => term.raw).filter((one) => one !== raw).join(" "), entry: null });
}

/** A link to the log, for other views: `logLink({ charger: "CP-1" })`, with the columns that were chosen. */
export function logLink(filters: Partial<Record<FilterName | "from" | "to" | "entry", string>>, text = ""): string {
  return href("/", { q: text && quoted(text), ...filters, columns: preferences.value.columns?.join(",") });
}
