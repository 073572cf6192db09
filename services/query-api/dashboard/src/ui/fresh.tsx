// What is read again and again while somebody looks at it.

import { useEffect, useRef, useState } from "preact/hooks";

import { clock } from "../core/format";
import { t } from "../i18n";
import { Icon } from "./icons";

export const EVERY_MS = 15_000;

/** Calls `act` in this rhythm while somebody looks at the page, and at once when they come back to it. */
export function useEvery(ms: number, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const look = () => {
      if (!document.hidden) latest.current();
    };
    const timer = setInterval(look, ms);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
}

/** When `data` was read, and whether it could not be read again. */
export function Freshness({ data, problem, retry }: { data: unknown; problem: unknown; retry: () => void }) {
  const [at, setAt] = useState(Date.now());
  useEffect(() => setAt(Date.now()), [data]);
  const said = clock(at);
  if (!problem) return <p class="hint soft freshness">{t().fleet.updated(said)}</p>;
  return <Stale since={said} retry={retry} />;
}

/** Beside what could not be read again. */
export function Stale({ since, retry, class: kind = "freshness" }: { since?: string; retry: () => void; class?: string }) {
  return (
    <p class={`hint warn-text ${kind}`} role="alert">
      <Icon name="warning" size={14} /> {t().fleet.stale} {since && t().fleet.updated(since)}{" "}
      <button type="button" class="button" onClick={retry}>
        {t().common.retry}
      </button>
    </p>
  );
}
