import assert from "node:assert/strict";
import { test } from "node:test";

import { fileName } from "../src/log/export";

test("the name of a download, plain or in UTF-8", () => {
  assert.equal(fileName('attachment; filename="ocpp-log_all.csv"'), "ocpp-log_all.csv");
  assert.equal(fileName("attachment; filename=\"x.csv\"; filename*=UTF-8''d%C3%A9p%C3%B4t.csv"), "dépôt.csv");
  assert.equal(fileName('attachment; filename="a\\"b.csv"'), 'a"b.csv');
  assert.equal(fileName("attachment"), null);
});
