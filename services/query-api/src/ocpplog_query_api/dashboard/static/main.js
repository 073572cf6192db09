// The page: sign in, search, read an entry, download.

import { Problem, download, getJson, signIn, signOut, signedIn, takeTokenFromLink } from "./api.js";
import { element, showEntry } from "./entry.js";

const $ = (id) => document.getElementById(id);
const form = $("filters");
const ACTIONS = ["Authorize", "BootNotification", "ChangeAvailability", "ChangeConfiguration", "DataTransfer",
  "FirmwareStatusNotification", "GetConfiguration", "Heartbeat", "MeterValues", "RemoteStartTransaction", "RemoteStopTransaction",
  "Reset", "StartTransaction", "StatusNotification", "StopTransaction", "TransactionEvent", "TriggerMessage", "UpdateFirmware"];
const STATUSES = ["Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Reserved", "Unavailable", "Faulted"];
let cursor = null;
let newest = 0; // the search whose answer counts: an older one that comes late is dropped

function filters() {
  return Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim() !== "").map(([k, v]) => [k, v.trim()]));
}

function notice(text, bad = false) {
  $("notice").textContent = text;
  $("notice").classList.toggle("bad", bad);
}

function fail(error) {
  if (error instanceof Problem && error.status === 401) {
    signOut();
    show(error.message);
    return;
  }
  notice(`${error.message}`, true);
}

const OUTCOME_CLASS = { result: "good", error: "bad", violation: "bad", gap: "bad", timeout: "warn", lost: "warn", unmatched: "warn",
  superseded: "warn" };
const untitled = (entry) => (entry.outcome === "gap" ? "Gap in the log" : "Not OCPP-J");

function row(entry) {
  const line = document.createElement("tr");
  line.tabIndex = 0;
  const latency = entry.latency_ms === null ? "" : `${entry.latency_ms} ms`;
  const faulty = entry.error_code && entry.error_code !== "NoError" ? "bad" : "";
  line.append(
    element("td", entry.datetime.replace("T", " ").replace("Z", "")),
    element("td", entry.action ?? `(${untitled(entry)})`, entry.action ? "" : "bad"),
    element("td", entry.charger_id),
    element("td", entry.connector_id ?? ""),
    element("td", entry.status ?? "", entry.status === "Faulted" ? "bad" : ""),
    element("td", entry.error_code ?? "", faulty),
    element("td", entry.outcome, OUTCOME_CLASS[entry.outcome] ?? ""),
    element("td", entry.source === "csms" ? "central system" : entry.source),
    element("td", entry.site_id),
    element("td", latency, "number"),
  );
  line.addEventListener("click", () => open(entry.id, line));
  line.addEventListener("keydown", (event) => event.key === "Enter" && open(entry.id, line));
  return line;
}

async function search(more = false) {
  const mine = ++newest;
  const wanted = filters();
  if (!more) history.replaceState(null, "", `?${new URLSearchParams(wanted)}`);
  if (!$("live").checked) notice("Searching …");
  try {
    const page = await getJson("/v1/logs", { ...wanted, limit: 100, count: true, ...(more && cursor ? { cursor } : {}) });
    if (mine !== newest) return;
    const rows = page.items.map(row);
    if (more) $("rows").append(...rows);
    else $("rows").replaceChildren(...rows);
    cursor = page.next_cursor;
    $("more").hidden = cursor === null;
    const total = page.total.toLocaleString() + (page.total_is_lower_bound ? " or more" : "");
    const filtered = Object.keys(wanted).length > 0;
    if (page.total === 0) notice(filtered ? "No entry matches. Remove a term or widen the time." : "No entries yet.");
    else notice(`${total} ${page.total === 1 ? "entry" : "entries"}, ${$("rows").children.length} shown`);
  } catch (error) {
    if (mine === newest) fail(error);
  }
}

let opener = null;

async function open(id, line) {
  opener = line;
  try {
    const entry = await getJson(`/v1/logs/${id}`);
    $("entry-title").textContent = `${entry.action ?? untitled(entry)} · ${entry.charger_id}`;
    showEntry(entry, $("entry-body"));
    $("entry").hidden = false;
    $("close").focus();
  } catch (error) {
    fail(error);
  }
}

function close() {
  $("entry").hidden = true;
  opener?.focus();
}

async function exportCsv() {
  notice("Preparing the file …");
  try {
    const matched = await download("/v1/logs/export", filters());
    notice(`Downloaded ${matched.toLocaleString()} entries.`);
  } catch (error) {
    fail(error);
  }
}

function show(why = "") {
  const inside = signedIn();
  $("sign-in").hidden = inside;
  $("log").hidden = !inside;
  $("sign-out").hidden = !inside;
  $("entry").hidden = true;
  if (why) $("sign-in-why").textContent = why;
  if (!inside) {
    $("who").textContent = "";
    $("token").focus();
    return;
  }
  start().catch(fail);
}

async function start() {
  const me = await getJson("/v1/me");
  $("who").textContent = `${me.subject} · ${me.role} · ${me.sites.includes("*") ? "all sites" : me.sites.join(", ")}`;
  await search();
  const sites = await getJson("/v1/sites");
  options("sites", sites.map((site) => site.site_id));
}

function options(list, values) {
  $(list).replaceChildren(...values.map((value) => Object.assign(document.createElement("option"), { value })));
}

for (const [name, value] of new URLSearchParams(location.search)) {
  if (form.elements[name]) form.elements[name].value = value;
}
options("actions", ACTIONS);
options("statuses", STATUSES);
form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
for (const select of form.querySelectorAll("select")) select.addEventListener("change", () => search());
$("clear").addEventListener("click", () => { form.reset(); search(); });
$("more").addEventListener("click", () => search(true));
$("export").addEventListener("click", exportCsv);
$("close").addEventListener("click", close);
$("sign-out").addEventListener("click", () => { signOut(); show("You are signed out."); });
$("sign-in-form").addEventListener("submit", (event) => { event.preventDefault(); signIn($("token").value); $("token").value = ""; show(); });
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "Escape" && !$("entry").hidden) close();
  else if (event.key === "/" && !typing && signedIn()) { event.preventDefault(); form.elements.q.focus(); }
});
setInterval(() => { if ($("live").checked && signedIn() && $("entry").hidden && !document.hidden) search(); }, 5000);
window.addEventListener("hashchange", () => { takeTokenFromLink(); show(); });
takeTokenFromLink();
show();
