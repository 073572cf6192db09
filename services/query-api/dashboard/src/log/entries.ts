// The entries that were found, page after page, and those that come while one follows.

import { signal } from "@preact/signals";

import { getJson, isAbort } from "../core/api";
import type { Query } from "../core/router";
import type { LogEntry, LogPage, Total } from "../core/types";

const FIRST_PAGE = 100;
const PAGE = 500;
/** More than this is not held: whoever scrolls that far wants another search, or an export. */
export const MOST = 200_000;
/** Of those that come by themselves, the newest: a tab may follow for days. Older ones are pages again. */
export const MOST_FOLLOWED = 20_000;
/** So many more are let in before the oldest go, all at once. */
const BEYOND = 2000;

export type State = "loading" | "ready" | "more" | "end";

export class Entries {
  /** Newest first. Changed in place: `version` tells. */
  readonly rows: LogEntry[] = [];
  readonly version = signal(0);
  readonly state = signal<State>("loading");
  readonly problem = signal<unknown>(null);
  readonly total = signal<{ count: number; more: boolean } | null>(null);
  #ids = new Set<string>();
  #query: Query = {};
  /** What the next page is asked for with, beside the search. null: there is none, or the first one is not here. */
  #next: Query | null = null;
  /** What came since the page under way was asked for, which may know nothing of it. null: none is under way. */
  #came: LogEntry[] | null = null;
  #failed = false;
  #abort = new AbortController();

  /** Searches anew: what is still under way for the search before is given up. */
  async load(query: Query): Promise<void> {
    this.#abort.abort();
    this.#abort = new AbortController();
    // What the page that is given up was not asked for, the new one may not know either.
    this.#came = (isSameSearch(query, this.#query) && this.#came) || [];
    this.#query = query;
    this.#next = null;
    this.#failed = false;
    this.state.value = "loading";
    this.problem.value = null;
    this.total.value = null;
    const { signal } = this.#abort;
    await this.#page(FIRST_PAGE, true);
    if (!signal.aborted && !this.problem.value) await this.#count(signal);
  }

  /** The next page, if there is one and none is on its way; the first one, where that failed. */
  async more(): Promise<void> {
    if (this.state.value !== "ready") return;
    if (this.#failed) return this.load(this.#query);
    this.#came = [];
    this.state.value = "more";
    this.problem.value = null;
    await this.#page(PAGE, false);
  }

  /** Entries that came by themselves, in the order in which they were stored. Returns how many are new. */
  prepend(entries: LogEntry[]): number {
    this.#came?.push(...entries);
    const fresh = this.#insert(entries);
    if (!fresh) return 0;
    this.#trim();
    if (this.total.value) this.total.value = { ...this.total.value, count: this.total.value.count + fresh };
    this.version.value++;
    return fresh;
  }

  indexOf(id: string | null): number {
    return id && this.#ids.has(id) ? this.rows.findIndex((row) => row.id === id) : -1;
  }

  async #page(limit: number, first: boolean): Promise<void> {
    const { signal } = this.#abort;
    const next = this.#next;
    try {
      const page = await getJson<LogPage>("/v1/logs", { ...this.#query, ...next, limit: String(limit) }, { signal });
      if (signal.aborted) return;
      if (first) this.#clear();
      // The rows before it may have gone meanwhile: then it is asked for again, from where they end now.
      if (first || next === this.#next) this.#take(page, next);
      else this.state.value = "ready";
      this.#insert(this.#came ?? []);
      this.#came = null;
      // Of a later page somebody reads: nothing goes from under their eyes.
      if (first) this.#trim();
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      if (first) this.#clear();
      this.#failed = first;
      this.#came = null;
      this.problem.value = error;
      this.state.value = "ready";
    }
    this.version.value++;
  }

  #take({ items, next_cursor }: LogPage, asked: Query | null): void {
    for (const row of items) {
      if (this.#ids.has(row.id)) continue;
      this.#ids.add(row.id);
      this.rows.push(row);
    }
    this.#next = next_cursor === null ? null : { ...asked, cursor: next_cursor };
    this.state.value = next_cursor === null || this.rows.length >= MOST ? "end" : "ready";
  }

  /** Each at its place, from the newest row down. Returns how many were not here: one that is older than all rows comes with its page. */
  #insert(entries: LogEntry[]): number {
    const unknown = [...new Map(entries.map((entry) => [entry.id, entry])).values()].filter(({ id }) => !this.#ids.has(id));
    const last = this.#next && this.rows.at(-1);
    const fresh = last ? unknown.filter(({ datetime }) => datetime >= last.datetime) : unknown;
    if (!fresh.length) return unknown.length;
    for (const { id } of fresh) this.#ids.add(id);
    fresh.reverse().sort(newestFirst);
    // An entry is stored when its answer has come: others that began later may be here already, a few rows deep.
    const oldest = fresh.at(-1)!.datetime;
    let deep = 0;
    while (deep < this.rows.length && this.rows[deep]!.datetime > oldest) deep++;
    const head = deep ? [...fresh, ...this.rows.slice(0, deep)].sort(newestFirst) : fresh;
    this.rows.splice(0, deep, ...head);
    return unknown.length;
  }

  /** Lets the oldest go. A cursor would go on behind them: their time leads to them again. */
  #trim(): void {
    if (this.rows.length <= MOST_FOLLOWED + BEYOND) return;
    for (let index = MOST_FOLLOWED; index < this.rows.length; index++) this.#ids.delete(this.rows[index]!.id);
    this.rows.length = MOST_FOLLOWED;
    // The bound is exclusive, and others may be of the same millisecond.
    this.#next = { to: new Date(Date.parse(this.rows.at(-1)!.datetime) + 1).toISOString() };
    if (this.state.value === "end") this.state.value = "ready";
  }

  #clear(): void {
    this.rows.length = 0;
    this.#ids.clear();
    this.#next = null;
  }

  /** After the first page: counting takes longer, and both at once would take the time from each other. */
  async #count(signal: AbortSignal): Promise<void> {
    try {
      const { columns: _, ...query } = this.#query;
      const { total, total_is_lower_bound } = await getJson<Total>("/v1/logs/count", query, { signal });
      // Where counting was too dear, there is still what stands here.
      this.total.value = { count: Math.max(total, this.rows.length), more: total_is_lower_bound };
    } catch {
      // The entries are there without their number; a real problem shows with the page.
    }
  }
}

const newestFirst = (a: LogEntry, b: LogEntry): number => (a.datetime < b.datetime ? 1 : a.datetime > b.datetime ? -1 : 0);

/** Whether the same entries are asked for, of whichever columns. */
function isSameSearch({ columns: _, ...one }: Query, { columns: __, ...other }: Query): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
