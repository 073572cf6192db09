// One entry, beside the table or instead of it. Payloads are shown as text, never as HTML.

import { useEffect, useRef, useState } from "preact/hooks";

import { duration, full } from "../core/format";
import { useKeys } from "../core/keyboard";
import { preferences, prefer } from "../core/preferences";
import { useResource } from "../core/resource";
import { href, place } from "../core/router";
import type { LogEntry, LogEntryDetail } from "../core/types";
import { language } from "../core/preferences";
import { t } from "../i18n";
import { logLink } from "../log/search";
import { OutcomeBadge, OutcomeIcon, StatusText, titleOf } from "../ui/badges";
import { CopyButton } from "../ui/copy";
import { Icon } from "../ui/icons";
import { Link } from "../ui/link";
import { ProblemState, Skeleton } from "../ui/states";
import { Facts } from "./facts";
import { type Known, explainer, loadDescriptions } from "./explain";
import { read } from "./marks";
import { Payload } from "./payload";

interface Properties {
  id: string;
  close: () => void;
  /** To the entry `by` rows further down in the table. */
  step: (by: number) => void;
}

export function EntryPanel({ id, close, step }: Properties) {
  const { data: entry, problem, reload } = useResource<LogEntryDetail>(`/v1/logs/${encodeURIComponent(id)}`);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  useKeys({ e: () => prefer({ explain: !preferences.value.explain }) });
  return (
    <aside class="entry" aria-labelledby="entry-title" aria-busy={entry?.id !== id}>
      <header class="entry-head">
        <h2 id="entry-title" tabIndex={-1} ref={heading}>
          {entry ? titleOf(entry) : t().entry.title}
        </h2>
        <button type="button" class="button quiet" aria-label={t().entry.previous} title={t().entry.previous} onClick={() => step(-1)}>
          <Icon name="up" />
        </button>
        <button type="button" class="button quiet" aria-label={t().entry.next} title={t().entry.next} onClick={() => step(1)}>
          <Icon name="down" />
        </button>
        <CopyButton text={location.origin + logLink({ entry: id, from: "all" })} label={t().entry.copyLink} icon="link" />
        <button type="button" class="button quiet" aria-label={t().common.close} title={`${t().common.close} (Esc)`} onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <div class="entry-body" tabIndex={0} role="group" aria-labelledby="entry-title">
        {problem ? <ProblemState problem={problem} retry={reload} /> : entry ? <Entry entry={entry} /> : <Skeleton lines={10} />}
      </div>
    </aside>
  );
}

function Entry({ entry }: { entry: LogEntryDetail }) {
  const explain = useExplanations(entry);
  const texts = t().entry;
  const request = entry.action ? texts.request : entry.outcome === "gap" ? texts.gapRecord : texts.frame;
  return (
    <>
      <p class="entry-line">
        <OutcomeBadge outcome={entry.outcome} />
        <span class="soft">{t().outcomeHelp[entry.outcome]}</span>
      </p>
      <Violations violations={entry.violations} />
      <Facts entry={entry} />
      {entry.action && (
        <label class="option explain-switch">
          <input type="checkbox" checked={preferences.value.explain} onChange={() => prefer({ explain: !preferences.value.explain })} />
          <span>{texts.explain}</span>
          <kbd aria-hidden="true">e</kbd>
        </label>
      )}
      <Payload title={request} side="request" text={entry.request} violations={entry.violations} explain={explain && ((name) => explain("request", name))} />
      {(entry.action || entry.response) && (
        <Payload title={texts.response} side="response" text={entry.response} violations={entry.violations} explain={explain && ((name) => explain(entry.outcome === "error" ? "error" : "response", name))} />
      )}
      {entry.neighbours && <Neighbours entry={entry} neighbours={entry.neighbours} />}
    </>
  );
}

/** The descriptions in the reader's language, while they are wanted. */
function useExplanations({ action, subprotocol }: LogEntryDetail) {
  const [known, setKnown] = useState<Known | null>(null);
  const wanted = preferences.value.explain;
  const current = language.value;
  useEffect(() => {
    let gone = false;
    if (wanted) void loadDescriptions(current, subprotocol).then((loaded) => gone || setKnown(loaded));
    return () => {
      gone = true;
    };
  }, [wanted, current, subprotocol]);
  return wanted && known ? explainer(known, action) : null;
}

function Violations({ violations }: { violations: string[] }) {
  if (!violations.length) return null;
  const show = (path: string) => {
    for (let found = path; found; found = found.slice(0, Math.max(found.lastIndexOf("."), found.lastIndexOf("["), 0))) {
      const line = document.querySelector(`[data-path="${CSS.escape(found)}"]`);
      if (!line) continue;
      line.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
      line.classList.add("flash");
      setTimeout(() => line.classList.remove("flash"), 1500);
      return;
    }
  };
  return (
    <section class="violations" aria-label={t().entry.violations(violations.length)}>
      <h3>
        <Icon name="warning" size={14} /> {t().entry.violations(violations.length)}
      </h3>
      <ul>
        {violations.map((violation, index) => {
          const { path, reason } = read(violation);
          const inside = /^(request|response)[.[]/.test(path);
          return (
            <li key={index}>
              {inside ? (
                <button type="button" class="path" title={t().entry.show} onClick={() => show(path)}>
                  {path}
                </button>
              ) : (
                <span class="path">{path}</span>
              )}{" "}
              {reason}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Neighbours({ entry, neighbours }: { entry: LogEntryDetail; neighbours: { before: LogEntry[]; after: LogEntry[] } }) {
  const listed = [...[...neighbours.after].reverse(), entry, ...neighbours.before];
  return (
    <section class="neighbours" aria-label={t().entry.neighbours}>
      <h3>{t().entry.neighbours}</h3>
      {listed.length === 1 && <p class="soft">{t().entry.noNeighbours}</p>}
      <ol>
        {listed.map((one) => (
          <li key={one.id}>
            <Neighbour entry={one} here={entry} />
          </li>
        ))}
      </ol>
      <p class="ways">
        <Link to={href(`/chargers/${encodeURIComponent(entry.charger_id)}`, { site: entry.site_id })} class="button">
          <Icon name="chargers" /> {t().sessions.charger}
        </Link>
        <Link to={logLink({ charger: entry.charger_id, site: entry.site_id, from: "all" })} class="button">
          {t().entry.allOfCharger}
        </Link>
      </p>
    </section>
  );
}

function Neighbour({ entry, here }: { entry: LogEntry; here: LogEntry }) {
  const apart = new Date(entry.datetime).getTime() - new Date(here.datetime).getTime();
  const content = (
    <>
      <span class="apart soft" title={full(entry.datetime)}>
        {entry.id === here.id ? t().entry.now : `${apart < 0 ? "−" : "+"}${duration(Math.abs(apart))}`}
      </span>
      <OutcomeIcon outcome={entry.outcome} />
      <span class="neighbour-title">{titleOf(entry)}</span>
      <span class="neighbour-status">
        {entry.connector_id !== null && <span class="soft">{entry.connector_id} </span>}
        <StatusText status={entry.status} />
      </span>
    </>
  );
  if (entry.id === here.id) {
    return (
      <span class="neighbour here" aria-current="true">
        {content}
      </span>
    );
  }
  const query = new URLSearchParams(place.value.query);
  query.set("entry", entry.id);
  return (
    <Link to={href("/", query)} class="neighbour">
      {content}
    </Link>
  );
}
