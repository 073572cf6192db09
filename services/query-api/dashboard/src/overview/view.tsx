// How the fleet is, at a glance. It refreshes by itself.

import { ago, duration, now, number } from "../core/format";
import { preferences } from "../core/preferences";
import { useResource } from "../core/resource";
import { href, place } from "../core/router";
import type { LogEntry, Overview, Site } from "../core/types";
import { t } from "../i18n";
import { chargerLink } from "../chargers/list";
import { errorText } from "../chargers/parts";
import { logLink } from "../log/search";
import { titleOf } from "../ui/badges";
import { Card, Sheet, SiteControl } from "../ui/controls";
import { EVERY_MS, Freshness, useEvery } from "../ui/fresh";
import { Link } from "../ui/link";
import { Stacks } from "../ui/stacks";
import { Empty, ProblemState, Skeleton } from "../ui/states";
import { LevelBadge } from "../sites/parts";

const HOUR_MS = 3_600_000;

export default function OverviewView() {
  const site = place.value.query.get("site");
  const overview = useResource<Overview>("/v1/overview", { site });
  const sites = useResource<Site[]>("/v1/sites");
  const reload = () => {
    overview.reload();
    sites.reload();
  };
  useEvery(EVERY_MS, reload);
  const { data, problem } = overview;
  return (
    <Sheet title={t().overview.title} beside={<SiteControl />}>
      {data ? (
        <>
          <Freshness data={data} problem={problem ?? sites.problem} retry={reload} />
          <States data={data} site={site} />
          <PerHour data={data} />
          <div class="tiles">
            <TopErrors data={data} site={site} />
            <Silent data={data} />
            <Slowest data={data} />
            <Sites sites={(sites.data ?? []).filter(({ site_id }) => !site || site_id === site)} loaded={sites.data !== null} />
          </div>
        </>
      ) : problem ? (
        <ProblemState problem={problem} retry={overview.reload} />
      ) : (
        <Skeleton lines={10} />
      )}
    </Sheet>
  );
}

function States({ data: { chargers, sites }, site }: { data: Overview; site: string | null }) {
  const texts = t().overview;
  const figures: [text: string, count: number, tone: string, to: string][] = [
    [texts.chargers, chargers.total, "", href("/chargers", { site })],
    [texts.online, chargers.online, "good", href("/chargers", { site, online: "true" })],
    [texts.offline, chargers.offline, chargers.offline ? "warn" : "", href("/chargers", { site, online: "false" })],
    [texts.faulted, chargers.faulted, chargers.faulted ? "bad" : "", href("/chargers", { site, status: "Faulted" })],
    [texts.silent, chargers.silent, chargers.silent ? "warn" : "", "#silent"],
  ];
  return (
    <section class="figures" aria-label={`${texts.chargers}, ${texts.sites(sites)}`}>
      <Link class="figure" to="/sites">
        <strong class="figure-count">{number(sites)}</strong>
        <span class="soft">{t().overview.bySite}</span>
      </Link>
      {figures.map(([text, count, tone, to]) => {
        const content = (
          <>
            <strong class={`figure-count ${tone}`}>{number(count)}</strong>
            <span class="soft">{text}</span>
          </>
        );
        return to.startsWith("#") ? (
          <a key={text} class="figure" href={to}>
            {content}
          </a>
        ) : (
          <Link key={text} class="figure" to={to}>
            {content}
          </Link>
        );
      })}
    </section>
  );
}

function PerHour({ data: { entries_per_hour: hours } }: { data: Overview }) {
  const texts = t().overview;
  const sum = (name: "count" | "errors") => hours.reduce((total, hour) => total + hour[name], 0);
  const end = hours.length ? new Date(new Date(hours.at(-1)!.at).getTime() + HOUR_MS).toISOString() : new Date().toISOString();
  return (
    <Card title={texts.perHour} icon="log" beside={<span class="hint soft">{texts.last24}</span>}>
      <Stacks
        label={texts.perHourLabel(sum("count"), sum("errors"))}
        starts={hours.map(({ at }) => at)}
        to={end}
        series={[
          { name: texts.failed, tone: "bad", counts: hours.map(({ errors }) => errors) },
          { name: texts.answered, tone: "good", counts: hours.map(({ count, errors }) => count - errors) },
        ]}
      />
    </Card>
  );
}

function TopErrors({ data: { top_errors: errors }, site }: { data: Overview; site: string | null }) {
  const texts = t().overview;
  const most = Math.max(1, ...errors.map(({ count }) => count));
  return (
    <Card title={texts.topErrors} icon="warning">
      {errors.length === 0 && <p class="soft">{texts.noErrors}</p>}
      <ol class="lines">
        {errors.map((error) => (
          <li key={errorText(error)}>
            <Link to={logLink({ site: site ?? undefined, error_code: error.error_code ?? undefined, vendor_error_code: error.vendor_error_code ?? undefined })}>{errorText(error)}</Link>
            <span class="line-end soft">{texts.times(error.count, error.chargers)}</span>
            <svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
              <rect class="fill-bad" width={(error.count / most) * 100} height="4" />
            </svg>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Slowest({ data: { slowest } }: { data: Overview }) {
  const texts = t().overview;
  return (
    <Card title={texts.slowest} icon="clock">
      {slowest.length === 0 && <p class="soft">{texts.noSlowest}</p>}
      <ol class="lines">
        {slowest.map((entry: LogEntry) => (
          <li key={entry.id}>
            <Link to={logLink({ entry: entry.id, charger: entry.charger_id, site: entry.site_id, from: "all" })}>{titleOf(entry)}</Link>
            <span>{entry.charger_id}</span>
            <strong class="line-end">{entry.latency_ms === null ? "" : duration(entry.latency_ms)}</strong>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Silent({ data: { silent } }: { data: Overview }) {
  const texts = t().overview;
  // Relative times move on by themselves only where people chose them for the log.
  const from = preferences.value.times === "relative" ? now.value : Date.now();
  return (
    <Card title={texts.silentList} icon="plug">
      <div id="silent" />
      {silent.length === 0 && <p class="soft">{texts.noSilent}</p>}
      <ol class="lines">
        {silent.map(({ charger_id, site_id, last_seen, usual_gap_s }) => (
          <li key={`${site_id} ${charger_id}`}>
            <Link to={chargerLink(charger_id, site_id)}>{charger_id}</Link>
            {last_seen && <strong>{ago(last_seen, from)}</strong>}
            {usual_gap_s !== null && <span class="line-end soft">{texts.usually(duration(usual_gap_s * 1000))}</span>}
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Sites({ sites, loaded }: { sites: Site[]; loaded: boolean }) {
  const texts = t().overview;
  return (
    <Card title={texts.bySite} icon="sites">
      {loaded && sites.length === 0 && <Empty title={texts.noSites} hint={texts.noSitesHint} icon="sites" />}
      {!loaded && <Skeleton lines={3} />}
      <ul class="lines">
        {sites.map((site) => (
          <li key={site.site_id}>
            <Link to={href(`/sites/${encodeURIComponent(site.site_id)}`)}>{site.name || site.site_id}</Link>
            <LevelBadge level={site.level} />
            {Boolean(site.chargers) && (
              <span class={(site.chargers_online ?? 0) < (site.chargers ?? 0) ? "warn-text" : "soft"}>{texts.onlineOf(site.chargers_online ?? 0, site.chargers ?? 0)}</span>
            )}
            <span class="line-end">
              {t().log.entries(site.entries_24h, false)}
              {site.errors_24h ? <span class="bad-text"> · {texts.errorShare(site.errors_24h)}</span> : null}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
