import type { ComponentChildren } from "preact";

import { follow } from "../core/router";

/** A link to a view: followed without loading the page anew. */
export function Link({ to, class: kind, current, label, children }: { to: string; class?: string; current?: boolean; label?: string; children: ComponentChildren }) {
  return (
    <a href={to} class={kind} aria-current={current ? "page" : undefined} aria-label={label} title={label} onClick={follow}>
      {children}
    </a>
  );
}
