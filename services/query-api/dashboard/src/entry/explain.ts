// What the fields of a payload mean, in the reader's language. The words are this project's own; the facts are of the standards.

import type { Language } from "../core/preferences";
import type { fields } from "./fields/en";

/** By field, `Action.field`, or `response.field` for answers in general: the nearest one counts. */
export type Descriptions = Record<keyof typeof fields, string>;

const LOADERS: Record<Language, () => Promise<Descriptions>> = {
  en: async () => (await import("./fields/en")).fields,
  de: async () => (await import("./fields/de")).fields,
  fr: async () => (await import("./fields/fr")).fields,
};

export const loadDescriptions = (language: Language): Promise<Descriptions> => LOADERS[language]();

export function explainer(known: Descriptions, action: string | null) {
  const of = known as Record<string, string | undefined>;
  return (side: "request" | "response", name: string): string | undefined => {
    const keys = [`${action}.${side}.${name}`, `${action}.${name}`, ...(side === "response" ? [`response.${name}`] : []), name];
    return keys.map((key) => of[key]).find(Boolean);
  };
}
