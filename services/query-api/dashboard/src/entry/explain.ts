// What the fields of a payload mean, in the reader's language. The words are this project's own; the facts are of the standards.

import type { Language } from "../core/preferences";
import type { fields } from "./fields/en";

export type Descriptions = Record<keyof typeof fields, string>;
/** By field, `Action.field`, `Action.side.field`, or `response.field` for answers in general: the nearest one counts. In a CALLERROR
 * only `error.field`: what is in its details is not of the standard, whatever it is called. */
export type Known = Record<string, string | undefined>;
type Load = () => Promise<{ fields: Known }>;

const COMMON: Record<Language, Load> = {
  en: () => import("./fields/en"),
  de: () => import("./fields/de"),
  fr: () => import("./fields/fr"),
};
/** More than all that is common, so only for who reads OCPP 2.1. They go before what is common: 2.1 widened some fields. */
const ONLY_21: Record<Language, Load[]> = {
  en: [() => import("./fields/costs.en"), () => import("./fields/grid.en")],
  de: [() => import("./fields/costs.de"), () => import("./fields/grid.de")],
  fr: [() => import("./fields/costs.fr"), () => import("./fields/grid.fr")],
};

export async function loadDescriptions(language: Language, subprotocol: string | null): Promise<Known> {
  const loads = [COMMON[language], ...(subprotocol === "ocpp2.1" ? ONLY_21[language] : [])];
  const loaded = await Promise.all(loads.map((load) => load()));
  return Object.assign({}, ...loaded.map(({ fields }) => fields)) as Known;
}

export function explainer(known: Known, action: string | null) {
  return (side: "request" | "response" | "error", name: string): string | undefined => {
    if (side === "error") return known[`error.${name}`];
    const keys = [`${action}.${side}.${name}`, `${action}.${name}`, ...(side === "response" ? [`response.${name}`] : []), name];
    return keys.map((key) => known[key]).find(Boolean);
  };
}
