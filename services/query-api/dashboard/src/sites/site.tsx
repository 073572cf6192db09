// One site: its level, until when, who changed it; and for role support the change itself.

import { useState } from "preact/hooks";

import { loadMe, me, meProblem } from "../core/config";
import { number } from "../core/format";
import { useKeys } from "../core/keyboard";
import { useResource } from "../core/resource";
import { go, href } from "../core/router";
import type { LevelChange, Site, SiteLevel } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { logLink } from "../log/search";
import { Card, Facts, Sheet } from "../ui/controls";
import { copy } from "../ui/copy";
import { Icon } from "../ui/icons";
import { Link } from "../ui/link";
import { ProblemState, Skeleton } from "../ui/states";
import { LevelForm } from "./form";
import { LevelBadge, Until } from "./parts";

export function SitePage({ id }: { id: string }) {
  const level = useResource<SiteLevel>(`/v1/sites/${encodeURIComponent(id)}/log-level`);
  const sites = useResource<Site[]>("/v1/sites");
  // What a change answers is newer than what is read right after it.
  const [changed, setChanged] = useState<SiteLevel | null>(null);
  const shown = changed ?? level.data;
  useKeys({ Escape: () => go("/sites") });
  const site = sites.data?.find(({ site_id }) => site_id === id);
  return (
    <Sheet
      title={
        <>
          <Link to="/sites" class="crumb">
            {t().sites.title}
          </Link>{" "}
          {site?.name || id}
        </>
      }
      beside={<Ways site={id} />}
    >
      {shown ? (
        <>
          <div class="tiles">
            <Current id={id} level={shown} site={site} />
            <Change id={id} level={shown} done={setChanged} />
          </div>
          <History history={shown.history} />
        </>
      ) : level.problem ? (
        <ProblemState problem={level.problem} retry={level.reload} />
      ) : (
        <Skeleton lines={8} />
      )}
    </Sheet>
  );
}

function Ways({ site }: { site: string }) {
  return (
    <>
      <Link to={href("/chargers", { site })} class="button">
        <Icon name="chargers" /> {t().sites.toChargers}
      </Link>
      <Link to={logLink({ site })} class="button primary">
        <Icon name="log" /> {t().sites.toLog}
      </Link>
    </>
  );
}

function Current({ id, level, site }: { id: string; level: SiteLevel; site: Site | undefined }) {
  const texts = t().sites;
  return (
    <Card title={texts.level} icon="log">
      <p class="level">
        <LevelBadge level={level.level} />
        {level.until ? (
          <span>
            {texts.expires} <Until until={level.until} after={level.after} />
          </span>
        ) : (
          <span class="soft">{level.level === level.default_level ? texts.byDefault : texts.noEnd}</span>
        )}
      </p>
      <p>{texts.meaning[level.level]}</p>
      <Facts
        facts={[
          [t().field.site, id],
          [texts.connectivity, site?.connectivity],
          [texts.chargers, typeof site?.chargers === "number" && `${number(site.chargers_online ?? 0)} / ${number(site.chargers)}`],
          [texts.entries, site && number(site.entries_24h)],
          [texts.last, site?.last_entry && <Moment iso={site.last_entry} />],
        ]}
      />
    </Card>
  );
}

/** The form for those who may, for others whom to ask; it takes to know who somebody is. */
function Change({ id, level, done }: { id: string; level: SiteLevel; done: (level: SiteLevel) => void }) {
  if (me.value) return me.value.role === "support" ? <LevelForm id={id} level={level} done={done} /> : <Ask id={id} level={level} />;
  return (
    <Card title={t().sites.set} icon="settings">
      {meProblem.value ? <ProblemState problem={meProblem.value} retry={() => void loadMe()} /> : <Skeleton lines={4} />}
    </Card>
  );
}

function Ask({ id, level }: { id: string; level: SiteLevel }) {
  const texts = t().sites;
  return (
    <Card title={texts.ask} icon="user">
      <p>{texts.askHint}</p>
      <p>
        <button type="button" class="button" onClick={() => void copy(texts.request(id, level.level))}>
          <Icon name="copy" /> {texts.copyRequest}
        </button>
      </p>
    </Card>
  );
}

function History({ history }: { history: LevelChange[] }) {
  const texts = t().sites;
  return (
    <Card title={texts.history} icon="clock">
      {history.length === 0 && <p class="soft">{texts.noHistory}</p>}
      <ol class="lines">
        {history.map(({ who, at, before, after, why, until }) => (
          <li key={at}>
            <Moment iso={at} />
            <span>
              {before ? <LevelBadge level={before} /> : <span class="soft">{texts.byDefault}</span>} →{" "}
              {after ? <LevelBadge level={after} /> : <span class="soft">{texts.byDefault}</span>}
            </span>
            <strong>{who ?? t().fleet.notKnown}</strong>
            {why && <span>{why}</span>}
            {until && (
              <span class="line-end soft">
                {texts.expires} <Moment iso={until} />
              </span>
            )}
          </li>
        ))}
      </ol>
    </Card>
  );
}
