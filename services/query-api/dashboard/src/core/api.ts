// The API under /v1: the token in the header, errors as Problem (RFC 9457).

import { type Query, toParameters } from "./router";
import { refused, token } from "./session";

export class Problem extends Error {
  /** `status` 0: no answer at all. `kind`: the stable end of the problem's type. `members`: what else it says. */
  constructor(
    readonly status: number,
    readonly kind: string,
    readonly title: string,
    readonly detail: string,
    readonly members: Record<string, unknown> = {},
  ) {
    super(detail || title || `HTTP ${status}`);
  }
}

export interface Options {
  signal?: AbortSignal;
  headers?: Record<string, string>;
  method?: string;
  body?: unknown;
}

/** Raises Problem, and DOMException "AbortError" where the caller gave up. A 401 also ends the session. */
export async function request(path: string, query: Query | URLSearchParams = {}, options: Options = {}): Promise<Response> {
  const text = (query instanceof URLSearchParams ? query : toParameters(query)).toString();
  const mine = token.value;
  const headers: Record<string, string> = { ...options.headers };
  if (mine) headers.Authorization = `Bearer ${mine}`;
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    response = await fetch(text ? `${path}?${text}` : path, { method: options.method ?? "GET", headers, body, signal: options.signal });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, "no-answer", "", "");
  }
  if (response.ok) return response;
  if (response.status === 401) refused(mine);
  throw await problem(response);
}

async function problem(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const kind = String(body.type ?? "").split(":").pop() ?? "";
  return new Problem(response.status, kind, String(body.title ?? ""), String(body.detail ?? ""), body);
}

export async function getJson<T>(path: string, query: Query | URLSearchParams = {}, options: Options = {}): Promise<T> {
  return (await (await request(path, query, options)).json()) as T;
}

/** For PUT, POST and DELETE. */
export async function sendJson<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await request(path, {}, { method, body });
  return (response.status === 204 ? null : await response.json()) as T;
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";
