"""Handshakes that come to nothing: answered, counted, and written to the log and to `ocpp.connections`, within limits."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from ocpplog_common.clock import Clock
from ocpplog_common.records import ConnectionEvent, ConnectionEventKind
from ocpplog_gateway import metrics
from ocpplog_gateway.buffer import Recorder
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.limits import Failures
from ocpplog_gateway.peers import Peer

_log = structlog.get_logger(__name__)
_RETRY_AFTER_S = (5, 30)


class Refusals:
    """Of a peer over its limit of failures, refusals are counted, and `tell` sums them up: it cannot fill log and topic."""

    def __init__(
        self, gateway_id: str, site_of: Callable[[str], str], recorder: Recorder, clock: Clock, failures: Failures
    ) -> None:
        self._gateway_id = gateway_id
        self._site_of = site_of
        self._recorder = recorder
        self._clock = clock
        self._failures = failures

    def check(self, peer: Peer) -> None:
        """Raises Refusal (429) for a peer that failed too often of late: before any password of it is looked at."""
        wait_s = self._failures.wait_s(peer.key, self._now_s())
        if wait_s > 0:
            raise Refusal(429, "rate-limit", "too many failed handshakes from this address", retry_after(wait_s))

    def record(self, peer: Peer, charger_id: str, refusal: Refusal, asked_for: str = "") -> None:
        """`asked_for`: the path, where there is no charger id to find the charger by."""
        metrics.REFUSALS.labels(refusal.reason).inc()
        over = self._failures.wait_s(peer.key, self._now_s()) > 0
        # What is not the peer's fault, 5xx, does not count against it.
        if refusal.status < 500 and refusal.reason != "rate-limit":
            self._failures.failed(peer.key, self._now_s())
        if over:
            self._failures.turned_away(peer.key)
            return
        asked = f" (asked for {asked_for})" if asked_for and not charger_id else ""
        self._announce(charger_id, peer.name, refusal.status, f"{refusal.reason}: {refusal.text}{asked}")

    def tell(self) -> None:
        """Sum up what was counted since the last call."""
        for key, count in self._failures.told().items():
            self._announce("", key, 429, f"rate-limit: {count} handshakes refused after too many failed ones")

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
        self._recorder.announce(event)
        _log.info("refused", charger=charger_id, peer=peer, status=status, reason=reason)

    def _now_s(self) -> float:
        return self._clock.now_us() / 1_000_000


def retry_after(at_least_s: float = 0) -> dict[str, str]:
    """Spread out, so that those who were refused together do not come back together."""
    return {"Retry-After": str(int(at_least_s) + random.randint(*_RETRY_AFTER_S))}
