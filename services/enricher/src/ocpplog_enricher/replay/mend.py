"""Brings the rows of a slice to what they should be.

In each table the rows that differ are deleted, on all replicas, and then inserted with those that are missing: for that moment a
query finds neither the old nor the new row, and never both. Whoever is cut off in between leaves rows that are missing,
which the next run finds.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Protocol

from ocpplog_common.envelope import Envelope
from ocpplog_enricher.domain.rows import Enriched, LogRow, RowId, SampleRow
from ocpplog_enricher.errors import RowsRejected, StoreUnavailable
from ocpplog_enricher.replay.decisions import Decision
from ocpplog_enricher.replay.plan import Found, Plan, plan
from ocpplog_enricher.replay.report import Counts

_ATTEMPTS = 8
_LOOKS_S = (0.0, 0.05, 0.3)
"""Pauses before the looks after an insert: a replica may show what another one took only a moment later."""


class Table(Protocol):
    async def look(self, rows: Sequence[LogRow | SampleRow], named: Sequence[Envelope]) -> Found: ...

    async def delete(self, named: Sequence[Envelope], partitions: frozenset[str]) -> None: ...

    async def insert(self, rows: Sequence[LogRow | SampleRow], token: str) -> None: ...


Rows = Mapping[RowId, Sequence[LogRow | SampleRow]]
"""What each name is to have, if only nothing; a name that is not here is to have none."""


class TableMender:
    def __init__(self, table: Table, label: str) -> None:
        self._table = table
        self._label = label

    async def look(self, rows: Rows, named: Mapping[RowId, Envelope]) -> tuple[Plan, Found]:
        found = await self._table.look([row for of_name in rows.values() for row in of_name], list(named.values()))
        return plan({name: found.wanted.get(name, ()) for name in rows}, found.stored), found

    async def mend(self, rows: Rows, named: Mapping[RowId, Envelope], todo: Plan, found: Found) -> None:
        """Returns once every name of `rows` has them, and each once; `todo` and `found` are of the look before.

        Raises StoreUnavailable, or RowsRejected.
        """
        for attempt in range(_ATTEMPTS):
            if todo.done:
                return
            await self.remove(todo.different, named, found)
            await self._insert(_rows_of(todo.names, rows), found, attempt)
            for pause in _LOOKS_S:
                await asyncio.sleep(pause)
                todo, found = await self.look(rows, named)
                if not todo.missing:
                    break
        if not todo.done:
            raise StoreUnavailable(f"{self._label}: acknowledged rows do not show: {[*todo.missing, *todo.different][0]}")

    async def remove(self, names: Sequence[RowId], named: Mapping[RowId, Envelope], found: Found) -> None:
        if names:
            partitions = frozenset[str]().union(*(found.partitions[name] for name in names))
            await self._table.delete([named[name] for name in names], partitions)

    async def _insert(self, rows: Sequence[LogRow | SampleRow], found: Found, attempt: int) -> None:
        if not rows:
            return
        # Of the content: where a run before this one was cut off with its insert still under way, the same rows are inserted
        # again, and ClickHouse takes one of the two. A token that was used longer ago drops the insert: the look after it shows
        # that, and another attempt has another token.
        names = dict.fromkeys(row.id for row in rows)
        content = repr([(name, found.wanted[name]) for name in names]).encode()
        token = hashlib.sha256(content).hexdigest() + (f":{secrets.token_hex(8)}" if attempt > 1 else f":{attempt}")
        await self._table.insert(rows, f"replay:{self._label}:{token}")


def _rows_of(names: set[RowId], rows: Rows) -> list[LogRow | SampleRow]:
    return [row for name, of_name in rows.items() if name in names for row in of_name]


class Mender:
    """Both tables. Writes nothing where `dry_run`; deletes rows that have no business in the log where `prune`."""

    def __init__(self, samples: TableMender, log: TableMender, *, dry_run: bool, prune: bool) -> None:
        self._samples, self._log = samples, log
        self._dry_run, self._prune = dry_run, prune

    async def mend(self, decisions: Sequence[Decision], enriched: Mapping[RowId, Enriched], counts: Counts) -> None:
        """Raises StoreUnavailable. Exchanges whose rows ClickHouse cannot read are counted and left as they are."""
        try:
            await self._mend(decisions, enriched, counts)
        except RowsRejected:
            if len(decisions) == 1:
                counts.refused += 1
                return
            middle = len(decisions) // 2
            await self.mend(decisions[:middle], enriched, counts)
            await self.mend(decisions[middle:], enriched, counts)

    async def _mend(self, decisions: Sequence[Decision], enriched: Mapping[RowId, Enriched], counts: Counts) -> None:
        named = {decision.name: decision.envelope for decision in decisions}
        wanted = {name: enriched[name] for name in named if name in enriched}
        log: Rows = {name: [found.log] for name, found in wanted.items()}
        samples: Rows = {name: found.samples for name, found in wanted.items()}
        samples_plan, samples_found = await self._samples.look(samples, named)
        log_plan, log_found = await self._log.look(log, named)
        if not self._dry_run:
            # Samples first, as the live enricher does: a log row that is stored says that its samples are.
            await self._samples.mend(samples, named, samples_plan, samples_found)
            await self._log.mend(log, named, log_plan, log_found)
            if self._prune:
                await self._log.remove(log_plan.unwanted, named, log_found)
                await self._samples.remove(samples_plan.unwanted, named, samples_found)
        same = set(log_plan.same) & set(samples_plan.same)
        counts.exchanges += len(wanted)
        counts.same += len(same)
        counts.inserted += len(log_plan.missing)
        counts.replaced += len(wanted) - len(same) - len(log_plan.missing)
        counts.unwanted += len(set(log_plan.unwanted) | set(samples_plan.unwanted))
