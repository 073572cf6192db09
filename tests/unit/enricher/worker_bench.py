"""The worker between fakes of Kafka and ClickHouse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ocpplog_common.envelope import Envelope, Source
from ocpplog_common.records import Site
from ocpplog_enricher.dead_letter import DeadLetters
from ocpplog_enricher.domain.open_requests import Limits
from ocpplog_enricher.domain.pairing import Pairing
from ocpplog_enricher.domain.rows import Enriched, LogRow
from ocpplog_enricher.lane import WriteLimits
from ocpplog_enricher.sink import Fence, Sink
from ocpplog_enricher.site_policies import SitePolicies
from ocpplog_enricher.worker import Record, Worker

KEY = b"k" * 32
AT_US = 1_795_480_794_403_123


@dataclass
class Frame:
    """A record of ocpp.frames."""

    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int = AT_US // 1000
    key: bytes | None = b"CP1"


def frame(offset: int, source: Source, text: str, *, registered: bool = True) -> Frame:
    """The record at `offset`, received a microsecond after the one before it."""
    at_us = AT_US + offset
    envelope = Envelope("CP1", "s", source, "ocpp1.6", "a" * 32, offset + 1, at_us, "gw", text.encode(), registered=registered)
    return Frame(offset, envelope.frame, envelope.headers())


@dataclass
class Bench:
    """What the worker stores is in `rows`, what it puts aside in `dead`, what it tells Kafka in `finished`."""

    sites: dict[str, Site]
    within_s: float = 0.0
    backlog_bytes: int = 1 << 20
    earlier: list[Frame] = field(default_factory=list)
    rows: list[LogRow] = field(default_factory=list)
    suspects: list[bool] = field(default_factory=list)
    dead: list[tuple[str, bytes | None, dict[str, bytes], str]] = field(default_factory=list)
    """Origin, frame, headers, reason."""
    finished: list[tuple[int, int, int]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    highwater: int | None = None
    end: int = 0
    """0: Kafka does not say."""
    now: int = AT_US
    error: BaseException | None = None
    is_owner: bool = True
    owned_generation: int | None = None
    """None: any."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        policies = SitePolicies(self.sites, KEY)
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.warming_up, self.may_warm_up = asyncio.Event(), asyncio.Event()
        self.may_warm_up.set()
        self.worker = Worker(
            new_pairing=lambda: Pairing(policies.admits, 60_000_000, self.limits),
            policy=policies.policy,
            sink=cast(Sink, self),
            history=self,
            dead_letters=cast(DeadLetters, self),
            clock=self,
            highwater=lambda _: self.highwater,
            owned=self.owned,
            finished=lambda *what: self.finished.append(what),
            failed=self.failures.append,
            limits=WriteLimits(100, self.within_s, at_once=2, backlog_bytes=self.backlog_bytes),
        )

    async def owned(self, generation: int) -> bool:
        return self.is_owner and self.owned_generation in (None, generation)

    async def write(self, found: list[Enriched], suspect: bool, fence: Fence) -> bool:
        await fence()
        await self.may_write.wait()
        if self.error:
            raise self.error
        self.suspects.append(suspect)
        self.rows += [enriched.log for enriched in found]
        return False

    async def put(self, key: Any, value: Any, headers: Any, origin: str, reason: str) -> None:
        self.dead.append((origin, value, dict(headers), reason))

    async def records_before(self, *_: int) -> AsyncIterator[Any]:
        self.warming_up.set()
        await self.may_warm_up.wait()
        for record in self.earlier:
            yield record

    async def ends(self, partitions: Collection[int]) -> Mapping[int, int]:
        return {number: self.end for number in partitions if self.end}

    def went_well(self) -> None: ...

    def now_us(self) -> int:
        return self.now

    async def give(self, *records: Record, partition: int = 0, generation: int = 1) -> None:
        """Give it records, and let it write what may be written."""
        await self.worker.take(partition, generation, records)
        await settle()

    async def take(self, offset: int, source: Source, text: str, registered: bool = True) -> None:
        await self.give(frame(offset, source, text, registered=registered))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
