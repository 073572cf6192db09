// Entries over time, by how they ended. Dragging over it chooses a range.

import { useEffect, useRef, useState } from "preact/hooks";

import { compact, day, isOfAnotherYear, moment, number, time } from "../core/format";
import { useResource } from "../core/resource";
import type { Histogram as Answer, Outcome } from "../core/types";
import { t } from "../i18n";
import { type Tone, outcomeText, toneOf } from "../ui/badges";
import { Stale } from "../ui/fresh";
import { Icon } from "../ui/icons";
import { words } from "../ui/states";
import { type Search, parameters, setFilter, setRange } from "./search";

const HEIGHT = 72;
/** What is to be seen at once lies at the bottom, where heights compare best. */
const ORDER: readonly Tone[] = ["bad", "odd", "warn", "soft", "good"];
const LEAST = 2;
const LONGEST = "-3650d";

interface Bar {
  from: number;
  to: number;
  tones: Partial<Record<Tone, number>>;
  total: number;
}

/** `turn` changes when it is to be read anew; `ready`: the first entries are there, and do not compete with it any more. */
export function Histogram({ search, turn, ready }: { search: Search; turn: number; ready: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry!.contentRect.width)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const buckets = width > 900 ? "80" : width > 500 ? "60" : "40";
  const { data, problem, reload } = useAnswer(search, width && ready ? buckets : null, turn);
  return (
    <section class="histogram" aria-label={data ? label(data) : t().common.loading}>
      <div class="histogram-box" ref={box}>
        {data ? <Bars answer={data} search={search} width={width} /> : problem ? <Failed problem={problem} retry={reload} /> : <div class="histogram-empty skeleton-line" />}
      </div>
      {data && problem && <Stale retry={reload} class="" />}
    </section>
  );
}

/** Without bounds, first of all time in coarse buckets, then of the span that has entries. */
function useAnswer(search: Search, buckets: string | null, turn: number) {
  const query = parameters(search);
  const unbounded = !search.from;
  const coarse = useResource<Answer>(buckets && unbounded ? "/v1/logs/histogram" : null, { ...query, from: LONGEST, by: "none", buckets });
  const begin = coarse.data?.buckets.find(({ counts }) => Object.keys(counts).length > 0)?.at ?? coarse.data?.buckets.at(-1)?.at;
  const ready = buckets && (!unbounded || begin);
  const fine = useResource<Answer>(ready ? "/v1/logs/histogram" : null, { ...query, from: unbounded ? begin : search.from, by: "outcome", buckets });
  useEffect(() => {
    if (turn) fine.reload();
  }, [turn]);
  return { data: fine.data, problem: coarse.problem ?? fine.problem, reload: () => (coarse.reload(), fine.reload()) };
}

function bars(answer: Answer): Bar[] {
  return answer.buckets.map(({ at, counts }) => {
    const tones: Bar["tones"] = {};
    for (const [outcome, count] of Object.entries(counts)) tones[toneOf(outcome)] = (tones[toneOf(outcome)] ?? 0) + count;
    const from = new Date(at).getTime();
    return { from, to: from + answer.bucket_seconds * 1000, tones, total: Object.values(counts).reduce((a, b) => a + b, 0) };
  });
}

const label = (answer: Answer) => t().histogram.label(bars(answer).reduce((sum, { total }) => sum + total, 0), moment(answer.from), moment(answer.to));

function Bars({ answer, search, width }: { answer: Answer; search: Search; width: number }) {
  const all = bars(answer);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const most = Math.max(0, ...all.map(({ total }) => total));
  const tallest = Math.max(1, most);
  const step = width / Math.max(1, all.length);
  const at = (event: PointerEvent) => {
    const { left } = (event.currentTarget as Element).getBoundingClientRect();
    return Math.max(0, Math.min(all.length - 1, Math.floor((event.clientX - left) / step)));
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0 || !all.length) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    setDrag([at(event), at(event)]);
  };
  const move = (event: PointerEvent) => {
    setOver(at(event));
    if (drag) setDrag([drag[0], at(event)]);
  };
  const up = () => {
    if (!drag) return;
    const [from, to] = drag[0] < drag[1] ? drag : [drag[1], drag[0]];
    setDrag(null);
    setRange(new Date(all[from]!.from).toISOString(), new Date(all[to]!.to).toISOString());
  };
  const shown = over === null ? null : all[over];
  return (
    <>
      <svg
        class="bars"
        width={width}
        height={HEIGHT}
        aria-hidden="true"
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={() => setDrag(null)}
        onPointerLeave={() => setOver(null)}
      >
        <title>{t().histogram.brush}</title>
        {over !== null && !drag && <rect class="bar-over" x={over * step} y={0} width={step} height={HEIGHT} />}
        {drag && <rect class="brush" x={Math.min(...drag) * step} y={0} width={(Math.abs(drag[1] - drag[0]) + 1) * step} height={HEIGHT} />}
        {all.map((bar, index) => (
          <Stack key={bar.from} bar={bar} x={index * step} width={Math.max(1, step - 1)} tallest={tallest} />
        ))}
      </svg>
      {most > 0 && (
        <span class="tallest soft" aria-hidden="true">
          {compact(most)}
        </span>
      )}
      {shown && (
        <p class="histogram-over" aria-hidden="true">
          <Over bar={shown} />
        </p>
      )}
      <div class="histogram-axis">
        <span aria-hidden="true">{moment(answer.from)}</span>
        <Legend answer={answer} search={search} />
        <span aria-hidden="true">{moment(answer.to)}</span>
      </div>
    </>
  );
}

function Stack({ bar, x, width, tallest }: { bar: Bar; x: number; width: number; tallest: number }) {
  let bottom = HEIGHT;
  return (
    <g>
      {ORDER.map((tone) => {
        const count = bar.tones[tone];
        if (!count) return null;
        const height = Math.max(LEAST, (count / tallest) * (HEIGHT - 4));
        bottom -= height;
        return <rect key={tone} class={`fill-${tone}`} x={x} y={Math.max(0, bottom)} width={width} height={height} />;
      })}
    </g>
  );
}

function Over({ bar }: { bar: Bar }) {
  const precise = bar.to - bar.from < 60_000;
  const precisely = (ms: number) => `${isOfAnotherYear(ms) ? `${day(ms)}, ` : ""}${time(ms).replace(/[.,]000$/, "")}`;
  const show = precise ? precisely : moment;
  return (
    <>
      {t().histogram.bucket(show(bar.from), show(bar.to))}: <strong>{number(bar.total)}</strong>
    </>
  );
}

function Legend({ answer, search }: { answer: Answer; search: Search }) {
  const sums = new Map<string, number>();
  for (const { counts } of answer.buckets) for (const [outcome, count] of Object.entries(counts)) sums.set(outcome, (sums.get(outcome) ?? 0) + count);
  const listed = [...sums].sort((a, b) => b[1] - a[1]);
  return (
    <ul class="legend">
      {listed.map(([outcome, count]) => {
        const only = search.filters.outcome?.length === 1 && search.filters.outcome[0] === outcome;
        return (
          <li key={outcome}>
            <button
              type="button"
              class="legend-item"
              aria-pressed={only}
              title={t().histogram.only(outcomeText(outcome as Outcome))}
              onClick={() => setFilter("outcome", only ? [] : [outcome])}
            >
              <span class={`swatch back-${toneOf(outcome)}`} />
              {outcomeText(outcome as Outcome)} <strong>{number(count)}</strong>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Failed({ problem, retry }: { problem: unknown; retry: () => void }) {
  return (
    <div class="histogram-empty" role="alert">
      <Icon name="warning" /> {words(problem).title}{" "}
      <button type="button" class="button" onClick={retry}>
        {t().common.retry}
      </button>
    </div>
  );
}
