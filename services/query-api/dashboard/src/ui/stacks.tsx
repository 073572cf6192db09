// Bars over time, one colour a series: a picture with a legend, which says the sums.

import { useEffect, useRef, useState } from "preact/hooks";

import { compact, moment, number } from "../core/format";

export interface Series {
  name: string;
  /** A class of `fill-…` and `back-…`. */
  tone: string;
  counts: number[];
}

const HEIGHT = 120;

/** The width of an element, as it changes. */
export function useWidth<E extends HTMLElement>() {
  const box = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry!.contentRect.width)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return { box, width };
}

/** `starts`: where each bar begins, `to`: where the last one ends. */
export function Stacks({ label, starts, to, series }: { label: string; starts: string[]; to: string; series: Series[] }) {
  const { box, width } = useWidth<HTMLDivElement>();
  const [over, setOver] = useState<number | null>(null);
  const totals = starts.map((_, index) => series.reduce((sum, { counts }) => sum + (counts[index] ?? 0), 0));
  const most = Math.max(0, ...totals);
  const tallest = Math.max(1, most);
  const step = width / Math.max(1, starts.length);
  const point = (event: PointerEvent) => {
    const { left } = (event.currentTarget as Element).getBoundingClientRect();
    setOver(Math.max(0, Math.min(starts.length - 1, Math.floor((event.clientX - left) / step))));
  };
  const shown = over ?? -1;
  return (
    <div class="stacks" ref={box}>
      <svg class="stacks-bars" width={width} height={HEIGHT} role="img" aria-label={label} onPointerMove={point} onPointerLeave={() => setOver(null)}>
        <line class="axis" x1={0} x2={width} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
        {over !== null && <rect class="bar-over" x={over * step} y={0} width={step} height={HEIGHT} />}
        {starts.map((start, index) => {
          let bottom = HEIGHT;
          return series.map(({ name, tone, counts }) => {
            const count = counts[index];
            if (!count) return null;
            const height = Math.max(2, (count / tallest) * (HEIGHT - 6));
            bottom -= height;
            return <rect key={start + name} class={`fill-${tone}`} x={index * step + 0.5} y={Math.max(0, bottom)} width={Math.max(1, step - 1.5)} height={height} />;
          });
        })}
      </svg>
      {most > 0 && (
        <span class="tallest soft" aria-hidden="true">
          {compact(most)}
        </span>
      )}
      <div class="histogram-axis">
        <span class="soft">{moment(starts[0] ?? to)}</span>
        <ul class="legend">
          {series.map(({ name, tone, counts }) => (
            <li key={name} class="legend-item">
              <span class={`swatch back-${tone}`} /> {name} <strong>{number(shown >= 0 ? (counts[shown] ?? 0) : counts.reduce((sum, count) => sum + count, 0))}</strong>
            </li>
          ))}
        </ul>
        <span class="soft">{moment(shown >= 0 ? starts[shown]! : to)}</span>
      </div>
    </div>
  );
}
