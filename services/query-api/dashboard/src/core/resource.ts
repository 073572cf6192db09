// What a component reads from the API: loading, an answer, or a problem with "try again".

import { useEffect, useState } from "preact/hooks";

import { type Problem, getJson, isAbort } from "./api";
import type { Query } from "./router";

export interface Resource<T> {
  /** The last answer; while a new one loads it stays, so that nothing jumps. */
  data: T | null;
  problem: Problem | null;
  loading: boolean;
  reload: () => void;
}

/** GET `path` (null: nothing) whenever path or query change, or `reload()` is called; an answer that comes too late is dropped. */
export function useResource<T>(path: string | null, query: Query = {}, { keep = true } = {}): Resource<T> {
  const [state, set] = useState<{ data: T | null; problem: Problem | null; loading: boolean }>({ data: null, problem: null, loading: true });
  const [turn, setTurn] = useState(0);
  const key = path && JSON.stringify([path, query]);
  useEffect(() => {
    if (!path) return set({ data: null, problem: null, loading: false });
    const abort = new AbortController();
    set((before) => ({ data: keep ? before.data : null, problem: null, loading: true }));
    getJson<T>(path, query, { signal: abort.signal }).then(
      (data) => set({ data, problem: null, loading: false }),
      (problem: unknown) => {
        if (!isAbort(problem)) set((before) => ({ data: before.data, problem: problem as Problem, loading: false }));
      },
    );
    return () => abort.abort();
  }, [key, turn]);
  return { ...state, reload: () => setTurn((before) => before + 1) };
}
