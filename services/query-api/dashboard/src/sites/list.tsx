// The sites, each with its level.

import { number } from "../core/format";
import { useResource } from "../core/resource";
import { href } from "../core/router";
import type { Site } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { Sheet } from "../ui/controls";
import { Link } from "../ui/link";
import { type RowColumn, Rows } from "../ui/rows";
import { Empty, ProblemState, Skeleton } from "../ui/states";
import { LevelBadge, Until } from "./parts";

export const siteLink = (site: string): string => href(`/sites/${encodeURIComponent(site)}`);

function columns(): RowColumn<Site>[] {
  const texts = t().sites;
  return [
    {
      name: "site",
      title: t().field.site,
      cell: ({ site_id, name, registered }) => (
        <>
          <Link to={siteLink(site_id)} class="row-link">
            {name || site_id}
          </Link>
          {name && name !== site_id && <span class="soft"> {site_id}</span>}
          {registered === false && <span class="soft"> ({texts.unregistered})</span>}
        </>
      ),
    },
    { name: "level", title: texts.level, cell: ({ level }) => <LevelBadge level={level} /> },
    { name: "until", title: texts.expires, cell: ({ level_until, level_after }) => level_until && <Until until={level_until} after={level_after ?? null} /> },
    { name: "connectivity", title: texts.connectivity, cell: ({ connectivity }) => connectivity },
    { name: "chargers", title: texts.chargers, end: true, cell: ({ chargers, chargers_online }) => Boolean(chargers) && `${number(chargers_online ?? 0)} / ${number(chargers ?? 0)}` },
    { name: "entries", title: texts.entries, end: true, cell: ({ entries_24h }) => number(entries_24h) },
    { name: "errors", title: texts.errors, end: true, cell: ({ errors_24h }) => typeof errors_24h === "number" && <span class={errors_24h ? "bad-text" : "soft"}>{number(errors_24h)}</span> },
    { name: "last", title: texts.last, cell: ({ last_entry }) => last_entry && <Moment iso={last_entry} coarse /> },
  ];
}

export function SiteList() {
  const texts = t().sites;
  const { data, problem, reload } = useResource<Site[]>("/v1/sites");
  return (
    <Sheet title={texts.title}>
      {problem ? (
        <ProblemState problem={problem} retry={reload} />
      ) : !data ? (
        <Skeleton lines={6} />
      ) : data.length ? (
        <Rows label={texts.list} items={data} columns={columns()} id={({ site_id }) => site_id} />
      ) : (
        <Empty title={texts.empty} hint={texts.emptyHint} icon="sites" />
      )}
    </Sheet>
  );
}
