// A request or a response: readable or byte for byte, with a button to copy it.

import { useMemo, useState } from "preact/hooks";

import { parse } from "../core/json";
import { t } from "../i18n";
import { CopyButton } from "../ui/copy";
import { place } from "./marks";
import { type Explain, Tree } from "./tree";

interface Properties {
  title: string;
  side: "request" | "response";
  text: string | null;
  violations: string[];
  explain: Explain | null;
}

export function Payload({ title, side, text, violations, explain }: Properties) {
  const [raw, setRaw] = useState(false);
  const root = useMemo(() => (text ? parse(text) : null), [text]);
  const marks = useMemo(() => place(violations, side, root), [violations, side, root]);
  return (
    <section class="payload" aria-label={title}>
      <header class="payload-head">
        <h3>{title}</h3>
        {text && (
          <>
            {root && (
              <span class="switch" role="group" aria-label={title}>
                <button type="button" aria-pressed={!raw} onClick={() => setRaw(false)}>
                  {t().entry.readable}
                </button>
                <button type="button" aria-pressed={raw} title={t().entry.rawHint} onClick={() => setRaw(true)}>
                  {t().entry.raw}
                </button>
              </span>
            )}
            <CopyButton text={text} label={side === "request" ? t().entry.copyRequest : t().entry.copyResponse} />
          </>
        )}
      </header>
      {!text && <p class="soft">{t().entry.noResponse}</p>}
      {text && root && !raw && <Tree root={root} side={side} marks={marks} explain={explain} />}
      {text && (!root || raw) && (
        <>
          <pre class="raw" tabIndex={0} aria-label={title}>
            {text}
          </pre>
          <p class="hint soft">{t().entry.rawHint}</p>
        </>
      )}
    </section>
  );
}
