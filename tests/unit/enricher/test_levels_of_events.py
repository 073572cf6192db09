"""At which level NotifyEvent is logged, and how long it is kept: as StatusNotification, where it says the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ocpplog_common.levels import Level, admits
from ocpplog_common.ocppj import Call
from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.policy import Policy, Retention, ranked_as
from ocpplog_enricher.replay.decisions import Decider
from ocpplog_enricher.replay.span import Span

from .test_pairing import CHARGER, CSMS, Stream

LIKE_1_6, MONITORING = "StatusNotification", "NotifyEvent"


def event(component: str, variable: str, actual: object, **more: object) -> dict[str, Any]:
    return {"component": {"name": component}, "variable": {"name": variable}, "actualValue": actual} | more


def payload(*events: object) -> bytes:
    return msgspec.json.encode({"generatedAt": "2026-11-24T10:00:00Z", "seqNo": 0, "eventData": events})


FAULTED = event("Connector", "AvailabilityState", "Faulted")
WARM = event("PowerConverter", "Temperature", "71.5")
LOCK = event("ConnectorPlugRetentionLock", "Problem", "true")
CASES = {
    "fault of a connector": (payload(FAULTED), LIKE_1_6),
    "operational state": (payload(event("EVSE", "AvailabilityState", "Available")), LIKE_1_6),
    "in any case": (payload(event("CHARGINGSTATION", "availabilitystate", "Unavailable")), LIKE_1_6),
    "with escapes": (payload(FAULTED).replace(b"AvailabilityState", rb"Availability\u0053tate"), LIKE_1_6),
    "problem": (payload(LOCK), LIKE_1_6),
    "JSON's own true": (payload(event("GroundFaultSensor", "Tripped", True)), LIKE_1_6),
    "anything with a code of the maker's": (payload(WARM | {"techCode": "0x51"}), LIKE_1_6),
    "last of many": (payload(*[WARM] * 50, LOCK), LIKE_1_6),
    "behind what is no event": (payload(None, 1, {}, FAULTED), LIKE_1_6),
    "value of a monitor": (payload(WARM), MONITORING),
    "problem that is over": (payload(LOCK | {"cleared": True}), MONITORING),
    "no problem": (payload(event("ConnectorPlugRetentionLock", "Problem", "false")), MONITORING),
    "state of something else": (payload(event("DisplayController", "AvailabilityState", "Faulted")), MONITORING),
    "no events": (payload(), MONITORING),
    "wrong shape": (b'{"eventData":{"component":{"name":"Connector"}}}', MONITORING),
    "no object": (b"[]", MONITORING),
    "no JSON": (b'{"eventData":[', MONITORING),
    "too deep": (b'{"eventData":' + b"[" * 100_000, MONITORING),
    "no UTF-8": (b'{"eventData":[{"actualValue":"\xff"}]}', MONITORING),
}


@pytest.mark.parametrize(("sent", "expected"), CASES.values(), ids=CASES)
def test_a_notify_event_ranks_as_what_it_reports(sent: bytes, expected: str) -> None:
    assert ranked_as(Call("1", "NotifyEvent", sent)) == expected


@pytest.mark.parametrize("action", ["StatusNotification", "MeterValues", "NotifyReport", "NotifyMonitoringReport", "Vendor.Own"])
def test_whatever_else_a_request_holds_it_ranks_as_itself(action: str) -> None:
    assert ranked_as(Call("1", action, payload(FAULTED))) == action


@pytest.mark.parametrize("kind", [2, 6], ids=["CALL", "SEND"])
@pytest.mark.parametrize(("sent", "expected"), [CASES["problem"], CASES["value of a monitor"]], ids=["problem", "monitor"])
def test_at_info_the_enricher_and_the_replay_log_what_reports_a_fault_and_keep_it_as_long(
    kind: int, sent: bytes, expected: str
) -> None:
    live, again = (Stream(lambda site, action, at_us: admits(Level.INFO, action)) for _ in range(2))
    decider = Decider(again.pairing, Span(0, 10**15))
    ended, decided = [], []
    for source, frame in ((CHARGER, b'[%d,"1","NotifyEvent",%b]' % (kind, sent)), (CSMS, b'[3,"1",{}]')):
        ended += live.send(frame, source)
        decided += decider.observe(again.observe(frame, source))
    admitted = expected == LIKE_1_6
    [exchange] = [exchange for exchange in ended if exchange.request]
    assert exchange.admitted is admitted
    assert [decision.exchange for decision in decided if decision.exchange and decision.exchange.request] == [exchange] * admitted
    row = fields.enrich(exchange, 0, Policy(retention=Retention(minimal=1, info=2, debug=3))).log
    assert (row.action, row.retention_days) == ("NotifyEvent", 2 if admitted else 3)
