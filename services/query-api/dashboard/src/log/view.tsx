// The log: search, histogram, table, the open entry beside it.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { useKeys } from "../core/keyboard";
import { setQuery } from "../core/router";
import type { LogEntry } from "../core/types";
import { EntryPanel } from "../entry/panel";
import { t } from "../i18n";
import { Empty, ProblemState, Skeleton } from "../ui/states";
import { fields, showChosenColumns } from "./columns";
import { Entries } from "./entries";
import { Filters } from "./filters";
import { Histogram } from "./histogram";
import { Live } from "./live";
import { ALL_TIME, clearFilters, following, isFiltered, openEntry, parameters, search, type Search } from "./search";
import { SearchBox } from "./search-box";
import { type Scroller, Table } from "./table";
import { TimeRange } from "./time-range";
import { Toolbar } from "./toolbar";

const REDRAW_MS = 5000;

export default function LogView() {
  const entries = useMemo(() => new Entries(), []);
  const selected = useMemo(() => signal<string | null>(openEntry.value), []);
  const scroller = useRef<Scroller | null>(null);
  const live = useLive(entries, scroller);
  const [turn, setTurn] = useState(0);
  const wanted = search.value;

  useEffect(showChosenColumns, []);
  useEffect(() => {
    scroller.current?.toTop();
    load(entries, wanted);
  }, [wanted, fields.value]);
  useEffect(() => {
    if (openEntry.value) selected.value = openEntry.value;
  }, [openEntry.value]);
  useEffect(() => {
    if (!following.value) return;
    const timer = setInterval(() => live.state.value === "on" && !document.hidden && setTurn((n) => n + 1), REDRAW_MS);
    return () => clearInterval(timer);
  }, [following.value]);
  useMoves(entries, selected, scroller, live);

  const reload = () => {
    setTurn((n) => n + 1);
    load(entries, wanted);
  };
  const open = (entry: LogEntry) => {
    selected.value = entry.id;
    setQuery({ entry: entry.id }, { replace: openEntry.value !== null });
  };
  const close = () => {
    setQuery({ entry: null });
    scroller.current?.focus();
  };
  return (
    <div class={openEntry.value ? "log with-entry" : "log"}>
      <h1 class="off-screen">{t().log.title}</h1>
      <div class="log-main">
        <div class="log-head">
          <div class="log-search">
            <SearchBox />
            <TimeRange />
          </div>
          <Filters />
          <Histogram search={wanted} turn={turn} ready={entries.version.value > 0} />
          <Toolbar entries={entries} live={live} reload={reload} show={() => (scroller.current?.toTop(), live.flush())} />
        </div>
        <Body entries={entries} selected={selected} open={open} scroller={scroller} reload={reload} />
      </div>
      {openEntry.value && <EntryPanel id={openEntry.value} close={close} step={(by) => step(entries, selected, scroller, by)} />}
    </div>
  );
}

const load = (entries: Entries, wanted: Search): void => void entries.load({ ...parameters(wanted), columns: fields.value });

interface BodyProperties {
  entries: Entries;
  selected: Signal<string | null>;
  open: (entry: LogEntry) => void;
  scroller: { current: Scroller | null };
  reload: () => void;
}

function Body({ entries, selected, open, scroller, reload }: BodyProperties) {
  entries.version.value;
  if (entries.rows.length) {
    return <Table entries={entries} selected={selected} open={open} scroller={scroller} />;
  }
  if (entries.problem.value) return <ProblemState problem={entries.problem.value} retry={reload} />;
  if (entries.state.value === "loading") return <Skeleton lines={14} />;
  return <Nothing />;
}

function Nothing() {
  const { from, to } = search.value;
  const bounded = Boolean(from || to);
  const filtered = isFiltered(search.value);
  if (!filtered && !bounded) return <Empty title={t().log.emptyAll} hint={t().log.emptyAllHint} icon="plug" />;
  return (
    <Empty title={t().log.empty} hint={t().log.emptyHint}>
      {bounded && (
        <button type="button" class="button primary" onClick={() => setQuery({ from: ALL_TIME, to: null })}>
          {t().log.searchAllTime}
        </button>
      )}
      {filtered && (
        <button type="button" class="button" onClick={clearFilters}>
          {t().log.clearFilters}
        </button>
      )}
    </Empty>
  );
}

/** Follows the log while the address says so, with the search that is shown. */
function useLive(entries: Entries, scroller: { current: Scroller | null }): Live {
  const live = useMemo(() => new Live((fresh) => entries.prepend(fresh), () => !(scroller.current?.atTop() ?? true)), []);
  const wanted = search.value;
  useEffect(() => {
    if (!following.value) return live.stop();
    const { from: _, to: __, ...query } = parameters(wanted);
    live.start(query, () => load(entries, wanted));
    return () => live.stop();
  }, [following.value, wanted]);
  return live;
}

/** Selects the entry that is `by` rows further down, and opens it where one is open. */
function step(entries: Entries, selected: { value: string | null }, scroller: { current: Scroller | null }, by: number): void {
  const at = entries.indexOf(selected.value);
  const next = at < 0 ? 0 : Math.max(0, Math.min(entries.rows.length - 1, at + by));
  const entry = entries.rows[next];
  if (!entry) return;
  selected.value = entry.id;
  scroller.current?.show(next);
  if (openEntry.value) setQuery({ entry: entry.id }, { replace: true });
}

function useMoves(entries: Entries, selected: { value: string | null }, scroller: { current: Scroller | null }, live: Live): void {
  const by = (count: number) => () => step(entries, selected, scroller, count);
  // Arrows scroll elsewhere; on the table they move as j and k do.
  const within = (move: () => void) => (event: KeyboardEvent) => (event.target as Element).getAttribute("role") === "grid" && move();
  useKeys({
    j: by(1),
    k: by(-1),
    ArrowDown: within(by(1)),
    ArrowUp: within(by(-1)),
    PageDown: within(by(15)),
    PageUp: within(by(-15)),
    Home: within(by(-1e9)),
    End: within(by(1e9)),
    Enter: () => selected.value !== null && openEntry.value === null && setQuery({ entry: selected.value }),
    Escape: () => openEntry.value !== null && (setQuery({ entry: null }), scroller.current?.focus()),
    l: () => setQuery(following.value ? { live: null } : { live: "1", to: null }),
    p: () => live.state.value !== "off" && live.pause(!live.paused.value),
    g: () => {
      scroller.current?.toTop();
      live.flush();
    },
  });
}

