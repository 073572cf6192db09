// The filters beside the search box: what there is to choose from comes with counts under the rest of the search.

import { useState } from "preact/hooks";

import { number } from "../core/format";
import { useResource } from "../core/resource";
import { setQuery } from "../core/router";
import type { Facets } from "../core/types";
import { t } from "../i18n";
import { outcomeText } from "../ui/badges";
import { Menu } from "../ui/menu";
import { Skeleton, words } from "../ui/states";
import { type Search, parameters, search, setFilter } from "./search";
import type { FilterName } from "./terms";

const SHOWN: readonly FilterName[] = ["site", "charger", "connector", "action", "status", "outcome"];
const FURTHER: readonly FilterName[] = ["error_code", "vendor_error_code", "source", "id_tag", "transaction_id", "subprotocol"];
const MOST = 100;

/** A value in the reader's words, where it has some. */
export function valueText(name: FilterName, value: string): string {
  if (name === "outcome") return outcomeText(value);
  if (name === "source") return (t().source as Record<string, string>)[value] ?? value;
  return name === "connector" && value === "none" ? t().common.none : value;
}

export function Filters() {
  const further = FURTHER.filter((name) => search.value.filters[name]);
  return (
    <div class="filters" role="group" aria-label={t().log.filters}>
      {[...SHOWN, ...further].map((name) => (
        <Filter key={name} name={name} />
      ))}
      <Further names={FURTHER.filter((name) => !further.includes(name))} />
    </div>
  );
}

function Filter({ name }: { name: FilterName }) {
  const chosen = search.value.filters[name] ?? [];
  const label = chosen.length === 0 ? t().field[name] : `${t().field[name]}: ${chosen.length === 1 ? valueText(name, chosen[0]!) : number(chosen.length)}`;
  return (
    <Menu label={label} class={chosen.length ? "filter chosen" : "filter"}>
      {() => <Values name={name} />}
    </Menu>
  );
}

function Further({ names }: { names: readonly FilterName[] }) {
  const [name, setName] = useState<FilterName | null>(null);
  const { violations } = search.value;
  return (
    <Menu label={t().common.more} name={t().log.addFilter} icon="filter" class={violations ? "filter chosen" : "filter"}>
      {() =>
        name && names.includes(name) ? (
          <Values name={name} />
        ) : (
          <ul class="menu-list">
            <li>
              <label class="option">
                <input type="checkbox" checked={violations} onChange={() => setQuery({ violations: violations ? null : "true", entry: null })} />
                <span>{t().log.onlyViolations}</span>
              </label>
            </li>
            {names.map((one) => (
              <li key={one}>
                <button type="button" class="option" onClick={() => setName(one)}>
                  {t().field[one]}
                </button>
              </li>
            ))}
          </ul>
        )
      }
    </Menu>
  );
}

/** The search without this filter: what else could be chosen. */
function without(name: FilterName): Search {
  const filters = { ...search.value.filters };
  delete filters[name];
  return { ...search.value, filters };
}

function Values({ name }: { name: FilterName }) {
  const [text, setText] = useState("");
  const { data, problem, loading, reload } = useResource<Facets>("/v1/logs/facets", { ...parameters(without(name)), field: name, top: String(MOST) });
  const chosen = search.value.filters[name] ?? [];
  const facet = data?.facets[0];
  const counted = (facet?.values ?? []).map(({ value, count }) => ({ value: value === null ? "none" : String(value), count }));
  const found = counted.filter(({ value }) => value !== "none" || name === "connector");
  const absent = chosen.filter((value) => !found.some((one) => one.value === value)).map((value) => ({ value, count: null }));
  const wanted = text.trim().toLowerCase();
  const listed = [...absent, ...found].filter(({ value }) => `${value} ${valueText(name, value)}`.toLowerCase().includes(wanted));
  const own = text.trim() && !listed.some(({ value }) => value === text.trim()) ? text.trim() : null;
  const toggle = (value: string) => setFilter(name, chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  const submit = (event: Event) => {
    event.preventDefault();
    const value = listed.length === 1 ? listed[0]!.value : own;
    if (value) toggle(value);
    setText("");
  };
  return (
    <form class="values" onSubmit={submit}>
      <input
        type="search"
        aria-label={t().log.findIn(t().field[name])}
        placeholder={t().log.findIn(t().field[name])}
        value={text}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {!data && loading && <Skeleton lines={4} />}
      <ul class="menu-list">
        {listed.map(({ value, count }) => (
          <li key={value}>
            <label class="option">
              <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
              <span class="option-text">{valueText(name, value)}</span>
              {count !== null && <span class="count">{number(count)}</span>}
            </label>
          </li>
        ))}
        {own && (
          <li>
            <button type="submit" class="option">
              {t().log.addValue(own)}
            </button>
          </li>
        )}
      </ul>
      {problem && (
        <p class="bad-text hint" role="alert">
          {words(problem).title}{" "}
          <button type="button" class="button" onClick={reload}>
            {t().common.retry}
          </button>
        </p>
      )}
      {!loading && !problem && !listed.length && !own && <p class="soft hint">{t().log.noValues}</p>}
      {facet && facet.others > 0 && <p class="soft hint">{t().log.others(facet.others)}</p>}
      {facet?.is_sample && <p class="soft hint">{t().log.sample}</p>}
      {chosen.length > 0 && (
        <button type="button" class="button" onClick={() => setFilter(name, [])}>
          {t().common.clear}
        </button>
      )}
    </form>
  );
}
