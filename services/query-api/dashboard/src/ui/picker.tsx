// Choosing some of a list, and their order: with the mouse, or with the keyboard.

import { useState } from "preact/hooks";

import { t } from "../i18n";
import { Icon } from "./icons";

interface Properties {
  /** All there are. */
  all: readonly string[];
  /** Those chosen, in their order. */
  chosen: readonly string[];
  title: (name: string) => string;
  hint?: (name: string) => string | undefined;
  choose: (names: string[]) => void;
}

export function Picker({ all, chosen, title, hint, choose }: Properties) {
  const [dragged, setDragged] = useState<string | null>(null);
  const listed = [...chosen, ...all.filter((name) => !chosen.includes(name))];
  const toggle = (name: string) => choose(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  const move = (name: string, to: number) => {
    const others = chosen.filter((one) => one !== name);
    choose([...others.slice(0, to), name, ...others.slice(to)]);
  };
  const over = (event: DragEvent, index: number) => {
    if (!dragged || index >= chosen.length) return;
    event.preventDefault();
    if (chosen[index] !== dragged) move(dragged, index);
  };
  return (
    <ul class="picker">
      {listed.map((name, index) => {
        const position = chosen.indexOf(name);
        return (
          <li
            key={name}
            draggable={position >= 0}
            onDragStart={() => setDragged(name)}
            onDragOver={(event) => over(event, index)}
            onDragEnd={() => setDragged(null)}
            class={dragged === name ? "dragged" : ""}
          >
            <label class="option" title={hint?.(name)}>
              <input type="checkbox" checked={position >= 0} onChange={() => toggle(name)} />
              <span class="option-text">{title(name)}</span>
            </label>
            {position >= 0 && (
              <span class="picker-move">
                <button
                  type="button"
                  class="button quiet"
                  aria-label={t().common.moveUp(title(name))}
                  disabled={position === 0}
                  onClick={() => move(name, position - 1)}
                >
                  <Icon name="up" size={13} />
                </button>
                <button
                  type="button"
                  class="button quiet"
                  aria-label={t().common.moveDown(title(name))}
                  disabled={position === chosen.length - 1}
                  onClick={() => move(name, position + 1)}
                >
                  <Icon name="down" size={13} />
                </button>
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}
