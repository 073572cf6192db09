"""Handshakes that come to nothing: answered, counted, and written to the log and to `ocpp.connections`, within limits."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import structlog

from ocpplog_common.clock import Clock
from ocpplog_common.records import ConnectionEvent, ConnectionEventKind
from ocpplog_gateway import metrics
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.limits import Failures
from ocpplog_gateway.peers import Peer

_log = structlog.get_logger(__name__)
_RETRY_AFTER_S = (5, 30)


class Announcer(Protocol):
    """Where connection events are recorded."""

    def announce(self, event: ConnectionEvent) -> None: ...


class Refusals:
    """Of who is over a limit of failures, refusals are counted, and `tell` sums them up: they cannot fill log and topic.

    `peers` limits addresses. `chargers`, which should be tighter, limits each charger id at an address: of a fleet behind one
    address, the charger with the wrong password must not lock the others out.
    """

    def __init__(
        self,
        gateway_id: str,
        site_of: Callable[[str], str],
        announcer: Announcer,
        clock: Clock,
        peers: Failures,
        chargers: Failures,
    ) -> None:
        self._gateway_id = gateway_id
        self._site_of = site_of
        self._announcer = announcer
        self._clock = clock
        self._peers = peers
        self._chargers = chargers

    def check(self, peer: Peer, charger_id: str = "") -> None:
        """Raises Refusal (429) for who failed too often of late: before any password is looked at."""
        now = self._now_s()
        wait_s = max(failures.wait_s(key, now) for failures, key in self._limits(peer, charger_id))
        if wait_s > 0:
            raise Refusal(429, "rate-limit", "too many failed handshakes", retry_after(wait_s))

    def record(self, peer: Peer, charger_id: str, refusal: Refusal, asked_for: str = "") -> None:
        """`asked_for`: the path, where there is no charger id to find the charger by."""
        metrics.REFUSALS.labels(refusal.reason).inc()
        now = self._now_s()
        limits = self._limits(peer, charger_id)
        over = [(failures, key) for failures, key in limits if failures.wait_s(key, now) > 0]
        # What is not the peer's fault, 5xx, does not count against it; nor does what it is told for having failed.
        if refusal.status < 500 and refusal.reason != "rate-limit":
            for failures, key in limits:
                failures.failed(key, now)
        if over:
            failures, key = over[-1]
            failures.turned_away(key)
            return
        asked = f" (asked for {asked_for})" if asked_for and not charger_id else ""
        self._announce(charger_id, peer.name, refusal.status, f"{refusal.reason}: {refusal.text}{asked}")

    def tell(self) -> None:
        """Sum up what was counted since the last call."""
        for failures in (self._peers, self._chargers):
            for key, count in failures.told().items():
                peer, _, charger_id = key.partition(" ")
                self._announce(charger_id, peer, 429, f"rate-limit: {count} handshakes refused after too many failed ones")

    def _limits(self, peer: Peer, charger_id: str) -> list[tuple[Failures, str]]:
        found = [(self._peers, peer.key)]
        if peer.key and charger_id:
            found.append((self._chargers, f"{peer.key} {charger_id}"))
        return found

    def _announce(self, charger_id: str, peer: str, status: int, reason: str) -> None:
        event = ConnectionEvent(
            kind=ConnectionEventKind.REFUSE,
            charger_id=charger_id,
            at=datetime.fromtimestamp(self._now_s(), UTC),
            gateway_id=self._gateway_id,
            site_id=self._site_of(charger_id),
            peer=peer,
            close_code=status,
            reason=reason,
        )
        self._announcer.announce(event)
        _log.info("refused", charger=charger_id, peer=peer, status=status, reason=reason)

    def _now_s(self) -> float:
        return self._clock.now_us() / 1_000_000


def retry_after(at_least_s: float = 0) -> dict[str, str]:
    """Spread out, so that those who were refused together do not come back together."""
    return {"Retry-After": str(int(at_least_s) + random.randint(*_RETRY_AFTER_S))}
