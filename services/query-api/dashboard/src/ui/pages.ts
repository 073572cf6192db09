// What is read page after page: the first with the query, the next ones when somebody asks for them.

import { useEffect, useState } from "preact/hooks";

import { type Problem, getJson, isAbort } from "../core/api";
import type { Query } from "../core/router";
import type { Page } from "../core/types";

export interface Pages<T> {
  /** null: the first page is not here yet; of another query they stay until then. */
  items: T[] | null;
  problem: Problem | null;
  loading: boolean;
  /** null: there are no more. */
  more: (() => void) | null;
  reload: () => void;
}

interface State<T> {
  items: T[] | null;
  cursor: string | null;
  problem: Problem | null;
  loading: boolean;
}

export function usePages<T>(path: string, query: Query): Pages<T> {
  const [state, set] = useState<State<T>>({ items: null, cursor: null, problem: null, loading: true });
  const [turn, setTurn] = useState(0);
  const [wanted, want] = useState<string | null>(null);
  const key = JSON.stringify([path, query]);
  const read = (cursor: string | null) => {
    const abort = new AbortController();
    set((before) => ({ ...before, problem: null, loading: true }));
    getJson<Page<T>>(path, { ...query, cursor }, { signal: abort.signal }).then(
      ({ items, next_cursor }) => set((before) => ({ items: cursor ? [...(before.items ?? []), ...items] : items, cursor: next_cursor, problem: null, loading: false })),
      (problem: unknown) => {
        if (!isAbort(problem)) set((before) => ({ ...before, problem: problem as Problem, loading: false }));
      },
    );
    return () => abort.abort();
  };
  useEffect(() => {
    want(null);
    return read(null);
  }, [key, turn]);
  useEffect(() => (wanted ? read(wanted) : undefined), [wanted]);
  const { items, cursor, problem, loading } = state;
  const reload = () => (wanted && cursor === wanted ? void read(wanted) : setTurn((before) => before + 1));
  return { items, problem, loading, more: cursor ? () => want(cursor) : null, reload };
}
