// Who is signed in. The token stays in this browser until it expires or is given up, so that a link opens in a second tab too.

import { computed, signal } from "@preact/signals";

const KEY = "ocpplog.token";

export type Why = "none" | "expired" | "refused" | "out";

const stored = signal<string | null>(valid(localStorage.getItem(KEY)));

export const token = computed(() => stored.value);
/** Why nobody is signed in: for the words of the sign-in page. */
export const why = signal<Why>("none");

/** Seconds since 1970 at which a JWT expires; null for what is none. */
export function expiry(jwt: string): number | null {
  try {
    const payload = (jwt.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const { exp } = JSON.parse(atob(payload)) as { exp?: unknown };
    return typeof exp === "number" ? exp : null;
  } catch {
    return null;
  }
}

function valid(jwt: string | null): string | null {
  const until = jwt && expiry(jwt);
  return until && until * 1000 < Date.now() ? null : jwt;
}

export function signIn(jwt: string): void {
  stored.value = jwt.trim();
  localStorage.setItem(KEY, stored.value);
}

export function signOut(reason: Why = "out"): void {
  why.value = reason;
  stored.value = null;
  localStorage.removeItem(KEY);
}

/** The API took the token for invalid: one that was replaced meanwhile stays. */
export function refused(jwt: string | null): void {
  if (jwt === stored.value) signOut(jwt && valid(jwt) ? "refused" : "expired");
}

/** A sign-in link has the token in its fragment, which no server sees: it leaves the address bar at once. */
export function takeTokenFromLink(): void {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!found) return;
  history.replaceState(null, "", location.pathname + location.search);
  signIn(found);
}

addEventListener("hashchange", takeTokenFromLink);
addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  if (!event.newValue) why.value = "out";
  stored.value = event.newValue;
});
