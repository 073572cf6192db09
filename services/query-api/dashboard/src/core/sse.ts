// Server-sent events over fetch, so that the token stays in a header (EventSource has none).

import { Problem, isAbort, request } from "./api";
import type { Query } from "./router";

export interface ServerEvent {
  event: string;
  id: string;
  data: string;
}

/** Reads text/event-stream (WHATWG HTML, section 9.2.6) in pieces as they come: `push` returns the events that are complete. */
export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  lastId = "";

  push(text: string): ServerEvent[] {
    const found: ServerEvent[] = [];
    this.#rest += text;
    // A CR at the end may be half of a CRLF: it waits.
    const end = this.#rest.endsWith("\r") ? this.#rest.length - 1 : this.#rest.length;
    const lines = this.#rest.slice(0, end).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? "") + this.#rest.slice(end);
    for (const line of lines) this.#line(line, found);
    return found;
  }

  #line(line: string, found: ServerEvent[]): void {
    if (line === "") {
      if (this.#data.length) found.push({ event: this.#event || "message", id: this.lastId, data: this.#data.join("\n") });
      this.#event = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.lastId = value;
  }
}

export interface Listener {
  event: (event: ServerEvent) => void;
  /** The connection broke, and is tried again after `seconds`. */
  waiting: (problem: Problem | null, seconds: number) => void;
  /** It makes no sense to try again. */
  failed: (problem: Problem) => void;
}

const LONGEST_PAUSE_S = 30;
/** The server says something at least every 15 s: silence for longer means that the connection is dead. */
const SILENCE_MS = 45_000;

/** Follow a stream until `signal` aborts. A broken connection is resumed after its last event, with growing pauses. */
export async function follow(path: string, query: Query, signal: AbortSignal, listener: Listener): Promise<void> {
  let lastId = "";
  for (let tries = 0; !signal.aborted; tries++) {
    let problem: Problem | null = null;
    try {
      lastId = await read(path, query, signal, lastId, listener, () => (tries = 0));
    } catch (error) {
      if (signal.aborted) return;
      problem = error instanceof Problem ? error : null;
      if (problem && problem.status >= 400 && problem.status < 500 && problem.status !== 429) return listener.failed(problem);
    }
    const seconds = Math.min(LONGEST_PAUSE_S, 2 ** Math.min(tries, 5)) * (0.75 + Math.random() / 2);
    if (!signal.aborted) listener.waiting(problem, seconds);
    await pause(seconds * 1000, signal);
  }
}

async function read(path: string, query: Query, signal: AbortSignal, lastId: string, listener: Listener, alive: () => void): Promise<string> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  signal.addEventListener("abort", stop);
  const parser = new EventParser();
  parser.lastId = lastId;
  let timer = setTimeout(stop, SILENCE_MS);
  try {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (lastId) headers["Last-Event-ID"] = lastId;
    const response = await request(path, query, { signal: abort.signal, headers });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return parser.lastId;
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE_MS);
      for (const event of parser.push(value)) {
        alive();
        listener.event(event);
      }
    }
  } catch (error) {
    if (isAbort(error) || error instanceof TypeError) return parser.lastId;
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
