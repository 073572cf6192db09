// One session: its figures, and its curve.

import { chargerLink } from "../chargers/list";
import { useKeys } from "../core/keyboard";
import { useResource } from "../core/resource";
import { go, href } from "../core/router";
import type { SessionDetail } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { logLink } from "../log/search";
import { Card, Facts, Sheet } from "../ui/controls";
import { EVERY_MS, Freshness, useEvery } from "../ui/fresh";
import { Icon } from "../ui/icons";
import { Link } from "../ui/link";
import { ProblemState, Skeleton } from "../ui/states";
import { CurveCard } from "./curve";
import { SessionState, energy, lasted, power } from "./parts";

export function SessionPage({ id }: { id: string }) {
  const { data, problem, reload } = useResource<SessionDetail>(`/v1/sessions/${encodeURIComponent(id)}`);
  useKeys({ Escape: () => go("/sessions") });
  const open = data?.is_open ?? false;
  useEvery(EVERY_MS, () => open && reload());
  return (
    <Sheet
      title={
        <>
          <Link to="/sessions" class="crumb">
            {t().sessions.title}
          </Link>{" "}
          {data?.transaction_id ?? (data ? t().sessions.unnamed : "…")}
        </>
      }
      beside={data && <Ways session={data} />}
    >
      {data ? (
        <>
          {(open || problem) && <Freshness data={data} problem={problem} retry={reload} />}
          <About session={data} />
          <CurveCard session={data} />
        </>
      ) : problem ? (
        <ProblemState problem={problem} retry={reload} />
      ) : (
        <Skeleton lines={10} />
      )}
    </Sheet>
  );
}

function Ways({ session: { charger_id: charger, site_id: site, transaction_id, first_seen_at: from } }: { session: SessionDetail }) {
  return (
    <>
      <Link to={chargerLink(charger, site)} class="button">
        <Icon name="chargers" /> {t().sessions.charger}
      </Link>
      <Link to={logLink({ charger, site, transaction_id: transaction_id ?? undefined, from: transaction_id ? "all" : from })} class="button primary">
        <Icon name="log" /> {t().fleet.openLog}
      </Link>
    </>
  );
}

function About({ session }: { session: SessionDetail }) {
  const texts = t().sessions;
  const from = session.energy_from && ((texts.energyFrom as Record<string, string>)[session.energy_from] ?? session.energy_from);
  const note = [session.is_open && texts.soFar, from].filter(Boolean).join(", ");
  return (
    <Card title={session.transaction_id ? texts.one(session.transaction_id) : texts.unnamed} icon="sessions" beside={<SessionState session={session} />}>
      <Facts
        facts={[
          [texts.energy, session.energy_wh !== null && [<strong class="figure-count">{energy(session.energy_wh)}</strong>, note && <span class="soft block">{note}</span>]],
          [texts.maxPower, session.max_power_w !== null && <strong class="figure-count">{power(session.max_power_w)}</strong>],
          [texts.duration, session.duration_s !== null && <strong class="figure-count">{lasted(session)}</strong>],
          [texts.started, session.started_at && <Moment iso={session.started_at} />],
          [texts.stopped, session.stopped_at && <Moment iso={session.stopped_at} />],
          [t().field.reason, session.reason],
          [t().field.charger, <Link to={chargerLink(session.charger_id, session.site_id)}>{session.charger_id}</Link>],
          [t().field.connector, session.connector_id],
          [t().field.site, <Link to={href(`/sites/${encodeURIComponent(session.site_id)}`)}>{session.site_id}</Link>],
          [t().field.id_tag, session.id_tag],
          [t().field.id_tag_info_status, session.id_tag_info_status],
          [t().field.subprotocol, session.subprotocol],
          [t().nav.log, texts.entries(session.entries)],
        ]}
      />
    </Card>
  );
}
