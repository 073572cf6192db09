// What a component reads from the API: loading, an answer, or a problem with "try again".

import { useEffect, useRef, useState } from "preact/hooks";

import { type Problem, getJson, isAbort } from "./api";
import type { Query } from "./router";

export interface Resource<T> {
  /** The last answer; while a new one loads it stays, so that nothing jumps. Beside a problem: of the same question, and older. */
  data: T | null;
  problem: Problem | null;
  loading: boolean;
  /** Asks again, unless the same question is under way: what takes long would never be answered. */
  reload: () => void;
}

interface State<T> {
  /** What `data` answers. */
  of: string | null;
  data: T | null;
  problem: Problem | null;
  loading: boolean;
}

/** GET `path` (null: nothing) whenever path or query change, or `reload()` is called; an answer that comes too late is dropped. */
export function useResource<T>(path: string | null, query: Query = {}, { keep = true } = {}): Resource<T> {
  const [{ data, problem, loading }, set] = useState<State<T>>({ of: null, data: null, problem: null, loading: true });
  const [turn, setTurn] = useState(0);
  const busy = useRef(false);
  const key = path && JSON.stringify([path, query]);
  useEffect(() => {
    if (!path) return set({ of: null, data: null, problem: null, loading: false });
    const abort = new AbortController();
    busy.current = true;
    // That a refresh failed holds until one succeeds.
    set((before) => ({ of: before.of, data: keep ? before.data : null, problem: keep && before.of === key ? before.problem : null, loading: true }));
    getJson<T>(path, query, { signal: abort.signal }).then(
      (found) => {
        if (abort.signal.aborted) return;
        busy.current = false;
        set({ of: key, data: found, problem: null, loading: false });
      },
      (error: unknown) => {
        if (abort.signal.aborted || isAbort(error)) return;
        busy.current = false;
        set((before) => (before.of === key ? { ...before, problem: error as Problem, loading: false } : { of: null, data: null, problem: error as Problem, loading: false }));
      },
    );
    return () => {
      busy.current = false;
      abort.abort();
    };
  }, [key, turn]);
  const reload = () => {
    if (!busy.current) setTurn((before) => before + 1);
  };
  return { data, problem, loading, reload };
}
