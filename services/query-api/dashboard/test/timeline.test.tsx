import assert from "node:assert/strict";
import { test } from "node:test";

import { ErrorCodes } from "../src/chargers/errors";
import { Timeline } from "../src/chargers/timeline";
import { go } from "../src/core/router";
import type { ChargerDetail } from "../src/core/types";
import { followLanguage } from "../src/i18n";
import { api, show } from "./dom";

await followLanguage();
const charger = (status: string): ChargerDetail =>
  ({ charger_id: "CP-1", site_id: "a", online: true, since: "2026-01-01T00:00:00Z", connectors: [{ connector_id: 1, status, error_code: null, since: "2026-01-01T00:00:00Z" }] }) as unknown as ChargerDetail;

test("the picture is read with the charger, and is one of one moment", async () => {
  const asked = api();
  go("/chargers/CP-1?from=-1h");
  const shown = await show(<Timeline charger={charger("Available")} />);
  const picture = () => asked.filter(({ query }) => query.get("limit") === "1000");
  assert.equal(picture().length, 1);
  await picture()[0]!.answer({ items: [], next_cursor: null });
  assert.equal(shown.count("fill-soft"), 1);
  await shown.draw(<Timeline charger={charger("Charging")} />);
  assert.equal(picture().length, 2);
  assert.equal(shown.count("fill-soft"), 1, "what the charger says now is not drawn over what was read before");
  await picture()[1]!.fail(504);
  assert.equal(shown.count("fill-soft"), 1);
  assert.match(shown.text(), /The last refresh failed/);
  await shown.draw(<Timeline charger={charger("Faulted")} />);
  await picture()[2]!.answer({ items: [], next_cursor: null });
  assert.deepEqual([shown.count("fill-soft"), shown.count("fill-bad")], [0, 1]);
  assert.doesNotMatch(shown.text(), /The last refresh failed/);
  shown.end();
  go("/");
});

test("a range that is none is asked for as it stands, so that the API says so", async () => {
  const asked = api();
  go("/chargers/CP-1?from=yesterday");
  const shown = await show([<Timeline charger={charger("Available")} />, <ErrorCodes charger={charger("Available")} />]);
  assert.deepEqual(asked.map(({ query }) => query.get("from")), ["yesterday", "yesterday", "yesterday"]);
  for (const one of asked) await one.fail(422);
  assert.equal(shown.count("bad"), 3);
  shown.end();
  go("/");
});
