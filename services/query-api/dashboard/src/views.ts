// The views: where each lives, what it is called in the navigation, and how its code is loaded.
//
// To add one: a component in a directory of its own, a line here, its texts in src/i18n. The server serves the page for every
// path of PAGES in dashboard/endpoints.py.

import type { ComponentType } from "preact";

import type { IconName } from "./ui/icons";

export interface ViewProperties {
  /** What the groups of the pattern matched, decoded: of /chargers/CP%201 it is ["CP 1"]. */
  parameters: string[];
}

export interface View {
  name: "overview" | "log" | "chargers" | "sessions" | "sites";
  icon: IconName;
  /** Where the navigation leads. */
  path: string;
  pattern: RegExp;
  load: () => Promise<{ default: ComponentType<ViewProperties> }>;
}

/** The log is also where its file lies: links of old pointed there. */
export const VIEWS: readonly View[] = [
  { name: "overview", icon: "overview", path: "/overview", pattern: /^\/overview$/, load: () => import("./overview/view") },
  { name: "log", icon: "log", path: "/", pattern: /^\/(?:static\/index\.html)?$/, load: () => import("./log/view") },
  { name: "chargers", icon: "chargers", path: "/chargers", pattern: /^\/chargers(?:\/(.+))?$/, load: () => import("./chargers/view") },
  { name: "sessions", icon: "sessions", path: "/sessions", pattern: /^\/sessions(?:\/(.+))?$/, load: () => import("./sessions/view") },
  { name: "sites", icon: "sites", path: "/sites", pattern: /^\/sites(?:\/(.+))?$/, load: () => import("./sites/view") },
];

export function viewAt(path: string): { view: View; parameters: string[] } | null {
  for (const view of VIEWS) {
    const match = view.pattern.exec(path.replace(/(?<=.)\/+$/, ""));
    if (match) return { view, parameters: match.slice(1).map((part) => decode(part ?? "")) };
  }
  return null;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
