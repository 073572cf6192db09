"""Runs the replay over the partitions, one after the other, in slices."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ocpplog_common.envelope import Envelope, EnvelopeError
from ocpplog_common.records import RecordError
from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.observed import Observed, Record, observed
from ocpplog_enricher.domain.pairing import Pairing
from ocpplog_enricher.domain.policy import Policy
from ocpplog_enricher.domain.rows import Enriched, RowId
from ocpplog_enricher.errors import TopicIsNew
from ocpplog_enricher.replay.decisions import Decider, Decision
from ocpplog_enricher.replay.report import Counts, Progress
from ocpplog_enricher.replay.span import Horizon, Span, Stretch, show

_SLICE_NAMES = 5000
_SLICE_BYTES = 16 * 1024 * 1024


class StoredRecord(Record, Protocol):
    timestamp: int
    """When it came to Kafka, milliseconds since 1970."""


class Source(Protocol):
    async def stretches(self, span: Span) -> list[Stretch]: ...

    def records(self, stretch: Stretch) -> AsyncIterator[StoredRecord]: ...


class RowMender(Protocol):
    async def mend(self, decisions: Sequence[Decision], enriched: Mapping[RowId, Enriched], counts: Counts) -> None: ...


@dataclass(slots=True)
class Slice:
    """What is held and compared at once, and replaced in one step."""

    decisions: list[Decision] = field(default_factory=list)
    size: int = 0

    def add(self, decisions: list[Decision]) -> bool:
        """Whether there are enough now."""
        self.decisions += decisions
        self.size += sum(decision.size for decision in decisions)
        return len(self.decisions) >= _SLICE_NAMES or self.size >= _SLICE_BYTES

    def take(self) -> list[Decision]:
        taken, self.decisions, self.size = self.decisions, [], 0
        return taken


class Replay:
    """`new_pairing` makes the pairing of a partition; `policy(first frame)` says how the row of an exchange has to look that is
    written now; of sites that are not `wanted` every row stays as it is; `late_us`: how long a gateway may have held a frame
    back."""

    def __init__(
        self,
        *,
        source: Source,
        mender: RowMender,
        new_pairing: Callable[[], Pairing],
        policy: Callable[[Envelope], Policy],
        wanted: Callable[[str], bool],
        late_us: int,
        progress: Progress,
    ) -> None:
        self._source = source
        self._mender = mender
        self._new_pairing = new_pairing
        self._policy = policy
        self._wanted = wanted
        self._late_us = late_us
        self._progress = progress
        self._counts = Counts()

    async def run(self, span: Span) -> Counts:
        """Raises EnricherError, or OSError where Kafka brings nothing."""
        for stretch in await self._source.stretches(span):
            try:
                await self._partition(stretch, span)
            except TopicIsNew as error:
                self._progress.say(f"{error}: left to the live enricher")
        return self._counts

    async def _partition(self, stretch: Stretch, span: Span) -> None:
        pairing = self._new_pairing()
        looks_back_us = Pairing.looks_back_us(pairing.timeout_us)
        horizon = Horizon(span.to_us, max(self._late_us, looks_back_us))
        decider, held = Decider(pairing, span), Slice()
        last = stretch.first
        async for record in self._source.records(stretch):
            if horizon.passed(record.timestamp):
                break
            if record.offset == stretch.begin > 0:
                decider.span = self._what_is_left(span, stretch, record.timestamp * 1000, looks_back_us)
            done = record.offset < stretch.end
            seen = self._read(record, done)
            if seen is None:
                continue
            horizon.saw(seen.envelope, record.timestamp)
            if not done:
                self._counts.left += span.covers(seen.envelope)
                continue
            last = record.offset
            if held.add(decider.observe(seen)):
                await self._mend(held.take(), stretch.partition)
        held.add(decider.finish(last))
        await self._mend(held.take(), stretch.partition)

    def _read(self, record: StoredRecord, done: bool) -> Observed | None:
        self._counts.frames += done
        try:
            return observed(record)
        except (EnvelopeError, RecordError):
            self._counts.unreadable += done
            return None

    def _what_is_left(self, span: Span, stretch: Stretch, oldest_us: int, looks_back_us: int) -> Span:
        """The span without what depends on frames that are gone: the first that are left may answer such."""
        from_us = oldest_us + looks_back_us
        if from_us <= span.from_us:
            return span
        self._progress.say(f"partition {stretch.partition}: frames before {show(oldest_us)} are gone; begins at {show(from_us)}")
        return replace(span, from_us=from_us)

    async def _mend(self, held: list[Decision], partition: int) -> None:
        # Asked as late as the policy is: a record that goes meanwhile takes its rows out.
        decisions = [decision for decision in held if self._wanted(decision.envelope.site_id)]
        if len(decisions) < len(held):
            of_unknown = (one.envelope.site_id for one in held if one.exchange and not self._wanted(one.envelope.site_id))
            self._counts.of_unknown_sites.update(of_unknown)
        if not decisions:
            return
        at_us = decisions[-1].envelope.received_at_us
        enriched: dict[RowId, Enriched] = {}
        left: set[RowId] = set()
        for decision in decisions:
            if decision.exchange is None:
                continue
            try:
                enriched[decision.name] = fields.enrich(
                    decision.exchange, partition, self._policy(decision.exchange.first.envelope)
                )
            except Exception as error:
                # A fault of ours, which the live enricher puts aside: whatever is stored of it stays.
                self._counts.failed += 1
                left.add(decision.name)
                self._progress.say(
                    f"partition {partition}, offset {decision.exchange.first.offset}: not enriched: {error!r}"[:300]
                )
        wanted = [decision for decision in decisions if decision.name not in left]
        await self._mender.mend(wanted, enriched, self._counts)
        self._progress.at(partition, at_us, self._counts)
