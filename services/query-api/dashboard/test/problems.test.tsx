import assert from "node:assert/strict";
import { test } from "node:test";

import { ChargerList } from "../src/chargers/list";
import { LastErrors } from "../src/chargers/last-errors";
import { loadMe, me } from "../src/core/config";
import { useResource } from "../src/core/resource";
import { go } from "../src/core/router";
import type { ChargerDetail } from "../src/core/types";
import { followLanguage, t } from "../src/i18n";
import { Filters } from "../src/log/filters";
import { Histogram } from "../src/log/histogram";
import { readSearch } from "../src/log/search";
import Overview from "../src/overview/view";
import { SessionPage } from "../src/sessions/session";
import { SitePage } from "../src/sites/site";
import { type Asked, type Shown, api, settle, show } from "./dom";

await followLanguage();
const SLOW = "The search took too long";
const STALE = "The last refresh failed";
const search = (query: string) => readSearch(new URLSearchParams(query));
const at = (minute: number) => new Date(minute * 60_000).toISOString();
const histogram = { from: at(0), to: at(2), bucket_seconds: 60, buckets: [{ at: at(0), counts: { result: 7 } }] };
const last = (asked: Asked[]) => asked.at(-1)!;

/** Every view that reads again by itself does so in this rhythm. */
const rhythm: (() => void)[] = [];
globalThis.setInterval = ((act: () => void) => (rhythm.push(act), 0)) as unknown as typeof setInterval;
globalThis.clearInterval = () => undefined;
Object.assign(document, { hidden: false });
const refresh = async () => {
  for (const act of rhythm) act();
  await settle();
};
const end = (shown: Shown) => {
  shown.end();
  rhythm.length = 0;
};

let reload: () => void;
function Read({ q }: { q: string }) {
  const { data, problem, reload: again } = useResource<{ text: string }>("/v1/x", { q });
  reload = again;
  return <p>{`${data?.text ?? "nothing"}, ${problem ? "problem" : "well"}`}</p>;
}

test("of another question that fails no answer is left; of the same one it is, with the problem", async () => {
  const asked = api();
  const shown = await show(<Read q="a" />);
  await last(asked).answer({ text: "A" });
  await shown.draw(<Read q="b" />);
  assert.equal(shown.text(), "A, well");
  await last(asked).fail(504);
  assert.equal(shown.text(), "nothing, problem");
  reload();
  await settle();
  await last(asked).answer({ text: "B" });
  reload();
  await settle();
  await last(asked).fail(504);
  assert.equal(shown.text(), "B, problem");
  shown.end();
});

test("what is under way is not asked for again, and not given up", async () => {
  const asked = api();
  const shown = await show(<Read q="a" />);
  reload();
  await settle();
  assert.deepEqual([asked.length, asked[0]!.aborted], [1, false]);
  await asked[0]!.answer({ text: "A" });
  reload();
  await settle();
  assert.equal(asked.length, 2);
  await shown.draw(<Read q="b" />);
  assert.deepEqual([asked.length, asked[1]!.aborted], [3, true]);
  shown.end();
});

test("a histogram that takes longer than the rhythm of following is drawn", async () => {
  const asked = api();
  const shown = await show(<Histogram search={search("")} turn={0} ready />);
  await shown.draw(<Histogram search={search("")} turn={1} ready />);
  await shown.draw(<Histogram search={search("")} turn={2} ready />);
  assert.deepEqual([asked.length, asked[0]!.aborted], [1, false]);
  await asked[0]!.answer(histogram);
  assert.equal(shown.count("bars"), 1);
  shown.end();
});

test("the histogram of a search that fails is not that of the search before", async () => {
  const asked = api();
  const shown = await show(<Histogram search={search("q=a")} turn={0} ready />);
  await last(asked).answer(histogram);
  await shown.draw(<Histogram search={search("q=b")} turn={0} ready />);
  await last(asked).fail(504);
  assert.equal(shown.count("bars"), 0);
  assert.match(shown.text(), new RegExp(SLOW));
  await shown.click(t().common.retry);
  await last(asked).answer(histogram);
  await shown.draw(<Histogram search={search("q=b")} turn={1} ready />);
  await last(asked).fail(504);
  assert.equal(shown.count("bars"), 1);
  assert.match(shown.text(), new RegExp(STALE));
  shown.end();
});

test("a list of chargers that fails is not that of the filters before, and its next page is its own", async () => {
  const asked = api((path) => (path === "/v1/sites" ? [] : undefined));
  const charger = { charger_id: "CP-1", site_id: "s", connectors: [] };
  go("/chargers?status=Faulted");
  const shown = await show(<ChargerList />);
  await last(asked).answer({ items: [charger], next_cursor: "c" });
  assert.match(shown.text(), /CP-1.*Show more/);
  go("/chargers?status=Charging");
  await settle();
  assert.doesNotMatch(shown.text(), /Show more|Loading/);
  await last(asked).fail(504);
  assert.doesNotMatch(shown.text(), /CP-1/);
  assert.match(shown.text(), new RegExp(SLOW));
  await shown.click(t().common.retry);
  await last(asked).answer({ items: [charger], next_cursor: "d" });
  await shown.click(t().fleet.showMore);
  await last(asked).fail(504);
  assert.match(shown.text(), new RegExp(`CP-1.*${SLOW}`));
  await shown.click(t().common.retry);
  assert.equal(last(asked).query.get("cursor"), "d");
  await last(asked).answer({ items: [{ ...charger, charger_id: "CP-2" }], next_cursor: null });
  assert.match(shown.text(), /CP-1.*CP-2/);
  shown.end();
  go("/");
});

test("the overview of a site that fails is not that of the site before", async () => {
  const asked = api((path) => (path === "/v1/sites" ? [] : undefined));
  const overview = { sites: 3, chargers: { total: 77, online: 0, offline: 0, faulted: 0, silent: 0 }, entries_per_hour: [], top_errors: [], slowest: [], silent: [] };
  go("/overview?site=a");
  const shown = await show(<Overview />);
  await last(asked).answer(overview);
  assert.match(shown.text(), /77/);
  go("/overview?site=b");
  await settle();
  await last(asked).fail(504);
  assert.doesNotMatch(shown.text(), /77/);
  assert.match(shown.text(), new RegExp(SLOW));
  end(shown);
  go("/");
});

test("an open session says that it could not be read again", async () => {
  const asked = api();
  const session = { id: "s", charger_id: "CP-1", site_id: "a", transaction_id: "7", is_open: true, energy_wh: null, max_power_w: null, duration_s: null, curve: { points: [], every_s: null }, entries: 1 };
  const shown = await show(<SessionPage id="s" />);
  await last(asked).answer(session);
  assert.doesNotMatch(shown.text(), new RegExp(STALE));
  await refresh();
  await last(asked).fail(504);
  assert.match(shown.text(), new RegExp(`${STALE}.*CP-1`));
  await refresh();
  assert.match(shown.text(), new RegExp(STALE));
  await last(asked).answer({ ...session, is_open: false, stopped_at: at(1) });
  assert.doesNotMatch(shown.text(), new RegExp(STALE));
  const before = asked.length;
  await refresh();
  assert.equal(asked.length, before);
  end(shown);
});

test("that no error was reported is said of an answer only", async () => {
  const asked = api();
  const charger = { charger_id: "CP-1", site_id: "a", connectors: [], last_error: null } as unknown as ChargerDetail;
  const shown = await show(<LastErrors charger={charger} />);
  assert.doesNotMatch(shown.text(), /No error was reported/);
  await last(asked).fail(504);
  assert.doesNotMatch(shown.text(), /No error was reported/);
  assert.match(shown.text(), new RegExp(SLOW));
  await shown.click(t().common.retry);
  await last(asked).answer({ items: [], next_cursor: null });
  assert.match(shown.text(), /No error was reported/);
  shown.end();
});

test("values that could not be counted are not none", async () => {
  const asked = api();
  const shown = await show(<Filters />);
  await shown.click(t().field.status);
  await last(asked).fail(504);
  assert.doesNotMatch(shown.text(), /Nothing to choose from/);
  assert.match(shown.text(), new RegExp(SLOW));
  await shown.click(t().common.retry);
  await last(asked).answer({ facets: [] });
  assert.match(shown.text(), /Nothing to choose from/);
  shown.end();
});

test("who could not be asked who they are sees why, and tries again", async () => {
  const level = { level: "info", default_level: "info", until: null, after: null, history: [] };
  const asked = api((path) => (path === "/v1/sites" ? [] : path.endsWith("/log-level") ? level : undefined));
  void loadMe();
  const shown = await show(<SitePage id="a" />);
  await last(asked).fail(504);
  assert.equal(me.value, null);
  assert.match(shown.text(), new RegExp(`${t().sites.set}.*${SLOW}`));
  await shown.click(t().common.retry);
  await last(asked).answer({ subject: "x", role: "support", sites: ["*"] });
  assert.doesNotMatch(shown.text(), new RegExp(SLOW));
  assert.match(shown.text(), new RegExp(t().sites.newLevel));
  shown.end();
});
