"""From chosen columns to SQL that yields a file's rows. Pure: values in, text and bound parameters out.

ClickHouse writes the cells: converting ten thousand rows in Python takes longer than finding them.
The first line of a result is the number of entries that were found, from the same query: file and number agree while rows arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ocpplog_query_api.exports.columns import Column
from ocpplog_query_api.logs.query import KEY, Statement

SETTINGS: Final = {"query_plan_max_limit_for_lazy_materialization": 0}
"""Whatever the number of rows, payloads are read of those alone that are in the file."""
TOO_MANY: Final = 395
"""ClickHouse's code for throwIf."""
_ALWAYS: Final = ("charger_id", "site_id", "source", "outcome", "gateway_id")
"""Columns that are filled by the gateway: empty text in one is not the charger's silence."""
_DANGEROUS: Final = "=+@＝＋－＠-"
_PATTERNS: Final = {
    "export_number": r"^-?[0-9]+([.][0-9]+)?$",
    "export_begin": rf'^[ "]*[\t\r\n\x00{_DANGEROUS}]',
}
_NUMBER: Final = "if(entry.export_is_first, concat(toString(entry.export_total), '\\n'), '')"
_CONNECTION: Final = "replaceAll(toString(entry.connection_id), '-', '')"
_MILLISECONDS: Final = r"replaceRegexpOne(lower(hex(toUnixTimestamp64Milli(entry.datetime))), '^0(.)', '\\1')"
_SEQUENCE: Final = r"replaceRegexpOne(lower(hex(entry.sequence)), '^0(.)', '\\1')"
_COMPUTED: Final = {
    "connection_id": _CONNECTION,
    "id": f"concat({_MILLISECONDS}, '-', {_CONNECTION}, '-', {_SEQUENCE})",
}
"""As the API has them."""
_HIDDEN: Final = "CAST(NULL, 'Nullable(UInt64)')"


def sources(columns: Sequence[Column]) -> list[str]:
    """What has to be read for them. An entry's id is made of the key, which every page reads."""
    return [column.name for column in columns if column.name != "id"]


def csv(page: Statement, columns: Sequence[Column], maximum: int, separator: str, decimal_comma: bool) -> Statement:
    """Rows in format CSV. The number of entries, and an end of line, begin the first cell, which is text and in quotes."""
    first, *others = [_cell(column, decimal_comma) for column in columns]
    found = _rows(", ".join([f"concat({_NUMBER}, ifNull(toString({first}), ''))", *others]), page, columns, maximum)
    splits = "".join(mark for mark in (",", ";", r"\t", "|") if mark != separator.replace("\t", r"\t"))
    # What is dropped before a formula: a tab too, where it begins no cell.
    dropped = r' "\x00' + r"\t" * (separator == "\t")
    inside = rf"([{splits}\r\n])([{dropped}]*[{_DANGEROUS}])"
    return Statement(found.sql, found.parameters | _PATTERNS | {"export_inside": inside})


def objects(page: Statement, columns: Sequence[Column], maximum: int) -> Statement:
    """An object a line: keys are the columns' names, what the charger did not send is null, times are ISO 8601."""
    values = ", ".join(f"{_json(column)} AS {column.name}" for column in columns)
    return _rows(_line("JSONEachRow", values), page, columns, maximum)


def lists(page: Statement, columns: Sequence[Column], maximum: int) -> Statement:
    """A list a line, of what a spreadsheet's cells hold: times are days since 1899-12-30, what is empty is null."""
    return _rows(_line("JSONCompactEachRow", ", ".join(map(_sheet, columns))), page, columns, maximum)


def typed(page: Statement, columns: Sequence[Column], maximum: int, refuse: bool) -> Statement:
    """Values as they are. `refuse`: where more than `maximum` match the query fails, with TOO_MANY."""
    values = ", ".join(f"{_typed(column)} AS {column.name}" for column in columns)
    return _rows(values, page, columns, maximum, "WHERE NOT throwIf(entry.export_total > {export_maximum:UInt32}) " * refuse)


def _line(form: str, values: str) -> str:
    return f"concat({_NUMBER}, formatRowNoNewline('{form}', {values}))"


def _rows(selected: str, page: Statement, columns: Sequence[Column], maximum: int, where: str = "") -> Statement:
    """Sorted once more: what ClickHouse computes of a sorted subquery, it may hand on in another order."""
    key = ", ".join(KEY)
    read = ", ".join(dict.fromkeys([*sources(columns), *KEY]))
    counted = (
        f"SELECT {read}, count() OVER () AS export_total, ({key}) = max(({key})) OVER () AS export_is_first FROM ({page.sql})"
    )
    by = ", ".join(f"entry.{name} DESC" for name in KEY)
    sql = f"SELECT {selected} FROM ({counted}) AS entry {where}ORDER BY {by} LIMIT {{export_maximum:UInt32}}"
    return Statement(sql, page.parameters | {"export_maximum": maximum})


def _cell(column: Column, decimal_comma: bool) -> str:
    value = _value(column)
    match column.kind:
        case "time":
            return f"formatDateTime({value}, '%Y-%m-%dT%H:%i:%SZ', 'UTC')"
        case "number" if decimal_comma:
            return f"replaceOne(toString({value}), '.', ',')"
        case "list":
            return _safe(f"arrayStringConcat({value}, '; ')")
        case "text" if column.name not in _COMPUTED:
            return _safe(value)
        case _:
            return value


def _safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe goes before what would begin one.

    OWASP, CSV injection: at the beginning of a cell = + - @, their full-width forms, tab, carriage return, line feed; also after
    what begins a cell where the file is opened with another separator than ours. All text is in quotes. Plain numbers stay.
    """
    inside = f"replaceRegexpAll({text}, {{export_inside:String}}, '\\\\1\\'\\\\2')"
    begun = f"concat(if(match({text}, {{export_begin:String}}), '\\'', ''), {inside})"
    suspect = f"match({text}, {{export_begin:String}}) OR match({text}, {{export_inside:String}})"
    return f"if(({suspect}) AND NOT match({text}, {{export_number:String}}), {begun}, {text})"


def _json(column: Column) -> str:
    value = _value(column)
    if column.kind == "time":
        # As the API has them: a fraction of nothing is left out, but for milliseconds.
        return f"replaceOne(concat(replaceOne(toString({value}), ' ', 'T'), 'Z'), '.000000Z', 'Z')"
    return _typed(column)


def _sheet(column: Column) -> str:
    value = _value(column)
    match column.kind:
        case "time":
            return f"toUnixTimestamp64Second({value}) / 86400 + 25569"
        case "list":
            return f"nullIf(arrayStringConcat({value}, '; '), '')"
        case _:
            return _typed(column)


def _typed(column: Column) -> str:
    value = _value(column)
    return f"nullIf({value}, '')" if column.kind == "text" and column.name not in _ALWAYS else value


def _value(column: Column) -> str:
    return _HIDDEN if column.hidden else _COMPUTED.get(column.name, f"entry.{column.name}")
