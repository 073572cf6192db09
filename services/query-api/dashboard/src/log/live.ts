// Following the log: new entries as they come.

import { signal } from "@preact/signals";

import type { Problem } from "../core/api";
import type { Query } from "../core/router";
import { follow } from "../core/sse";
import type { LogEntry } from "../core/types";

export type LiveState = "off" | "opening" | "on" | "waiting" | "failed";

/** More than this is not kept for somebody who looks elsewhere. */
const MOST_WAITING = 5000;

export class Live {
  readonly state = signal<LiveState>("off");
  readonly paused = signal(false);
  readonly problem = signal<Problem | null>(null);
  /** How many entries wait to be shown. */
  readonly waiting = signal(0);
  /** How many came too fast. */
  readonly missed = signal(0);
  #held: LogEntry[] = [];
  #abort: AbortController | null = null;
  #frame = 0;
  /** null: it was called. */
  #begun: (() => void) | null = null;

  /** `show` gets new entries, oldest first; `reading` says that somebody reads further down, so that nothing may move. */
  constructor(
    readonly show: (entries: LogEntry[]) => void,
    readonly reading: () => boolean,
  ) {}

  /** `begun` is called once the server follows: what was stored until then is best read anew, the rest comes. */
  start(query: Query, begun: () => void): void {
    this.stop();
    this.state.value = "opening";
    this.#begun = begun;
    this.#abort = new AbortController();
    void follow("/v1/logs/tail", query, this.#abort.signal, {
      event: ({ event, data }) => this.#event(event, data),
      waiting: () => (this.state.value = "waiting"),
      failed: (problem) => {
        this.problem.value = problem;
        this.state.value = "failed";
      },
    });
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.state.value = "off";
    this.paused.value = false;
    this.problem.value = null;
    this.missed.value = 0;
    this.#held = [];
    this.waiting.value = 0;
  }

  pause(paused: boolean): void {
    this.paused.value = paused;
    if (!paused) this.flush();
  }

  /** Shows what waits. */
  flush(): void {
    const entries = this.#held;
    this.#held = [];
    this.waiting.value = 0;
    if (entries.length) this.show(entries);
  }

  #follows(): void {
    this.state.value = "on";
    this.#begun?.();
    this.#begun = null;
  }

  #event(event: string, data: string): void {
    if (event === "live") this.#follows();
    if (event === "waiting") this.state.value = "waiting";
    if (event === "missed") this.missed.value += (JSON.parse(data) as { missed: number }).missed;
    if (event !== "entry") return;
    this.#held.push(JSON.parse(data) as LogEntry);
    if (this.#held.length > MOST_WAITING) {
      this.#held.shift();
      this.missed.value++;
    }
    // Many may come at once: they are drawn together.
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.paused.value || this.reading()) this.waiting.value = this.#held.length;
      else this.flush();
    });
  }
}
