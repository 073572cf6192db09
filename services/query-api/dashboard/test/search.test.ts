import assert from "node:assert/strict";
import { test } from "node:test";

import { place, toParameters } from "../src/core/router";
import { prefer } from "../src/core/preferences";
import { addTerms, clearFilters, parameters, readSearch, removeTerm, search, setRange } from "../src/log/search";
import { forInput, fromInput } from "../src/log/time-range";

const read = (query: string) => readSearch(new URLSearchParams(query));
const address = () => String(place.value.query);

test("the address holds the whole search", () => {
  const query = "q=lab+-x&site=a&charger=b&charger=c&status=Faulted&violations=true&from=-1h";
  assert.equal(String(toParameters(parameters(read(query)))), query.replace("&violations=true&from=-1h", "") + "&violations=true&from=-1h");
});

test("without bounds the last day; all time when it is asked for", () => {
  assert.deepEqual([read("").from, read("").to], ["-24h", ""]);
  assert.deepEqual([read("from=all").from, read("to=2026-01-01T00:00:00Z").from], ["", ""]);
});

test("typed terms become chips, and filters where they name one", () => {
  clearFilters();
  addTerms("faulted status:Charging -action:Heartbeat");
  addTerms("faulted door");
  assert.equal(search.value.q, "faulted -action:Heartbeat door");
  assert.deepEqual(search.value.filters, { status: ["Charging"] });
  removeTerm("faulted");
  assert.equal(search.value.q, "-action:Heartbeat door");
  clearFilters();
  assert.equal(address(), "");
});

test("a range is in the address, the usual one is not", () => {
  setRange("-1h");
  assert.equal(address(), "from=-1h");
  setRange("");
  assert.equal(address(), "from=all");
  setRange("2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z");
  assert.deepEqual([search.value.from, search.value.to], ["2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"]);
  setRange("-24h");
  assert.equal(address(), "");
});

test("times of the picker are in the zone that was chosen", () => {
  prefer({ zone: "utc" });
  assert.equal(forInput("2026-01-01T10:00:00.500Z"), "2026-01-01T10:00:00");
  assert.equal(fromInput("2026-01-01T10:00:00"), "2026-01-01T10:00:00.000Z");
  prefer({ zone: "local" });
  assert.equal(fromInput(forInput("2026-07-01T10:00:00Z")), "2026-07-01T10:00:00.000Z");
});
