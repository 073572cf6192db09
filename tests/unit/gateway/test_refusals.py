"""What of refused handshakes is written, and what is only counted."""

from __future__ import annotations

import pytest

from ocpplog_common.records import ConnectionEvent
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.limits import Failures
from ocpplog_gateway.peers import Peer
from ocpplog_gateway.refusals import Refusals

PEER = Peer("198.51.100.7:1", "198.51.100.7")
WRONG = Refusal(401, "wrong-credentials", "wrong credentials")


class Events:
    """Keeps events, and is the clock."""

    def __init__(self) -> None:
        self.found: list[ConnectionEvent] = []
        self.now_s = 1_795_000_000

    def now_us(self) -> int:
        return self.now_s * 1_000_000

    def announce(self, event: ConnectionEvent) -> None:
        self.found.append(event)


def refusals(events: Events, peer: int = 0, charger: int = 0) -> Refusals:
    return Refusals("gw", lambda charger_id: "s" * bool(charger_id), events, events, Failures(peer, 60), Failures(charger, 60))


def test_each_is_an_event() -> None:
    events = Events()
    refusals(events).record(PEER, "", Refusal(404, "path", "no"), "/x")
    refusals(events).record(PEER, "CP1", WRONG, "/ocpp/CP1")
    assert [(e.charger_id, e.site_id, e.peer, e.close_code, e.reason) for e in events.found] == [
        ("", "", "198.51.100.7:1", 404, "path: no (asked for /x)"),
        ("CP1", "s", "198.51.100.7:1", 401, "wrong-credentials: wrong credentials"),
    ]


@pytest.mark.parametrize("limits", [{"peer": 3}, {"charger": 3}])
def test_a_million_handshakes_of_one_are_a_few_events(limits: dict[str, int]) -> None:
    events = Events()
    door = refusals(events, **limits)
    for _ in range(10_000):
        try:
            door.check(PEER, "CP1")
        except Refusal as refusal:
            assert refusal.status == 429 and int(refusal.headers["Retry-After"]) >= 1
            door.record(PEER, "CP1", refusal)
        else:
            door.record(PEER, "CP1", WRONG)
    assert len(events.found) == 3
    door.tell()
    door.tell()
    assert len(events.found) == 4
    assert events.found[3].reason == "rate-limit: 9997 handshakes refused after too many failed ones"
    assert events.found[3].charger_id == ("CP1" if "charger" in limits else "")
    events.now_s += 1
    door.check(PEER, "CP1")


def test_what_is_not_the_peer_s_fault_does_not_count() -> None:
    door = refusals(Events(), peer=1, charger=1)
    for _ in range(5):
        door.record(PEER, "CP1", Refusal(503, "upstream", "down"))
        door.check(PEER, "CP1")
    door.record(PEER, "CP1", WRONG)
    with pytest.raises(Refusal):
        door.check(PEER)


def test_a_limited_charger_is_limited_where_it_failed() -> None:
    door = refusals(Events(), charger=1)
    door.record(PEER, "CP1", WRONG)
    door.check(PEER, "CP2")
    door.check(Peer("198.51.100.8:1", "198.51.100.8"), "CP1")
    with pytest.raises(Refusal):
        door.check(PEER, "CP1")


def test_a_proxy_that_says_nothing_is_not_limited() -> None:
    events = Events()
    door = refusals(events, peer=1, charger=1)
    for _ in range(5):
        door.record(Peer("10.0.0.1:1", "", proxy=True), "CP1", WRONG)
        door.check(Peer("10.0.0.1:1", "", proxy=True), "CP1")
    assert len(events.found) == 5
