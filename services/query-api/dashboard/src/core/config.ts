// What the API says of itself and of the caller.

import { signal } from "@preact/signals";

import { getJson } from "./api";
import type { Config, Me } from "./types";

const USUAL: Config = { oidc: null, version: "", max_export: 10_000, max_page: 1000 };

export const config = signal<Config | null>(null);
export const me = signal<Me | null>(null);
/** Why it is not known who asks. */
export const meProblem = signal<unknown>(null);

/** What can be known before anybody signs in. A server that does not say has the usual. */
export async function loadConfig(): Promise<Config> {
  if (!config.value) config.value = await getJson<Config>("/v1/config").catch(() => USUAL);
  return config.value;
}

export async function loadMe(): Promise<void> {
  meProblem.value = null;
  try {
    me.value = await getJson<Me>("/v1/me");
  } catch (problem) {
    me.value = null;
    meProblem.value = problem;
  }
}
