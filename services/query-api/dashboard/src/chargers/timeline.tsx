// What happened to a charger: drawn, and listed.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";

import { duration, moment, number } from "../core/format";
import { useResource } from "../core/resource";
import { go, href, place, setQuery } from "../core/router";
import { toMs } from "../core/times";
import type { ChargerDetail, Page, TimelineItem } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { logLink } from "../log/search";
import { StatusText, outcomeText } from "../ui/badges";
import { Card, Switch } from "../ui/controls";
import { Stale } from "../ui/fresh";
import { Icon, type IconName } from "../ui/icons";
import { Link } from "../ui/link";
import { usePages } from "../ui/pages";
import { Listed } from "../ui/rows";
import { useWidth } from "../ui/stacks";
import { ProblemState, Skeleton } from "../ui/states";
import { type Lane, lanes } from "./lanes";
import { connectorName, isBad } from "./parts";

const DRAWN = "1000";
const KINDS = ["connection", "status", "session", "boot", "error"] as const;

export function Timeline({ charger }: { charger: ChargerDetail }) {
  const query = place.value.query;
  const range = query.get("from") ?? "-24h";
  const kind = query.get("kind") ?? "";
  const texts = t().chargers;
  const path = `/v1/chargers/${encodeURIComponent(charger.charger_id)}/timeline`;
  const pages = usePages<TimelineItem>(path, { site: charger.site_id, from: range, kind, limit: "25" });
  const choices = [{ value: "", text: texts.kinds.all }, ...KINDS.map((value) => ({ value, text: texts.kinds[value] }))];
  return (
    <Card
      title={texts.timeline}
      icon="clock"
      beside={<Switch label={texts.timeline} chosen={kind} choices={choices} choose={(value) => setQuery({ kind: value }, { replace: true })} />}
    >
      <Drawn charger={charger} path={path} range={range} />
      <Listed pages={pages} empty={<p class="soft">{texts.nothing}</p>}>
        {(items) => (
          <ol class="happenings" aria-label={texts.happenings}>
            {items.map((item, index) => (
              <Happening key={`${item.at} ${item.kind} ${index}`} item={item} charger={charger.charger_id} />
            ))}
          </ol>
        )}
      </Listed>
    </Card>
  );
}

function Drawn({ charger, path, range }: { charger: ChargerDetail; path: string; range: string }) {
  const { data, problem, reload } = useResource<Page<TimelineItem>>(path, { site: charger.site_id, from: range, kind: ["connection", "status", "session"], limit: DRAWN });
  // What the charger says of itself now is true of a newer timeline only: both are read in one rhythm, and drawn as of then.
  useEffect(reload, [charger]);
  const drawn = useMemo(() => data && pictured(charger, data, range), [data]);
  if (!data || !drawn) return problem ? <ProblemState problem={problem} retry={reload} /> : <Skeleton lines={3} />;
  return (
    <>
      {problem && <Stale retry={reload} class="" />}
      <Lanes {...drawn} />
      {data.next_cursor && <p class="hint soft">{t().chargers.partly}</p>}
    </>
  );
}

function pictured(charger: ChargerDetail, { items, next_cursor }: Page<TimelineItem>, range: string) {
  const to = Date.now();
  const oldest = next_cursor ? new Date(items.at(-1)!.at).getTime() : 0;
  const from = Math.max(toMs(range, to) ?? 0, oldest);
  return { all: lanes(charger, items, from, to), from, to };
}

const laneName = ({ kind, connector }: Lane): string => (kind === "connection" ? t().chargers.kinds.connection : kind === "session" ? t().chargers.kinds.session : connectorName(connector));

function Lanes({ all, from, to }: { all: Lane[]; from: number; to: number }) {
  return (
    <figure class="lanes" aria-label={t().chargers.lanes}>
      {all.map((lane) => (
        <div class="lane" key={`${lane.kind} ${lane.connector}`}>
          <span class="lane-name">{laneName(lane)}</span>
          <Strip lane={lane} from={from} to={to} />
        </div>
      ))}
      <div class="lane" aria-hidden="true">
        <span class="lane-name" />
        <span class="lane-axis soft">
          <span>{moment(from)}</span>
          <span>{moment(to)}</span>
        </span>
      </div>
    </figure>
  );
}

function Strip({ lane, from, to }: { lane: Lane; from: number; to: number }) {
  const { box, width } = useWidth<HTMLDivElement>();
  const scale = width / Math.max(1, to - from);
  const said = (title: string, begin: number, end: number) => [title, `${moment(begin)} – ${moment(end)}`, duration(end - begin)].filter(Boolean).join(", ");
  return (
    <div class="strip" ref={box}>
      <svg width={width} height={18} aria-hidden="true">
        {lane.stretches.map(({ from: begin, to: end, tone, title, session }, index) => (
          <rect
            key={index}
            class={session ? `fill-${tone} opens` : `fill-${tone}`}
            x={(begin - from) * scale}
            y={1}
            width={Math.max(2, (end - begin) * scale - 1)}
            height={16}
            rx={3}
            onClick={session ? () => go(href(`/sessions/${encodeURIComponent(session)}`)) : undefined}
          >
            <title>{said(title, begin, end)}</title>
          </rect>
        ))}
      </svg>
    </div>
  );
}

const ICONS: Record<TimelineItem["kind"], IconName> = {
  connect: "plug",
  disconnect: "cross",
  refuse: "warning",
  status: "chargers",
  session: "sessions",
  boot: "again",
  error: "warning",
};

function Happening({ item, charger }: { item: TimelineItem; charger: string }) {
  return (
    <li class={isBad(item) ? "happening bad" : "happening"}>
      <span class="happening-time">
        <Moment iso={item.at} />
      </span>
      <Icon name={ICONS[item.kind]} size={14} />
      <span class="happening-text">{told(item)}</span>
      <span class="happening-ways">
        {item.kind === "session" && item.session_id && <Link to={href(`/sessions/${encodeURIComponent(item.session_id)}`)}>{t().chargers.session}</Link>}
        {"entry_id" in item && <Link to={logLink({ entry: item.entry_id, charger, site: item.site_id, from: "all" })}>{t().chargers.entry}</Link>}
      </span>
    </li>
  );
}

const soft = (parts: (string | null | undefined | false)[]): ComponentChildren => {
  const text = parts.filter(Boolean).join(" · ");
  return text && <span class="soft"> {text}</span>;
};

/** What happened, in the reader's language; what the charger said stays as it is. */
function told(item: TimelineItem): ComponentChildren {
  const texts = t().chargers;
  switch (item.kind) {
    case "connect":
      return [<strong>{texts.connect}</strong>, soft([item.peer])];
    case "disconnect": {
      const by = item.closed_by && ((texts.closedBy as Record<string, string>)[item.closed_by] ?? item.closed_by);
      return [<strong>{texts.disconnect}</strong>, soft([by, item.duration_s !== null && texts.after(duration(item.duration_s * 1000)), item.close_code?.toString(), item.reason])];
    }
    case "refuse":
      return [<strong>{texts.refuse}</strong>, soft([item.close_code?.toString(), item.reason, item.peer])];
    case "status": {
      const code = item.error_code !== "NoError" && item.error_code;
      return [<strong>{connectorName(item.connector_id)}</strong>, " ", <StatusText status={item.status} />, soft([code, item.vendor_error_code, item.info])];
    }
    case "session": {
      const energy = item.event === "stop" && item.energy_wh !== null && `${number(item.energy_wh / 1000, { maximumFractionDigits: 2 })} kWh`;
      return [<strong>{item.event === "start" ? texts.sessionStart : texts.sessionStop}</strong>, soft([item.transaction_id, item.id_tag, energy, item.reason])];
    }
    case "boot":
      return [<strong>{texts.boot}</strong>, soft([item.vendor, item.model, item.firmware, item.reason])];
    case "error":
      return [<strong>{item.action ?? t().untitled.other}</strong>, " ", <span class="bad-text">{outcomeText(item.outcome)}</span>, soft([item.error_code, item.response_error_code, item.response_error_description])];
  }
}

