import assert from "node:assert/strict";
import { test } from "node:test";

import type { LogEntry } from "../src/core/types";
import { Entries, MOST_FOLLOWED } from "../src/log/entries";
import { api } from "./dom";

/** The entry of so many milliseconds after the start. */
const entry = (ms: number): LogEntry => ({ id: `e${ms}`, datetime: new Date(Date.UTC(2026, 10, 29) + ms).toISOString() }) as LogEntry;
const page = (times: number[], next_cursor: string | null = null) => ({ items: times.map(entry), next_cursor });
const ids = ({ rows }: Entries) => rows.map(({ id }) => Number(id.slice(1)));
const range = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index);

test("what comes while the first page is read stays, once, newest first", async () => {
  const asked = api();
  const entries = new Entries();
  void entries.load({ q: "a" });
  entries.prepend([entry(4), entry(6)]);
  entries.prepend([entry(5)]);
  await asked[0]!.answer(page([4, 3, 2]));
  assert.deepEqual(ids(entries), [6, 5, 4, 3, 2]);
  await asked[1]!.answer({ total: 5, total_is_lower_bound: false });
  entries.prepend([entry(7)]);
  assert.deepEqual([ids(entries)[0], entries.total.value?.count], [7, 6]);
});

test("read anew with other columns, or once the server follows, nothing is lost either", async () => {
  const asked = api();
  const entries = new Entries();
  void entries.load({ q: "a", columns: "id" });
  entries.prepend([entry(4)]);
  void entries.load({ q: "a", columns: "id,status" });
  entries.prepend([entry(5)]);
  assert.equal(asked[0]!.aborted, true);
  await asked[1]!.answer(page([3, 2]));
  assert.deepEqual(ids(entries), [5, 4, 3, 2]);
});

test("what came for another search does not", async () => {
  const asked = api();
  const entries = new Entries();
  void entries.load({ q: "a" });
  entries.prepend([entry(4)]);
  void entries.load({ q: "b" });
  await asked[1]!.answer(page([3]));
  assert.deepEqual(ids(entries), [3]);
});

test("what is older than all rows comes with its page, and is not lost where that one was asked for before", async () => {
  const asked = api();
  const entries = new Entries();
  void entries.load({});
  await asked[0]!.answer(page([90, 80], "c1"));
  void entries.more();
  entries.prepend([entry(75), entry(91)]);
  assert.deepEqual(ids(entries), [91, 90, 80]);
  await asked.at(-1)!.answer(page([78, 70], "c2"));
  assert.deepEqual(ids(entries), [91, 90, 80, 78, 75, 70]);
});

test("one that was answered late is put among those that began later", async () => {
  const asked = api();
  const entries = new Entries();
  void entries.load({});
  await asked[0]!.answer(page([9, 8, 5]));
  entries.prepend([entry(7), entry(10), entry(6)]);
  assert.deepEqual(ids(entries), [10, 9, 8, 7, 6, 5]);
});

test("the oldest go while one follows, and are pages again behind those that stay", async () => {
  const asked = api();
  const entries = new Entries();
  void entries.load({ q: "a" });
  await asked[0]!.answer(page([3, 2, 1]));
  assert.equal(entries.state.value, "end");
  const last = 3 * MOST_FOLLOWED;
  for (let ms = 4; ms <= last; ms += 100) entries.prepend(range(Math.min(last, ms + 99), ms).reverse().map(entry));
  assert.ok(entries.rows.length <= 1.2 * MOST_FOLLOWED);
  assert.equal(entries.rows[0]!.id, `e${last}`);
  assert.equal(entries.indexOf("e3"), -1);
  const end = ids(entries).at(-1)!;
  void entries.more();
  const { query } = asked.at(-1)!;
  assert.deepEqual([query.get("q"), query.get("to"), query.get("cursor")], ["a", entry(end + 1).datetime, null]);
  await asked.at(-1)!.answer(page(range(end, end - 5), "c"));
  assert.deepEqual(ids(entries).slice(-6), range(end, end - 5));
  void entries.more();
  assert.deepEqual([asked.at(-1)!.query.get("to"), asked.at(-1)!.query.get("cursor")], [entry(end + 1).datetime, "c"]);
});

test("a page that goes on behind rows that went meanwhile is not taken", async () => {
  const asked = api();
  const entries = new Entries();
  void entries.load({});
  await asked[0]!.answer(page([3, 2], "c"));
  void entries.more();
  const old = asked.at(-1)!;
  entries.prepend(range(2 * MOST_FOLLOWED, 4).reverse().map(entry));
  await old.answer(page([1, 0]));
  assert.equal(entries.state.value, "ready");
  assert.equal(entries.indexOf("e1"), -1);
  assert.equal(entries.rows.length, MOST_FOLLOWED);
});

test("to put one more on top takes no time that grows with the rows", async () => {
  const asked = api();
  const entries = new Entries();
  void entries.load({});
  await asked[0]!.answer(page([0]));
  entries.prepend(range(MOST_FOLLOWED, 1).reverse().map(entry));
  let read = 0;
  for (const row of entries.rows) {
    const { datetime } = row;
    Object.defineProperty(row, "datetime", { get: () => (read++, datetime) });
  }
  for (let ms = 1; ms <= 100; ms++) entries.prepend([entry(MOST_FOLLOWED + ms)]);
  assert.ok(read < 1000, `${read} rows were looked at`);
});

test("a search that fails leaves nothing of the one before, and is asked for again as a whole", async () => {
  const asked = api();
  const entries = new Entries();
  void entries.load({ q: "a" });
  await asked[0]!.answer(page([3, 2]));
  void entries.load({ q: "b" });
  await asked.at(-1)!.fail(504);
  assert.deepEqual([entries.rows.length, entries.state.value, entries.problem.value !== null], [0, "ready", true]);
  entries.prepend([entry(9)]);
  void entries.more();
  assert.equal(asked.at(-1)!.query.get("limit"), "100");
  await asked.at(-1)!.answer(page([9, 8]));
  assert.deepEqual([ids(entries), entries.problem.value], [[9, 8], null]);
});
