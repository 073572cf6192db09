"""Whatever chargers, central systems and operators write stands on the pages as text, in every view."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from browser.conftest import Dashboard
from support.local_run import Run

HOSTILE = '<img src=x onerror="window.taken=1"><script>window.taken=1</script>{{7*7}}${7*7}\'"><svg/onload=window.taken=1>'
CHARGER = "<img src=x onerror=window.taken=1>"
_TABLES = ("ocpp_log", "connection_event")
_ROWS = """
INSERT INTO ocpplog.ocpp_log (datetime, site_id, charger_id, connector_id, action, source, subprotocol, outcome, message_id,
  connection_id, sequence, kafka_partition, kafka_offset, latency_ms, status, error_code, vendor_error_code, info, vendor_id,
  id_tag, transaction_id, reason, response_error_code, response_error_description, violations, gateway_id, request, response)
SELECT now64(3, 'UTC') - toIntervalSecond(60 - number), {text:String}, {charger:String}, 1,
  ['StatusNotification', 'StartTransaction', 'StopTransaction', {text:String}][number + 1], 'charger', 'ocpp1.6',
  ['result', 'result', 'result', 'error'][number + 1], {text:String},
  repeat('c', 32), number + 1, 11, number, 5, if(number = 0, 'Faulted', ''), {text:String}, {text:String}, {text:String},
  {text:String}, {text:String}, '4711', {text:String}, {text:String}, {text:String}, [{text:String}], {text:String},
  toJSONString(map({text:String}, {text:String})), {text:String}
FROM numbers(4)
"""
_EVENT = """
INSERT INTO ocpplog.connection_event
  (datetime, site_id, charger_id, kind, gateway_id, event_id, connection_id, peer, subprotocol, reason)
SELECT now64(3, 'UTC') - toIntervalSecond(70), {text:String}, {charger:String}, 'refuse', {text:String}, repeat('d', 32),
  repeat('c', 32), {text:String}, {text:String}, {text:String}
"""


@pytest.fixture(scope="module")
def hostile(run: Run) -> Iterator[None]:
    with clickhouse_connect.get_client(host="127.0.0.1", port=int(run.clickhouse.split(":")[-1].strip("/"))) as client:
        for statement in (_ROWS, _EVENT):
            client.command(statement, {"text": HOSTILE, "charger": CHARGER})
        try:
            yield
        finally:
            _remove(client)


def _remove(client: Client) -> None:
    for table in _TABLES:
        where = "charger_id = {charger:String} SETTINGS mutations_sync = 2"
        client.command(f"ALTER TABLE ocpplog.{table} DELETE WHERE {where}", {"charger": CHARGER})


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/?from=all&charger={quote(CHARGER, safe='')}", CHARGER),
        ("/overview", HOSTILE),
        (f"/chargers?q={quote('onerror', safe='')}", CHARGER),
        (f"/chargers/{quote(CHARGER, safe='')}", CHARGER),
        ("/sessions", CHARGER),
        ("/sites", HOSTILE),
    ],
)
@pytest.mark.usefixtures("hostile")
def test_it_is_text_in_every_view(dashboard: Dashboard, path: str, shown: str) -> None:
    page = dashboard.open(path)
    page.get_by_text(shown).first.wait_for(state="attached")
    _nothing_taken(dashboard)


@pytest.mark.usefixtures("hostile")
def test_it_is_text_in_an_entry_and_in_the_filters(dashboard: Dashboard) -> None:
    page = dashboard.log(f"from=all&charger={quote(CHARGER, safe='')}")
    for row in range(4):
        page.locator(".row[data-id]").nth(row).click()
        page.locator(".entry .facts").first.wait_for()
        page.locator(".entry").get_by_text(HOSTILE).first.wait_for(state="attached")
        _nothing_taken(dashboard)


def _nothing_taken(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.wait_for_timeout(200)
    assert page.evaluate("window.taken") is None
    assert page.locator("img[src='x'], svg[onload]").count() == 0
    assert "49" not in page.title()
