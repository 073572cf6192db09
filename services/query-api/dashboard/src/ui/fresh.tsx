// What is read again and again while somebody looks at it.

import { useEffect, useState } from "preact/hooks";

import { clock } from "../core/format";
import { t } from "../i18n";
import { Icon } from "./icons";

export const EVERY_MS = 15_000;

/** Calls `act` in this rhythm while somebody looks at the page, and at once when they come back to it. */
export function useEvery(ms: number, act: () => void): void {
  useEffect(() => {
    const look = () => {
      if (!document.hidden) act();
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
  return (
    <p class="hint warn-text freshness" role="alert">
      <Icon name="warning" size={14} /> {t().fleet.stale} {t().fleet.updated(said)}{" "}
      <button type="button" class="button" onClick={retry}>
        {t().common.retry}
      </button>
    </p>
  );
}
