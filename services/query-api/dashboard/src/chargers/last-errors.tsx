// What a charger told of last: its errors, and exchanges that failed.

import { useResource } from "../core/resource";
import type { ChargerDetail, Page, TimelineItem } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { logLink } from "../log/search";
import { outcomeText } from "../ui/badges";
import { Card } from "../ui/controls";
import { Stale } from "../ui/fresh";
import { Link } from "../ui/link";
import { ProblemState, Skeleton } from "../ui/states";
import { errorText, isBad } from "./parts";

const SHOWN = 5;
const READ = "200";

interface Told {
  at: string;
  title: string;
  info: string | null;
  entry_id: string;
}

/** The newest one is known whenever it was; those before it as far as the last week's newest happenings hold them. */
export function LastErrors({ charger }: { charger: ChargerDetail }) {
  const path = `/v1/chargers/${encodeURIComponent(charger.charger_id)}/timeline`;
  const { data, problem, reload } = useResource<Page<TimelineItem>>(path, { site: charger.site_id, from: "-7d", kind: ["status", "error"], limit: READ });
  const errors = newest(charger, data?.items ?? []);
  return (
    <Card title={t().chargers.lastErrors} icon="warning">
      {data && !problem && errors.length === 0 && <p class="soft">{t().chargers.noError}</p>}
      <ol class="lines">
        {errors.map(({ at, title, info, entry_id }) => (
          <li key={entry_id}>
            <Link to={logLink({ entry: entry_id, charger: charger.charger_id, site: charger.site_id, from: "all" })} class="bad-text">
              {title}
            </Link>
            {info && <span>{info}</span>}
            <span class="line-end soft">
              <Moment iso={at} />
            </span>
          </li>
        ))}
      </ol>
      {problem ? data ? <Stale retry={reload} class="" /> : <ProblemState problem={problem} retry={reload} /> : !data && <Skeleton lines={2} />}
    </Card>
  );
}

function newest({ last_error: last }: ChargerDetail, items: TimelineItem[]): Told[] {
  const found = new Map<string, Told>();
  if (last) found.set(last.entry_id, { ...last, title: errorText(last) });
  for (const item of items) {
    if (!("entry_id" in item) || !isBad(item) || found.has(item.entry_id)) continue;
    if (item.kind === "status") found.set(item.entry_id, { ...item, title: coded(item) });
    if (item.kind === "error") found.set(item.entry_id, { at: item.at, entry_id: item.entry_id, title: `${item.action ?? t().untitled.other}: ${outcomeText(item.outcome)}`, info: item.response_error_code });
  }
  return [...found.values()].sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, SHOWN);
}

/** A charger can be Faulted without a code. */
const coded = (item: { status: string | null; error_code: string | null; vendor_error_code: string | null }): string =>
  item.error_code || item.vendor_error_code ? errorText(item) : (item.status ?? errorText(item));
