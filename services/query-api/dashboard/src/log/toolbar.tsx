// Above the table: how many there are, following, columns, link, export.

import { useState } from "preact/hooks";

import { setQuery, toParameters } from "../core/router";
import { toMs } from "../core/times";
import { t } from "../i18n";
import { copy } from "../ui/copy";
import { Icon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { Picker } from "../ui/picker";
import { words } from "../ui/states";
import { COLUMN_NAMES, chooseColumns, columnTitle, columns } from "./columns";
import type { Entries } from "./entries";
import { ExportDialog } from "./export";
import type { Live } from "./live";
import { following, openEntry, parameters, search } from "./search";

interface Properties {
  entries: Entries;
  live: Live;
  reload: () => void;
  /** Shows the entries that wait. */
  show: () => void;
}

export function Toolbar({ entries, live, reload, show }: Properties) {
  const [exporting, setExporting] = useState(false);
  const total = entries.total.value;
  return (
    <div class="toolbar">
      <p class="total" role="status" aria-live="polite">
        {total ? t().log.entries(total.count, total.more) : entries.problem.value ? "" : t().common.loading}
      </p>
      <LiveState live={live} reload={reload} show={show} />
      <div class="tools">
        <LiveButtons live={live} />
        <Menu label={t().log.columns} icon="columns" align="end" class="tool">
          {() => (
            <div class="columns-panel">
              <Picker all={COLUMN_NAMES} chosen={columns.value.map(({ name }) => name)} title={columnTitle} choose={chooseColumns} />
              <button type="button" class="button" onClick={() => chooseColumns([])}>
                {t().common.reset}
              </button>
            </div>
          )}
        </Menu>
        <button type="button" class="button tool" aria-label={t().log.share} title={t().log.share} onClick={() => void copy(sharedLink(), t().log.shared)}>
          <Icon name="link" />
        </button>
        <button type="button" class="button tool" onClick={() => setExporting(true)}>
          <Icon name="download" /> <span>{t().log.export}</span>
        </button>
      </div>
      {exporting && <ExportDialog close={() => setExporting(false)} />}
    </div>
  );
}

/** A link that shows the same entries tomorrow: relative times become moments, and the columns are named. */
export function sharedLink(now = Date.now()): string {
  const { from, to, ...rest } = search.value;
  const fixed = { ...rest, from: from && asMoment(from, now), to: to ? asMoment(to, now) : new Date(now).toISOString() };
  const query = toParameters({ ...parameters(fixed), columns: columns.value.map(({ name }) => name).join(","), entry: openEntry.value });
  return `${location.origin}/?${query}`;
}

/** What is no moment stays as it is, and says the same tomorrow. */
function asMoment(text: string, now: number): string {
  const ms = toMs(text, now);
  return ms === null ? text : new Date(ms).toISOString();
}

function LiveButtons({ live }: { live: Live }) {
  const on = following.value;
  return (
    <>
      {on && live.state.value !== "failed" && (
        <button type="button" class="button tool" aria-pressed={live.paused.value} onClick={() => live.pause(!live.paused.value)}>
          <Icon name={live.paused.value ? "play" : "pause"} /> <span>{live.paused.value ? t().log.resume : t().log.pause}</span>
        </button>
      )}
      <button
        type="button"
        class={on ? `button tool live ${live.state.value}` : "button tool"}
        aria-pressed={on}
        title={on ? t().log.liveOff : t().keys.live}
        onClick={() => setQuery(on ? { live: null } : { live: "1", to: null })}
      >
        <Icon name="live" /> <span>{t().log.live}</span>
      </button>
    </>
  );
}

function LiveState({ live, reload, show }: { live: Live; reload: () => void; show: () => void }) {
  const state = live.state.value;
  if (state === "off") return null;
  const text = { opening: "", on: live.paused.value ? t().log.livePaused : "", waiting: t().log.liveWaiting, failed: t().log.liveFailed }[state];
  const again = () => {
    live.missed.value = 0;
    reload();
  };
  return (
    <div class="live-state">
      <span class="soft" role="status">
        {text}
        {state === "failed" && live.problem.value && `: ${words(live.problem.value).title}`}
      </span>
      {live.waiting.value > 0 && (
        <button type="button" class="pill" onClick={() => (live.pause(false), show())}>
          <Icon name="up" size={13} /> {t().log.newEntries(live.waiting.value)}
        </button>
      )}
      {live.missed.value > 0 && (
        <button type="button" class="button warn-text" onClick={again}>
          {t().log.missed(live.missed.value)}
        </button>
      )}
    </div>
  );
}
