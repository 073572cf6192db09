"""What people ask the log, for both tables: the reference by hand, ours as the query API builds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.store_engine import DATABASE, OURS, REFERENCE, Engine
from benchmarks.store_rows import REFERENCE_COLUMNS, SPAN_MS, START
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_query_api.logs import query, times
from ocpplog_query_api.logs.identity import Place
from ocpplog_query_api.logs.query import Search, Statement
from ocpplog_query_api.logs.schemas import LIST_COLUMNS
from ocpplog_query_api.scope import Scope

NOW: Final = datetime.fromtimestamp(START, UTC) + timedelta(milliseconds=SPAN_MS)
_ALL: Final = Scope(None)
_MIDDLE: Final = NOW - timedelta(days=7)
_KEY: Final = "datetime, kafka_partition, kafka_offset"
_LISTED: Final = ", ".join(name for name in REFERENCE_COLUMNS if name not in ("request", "response", "temperature"))
_WARM: Final = " SETTINGS use_query_condition_cache = 0"
_ONE: Final = ("SITE-0037",)
_FIVE: Final = ("SITE-0037", "SITE-0001", "SITE-0100", "SITE-0200", "SITE-0399")


@dataclass(frozen=True, slots=True)
class Question:
    """`ours`: statements, one after the other until one of them finds `limit` rows; `bound`: the ratio that is wanted."""

    name: str
    reference: Statement
    ours: Sequence[Statement]
    limit: int = 0
    bound: float = 1.0

    def seconds(self, engine: Engine) -> tuple[float, float]:
        """Of the reference, and of ours."""
        reference = engine.seconds(self.reference.sql + _WARM, self.reference.parameters)
        return reference, sum(engine.seconds(one.sql + _WARM, one.parameters) for one in self.ours)

    def needed(self, engine: Engine) -> Question:
        """With only those statements that are run until enough is found."""
        for number, one in enumerate(self.ours, 1):
            if self.limit and len(engine.query(one.sql, one.parameters).result_rows) == self.limit:
                return Question(self.name, self.reference, self.ours[:number], self.limit, self.bound)
        return self


def questions() -> list[Question]:
    charger, faulted = {"charger_id": ["CP0037-003"]}, {"status": ["Faulted"]}
    rare = {"action": ["GetDiagnostics"]}
    return [
        _page("latest, 1 site", Search(sites=_ONE)),
        _page("latest, 5 sites", Search(sites=_FIVE)),
        _page("latest, all", Search(), bound=0.5),
        _page("charger, 1 site", Search(sites=_ONE, equal=charger)),
        _page("charger, all", Search(equal=charger)),
        _page("rare action, 1 site", Search(sites=_ONE, equal=rare)),
        _page("rare action, all", Search(equal=rare)),
        _page("charger and Faulted, all", Search(equal=charger | faulted)),
        _page("unique term, all", Search(terms=["AB12CD34"])),
        _page("absent term, all", Search(terms=["absentterm"])),
        _page("two terms, 1 site", Search(terms=["Faulted", "GroundFailure"], sites=_ONE)),
        _page("two terms, all", Search(terms=["Faulted", "GroundFailure"])),
        _page("part of a word, 1 site", Search(terms=["dfail"], sites=_ONE), whole=False),
        _page("part of a word, all", Search(terms=["dfail"]), whole=False),
        _page("term with punctuation, all", Search(terms=["CP0037-003"]), whole=False),
        _page("reading, 1 site", Search(terms=["231.5"], sites=_ONE), whole=False),
        _page("24 h and a term, 1 site", Search(terms=["Faulted"], sites=_ONE, since=NOW - timedelta(days=1))),
        _page("24 h and a term, all", Search(terms=["Faulted"], since=NOW - timedelta(days=1))),
        _count("count of a broad term, all", Search(terms=["Faulted"])),
        _same("histogram 24 h, 1 site", "toStartOfHour(datetime)", "site_id = 'SITE-0037' AND datetime >= '2026-09-14'"),
        _same("histogram by action, 14 days, all", "toStartOfHour(datetime), action", "1"),
        _page("export of 10,000, 1 site", Search(sites=_ONE), limit=10_000),
        _page("export of 10,000, all", Search(), limit=10_000, bound=0.5),
        _page("deep page, 1 site", Search(sites=_ONE), deep=True),
        _page("deep page, all", Search(), deep=True, bound=0.5),
    ]


def _page(name: str, search: Search, *, limit: int = 50, deep: bool = False, whole: bool = True, bound: float = 1.0) -> Question:
    """`whole`: the reference may look for its terms as words."""
    after = Place(times.for_clickhouse(_MIDDLE), 3, 0, "0" * 32, 0) if deep else None
    columns = list(EXPORT_COLUMNS.values()) if limit > 1000 else LIST_COLUMNS
    ours = [
        query.page(DATABASE, _ALL, Search(search.terms, search.sites, search.equal, (), since), columns, "desc", limit, after)
        for since in query.windows(_ALL, search, "desc", after, NOW)
    ]
    by = ", ".join(f"{column} DESC" for column in _KEY.split(", "))
    sql = f"SELECT {_LISTED} FROM {DATABASE}.{REFERENCE} WHERE {_conditions(search, deep, whole)} ORDER BY {by} LIMIT {limit}"
    return Question(name, Statement(sql, {}), ours, limit, bound)


def _count(name: str, search: Search) -> Question:
    sql = f"SELECT count() FROM {DATABASE}.{REFERENCE} WHERE {_conditions(search, False, True)}"
    return Question(name, Statement(sql, {}), [query.count(DATABASE, _ALL, search)])


def _same(name: str, groups: str, where: str) -> Question:
    sql = f"SELECT {groups}, count() FROM {DATABASE}.{{}} WHERE {where} GROUP BY ALL"
    return Question(name, Statement(sql.format(REFERENCE), {}), [Statement(sql.format(OURS), {})])


def _conditions(search: Search, deep: bool, whole: bool) -> str:
    found = [f"site_id IN {_list(search.sites)}"] if search.sites else []
    found += [f"{column} IN {_list(values)}" for column, values in search.equal.items()]
    form = "hasAllTokens(search, '{}')" if whole else "search LIKE '%{}%'"
    found += [form.format(term.lower()) for term in search.terms]
    if search.since:
        found.append(f"datetime >= '{times.for_clickhouse(search.since)}'")
    if deep:
        at = times.for_clickhouse(_MIDDLE)
        found.append(f"datetime <= '{at}' AND ({_KEY}) < ('{at}', 3, 0)")
    return " AND ".join(found) or "1"


def _list(values: Sequence[str]) -> str:
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"
