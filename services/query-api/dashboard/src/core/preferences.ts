// What a person chose, kept in this browser.

import { computed, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
export type Language = "en" | "de" | "fr";
export const LANGUAGES: readonly Language[] = ["en", "de", "fr"];

export interface Preferences {
  theme: Theme;
  /** null: as the browser says. */
  language: Language | null;
  zone: "local" | "utc";
  times: "absolute" | "relative";
  /** Columns of the log, in their order; null: the usual ones. */
  columns: string[] | null;
  /** Whether the fields of a payload are explained. */
  explain: boolean;
  exportFormat: string;
  /** Headers of the export, in their order; null: the usual ones. */
  exportColumns: string[] | null;
}

const KEY = "ocpplog.preferences";
const USUAL: Preferences = {
  theme: "system",
  language: null,
  zone: "local",
  times: "absolute",
  columns: null,
  explain: false,
  exportFormat: "csv",
  exportColumns: null,
};

export const preferences = signal<Preferences>(read());

function read(): Preferences {
  try {
    return { ...USUAL, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    return USUAL;
  }
}

export function prefer(changes: Partial<Preferences>): void {
  preferences.value = { ...preferences.value, ...changes };
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences.value));
  } catch {
    // Storage is full or forbidden: it holds for this page.
  }
}

addEventListener("storage", (event) => {
  if (event.key === KEY) preferences.value = read();
});

/** The language in use. */
export const language = computed<Language>(() => preferences.value.language ?? ofBrowser() ?? "en");

function ofBrowser(): Language | undefined {
  for (const tag of navigator.languages) {
    const found = LANGUAGES.find((name) => tag.toLowerCase().startsWith(name));
    if (found) return found;
  }
  return undefined;
}

/** The locale for numbers and dates: the browser's own variant of the language, such as en-GB or de-CH. */
export const locale = computed(() => navigator.languages.find((tag) => tag.toLowerCase().startsWith(language.value)) ?? language.value);

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(prefersDark.matches);
prefersDark.addEventListener("change", () => (systemDark.value = prefersDark.matches));

export const dark = computed(() => (preferences.value.theme === "system" ? systemDark.value : preferences.value.theme === "dark"));
