"""Counts in the log, over time and by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ocpplog_query_api.database import Database
from ocpplog_query_api.logs import summaries, times
from ocpplog_query_api.logs.search import Search
from ocpplog_query_api.logs.summaries import By, Scale
from ocpplog_query_api.logs.summary_schemas import Bucket, Facet, FacetField, FacetValue
from ocpplog_query_api.scope import Scope


class SummaryRepository:
    """Everything it counts lies within `scope`."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    async def histogram(self, search: Search, by: By, scale: Scale) -> list[Bucket]:
        """Every bucket of the scale, empty ones too."""
        counts: dict[int, dict[str, int]] = {number: {} for number in scale.numbers}
        if counts:
            statement = summaries.histogram(self._database.name, self._scope, search, by, scale)
            for row in await self._database.rows("histogram", statement.sql, statement.parameters):
                # An answer that is a second or two old began that much earlier (ADR 23).
                if row["bucket"] in counts:
                    counts[row["bucket"]][row["name"]] = row["total"]
        return [Bucket(at=times.iso(scale.start(number)), counts=found) for number, found in counts.items()]

    async def facets(self, search: Search, fields: Sequence[FacetField], top: int, contains: str, at_most: int) -> list[Facet]:
        """`at_most`: of more entries, the hours with the newest ones are counted."""
        counted = await self._newest(search, at_most)
        statement = summaries.facets(self._database.name, self._scope, counted, fields, top, contains)
        rows = await self._database.rows("facets", statement.sql, statement.parameters)
        found: list[Facet] = []
        for field in dict.fromkeys(fields):
            mine = [row for row in rows if row["field"] == field]
            values = [FacetValue(value=row["value"], count=row["total"]) for row in mine]
            everything = mine[0]["everything"] if mine else 0
            others = everything - sum(value.count for value in values)
            found.append(Facet(field=field, values=values, others=others, is_sample=counted is not search))
        return found

    async def _newest(self, search: Search, at_most: int) -> Search:
        """The same search, or one that begins later, at a full hour: with `at_most` entries, or those of one hour."""
        statement = summaries.by_hour(self._database.name, self._scope, search)
        hours = await self._database.rows("hours", statement.sql, statement.parameters)
        total, since = 0, None
        for row in hours:
            total += row["total"]
            if since and total > at_most:
                return replace(search, since=max(since, search.since or since))
            since = times.aware(row["hour"])
        return search
