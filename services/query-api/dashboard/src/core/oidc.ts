// OIDC authorization code with PKCE (RFC 7636) for a public client. The token is asked for by POST: it is in no URL.

import type { Oidc } from "./types";

const KEY = "ocpplog.sign-in";
export const CALLBACK = "/sign-in";

interface Begun {
  state: string;
  verifier: string;
  /** Where one was. */
  back: string;
}

interface Endpoints {
  authorization_endpoint: string;
  token_endpoint: string;
}

export class SignInFailed extends Error {}

/** Leaves for the sign-in page of the authority. */
export async function begin(oidc: Oidc, back: string): Promise<void> {
  const { authorization_endpoint } = await endpoints(oidc);
  const begun: Begun = { state: random(), verifier: random(), back };
  sessionStorage.setItem(KEY, JSON.stringify(begun));
  const url = new URL(authorization_endpoint);
  const parameters = {
    response_type: "code",
    client_id: oidc.client_id,
    redirect_uri: redirectUri(),
    scope: oidc.scopes,
    state: begun.state,
    code_challenge: await challenge(begun.verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

/** Back from the authority: the token, and where one was. Raises SignInFailed with what it said. */
export async function finish(oidc: Oidc, query: URLSearchParams): Promise<{ token: string; back: string }> {
  const begun = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Begun | null;
  sessionStorage.removeItem(KEY);
  if (!begun || query.get("state") !== begun.state) throw new SignInFailed("elsewhere");
  const refusal = query.get("error");
  if (refusal) throw new SignInFailed(query.get("error_description") ?? refusal);
  const { token_endpoint } = await endpoints(oidc);
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    code: query.get("code") ?? "",
    redirect_uri: redirectUri(),
    client_id: oidc.client_id,
    code_verifier: begun.verifier,
  });
  const answer = await asked(token_endpoint, { method: "POST", body });
  if (typeof answer.access_token !== "string") throw new SignInFailed(String(answer.error_description ?? answer.error ?? "unreachable"));
  return { token: answer.access_token, back: begun.back };
}

const redirectUri = () => location.origin + CALLBACK;

async function endpoints(oidc: Oidc): Promise<Endpoints> {
  return (await asked(`${oidc.authority.replace(/\/$/, "")}/.well-known/openid-configuration`)) as unknown as Endpoints;
}

async function asked(url: string, options: RequestInit = {}): Promise<Record<string, unknown>> {
  try {
    return (await (await fetch(url, { ...options, credentials: "omit" })).json()) as Record<string, unknown>;
  } catch {
    throw new SignInFailed("unreachable");
  }
}

/** 256 bits, in 43 characters. */
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

export async function challenge(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

export const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
