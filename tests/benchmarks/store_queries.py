"""What people ask the log, for both tables: the reference by hand, ours as the query API builds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.store_engine import DATABASE, OURS, REFERENCE, Engine
from benchmarks.store_rows import REFERENCE_COLUMNS, SPAN_MS, START
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_query_api.logs import query, times
from ocpplog_query_api.logs.identity import Place
from ocpplog_query_api.logs.query import Search, Statement
from ocpplog_query_api.scope import Scope

NOW: Final = datetime.fromtimestamp(START, UTC) + timedelta(milliseconds=SPAN_MS)
_ALL: Final = Scope(None)
_MIDDLE: Final = NOW - timedelta(days=7)
_KEY: Final = "datetime, kafka_partition, kafka_offset"
_LISTED: Final = ", ".join(name for name in REFERENCE_COLUMNS if name not in ("request", "response", "temperature"))
_COLUMNS: Final = list(EXPORT_COLUMNS.values())[:25]
"""With the two that name a row, as many as are listed of the reference."""
_ALONE: Final = "max_threads = 1"
"""Where the index answers, or leaves next to nothing to read: there is nothing to share out."""
_LISTING: Final = f"{query.PAGED}, {query.SEARCHING}"
_RARE: Final = f"{_LISTING}, {_ALONE}"
_WARM: Final = "use_query_condition_cache = 0"
_LAST_DAY: Final = f"datetime >= '{times.for_clickhouse(NOW - timedelta(days=1))}'"
_ONE: Final = ("SITE-0037",)
_FIVE: Final = ("SITE-0037", "SITE-0001", "SITE-0100", "SITE-0200", "SITE-0399")


@dataclass(frozen=True, slots=True)
class Question:
    """`ours` says which statements have to run, given the data; `bound`: the ratio that is wanted."""

    name: str
    reference: str
    ours: Callable[[Engine], Sequence[Statement]]
    bound: float = 1.0


def seconds(engine: Engine, statements: Sequence[Statement]) -> float:
    """Of all of them, one after the other, without results of earlier ones."""
    return sum(
        engine.seconds(one.sql + (", " if "SETTINGS" in one.sql else " SETTINGS ") + _WARM, one.parameters) for one in statements
    )


def answered(engine: Engine, statement: Statement) -> int:
    """How many rows it answers; of a count alone, what it counts."""
    rows = engine.query(statement.sql, statement.parameters).result_rows
    return int(rows[0][0]) if len(rows) == 1 == len(rows[0]) else len(rows)


def questions() -> list[Question]:
    charger, faulted = {"charger_id": ["CP0037-003"]}, {"status": ["Faulted"]}
    rare, broad = {"action": ["GetDiagnostics"]}, "hasAllTokens({}, 'faulted')"
    return [
        _page("latest, 1 site", Search(sites=_ONE)),
        _page("latest, 5 sites", Search(sites=_FIVE)),
        _page("latest, all", Search(), bound=0.5),
        _page("charger, 1 site", Search(sites=_ONE, equal=charger)),
        _page("charger, all", Search(equal=charger)),
        _page("rare action, 1 site", Search(sites=_ONE, equal=rare)),
        _page("rare action, all", Search(equal=rare)),
        _page("charger and Faulted, all", Search(equal=charger | faulted)),
        _words("unique term, all", "ab12cd34", settings=_RARE),
        _words("unique term, all, no settings", "ab12cd34", settings=""),
        _words("absent term, all", "absentterm", settings=_RARE),
        _words("absent term, all, no settings", "absentterm", settings=""),
        _words("two terms, 1 site", "faulted groundfailure", "site_id = 'SITE-0037'"),
        _words("two terms, all", "faulted groundfailure"),
        _words("24 h and a term, 1 site", "faulted", f"site_id = 'SITE-0037' AND {_LAST_DAY}"),
        _words("24 h and a term, all", "faulted", _LAST_DAY),
        _same("count of a broad term, all", "1", broad, f"{query.SEARCHING}, {_ALONE}"),
        _same("count of a broad term, all, no settings", "1", broad),
        _page("part of a word, 1 site", Search(terms=["dfail"], sites=_ONE)),
        _page("part of a word, all", Search(terms=["dfail"])),
        _page("unique, as the API asks", Search(terms=["AB12CD34"])),
        _page("two terms, as the API asks", Search(terms=["Faulted", "GroundFailure"])),
        _page("with punctuation, all", Search(terms=["CP0037-003"]), helped="hasAllTokens(search, 'cp0037 003')"),
        _page("part of many numbers, all", Search(terms=["1234"])),
        _page("reading, 1 site", Search(terms=["231.5"], sites=_ONE)),
        _same("histogram 24 h, 1 site", "toStartOfHour(datetime)", "site_id = 'SITE-0037' AND datetime >= '2026-09-14'"),
        _same("histogram by action, 14 days, all", "toStartOfHour(datetime), action", "1"),
        _page("export of 10,000, 1 site", Search(sites=_ONE), limit=10_000),
        _page("export of 10,000, all", Search(), limit=10_000, bound=0.5),
        _page("deep page, 1 site", Search(sites=_ONE), deep=True),
        _page("deep page, all", Search(), deep=True, bound=0.5),
    ]


def _page(name: str, search: Search, *, limit: int = 50, deep: bool = False, bound: float = 1.0, helped: str = "") -> Question:
    """`helped`: a condition that changes nothing but how fast the reference finds it."""
    after = Place(times.for_clickhouse(_MIDDLE), "0" * 32, 0) if deep else None
    conditions = _conditions(search, deep)
    reference = _reference(f"{helped} AND {conditions}" if helped else conditions, limit)
    if search.terms and search.sites:
        # Of one or a few sites, as is said of the table that the reference is: a third of the time.
        reference += " SETTINGS use_text_index_like_evaluation_by_dictionary_scan = 0"
    return Question(name, reference, lambda engine: _statements(engine, search, limit, after), bound)


def _statements(engine: Engine, search: Search, limit: int, after: Place | None) -> Sequence[Statement]:
    """What the query API runs for it."""

    def page(since: datetime | None, bounded: bool = False) -> Statement:
        return query.page(DATABASE, _ALL, replace(search, since=since), _COLUMNS, "desc", limit, after, bounded)

    if not query.is_everything(_ALL, search, "desc"):
        return [page(search.since)]
    if limit > query.PAGE_AT_MOST:
        tried = list[Statement]()
        for since in query.windows(search, NOW):
            tried.append(page(since))
            if answered(engine, tried[-1]) >= limit:
                break
        return tried
    tried = []
    for within in (timedelta(hours=1), None) if after else (None,):
        tried.append(query.edge(DATABASE, _ALL, search, limit, after, within))
        [(since, enough)] = engine.query(tried[-1].sql, tried[-1].parameters).result_rows
        if int(enough):
            break
    return [*tried, page(datetime.fromisoformat(str(since)).replace(tzinfo=UTC), bounded=True)]


def _words(name: str, terms: str, where: str = "1", settings: str = _LISTING) -> Question:
    """Whole words, for both the same way; ours with the settings that docs/schema.md names for them."""
    condition = f"{where} AND hasAllTokens({{}}, '{terms}')"
    columns = ", ".join(dict.fromkeys([*_COLUMNS, *query.KEY]))
    by = ", ".join(f"{column} DESC" for column in query.KEY)
    ours = f"SELECT {columns} FROM {DATABASE}.{OURS} WHERE {condition.format('words')} ORDER BY {by} LIMIT 50"
    return Question(name, _reference(condition.format("search"), 50), lambda _: [_statement(ours, settings)])


def _same(name: str, groups: str, where: str, settings: str = "") -> Question:
    sql = f"SELECT {groups}, count() FROM {DATABASE}.{{}} WHERE {{}} GROUP BY ALL" if groups != "1" else ""
    sql = sql or f"SELECT count() FROM {DATABASE}.{{}} WHERE {{}}"
    ours = sql.format(OURS, where.format("words"))
    return Question(name, sql.format(REFERENCE, where.format("search")), lambda _: [_statement(ours, settings)])


def _statement(sql: str, settings: str) -> Statement:
    return Statement(sql + (f" SETTINGS {settings}" if settings else ""), {})


def _reference(condition: str, limit: int) -> str:
    by = ", ".join(f"{column} DESC" for column in _KEY.split(", "))
    return f"SELECT {_LISTED} FROM {DATABASE}.{REFERENCE} WHERE {condition} ORDER BY {by} LIMIT {limit}"


def _conditions(search: Search, deep: bool) -> str:
    found = [f"site_id IN {_list(search.sites)}"] if search.sites else []
    found += [f"{column} IN {_list(values)}" for column, values in search.equal.items()]
    found += [f"search LIKE '%{term.lower()}%'" for term in search.terms]
    if deep:
        at = times.for_clickhouse(_MIDDLE)
        found.append(f"datetime <= '{at}' AND ({_KEY}) < ('{at}', 3, 0)")
    return " AND ".join(found) or "1"


def _list(values: Sequence[str]) -> str:
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"
