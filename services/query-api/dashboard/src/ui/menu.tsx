// A button with something that drops down from it: closes with Esc, a click elsewhere, or when the focus leaves.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { Icon, type IconName } from "./icons";

interface Properties {
  /** What the button shows, and (without `name`) is called. */
  label: ComponentChildren;
  name?: string;
  icon?: IconName;
  class?: string;
  /** Which edge of the button the panel keeps to. */
  align?: "start" | "end";
  /** Nothing points down beside the label. */
  plain?: boolean;
  children: (close: () => void) => ComponentChildren;
}

export function Menu({ label, name, icon, class: kind = "", align = "start", plain, children }: Properties) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener("pointerdown", outside);
    addEventListener("focusin", outside);
    const panel = root.current?.querySelector<HTMLElement>(".menu-panel");
    panel?.querySelector<HTMLElement>("input:not([type=radio]), [data-first], button, a, input, select")?.focus();
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("focusin", outside);
    };
  }, [open]);
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  };
  return (
    <div class={`menu ${kind}`} ref={root} onKeyDown={keys}>
      <button
        type="button"
        ref={button}
        class="button"
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={name}
        title={name}
        onClick={() => setOpen(!open)}
      >
        {icon && <Icon name={icon} />}
        {label && <span class="menu-label">{label}</span>}
        {!plain && <Icon name="down" size={12} />}
      </button>
      {open && (
        <div class={`menu-panel ${align}`} role="dialog" aria-label={name ?? (typeof label === "string" ? label : undefined)}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
