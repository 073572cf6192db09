// The error codes that a charger told of, over time: the most frequent ones each in a colour, the others together.

import { useMemo } from "preact/hooks";

import { useResource } from "../core/resource";
import { place } from "../core/router";
import { toMs } from "../core/times";
import type { ChargerDetail, Facets, Histogram } from "../core/types";
import { t } from "../i18n";
import { logLink } from "../log/search";
import { Card } from "../ui/controls";
import { Link } from "../ui/link";
import { type Series, Stacks } from "../ui/stacks";
import { ProblemState, Skeleton } from "../ui/states";

const TONES = ["bad", "warn", "odd", "soft"] as const;
const MOST = TONES.length;

export function ErrorCodes({ charger }: { charger: ChargerDetail }) {
  const range = place.value.query.get("from") ?? "-24h";
  // One moment for all that is asked, so that the buckets are the same.
  const query = useMemo(() => {
    const ms = toMs(range);
    return { charger: charger.charger_id, site: charger.site_id, from: ms === null ? range : new Date(ms).toISOString() };
  }, [charger.charger_id, charger.site_id, range]);
  const facets = useResource<Facets>("/v1/logs/facets", { ...query, field: "error_code", top: String(MOST + 1) }, { keep: false });
  const codes = (facets.data?.facets[0]?.values ?? []).map(({ value }) => String(value ?? "")).filter((code) => code && code !== "NoError").slice(0, MOST);
  return (
    <Card title={t().chargers.errors} icon="warning">
      {facets.problem ? (
        <ProblemState problem={facets.problem} retry={facets.reload} />
      ) : !facets.data ? (
        <Skeleton lines={3} />
      ) : codes.length ? (
        <Counted key={codes.join()} query={query} codes={codes} range={range} />
      ) : (
        <p class="soft">{t().chargers.noErrors}</p>
      )}
    </Card>
  );
}

function Counted({ query, codes, range }: { query: { charger: string; site: string; from: string }; codes: string[]; range: string }) {
  const ask = (code: string | undefined) => useResource<Histogram>(code ? "/v1/logs/histogram" : null, { ...query, by: "none", buckets: "60", error_code: code });
  const answers = [ask(codes[0]), ask(codes[1]), ask(codes[2]), ask(codes[3])].slice(0, codes.length);
  const failed = answers.find(({ problem }) => problem);
  if (failed) return <ProblemState problem={failed.problem} retry={failed.reload} />;
  const first = answers[0]?.data;
  if (!first || answers.some(({ data }) => !data)) return <Skeleton lines={3} />;
  const starts = first.buckets.map(({ at }) => at);
  const series: Series[] = codes.map((code, index) => ({ name: code, tone: TONES[index]!, counts: aligned(answers[index]!.data!, starts) }));
  const total = series.reduce((sum, { counts }) => sum + counts.reduce((a, b) => a + b, 0), 0);
  return (
    <>
      <Stacks label={t().chargers.errorsLabel(total)} starts={starts} to={first.to} series={series} />
      <p class="ways">
        {codes.map((code) => (
          <Link key={code} to={logLink({ charger: query.charger, site: query.site, error_code: code, from: range })} class="button">
            {code}
          </Link>
        ))}
      </p>
    </>
  );
}

function aligned({ buckets }: Histogram, starts: string[]): number[] {
  const counts = new Map(buckets.map(({ at, counts: found }) => [at, Object.values(found).reduce((a, b) => a + b, 0)]));
  return starts.map((at) => counts.get(at) ?? 0);
}
