// A list of things that one can open: a table, and on phones a card each. j and k go through it, Enter opens.

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

import { useKeys } from "../core/keyboard";
import { t } from "../i18n";
import { Icon } from "./icons";
import type { Pages } from "./pages";
import { ProblemState, Skeleton } from "./states";

export interface RowColumn<T> {
  name: string;
  title: string;
  cell: (item: T) => ComponentChildren;
  end?: boolean;
  /** Not to be broken into lines: ids, times. */
  whole?: boolean;
}

interface Properties<T> {
  label: string;
  items: readonly T[];
  columns: readonly RowColumn<T>[];
  id: (item: T) => string;
}

/** The first column has the link that opens the item: `class="row-link"`. Roles are said, since on phones CSS makes something else of a table. */
export function Rows<T>({ label, items, columns, id }: Properties<T>) {
  const body = useRef<HTMLTableSectionElement>(null);
  useKeys({ j: () => step(body.current, 1), k: () => step(body.current, -1) });
  return (
    <div class="rows-box">
      <table class="rows" role="table" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ name, title, end }) => (
              <th key={name} role="columnheader" scope="col" class={end ? "end" : ""}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" ref={body}>
          {items.map((item) => (
            <tr key={id(item)} role="row">
              {columns.map(({ name, title, cell, end, whole }) => (
                <td key={name} role="cell" class={end ? "end" : whole ? "whole" : ""} data-title={title}>
                  <span class="cell">{cell(item)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function step(body: HTMLElement | null, by: number): boolean {
  const links = [...(body?.querySelectorAll<HTMLElement>(".row-link") ?? [])];
  if (!links.length) return false;
  const next = links[Math.max(0, Math.min(links.length - 1, links.indexOf(document.activeElement as HTMLElement) + by))]!;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

/** The states of a list that is read by pages; `empty` where there is nothing. */
export function Listed<T>({ pages, empty, children }: { pages: Pages<T>; empty: ComponentChildren; children: (items: T[]) => ComponentChildren }) {
  const { items, problem, loading, more, reload } = pages;
  if (!items) return problem ? <ProblemState problem={problem} retry={reload} /> : <Skeleton lines={8} />;
  return (
    <>
      {items.length ? children(items) : !problem && empty}
      {problem ? (
        <ProblemState problem={problem} retry={reload} />
      ) : (
        more && (
          <p class="more">
            <button type="button" class="button" disabled={loading} onClick={more}>
              <Icon name="down" /> {loading ? t().common.loading : t().fleet.showMore}
            </button>
          </p>
        )
      )}
    </>
  );
}
