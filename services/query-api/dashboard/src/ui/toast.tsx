// A line that says what was done, for a few seconds; screen readers read it out.

import { signal } from "@preact/signals";

const text = signal("");
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(what: string): void {
  text.value = what;
  clearTimeout(timer);
  timer = setTimeout(() => (text.value = ""), 4000);
}

export function Toast() {
  return (
    <div class={`toast ${text.value ? "shown" : ""}`} role="status" aria-live="polite">
      {text.value}
    </div>
  );
}
