// The sessions: found by time, site, charger, tag and transaction.

import { connectorName } from "../chargers/parts";
import { href, place } from "../core/router";
import type { Session } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { RangeControl, SelectControl, Sheet, SiteControl, TextControl } from "../ui/controls";
import { Link } from "../ui/link";
import { usePages } from "../ui/pages";
import { Listed, type RowColumn, Rows } from "../ui/rows";
import { Empty } from "../ui/states";
import { SessionState, energy, lasted, power } from "./parts";

export const sessionLink = (id: string): string => href(`/sessions/${encodeURIComponent(id)}`);

function columns(): RowColumn<Session>[] {
  const texts = t().sessions;
  return [
    {
      name: "started",
      title: texts.started,
      cell: ({ id, started_at, first_seen_at }) => (
        <Link to={sessionLink(id)} class="row-link">
          <Moment iso={started_at ?? first_seen_at} coarse />
        </Link>
      ),
    },
    {
      name: "charger",
      title: t().field.charger,
      whole: true,
      cell: ({ charger_id, connector_id }) => (
        <>
          {charger_id}
          {connector_id !== null && <span class="soft" title={connectorName(connector_id)}>{` · ${connector_id}`}</span>}
        </>
      ),
    },
    { name: "site", title: t().field.site, whole: true, cell: ({ site_id }) => site_id },
    { name: "state", title: texts.state, cell: (session) => <SessionState session={session} /> },
    { name: "duration", title: texts.duration, end: true, cell: lasted },
    { name: "energy", title: texts.energy, end: true, cell: ({ energy_wh }) => energy(energy_wh, true) },
    { name: "power", title: texts.maxPower, end: true, cell: ({ max_power_w }) => power(max_power_w, true) },
    { name: "tag", title: t().field.id_tag, cell: ({ id_tag }) => id_tag },
    { name: "reason", title: t().field.reason, cell: ({ reason }) => reason },
  ];
}

const FILTERS = ["site", "charger", "open", "id_tag", "transaction_id"] as const;

export function SessionList() {
  const texts = t().sessions;
  const query = place.value.query;
  const chosen = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]));
  const pages = usePages<Session>("/v1/sessions", { ...chosen, from: query.get("from") ?? "-24h" });
  return (
    <Sheet title={texts.title}>
      <div class="controls" role="search">
        <TextControl name="charger" label={t().field.charger} focusKey="/" />
        <SiteControl />
        <SelectControl
          name="open"
          label={texts.state}
          choices={[
            { value: "", text: texts.all },
            { value: "true", text: texts.open },
            { value: "false", text: texts.ended },
          ]}
        />
        <RangeControl />
        <TextControl name="id_tag" label={t().field.id_tag} />
        <TextControl name="transaction_id" label={t().field.transaction_id} />
      </div>
      <Listed
        pages={pages}
        empty={
          <Empty title={texts.empty} hint={texts.emptyHint} icon="sessions">
            <Link to="/sessions?from=-30d" class="button primary">
              {t().time["-30d"]}
            </Link>
          </Empty>
        }
      >
        {(items) => <Rows label={texts.list} items={items} columns={columns()} id={({ id }) => id} />}
      </Listed>
    </Sheet>
  );
}
