// The query API, with the token of this browser tab.

const KEY = "ocpplog.token";

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    this.body = body;
  }
}

/** The token may come in the fragment of a sign-in link: it goes out of the address bar at once. */
export function takeTokenFromLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    sessionStorage.setItem(KEY, token);
    history.replaceState(null, "", location.pathname + location.search);
  }
}

export const signedIn = () => sessionStorage.getItem(KEY) !== null;
export const signIn = (token) => sessionStorage.setItem(KEY, token.trim());
export const signOut = () => sessionStorage.removeItem(KEY);

async function request(path, parameters) {
  const query = new URLSearchParams(parameters).toString();
  let response;
  try {
    response = await fetch(query ? `${path}?${query}` : path, {
      headers: { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` },
    });
  } catch {
    throw new Problem(0, { detail: "The server does not answer. Check that it runs, and try again." });
  }
  if (!response.ok) {
    throw new Problem(response.status, await response.json().catch(() => ({})));
  }
  return response;
}

export const getJson = async (path, parameters = {}) => (await request(path, parameters)).json();

/** A file from the API, saved under the name that the API gives it. */
export async function download(path, parameters) {
  const response = await request(path, parameters);
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") || "")?.[1] || "ocpp-log.csv";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  return Number(response.headers.get("X-Ocpplog-Matched"));
}
