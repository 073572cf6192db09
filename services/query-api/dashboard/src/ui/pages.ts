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
  /** What the items answer. */
  of: string | null;
  items: T[] | null;
  cursor: string | null;
  problem: Problem | null;
  loading: boolean;
}

const NOTHING = { of: null, items: null, cursor: null };

export function usePages<T>(path: string, query: Query): Pages<T> {
  const [state, set] = useState<State<T>>({ ...NOTHING, problem: null, loading: true });
  const [turn, setTurn] = useState(0);
  const [wanted, want] = useState<{ cursor: string } | null>(null);
  const key = JSON.stringify([path, query]);
  const read = (cursor: string | null) => {
    const abort = new AbortController();
    set((before) => ({ ...before, problem: null, loading: true }));
    getJson<Page<T>>(path, { ...query, cursor }, { signal: abort.signal }).then(
      ({ items, next_cursor }) => {
        if (!abort.signal.aborted) set((before) => ({ of: key, items: cursor ? [...(before.items ?? []), ...items] : items, cursor: next_cursor, problem: null, loading: false }));
      },
      (error: unknown) => {
        if (!abort.signal.aborted && !isAbort(error)) set((before) => ({ ...(before.of === key ? before : { ...before, ...NOTHING }), problem: error as Problem, loading: false }));
      },
    );
    return () => abort.abort();
  };
  useEffect(() => {
    want(null);
    return read(null);
  }, [key, turn]);
  useEffect(() => (wanted ? read(wanted.cursor) : undefined), [wanted]);
  const { of, items, cursor, problem, loading } = state;
  const reload = () => (wanted && cursor === wanted.cursor ? want({ cursor }) : setTurn((before) => before + 1));
  // The cursor of another query leads nowhere in this one.
  return { items, problem, loading, more: cursor && of === key ? () => want({ cursor }) : null, reload };
}
