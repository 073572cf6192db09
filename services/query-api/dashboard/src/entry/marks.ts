// Violations are texts, `request.meterValue[0].timestamp: missing`: where in the payload each belongs.

import type { Node } from "../core/json";

export interface Violation {
  path: string;
  reason: string;
}

export function read(violation: string): Violation {
  const at = violation.indexOf(": ");
  return at < 0 ? { path: "", reason: violation } : { path: violation.slice(0, at), reason: violation.slice(at + 2) };
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,49}$/;

/** A step of a path, written as the enricher writes it. */
export function step(name: string | number): string {
  if (typeof name === "string" && PLAIN_NAME.test(name)) return `.${name}`;
  return `[${typeof name === "number" ? name : short(quote(name))}]`;
}

/** As Python's repr() writes a text. */
function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t").replaceAll(mark, `\\${mark}`);
  return mark + escaped + mark;
}

const short = (text: string) => ([...text].length <= 40 ? text : `${[...text].slice(0, 40).join("")}…`);

/** The violations of a payload by the path of the node that each is shown at: its own, or the nearest that is there. */
export function place(violations: readonly string[], side: "request" | "response", root: Node | null): Map<string, Violation[]> {
  const mine = violations.map(read).filter(({ path }) => path === side || path.startsWith(`${side}.`) || path.startsWith(`${side}[`));
  const placed = new Map<string, Violation[]>();
  if (!root) return placed;
  const there = paths(root, side);
  for (const violation of mine) {
    const found = nearest(violation.path, there);
    placed.set(found, [...(placed.get(found) ?? []), violation]);
  }
  return placed;
}

function paths(node: Node, path: string, found = new Set<string>()): Set<string> {
  found.add(path);
  for (const { name, node: child } of node.children) paths(child, path + step(name), found);
  return found;
}

/** Names may hold dots: the way up tries every place where a step could begin. */
function nearest(path: string, there: Set<string>): string {
  let found = path;
  while (found && !there.has(found)) found = found.slice(0, Math.max(found.lastIndexOf("."), found.lastIndexOf("["), 0));
  return found;
}
