// The chargers: found by a part of their id, site, connection and state.

import { href, place } from "../core/router";
import type { Charger } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { Sheet, SelectControl, SiteControl, TextControl } from "../ui/controls";
import { Link } from "../ui/link";
import { usePages } from "../ui/pages";
import { Listed, type RowColumn, Rows } from "../ui/rows";
import { Empty } from "../ui/states";
import { ConnectorStates, Online, errorText } from "./parts";

const STATUSES = ["Available", "Preparing", "Charging", "SuspendedEVSE", "SuspendedEV", "Finishing", "Occupied", "Reserved", "Unavailable", "Faulted"];

export const chargerLink = (charger: string, site: string): string => href(`/chargers/${encodeURIComponent(charger)}`, { site });

function columns(): RowColumn<Charger>[] {
  const texts = t().chargers;
  return [
    {
      name: "charger",
      title: t().field.charger,
      whole: true,
      cell: ({ charger_id, site_id }) => (
        <Link to={chargerLink(charger_id, site_id)} class="row-link">
          {charger_id}
        </Link>
      ),
    },
    { name: "site", title: t().field.site, whole: true, cell: ({ site_id }) => site_id },
    { name: "online", title: texts.connection, cell: (charger) => <Online charger={charger} /> },
    { name: "connectors", title: texts.connectors, cell: ({ connectors }) => <ConnectorStates connectors={connectors} /> },
    { name: "model", title: texts.model, cell: ({ vendor, model }) => [vendor, model].filter(Boolean).join(" ") },
    { name: "firmware", title: texts.firmware, whole: true, cell: ({ firmware }) => firmware },
    { name: "error", title: texts.lastError, cell: ({ last_error }) => last_error && <span class="bad-text">{errorText(last_error)}</span> },
    { name: "seen", title: texts.lastSeen, cell: ({ last_seen }) => last_seen && <Moment iso={last_seen} coarse /> },
  ];
}

export function ChargerList() {
  const texts = t().chargers;
  const query = place.value.query;
  const [q, site, online, status] = ["q", "site", "online", "status"].map((name) => query.get(name));
  const pages = usePages<Charger>("/v1/chargers", { q, site, online, status });
  const filtered = Boolean(q || site || online || status);
  return (
    <Sheet title={texts.title}>
      <div class="controls" role="search">
        <TextControl name="q" label={texts.find} focusKey="/" />
        <SiteControl />
        <SelectControl
          name="online"
          label={texts.connection}
          choices={[
            { value: "", text: t().fleet.any },
            { value: "true", text: texts.online },
            { value: "false", text: texts.offline },
          ]}
        />
        <SelectControl
          name="status"
          label={t().fleet.state}
          choices={[{ value: "", text: t().fleet.any }, ...STATUSES.map((value) => ({ value, text: value }))]}
        />
      </div>
      <Listed
        pages={pages}
        empty={
          filtered ? (
            <Empty title={texts.empty} hint={texts.emptyHint}>
              <Link to="/chargers" class="button primary">
                {t().log.clearFilters}
              </Link>
            </Empty>
          ) : (
            <Empty title={texts.none} hint={texts.noneHint} icon="chargers" />
          )
        }
      >
        {(items) => <Rows label={texts.list} items={items} columns={columns()} id={(item) => `${item.site_id} ${item.charger_id}`} />}
      </Listed>
    </Sheet>
  );
}
