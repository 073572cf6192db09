// The search box: what is searched for as chips, and suggestions while one types.

import { useEffect, useId, useRef, useState } from "preact/hooks";

import { getJson } from "../core/api";
import { number } from "../core/format";
import { useKeys } from "../core/keyboard";
import { setQuery } from "../core/router";
import type { Charger, Facets, Page } from "../core/types";
import { t } from "../i18n";
import { Icon } from "../ui/icons";
import { valueText } from "./filters";
import { addFilter, addTerms, clearFilters, isFiltered, removeFilter, removeTerm, search } from "./search";
import { FILTERS, type FilterName, quoted, split } from "./terms";

const SUGGESTED: readonly FilterName[] = ["charger", "action", "status", "error_code", "site", "outcome"];
const MOST_OF_A_KIND = 4;

interface Suggestion {
  name: FilterName | null;
  value: string;
  count: number | null;
}

export function SearchBox() {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [focused, setFocused] = useState(false);
  const [active, setActive] = useState(-1);
  const list = useId();
  const found = useSuggestions(text, focused);
  const open = focused && found.length > 0;
  useKeys({ "/": () => input.current?.focus() });

  const typed = (value: string) => {
    setText(value);
    setActive(-1);
  };
  const take = (suggestion: Suggestion | undefined) => {
    if (suggestion?.name) addFilter(suggestion.name, suggestion.value);
    else if (suggestion) addTerms(quoted(suggestion.value));
    else addTerms(text);
    typed("");
  };
  const keys = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && open) {
      event.preventDefault();
      setActive((active + step + found.length + 1) % (found.length + 1) === found.length ? -1 : (active + step + found.length + 1) % (found.length + 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (text.trim() || active >= 0) take(found[active]);
    } else if (event.key === "Backspace" && !text) removeLast();
    else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      if (text) typed("");
      else input.current?.blur();
    }
  };
  return (
    <div class="search-box" role="search" onClick={(event) => event.target === event.currentTarget && input.current?.focus()}>
      <Icon name="search" />
      <Chips />
      <input
        ref={input}
        type="text"
        role="combobox"
        enterkeyhint="search"
        aria-label={t().log.search}
        aria-description={t().log.searchHint}
        aria-expanded={open}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 ? `${list}-${active}` : undefined}
        placeholder={isFiltered(search.value) ? "" : t().log.placeholder}
        title={t().log.searchHint}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        maxLength={256}
        value={text}
        onInput={(event) => typed(event.currentTarget.value)}
        onKeyDown={keys}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
      />
      {isFiltered(search.value) ? (
        <button type="button" class="button quiet clear-all" aria-label={t().log.clearAll} title={t().log.clearAll} onClick={clearFilters}>
          <Icon name="close" />
        </button>
      ) : (
        <kbd aria-hidden="true">/</kbd>
      )}
      <ul id={list} role="listbox" class="suggestions" aria-label={t().log.suggestions} hidden={!open}>
        {found.map((suggestion, index) => (
          <li
            key={`${suggestion.name} ${suggestion.value}`}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === active}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => take(suggestion)}
          >
            {suggestion.name ? (
              <>
                <span class="soft">{t().field[suggestion.name]}</span> <strong>{valueText(suggestion.name, suggestion.value)}</strong>
              </>
            ) : (
              <span>{t().log.textTerm(suggestion.value)}</span>
            )}
            {suggestion.count !== null && <span class="count">{number(suggestion.count)}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}

function removeLast(): void {
  const term = split(search.value.q).at(-1);
  if (term) return removeTerm(term.raw);
  const name = [...FILTERS].reverse().find((one) => search.value.filters[one]);
  const value = name && search.value.filters[name]?.at(-1);
  if (name && value) removeFilter(name, value);
}

function Chips() {
  const { q, filters, violations } = search.value;
  return (
    <>
      {FILTERS.flatMap((name) =>
        (filters[name] ?? []).map((value) => (
          <Chip key={`${name} ${value}`} kind={t().field[name]} text={valueText(name, value)} remove={() => removeFilter(name, value)} />
        )),
      )}
      {violations && <Chip text={t().log.onlyViolations} remove={() => setQuery({ violations: null })} />}
      {split(q).map(({ raw, not, field, text }) => {
        const shown = field ? `${t().field[field]} ${text}` : text;
        return <Chip key={raw} text={not ? t().log.notTerm(shown) : shown} remove={() => removeTerm(raw)} not={not} />;
      })}
    </>
  );
}

function Chip({ kind, text, not, remove }: { kind?: string; text: string; not?: boolean; remove: () => void }) {
  const name = kind ? `${kind} ${text}` : text;
  return (
    <span class={not ? "chip not" : "chip"}>
      <span class="chip-text">
        {kind && <span class="chip-kind">{kind}</span>} {text}
      </span>
      <button type="button" aria-label={t().common.remove(name)} title={t().common.remove(name)} onClick={remove}>
        <Icon name="close" size={12} />
      </button>
    </span>
  );
}

/** Values that contain what is typed: of the entries in this time range, and of all chargers. */
function useSuggestions(text: string, focused: boolean): Suggestion[] {
  const [known, setKnown] = useState<Suggestion[]>([]);
  const [chargers, setChargers] = useState<Suggestion[]>([]);
  const { from, to } = search.value;
  const wanted = text.trim().toLowerCase();
  useEffect(() => {
    if (!focused) return;
    const query = { from, to, field: SUGGESTED, top: "100" };
    getJson<Facets>("/v1/logs/facets", query).then(
      ({ facets }) =>
        setKnown(
          facets.flatMap(({ field, values }) =>
            values.flatMap(({ value, count }) => (value === null || value === "" ? [] : { name: field as FilterName, value: String(value), count })),
          ),
        ),
      () => setKnown([]),
    );
  }, [focused, from, to]);
  useEffect(() => {
    setChargers([]);
    if (wanted.length < 2) return;
    const timer = setTimeout(() => {
      getJson<Page<Charger>>("/v1/chargers", { q: wanted, limit: String(MOST_OF_A_KIND) }).then(
        ({ items }) => setChargers(items.map(({ charger_id }) => ({ name: "charger", value: charger_id, count: null }))),
        () => undefined,
      );
    }, 150);
    return () => clearTimeout(timer);
  }, [wanted]);
  if (!wanted || text.startsWith("-") || text.includes('"') || split(text).some(({ field }) => field)) return [];
  const fitting = [...known, ...chargers.filter(({ value }) => !known.some((one) => one.value === value))].filter(({ value, name }) =>
    `${value} ${name ? valueText(name, value) : ""}`.toLowerCase().includes(wanted),
  );
  const some = SUGGESTED.flatMap((name) => fitting.filter((one) => one.name === name).slice(0, MOST_OF_A_KIND));
  return [{ name: null, value: text.trim(), count: null }, ...some];
}
