// Pieces that the list and the page of a charger share.

import type { Charger, ConnectorState, TimelineItem } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { StatusText } from "../ui/badges";
import { Icon } from "../ui/icons";

/** Online or not; where there is room, since when. */
export function Online({ charger: { online, since }, long }: { charger: Charger; long?: boolean }) {
  const texts = t().chargers;
  return (
    <span class="online">
      <span class={online ? "badge good" : "badge"}>
        <Icon name={online ? "plug" : "cross"} size={13} /> {online ? texts.online : texts.offline}
      </span>
      {long && (
        <span class="soft">
          {since ? (
            <>
              {texts.since} <Moment iso={since} coarse />
            </>
          ) : (
            texts.never
          )}
        </span>
      )}
    </span>
  );
}

export const connectorName = (id: number | null): string => (id === null ? t().chargers.unnamed : id === 0 ? t().chargers.station : t().chargers.connector(id));

export function ConnectorStates({ connectors }: { connectors: ConnectorState[] }) {
  const others = connectors.filter(({ connector_id }) => connector_id !== 0);
  const plugs = others.length ? others : connectors;
  if (!plugs.length) return null;
  return (
    <ul class="plugs">
      {plugs.map(({ connector_id, status }) => (
        <li key={connector_id} title={connectorName(connector_id)}>
          {connector_id !== null && <span class="soft">{connector_id} </span>}
          <StatusText status={status} />
        </li>
      ))}
    </ul>
  );
}

/** Some makers send a code of theirs with NoError. */
export function isBad(item: TimelineItem): boolean {
  if (item.kind === "error" || item.kind === "refuse") return true;
  return item.kind === "status" && (item.status === "Faulted" || Boolean(item.vendor_error_code) || Boolean(item.error_code && item.error_code !== "NoError"));
}

interface Coded {
  error_code: string | null;
  vendor_error_code: string | null;
}

export const errorText = ({ error_code, vendor_error_code }: Coded): string => [error_code, vendor_error_code].filter(Boolean).join(" · ") || t().fleet.notKnown;
