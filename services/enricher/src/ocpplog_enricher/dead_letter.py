"""Puts aside what could not be enriched for a reason of ours, and stops when that becomes the rule."""

from __future__ import annotations

from typing import Any

import structlog
from aiokafka import AIOKafkaProducer

from ocpplog_common import topics
from ocpplog_common.envelope import Header
from ocpplog_enricher import metrics
from ocpplog_enricher.errors import TooManyDeadLetters

_log = structlog.get_logger(__name__)
Headers = list[tuple[str, bytes]]
REASON_HEADER = "dead-letter-reason"
ORIGIN_HEADER = "dead-letter-origin"


class DeadLetters:
    """`limit`: how many in a row stop the worker instead."""

    def __init__(self, client: dict[str, Any], idempotent: bool, limit: int = 100) -> None:
        # Or aiokafka refuses what is larger than 1 MiB with its headers, as a frame can be that the gateway took.
        size = {"max_request_size": topics.MAX_LETTER_BYTES}
        self._producer_options = {"acks": "all", "enable_idempotence": idempotent, **size, **client}
        self._producer: AIOKafkaProducer | None = None
        self._limit = limit
        self._in_a_row = 0

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(**self._producer_options)
        await self._producer.start()

    async def stop(self) -> None:
        if self._producer:
            await self._producer.stop()
            self._producer = None

    def went_well(self) -> None:
        self._in_a_row = 0

    async def put(
        self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], origin: str, reason: str
    ) -> None:
        """Returns once Kafka has it. Raises TooManyDeadLetters, or aiokafka's KafkaError."""
        assert self._producer is not None
        self._in_a_row += 1
        if self._in_a_row > self._limit:
            raise TooManyDeadLetters(f"{self._limit} in a row; the last: {reason}")
        _log.error("put on the dead letters", origin=origin, reason=reason, **_named(headers))
        marked = [*headers, (REASON_HEADER, reason[:1000].encode()), (ORIGIN_HEADER, origin.encode())]
        await self._producer.send_and_wait(topics.DEAD_LETTER, value, key=key, headers=marked)
        metrics.DEAD_LETTERS.inc()


def _named(headers: Headers) -> dict[str, str]:
    """Which frame it is, as far as the record says; any of it may be what is wrong with the record."""
    found = dict(headers)
    names = {"connection": Header.CONNECTION_ID, "sequence": Header.SEQUENCE}
    return {word: value.decode(errors="replace")[:64] for word, name in names.items() if (value := found.get(name))}
