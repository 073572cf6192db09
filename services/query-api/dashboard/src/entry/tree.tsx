// JSON to be read: foldable, every number with its digits, violations at their place, fields explained.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { type Node, visible } from "../core/json";
import { number } from "../core/format";
import { t } from "../i18n";
import { Icon } from "../ui/icons";
import { type Violation, step } from "./marks";

const MANY_NODES = 400;
const MANY_CHILDREN = 100;
const LONG = 1000;

export type Explain = (name: string) => string | undefined;

interface Properties {
  root: Node;
  side: "request" | "response";
  marks: Map<string, Violation[]>;
  explain: Explain | null;
}

interface Shared {
  marks: Map<string, Violation[]>;
  explain: Explain | null;
  /** Fold or unfold everything: changes with each click. */
  all: Signal<{ open: boolean } | null>;
  /** How deep it is unfolded at first. */
  depth: number;
}

export function Tree({ root, side, marks, explain }: Properties) {
  const all = useSignal<{ open: boolean } | null>(null);
  const size = count(root);
  const shared: Shared = { marks, explain, all, depth: size > MANY_NODES ? 2 : 99 };
  return (
    <div class="tree">
      {size > 8 && (
        <div class="tree-tools">
          <button type="button" class="button quiet" onClick={() => (all.value = { open: false })}>
            {t().entry.foldAll}
          </button>
          <button type="button" class="button quiet" onClick={() => (all.value = { open: true })}>
            {t().entry.unfoldAll}
          </button>
        </div>
      )}
      <ul class="tree-root">
        <Branch name={null} node={root} path={side} depth={0} shared={shared} />
      </ul>
    </div>
  );
}

function count(node: Node): number {
  return node.children.reduce((sum, child) => sum + count(child.node), 1);
}

interface BranchProperties {
  name: string | number | null;
  node: Node;
  path: string;
  depth: number;
  shared: Shared;
}

function Branch({ name, node, path, depth, shared }: BranchProperties) {
  const marked = shared.marks.get(path) ?? [];
  const folds = node.children.length > 0;
  const inside = folds && [...shared.marks.keys()].some((one) => one !== path && one.startsWith(path));
  const [open, setOpen] = useState(depth < shared.depth || inside);
  const [shown, setShown] = useState(MANY_CHILDREN);
  useEffect(() => {
    if (shared.all.value) setOpen(shared.all.value.open || depth === 0);
  }, [shared.all.value]);
  // Of many items alike the first is explained.
  const described = typeof name === "string" && !/\[[1-9]\d*\]/.test(path) ? shared.explain?.(name) : undefined;
  return (
    <li class={marked.length ? "marked" : undefined} data-path={path}>
      {folds ? (
        <button type="button" class="node fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? "down" : "right"} size={12} />
          <Name name={name} />
          <span class="soft">{summary(node)}</span>
        </button>
      ) : (
        <span class="node">
          <Name name={name} />
          <Value node={node} />
        </span>
      )}
      {described && <span class="explanation">{described}</span>}
      {marked.map((violation) => (
        <Mark key={violation.path + violation.reason} violation={violation} path={path} />
      ))}
      {folds && open && (
        <ul>
          {node.children.slice(0, shown).map((child, index) => (
            <Branch key={index} name={child.name} node={child.node} path={path + step(child.name)} depth={depth + 1} shared={shared} />
          ))}
          {node.children.length > shown && (
            <li>
              <button type="button" class="button quiet" onClick={() => setShown(shown + 10 * MANY_CHILDREN)}>
                {t().entry.tooLong(node.children.length - shown)}
              </button>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

const PLAIN = /^[\p{L}_$][\p{L}\p{N}_$.-]*$/u;

function Name({ name }: { name: string | number | null }) {
  if (name === null) return null;
  if (typeof name === "number") return <span class="index">{number(name)} </span>;
  return (
    <>
      <span class="name">{PLAIN.test(name) ? name : visible(JSON.stringify(name))}</span>
      <span class="soft">: </span>
    </>
  );
}

const summary = (node: Node) => (node.kind === "array" ? `[${t().entry.items(node.children.length)}]` : `{${t().entry.fields(node.children.length)}}`);

function Value({ node }: { node: Node }) {
  const [whole, setWhole] = useState(false);
  if (node.kind === "object" || node.kind === "array") return <span class="soft">{node.kind === "array" ? "[ ]" : "{ }"}</span>;
  const text = node.kind === "string" ? visible(JSON.stringify(JSON.parse(node.raw))) : node.raw;
  if (text.length <= LONG || whole) return <span class={`value ${node.kind}`}>{text}</span>;
  return (
    <>
      <span class={`value ${node.kind}`}>{text.slice(0, LONG)}…</span>{" "}
      <button type="button" class="button quiet" onClick={() => setWhole(true)}>
        {t().entry.tooLong(text.length - LONG)}
      </button>
    </>
  );
}

function Mark({ violation, path }: { violation: Violation; path: string }) {
  const rest = violation.path.slice(path.length).replace(/^\./, "");
  return (
    <span class="mark">
      <Icon name="warning" size={13} />
      <span>{rest ? `${rest}: ${violation.reason}` : violation.reason}</span>
    </span>
  );
}
