// The entries that were found, page after page.

import { signal } from "@preact/signals";

import { getJson, isAbort } from "../core/api";
import type { Query } from "../core/router";
import type { LogEntry, LogPage, Total } from "../core/types";

const FIRST_PAGE = 100;
const PAGE = 500;
/** More than this is not held: whoever scrolls that far wants another search, or an export. */
export const MOST = 200_000;

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
  #cursor: string | null = null;
  #abort = new AbortController();

  /** Searches anew: what is still under way for the search before is given up. */
  async load(query: Query): Promise<void> {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#query = query;
    this.#cursor = null;
    this.state.value = "loading";
    this.problem.value = null;
    this.total.value = null;
    const { signal } = this.#abort;
    await this.#page(FIRST_PAGE, true);
    if (!signal.aborted && !this.problem.value) await this.#count(signal);
  }

  /** The next page, if there is one and none is on its way. */
  async more(): Promise<void> {
    if (this.state.value !== "ready") return;
    this.state.value = "more";
    this.problem.value = null;
    await this.#page(PAGE, false);
  }

  /** Entries that came after the newest here, the oldest of them first. Returns how many are new. */
  prepend(entries: LogEntry[]): number {
    const fresh = entries.filter(({ id }) => !this.#ids.has(id));
    for (const { id } of fresh) this.#ids.add(id);
    this.rows.unshift(...fresh.reverse());
    // An entry is stored when its answer has come: another that began later may be here already.
    const late = fresh.length ? this.rows.findIndex((row, index) => index > 0 && row.datetime > this.rows[index - 1]!.datetime) : -1;
    if (late > 0) this.rows.sort((a, b) => (a.datetime < b.datetime ? 1 : a.datetime > b.datetime ? -1 : 0));
    if (this.total.value) this.total.value = { ...this.total.value, count: this.total.value.count + fresh.length };
    if (fresh.length) this.version.value++;
    return fresh.length;
  }

  indexOf(id: string | null): number {
    return id && this.#ids.has(id) ? this.rows.findIndex((row) => row.id === id) : -1;
  }

  async #page(limit: number, first: boolean): Promise<void> {
    const { signal } = this.#abort;
    try {
      const query = { ...this.#query, limit: String(limit), cursor: first ? null : this.#cursor };
      const page = await getJson<LogPage>("/v1/logs", query, { signal });
      if (signal.aborted) return;
      this.#take(page, first);
    } catch (error) {
      if (isAbort(error)) return;
      if (first) this.#clear();
      this.problem.value = error;
      this.state.value = "ready";
    }
    this.version.value++;
  }

  #take(page: LogPage, first: boolean): void {
    if (first) this.#clear();
    for (const row of page.items) {
      if (this.#ids.has(row.id)) continue;
      this.#ids.add(row.id);
      this.rows.push(row);
    }
    this.#cursor = page.next_cursor;
    this.state.value = page.next_cursor === null || this.rows.length >= MOST ? "end" : "ready";
  }

  #clear(): void {
    this.rows.length = 0;
    this.#ids.clear();
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
