// The texts, in three languages. `en` says which there are; a catalogue that lacks one does not compile.

import { effect, signal } from "@preact/signals";

import { language, type Language } from "../core/preferences";
import type { en } from "./en";

/** A text, or a function that makes one of its parameters. */
type Like<T> = { [K in keyof T]: T[K] extends string ? string : T[K] extends (...parameters: infer P) => string ? (...parameters: P) => string : Like<T[K]> };

export type Messages = Like<typeof en>;

const catalogues: Record<Language, () => Promise<Messages>> = {
  en: async () => (await import("./en")).en,
  de: async () => (await import("./de")).de,
  fr: async () => (await import("./fr")).fr,
};

const messages = signal<Messages | null>(null);

/** The texts of the language in use: in a component, it is drawn anew when the language changes. */
export function t(): Messages {
  return messages.value!;
}

/** Loads the language in use, now and whenever it changes. */
export function followLanguage(): Promise<void> {
  return new Promise((ready) =>
    effect(() => {
      const wanted = language.value;
      void catalogues[wanted]().then((found) => {
        if (wanted !== language.value) return;
        document.documentElement.lang = wanted;
        messages.value = found;
        ready();
      });
    }),
  );
}
