// One charger: how it is, what happened to it, what goes wrong.

import type { ComponentChildren } from "preact";

import { useKeys } from "../core/keyboard";
import { useResource } from "../core/resource";
import { go, href, place } from "../core/router";
import type { ChargerDetail } from "../core/types";
import { number } from "../core/format";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { logLink } from "../log/search";
import { StatusText } from "../ui/badges";
import { Card, Facts, RangeControl, Sheet } from "../ui/controls";
import { EVERY_MS, Freshness, useEvery } from "../ui/fresh";
import { Icon } from "../ui/icons";
import { Link } from "../ui/link";
import { ProblemState, Skeleton } from "../ui/states";
import { ErrorCodes } from "./errors";
import { LastErrors } from "./last-errors";
import { LatestSession } from "./latest-session";
import { Online, connectorName } from "./parts";
import { Timeline } from "./timeline";

export function ChargerPage({ id }: { id: string }) {
  const site = place.value.query.get("site");
  const { data, problem, reload } = useResource<ChargerDetail>(`/v1/chargers/${encodeURIComponent(id)}`, { site });
  useKeys({ Escape: () => go("/chargers") });
  useEvery(EVERY_MS, reload);
  return (
    <Sheet
      title={
        <>
          <Link to="/chargers" class="crumb">
            {t().chargers.title}
          </Link>{" "}
          {id}
        </>
      }
      beside={data && <Ways charger={data} />}
    >
      {data ? (
        <>
          <Freshness data={data} problem={problem} retry={reload} />
          <Charger charger={data} />
        </>
      ) : problem ? (
        <ProblemState problem={problem} retry={reload} />
      ) : (
        <Skeleton lines={10} />
      )}
    </Sheet>
  );
}

function Ways({ charger: { charger_id: charger, site_id: site } }: { charger: ChargerDetail }) {
  return (
    <>
      <Link to={href("/sessions", { charger, site, from: "-30d" })} class="button">
        <Icon name="sessions" /> {t().chargers.sessions}
      </Link>
      <Link to={logLink({ charger, site })} class="button primary">
        <Icon name="log" /> {t().fleet.openLog}
      </Link>
    </>
  );
}

function Charger({ charger }: { charger: ChargerDetail }) {
  return (
    <>
      <About charger={charger} />
      <div class="tiles">
        <Connectors charger={charger} />
        <LastErrors charger={charger} />
      </div>
      <div class="controls">
        <RangeControl />
      </div>
      <Timeline charger={charger} />
      <ErrorCodes charger={charger} />
      <LatestSession charger={charger} />
    </>
  );
}

function About({ charger }: { charger: ChargerDetail }) {
  const texts = t().chargers;
  const facts: [string, ComponentChildren][] = [
    [texts.connection, <Online charger={charger} long />],
    [t().field.site, <Link to={href(`/sites/${encodeURIComponent(charger.site_id)}`)}>{charger.site_id}</Link>],
    [texts.lastSeen, charger.last_seen && <Moment iso={charger.last_seen} />],
    [texts.vendor, charger.vendor],
    [texts.model, charger.model],
    [texts.firmware, charger.firmware],
    [texts.serial, charger.serial_number],
    [texts.protocol, charger.subprotocol],
    [texts.profile, charger.profile],
    [texts.peer, charger.peer],
    [texts.gateway, charger.gateway_id],
    [texts.connections, number(charger.connections_24h)],
    [texts.registered, charger.registered === null ? null : charger.registered ? texts.yes : texts.no],
  ];
  return (
    <Card title={texts.about} icon="chargers">
      <Facts facts={facts} />
    </Card>
  );
}

function Connectors({ charger: { connectors } }: { charger: ChargerDetail }) {
  const texts = t().chargers;
  return (
    <Card title={texts.connectors} icon="plug">
      {connectors.length === 0 && <p class="soft">{texts.noStatus}</p>}
      <ul class="lines">
        {connectors.map(({ connector_id, status, error_code, since }) => (
          <li key={connector_id}>
            <strong>{connectorName(connector_id)}</strong>
            <StatusText status={status} />
            {error_code && error_code !== "NoError" && <span class="bad-text">{error_code}</span>}
            <span class="line-end soft">
              <Moment iso={since} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

