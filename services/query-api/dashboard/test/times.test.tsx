import assert from "node:assert/strict";
import { test } from "node:test";

import { prefer } from "../src/core/preferences";
import { go } from "../src/core/router";
import { day, moment } from "../src/core/format";
import { toMs } from "../src/core/times";
import { Histogram } from "../src/log/histogram";
import { readSearch } from "../src/log/search";
import { TimeRange, forInput, rangeText } from "../src/log/time-range";
import { sharedLink } from "../src/log/toolbar";
import { followLanguage } from "../src/i18n";
import { api, show } from "./dom";

process.env.TZ = "America/New_York";
await followLanguage();
const TEN = Date.UTC(2026, 10, 29, 10);

test("a moment is read as the API reads it", () => {
  const same = ["2026-11-29T10:00:00Z", "2026-11-29T10:00:00", "20261129T100000Z", "2026-11-29T11:00:00 01:00", "2026-11-29T11:00+01:00", "2026-11-29 10", "2026-W48-7T10:00", "2026W487T0430-0530"];
  assert.deepEqual(same.map((text) => toMs(text)), same.map(() => TEN));
  assert.equal(toMs("2026-11-29"), Date.UTC(2026, 10, 29));
  assert.equal(toMs("2026-11-29T10:00:00,1234567Z"), TEN + 123);
  assert.deepEqual([toMs("-2h", 7_200_999), toMs("-999999w"), toMs("9999-12-31")], [0, 0, Date.UTC(2261, 0, 1)]);
});

test("what the API refuses is none", () => {
  const none = ["", "all", "yesterday", "-1x", "2026-02-30", "2026-11", "2026-11-29T24:00", "2026-11-29T10:00+24:00", "2026-W54-1", "0000-01-01", "2026-11-29T10:00:00z"];
  assert.deepEqual(none.map((text) => toMs(text)), none.map(() => null));
});

test("an address with nonsense shows it, and breaks nothing", async () => {
  assert.equal(rangeText({ from: "yesterday", to: "" }), "Since yesterday");
  assert.equal(forInput("yesterday"), "");
  go("/?from=yesterday&to=20261129T100000Z");
  const link = new URL(sharedLink()).searchParams;
  assert.deepEqual([link.get("from"), link.get("to")], ["yesterday", "2026-11-29T10:00:00.000Z"]);
  const shown = await show(<TimeRange />);
  assert.match(shown.text(), /yesterday/);
  shown.end();
  go("/");
});

test("a range of another year says so, in its label and over the histogram", async () => {
  prefer({ zone: "utc" });
  const thisYear = `${new Date().getUTCFullYear()}-03-04T10:00:00Z`;
  assert.doesNotMatch(moment(thisYear), /\d{4}/);
  assert.match(day("2019-03-04T10:00:00Z"), /2019/);
  assert.match(rangeText({ from: "2019-03-04T10:00:00", to: "2019-03-05T10:00:00Z" }), /^4 Mar 2019.*10:00 – 5 Mar 2019.*10:00$|^04 Mar 2019.*10:00 – 05 Mar 2019.*10:00$/);
  api(() => ({ from: "2019-03-04T10:00:00Z", to: "2019-03-04T11:00:00Z", bucket_seconds: 60, buckets: [] }));
  const shown = await show(<Histogram search={readSearch(new URLSearchParams("from=2019-03-04T10:00:00Z"))} turn={0} ready />);
  assert.equal(shown.text().match(/2019/g)?.length, 2);
  shown.end();
  prefer({ zone: "local" });
});
