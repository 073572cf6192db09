// What the views of the fleet are narrowed with; all of it stands in the address bar.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { useKeys } from "../core/keyboard";
import { useResource } from "../core/resource";
import { place, setQuery } from "../core/router";
import type { Site } from "../core/types";
import { t } from "../i18n";
import { Icon } from "./icons";

const PAUSE_MS = 250;

/** A text that goes to the address bar as `name` once the typing pauses. */
export function TextControl({ name, label, focusKey }: { name: string; label: string; focusKey?: string }) {
  const there = place.value.query.get(name) ?? "";
  const [text, setText] = useState(there);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(there), [there]);
  useEffect(() => {
    if (text.trim() === there) return;
    const timer = setTimeout(() => setQuery({ [name]: text.trim() }, { replace: true }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useKeys(focusKey ? { [focusKey]: () => input.current?.focus() } : {});
  return (
    <label class="control">
      <span>{label}</span>
      <input type="search" ref={input} value={text} onInput={(event) => setText(event.currentTarget.value)} autocomplete="off" spellcheck={false} />
    </label>
  );
}

export interface Choice {
  value: string;
  text: string;
}

export function SelectControl({ name, label, choices, usual = "" }: { name: string; label: string; choices: readonly Choice[]; usual?: string }) {
  const chosen = place.value.query.get(name) ?? usual;
  const listed = choices.some(({ value }) => value === chosen) ? choices : [...choices, { value: chosen, text: chosen }];
  const change = (value: string) => setQuery({ [name]: value === usual ? null : value });
  return (
    <label class="control">
      <span>{label}</span>
      <select value={chosen} onChange={(event) => change(event.currentTarget.value)}>
        {listed.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export function SiteControl() {
  const { data } = useResource<Site[]>("/v1/sites");
  const sites = (data ?? []).map(({ site_id, name }) => ({ value: site_id, text: name || site_id }));
  return <SelectControl name="site" label={t().field.site} choices={[{ value: "", text: t().fleet.allSites }, ...sites]} />;
}

export const RANGES = ["-1h", "-24h", "-7d", "-30d"] as const;

export function RangeControl({ usual = "-24h" }: { usual?: string }) {
  return <SelectControl name="from" label={t().time.label} usual={usual} choices={RANGES.map((value) => ({ value, text: t().time[value] }))} />;
}

/** One of a few, as buttons side by side. */
export function Switch({ label, chosen, choices, choose }: { label: string; chosen: string; choices: readonly Choice[]; choose: (value: string) => void }) {
  return (
    <div class="switch" role="group" aria-label={label}>
      {choices.map(({ value, text }) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => choose(value)}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** The frame of a view: its title, what stands beside it, its content. */
export function Sheet({ title, beside, children }: { title: ComponentChildren; beside?: ComponentChildren; children: ComponentChildren }) {
  return (
    <div class="sheet">
      <header class="sheet-head">
        <h1>{title}</h1>
        {beside && <div class="sheet-beside">{beside}</div>}
      </header>
      {children}
    </div>
  );
}

export function Card({ title, icon, beside, class: kind = "", children }: { title: string; icon?: Parameters<typeof Icon>[0]["name"]; beside?: ComponentChildren; class?: string; children: ComponentChildren }) {
  const heading = useId();
  return (
    <section class={`tile ${kind}`} aria-labelledby={heading}>
      <header class="tile-head">
        <h2 id={heading}>
          {icon && <Icon name={icon} />} {title}
        </h2>
        {beside}
      </header>
      {children}
    </section>
  );
}

/** Names and values; what is not known is left out. */
export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, shown]) =>
        shown === null || shown === undefined || shown === "" || shown === false ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{shown}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
