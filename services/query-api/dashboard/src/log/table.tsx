// The table: only the rows in sight are drawn, and the next page is fetched before one gets there.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { duration } from "../core/format";
import type { LogEntry } from "../core/types";
import { t } from "../i18n";
import { OutcomeIcon, StatusText, titleOf, toneOf } from "../ui/badges";
import { Icon } from "../ui/icons";
import { words } from "../ui/states";
import { type Column, Moment, columnTitle, columns } from "./columns";
import { type Entries, MOST } from "./entries";

const ROW = 34;
const CARD = 64;
const BEYOND = 12;
const AHEAD = 250;

const narrow = matchMedia("(max-width: 700px)");
const cards = signal(narrow.matches);
narrow.addEventListener("change", () => (cards.value = narrow.matches));

export interface Scroller {
  /** Whether the newest entry is in sight. */
  atTop: () => boolean;
  toTop: () => void;
  show: (index: number) => void;
  focus: () => void;
}

interface Properties {
  entries: Entries;
  selected: Signal<string | null>;
  open: (entry: LogEntry) => void;
  scroller: { current: Scroller | null };
}

export function Table({ entries, selected, open, scroller }: Properties) {
  const frame = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const sight = useRef(signal({ top: 0, height: 600 })).current;
  const height = cards.value ? CARD : ROW;
  const head = cards.value ? 0 : ROW;
  const chosen = columns.value;
  entries.version.value;
  const { top, height: tall } = sight.value;
  const first = Math.max(0, Math.floor(top / height) - BEYOND);
  const last = Math.min(entries.rows.length, Math.ceil((top + tall) / height) + BEYOND);

  useLayoutEffect(() => {
    const element = frame.current!;
    const look = () => {
      if (element.scrollTop !== sight.value.top || element.clientHeight !== sight.value.height)
        sight.value = { top: element.scrollTop, height: element.clientHeight };
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);

  // The names of the tracks are too many for attributes: they go into a custom property.
  useLayoutEffect(() => {
    const tracks = ["2rem", ...chosen.map(({ width }) => width)].join(" ");
    frame.current!.style.setProperty("--tracks", tracks);
  }, [chosen]);

  useEffect(() => {
    if (last > entries.rows.length - Math.min(AHEAD, entries.rows.length / 2) && entries.state.value === "ready" && !entries.problem.value) void entries.more();
  }, [last, entries.version.value]);

  scroller.current = {
    atTop: () => (frame.current?.scrollTop ?? 0) < height,
    toTop: () => frame.current?.scrollTo({ top: 0 }),
    focus: () => grid.current?.focus({ preventScroll: true }),
    show: (index) => {
      const element = frame.current!;
      const from = index * height;
      if (from < element.scrollTop) element.scrollTop = from;
      else if (from + height + head > element.scrollTop + element.clientHeight) element.scrollTop = from + height + head - element.clientHeight;
    },
  };

  const click = (event: MouseEvent) => {
    const id = (event.target as HTMLElement).closest<HTMLElement>("[data-id]")?.dataset.id;
    const entry = id && entries.rows.find((row) => row.id === id);
    // Whoever selects text does not want to open anything.
    if (entry && !String(getSelection())) open(entry);
  };
  const drawn = entries.rows.slice(first, last);
  const active = drawn.some(({ id }) => id === selected.value) ? `row-${selected.value}` : undefined;
  return (
    <div class={cards.value ? "table cards" : "table"} ref={frame}>
      <div
        class="grid"
        ref={grid}
        role="grid"
        aria-label={t().log.table}
        aria-rowcount={entries.state.value === "end" ? entries.rows.length + 1 : -1}
        aria-activedescendant={active}
        aria-busy={entries.state.value === "loading"}
        tabIndex={0}
        onClick={click}
      >
        <Head shown={chosen} hidden={cards.value} />
        <div class="table-body" role="rowgroup" style={{ height: `${entries.rows.length * height}px` }}>
          <div class="table-window" role="presentation" style={{ transform: `translateY(${first * height}px)` }}>
            {drawn.map((entry, index) => (
              <Row key={entry.id} entry={entry} index={first + index} shown={chosen} card={cards.value} selected={entry.id === selected.value} />
            ))}
          </div>
        </div>
      </div>
      <Foot entries={entries} />
    </div>
  );
}

function Head({ shown, hidden }: { shown: readonly Column[]; hidden: boolean }) {
  return (
    <div class={hidden ? "off-screen" : "table-head"} role="rowgroup">
      <div class="row" role="row" aria-rowindex={1}>
        <span role="columnheader">
          <span class="off-screen">{t().field.outcome}</span>
        </span>
        {shown.map((column) => (
          <span key={column.name} role="columnheader" class={column.end ? "end" : ""}>
            {columnTitle(column.name)}
          </span>
        ))}
      </div>
    </div>
  );
}

interface RowProperties {
  entry: LogEntry;
  index: number;
  shown: readonly Column[];
  card: boolean;
  selected: boolean;
}

function Row({ entry, index, shown, card, selected }: RowProperties) {
  const kind = `row ${card ? "card" : ""} tone-${toneOf(entry.outcome)} ${selected ? "selected" : ""}`;
  return (
    <div class={kind} role="row" id={`row-${entry.id}`} data-id={entry.id} aria-rowindex={index + 2} aria-selected={selected}>
      {card ? <CardCells entry={entry} /> : <Cells entry={entry} shown={shown} />}
    </div>
  );
}

function Cells({ entry, shown }: { entry: LogEntry; shown: readonly Column[] }) {
  return (
    <>
      <span role="gridcell">
        <OutcomeIcon outcome={entry.outcome} />
      </span>
      {shown.map((column) => (
        <span key={column.name} role="gridcell" class={column.end ? "end" : ""}>
          {column.cell(entry)}
        </span>
      ))}
    </>
  );
}

/** What a phone has room for. */
function CardCells({ entry }: { entry: LogEntry }) {
  const error = entry.error_code && entry.error_code !== "NoError" ? entry.error_code : null;
  return (
    <span role="gridcell" class="card-cell">
      <OutcomeIcon outcome={entry.outcome} />
      <span class="card-lines">
        <span class="card-line">
          <strong class={entry.action ? "action" : "action untitled"}>{titleOf(entry)}</strong>
          {entry.violations.length > 0 && (
            <span class="violation-mark">
              <Icon name="warning" size={13} />
              <span class="off-screen">{t().log.violations(entry.violations.length)}</span>
            </span>
          )}
          <Moment iso={entry.datetime} />
        </span>
        <span class="card-line soft">
          <span class="card-charger">
            {entry.charger_id}
            {entry.connector_id !== null && ` · ${entry.connector_id}`}
          </span>
          <StatusText status={entry.status} />
          {error && <span class="bad-text">{error}</span>}
          {entry.latency_ms !== null && <span class="card-end">{duration(entry.latency_ms)}</span>}
        </span>
      </span>
    </span>
  );
}

function Foot({ entries }: { entries: Entries }) {
  const { problem, state } = entries;
  if (problem.value) {
    return (
      <div class="table-foot" role="alert">
        <span class="bad-text">{words(problem.value).title}</span>{" "}
        <button type="button" class="button" onClick={() => void entries.more()}>
          {t().common.retry}
        </button>
      </div>
    );
  }
  return <div class="table-foot soft">{state.value === "end" ? (entries.rows.length < MOST ? t().log.end : "") : t().log.loadingMore}</div>;
}
