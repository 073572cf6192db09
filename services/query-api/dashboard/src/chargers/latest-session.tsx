// The newest session of a charger, with its curve.

import { useResource } from "../core/resource";
import { href } from "../core/router";
import type { ChargerDetail, Page, Session, SessionDetail } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { CurveCard } from "../sessions/curve";
import { SessionState, energy, lasted } from "../sessions/parts";
import { Card } from "../ui/controls";
import { Icon } from "../ui/icons";
import { Link } from "../ui/link";
import { ProblemState, Skeleton } from "../ui/states";

export function LatestSession({ charger }: { charger: ChargerDetail }) {
  const query = { charger: charger.charger_id, site: charger.site_id, from: "-30d", limit: "1" };
  const newest = useResource<Page<Session>>("/v1/sessions", query);
  const id = newest.data?.items[0]?.id;
  const session = useResource<SessionDetail>(id ? `/v1/sessions/${encodeURIComponent(id)}` : null);
  const failed = newest.problem ? newest : session.problem ? session : null;
  return (
    <>
      <Card title={t().chargers.latest} icon="sessions" beside={session.data && <Way id={session.data.id} />}>
        {failed ? (
          <ProblemState problem={failed.problem} retry={failed.reload} />
        ) : session.data ? (
          <Figures session={session.data} />
        ) : newest.data && !id ? (
          <p class="soft">{t().chargers.noSession}</p>
        ) : (
          <Skeleton lines={2} />
        )}
      </Card>
      {session.data && <CurveCard session={session.data} />}
    </>
  );
}

function Way({ id }: { id: string }) {
  return (
    <Link to={href(`/sessions/${encodeURIComponent(id)}`)} class="button">
      {t().chargers.toSession} <Icon name="right" size={13} />
    </Link>
  );
}

function Figures({ session }: { session: SessionDetail }) {
  return (
    <p class="level">
      <SessionState session={session} />
      <span>
        <Moment iso={session.started_at ?? session.first_seen_at} />
      </span>
      <strong>{energy(session.energy_wh)}</strong>
      <span>{lasted(session)}</span>
      {session.id_tag && <span class="soft">{session.id_tag}</span>}
    </p>
  );
}
