// The address bar is the state of the views: what is in it is what is shown.

import { signal } from "@preact/signals";

export interface Place {
  path: string;
  query: URLSearchParams;
}

const read = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });

export const place = signal<Place>(read());

addEventListener("popstate", () => (place.value = read()));

export type Query = Record<string, string | readonly string[] | null | undefined>;

/** A path with a query, empty values left out: what links point to. */
export function href(path: string, query: Query | URLSearchParams = {}): string {
  const text = (query instanceof URLSearchParams ? query : toParameters(query)).toString();
  return text ? `${path}?${readable(text)}` : path;
}

export function toParameters(query: Query): URLSearchParams {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one) found.append(name, one as string);
  }
  return found;
}

/** Commas and colons need no escape in a query, and people read addresses. */
const readable = (query: string) => query.replace(/%2C/g, ",").replace(/%3A/g, ":");

export function go(to: string, { replace = false } = {}): void {
  if (to === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  place.value = read();
}

/** Change some names of the query and leave the others: null takes one out. */
export function setQuery(changes: Query, options: { replace?: boolean } = {}): void {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) if (one) query.append(name, one as string);
  }
  go(href(place.value.path, query), options);
}

/** For the click of a link: follows it here, unless it is to open elsewhere. */
export function follow(event: MouseEvent): void {
  const link = (event.currentTarget as HTMLElement).closest("a");
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
