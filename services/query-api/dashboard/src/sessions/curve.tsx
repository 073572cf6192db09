// The course of a session, drawn by uPlot: charts below each other, which share the moment that one points at.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

import { dates, duration, number } from "../core/format";
import { dark, locale, preferences } from "../core/preferences";
import { href } from "../core/router";
import type { SessionDetail } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";
import { Card } from "../ui/controls";
import { Link } from "../ui/link";
import { Empty } from "../ui/states";
import { useWidth } from "../ui/stacks";
import { type Chart, bounds, charts } from "./curves";

const HEIGHT = 170;
/** Around a point that is alone. */
const ALONE_S = 30;
const DIGITS = { maximumFractionDigits: 2 };

export function CurveCard({ session }: { session: SessionDetail }) {
  const texts = t().sessions;
  const { points, every_s: every } = session.curve;
  const all = useMemo(() => charts(points), [points]);
  const beside = all.length > 0 && <span class="hint soft">{every ? texts.every(duration(every * 1000)) : texts.asSampled}</span>;
  return (
    <Card title={texts.curve} icon="overview" beside={beside}>
      {all.length ? (
        <>
          <div class="charts">
            {all.map((chart) => (
              <Drawn key={chart.quantity} chart={chart} at={points.map(({ at }) => new Date(at).getTime() / 1000)} />
            ))}
          </div>
          <Values all={all} at={points.map(({ at }) => at)} />
        </>
      ) : (
        <Empty title={texts.none} hint={texts.noneHint} icon="sessions">
          <Link to={href(`/sites/${encodeURIComponent(session.site_id)}`)} class="button">
            {texts.toLevel}
          </Link>
        </Empty>
      )}
    </Card>
  );
}

const withUnit = (value: number, unit: string): string => `${number(value, DIGITS)} ${unit}`;
const lineName = (phase: string | null, several: boolean): string => phase ?? (several ? t().sessions.whole : "");

function Drawn({ chart, at }: { chart: Chart; at: number[] }) {
  const { box, width } = useWidth<HTMLDivElement>();
  const [least, most] = bounds(chart);
  const name = t().sessions[chart.quantity];
  return (
    <figure class="chart" aria-label={t().sessions.chart(name, withUnit(least, chart.unit), withUnit(most, chart.unit))}>
      <figcaption>
        {name} <span class="soft">{chart.unit}</span>
      </figcaption>
      <div class="chart-box" ref={box}>
        {width > 0 && <Plot chart={chart} at={at} width={width} />}
      </div>
    </figure>
  );
}

function Plot({ chart, at, width }: { chart: Chart; at: number[]; width: number }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const looks = [dark.value, locale.value, preferences.value.zone, chart.lines.map(({ phase }) => phase).join()];
  const data = [at, ...chart.lines.map(({ values }) => values)] as uPlot.AlignedData;
  useEffect(() => {
    plot.current = new uPlot(options(chart, width), data, box.current!);
    return () => plot.current?.destroy();
  }, looks);
  useEffect(() => plot.current?.setSize({ width, height: HEIGHT }), [width]);
  useEffect(() => plot.current?.setData(data), [chart, at]);
  return <div ref={box} />;
}

function options({ quantity, unit, lines }: Chart, width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const strokes: Record<string, string> = { L1: colour("phase-1"), L2: colour("phase-2"), L3: colour("phase-3") };
  const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font: `11px ${colour("sans")}` };
  const clock = dates("curve", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return {
    width,
    height: HEIGHT,
    cursor: { sync: { key: "session" }, drag: { x: true, y: false } },
    scales: {
      x: { range: (_, least, most) => (least === most ? [least - ALONE_S, most + ALONE_S] : [least, most]) },
      y: { range: (_, least, most) => room(quantity, least, most) },
    },
    series: [
      { label: t().field.datetime, value: (_, seconds) => (seconds === null ? "–" : clock.format(seconds * 1000)) },
      ...lines.map(({ phase }) => ({
        label: lineName(phase, lines.length > 1) || t().sessions[quantity],
        stroke: phase ? strokes[phase] : colour("accent"),
        width: phase ? 1.5 : 2,
        spanGaps: true,
        value: (_: uPlot, value: number | null) => (value === null ? "–" : withUnit(value, unit)),
      })),
    ],
    axes: [
      { ...axis, values: (_, splits) => splits.map((seconds) => clock.format(seconds * 1000)), space: 80, size: 30 },
      { ...axis, values: (_, splits) => splits.map((value) => number(value, DIGITS)), size: 52 },
    ],
  };
}

/** All begin at zero, where heights compare; but voltage, which would be a flat line so. */
function room(quantity: Chart["quantity"], least: number, most: number): [number, number] {
  if (quantity === "soc") return [0, 100];
  const margin = (most - least || Math.abs(most) || 1) * 0.1;
  const zero = quantity !== "voltage";
  return [zero ? Math.min(0, least - (least < 0 ? margin : 0)) : least - margin, most + margin];
}

/** The same for those who do not see charts, and for copying. */
function Values({ all, at }: { all: Chart[]; at: string[] }) {
  const texts = t().sessions;
  const [open, setOpen] = useState(false);
  const titles = all.flatMap(({ quantity, unit, lines }) => lines.map(({ phase }) => `${texts[quantity]} ${lineName(phase, false)} (${unit})`.replace("  ", " ")));
  const values = all.flatMap(({ lines }) => lines.map((line) => line.values));
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{texts.table}</summary>
      {open && (
        <div class="scroll" tabIndex={0} role="region" aria-label={texts.table}>
          <table>
            <thead>
              <tr>
                {[t().field.datetime, ...titles].map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {at.map((iso, index) => (
                <tr key={iso}>
                  <td>
                    <Moment iso={iso} />
                  </td>
                  {values.map((column, place) => (
                    <td key={place}>{column[index] === null ? "" : number(column[index]!, DIGITS)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
