// Keys that work wherever one is, unless one is typing.

import { useEffect, useRef } from "preact/hooks";

/** What a key does; `false` says that it does nothing just now. */
export type Keys = Record<string, (event: KeyboardEvent) => unknown>;

const layers: { current: Keys }[] = [];

/** Keys of a component while it is there. The newest component that knows a key gets it. */
export function useKeys(keys: Keys): void {
  const layer = useRef({ current: keys }).current;
  layer.current = keys;
  useEffect(() => {
    layers.push(layer);
    return () => void layers.splice(layers.indexOf(layer), 1);
  }, []);
}

const TYPING = "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]";

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as Element;
  if (event.key !== "Escape" && target.closest(TYPING)) return;
  // A dialog is on top of everything, and closes itself.
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && target.closest("button, a, summary")) return;
  for (const { current } of [...layers].reverse()) {
    const act = current[event.key];
    if (act && act(event) !== false) return event.preventDefault();
  }
});
