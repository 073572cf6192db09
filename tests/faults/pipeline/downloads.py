"""Downloads in the product's columns, as a spreadsheet or a notebook reads them: each cell of each row, in the order of time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import openpyxl
import pyarrow.parquet
from clickhouse_connect.driver import Client

from fuzz.spreadsheets import guarded
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS

FORMS: Final = ("csv", "xlsx", "parquet")
_TIMES: Final = ("datetime", "request_timestamp")
_NUMBERS: Final = ("connector_id", "meter_stop", "voltage", "current_import", "power")
_SHOWN: Final = 5
Cell = str | float | None
"""Text (empty where there is none), a number, or a time in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored row. `cells`: of the product's columns, in its order."""

    site: str
    cells: tuple[Cell, ...]


def stored(client: Client) -> list[Entry]:
    """What is in the log, newest first."""
    columns = ", ".join(f"toUnixTimestamp64Micro({name}) / 1e6" if name in _TIMES else name for name in EXPORT_COLUMNS.values())
    key = "datetime DESC, connection_id DESC, sequence DESC"
    rows = client.query(f"SELECT site_id, {columns} FROM ocpplog.ocpp_log ORDER BY {key}").result_rows
    return [Entry(row[0], tuple(row[1:])) for row in rows]


def differences(form: str, content: bytes, wanted: Sequence[Entry]) -> list[str]:
    """Between a file and what it must hold, for people."""
    headers, rows = _READERS[form](content)
    names = list(EXPORT_COLUMNS.values() if form == "parquet" else EXPORT_COLUMNS)
    if headers != names:
        return [f"columns are {headers}"]
    found = [] if len(rows) == len(wanted) else [f"{len(rows)} rows, {len(wanted)} are stored"]
    for number, (row, entry) in enumerate(zip(rows, wanted, strict=False), 1):
        found += [f"row {number}, {told}" for told in _cells(form, row, entry)]
    return found[:_SHOWN]


def _cells(form: str, row: Sequence[Any], entry: Entry) -> Iterable[str]:
    for name, cell, value in zip(EXPORT_COLUMNS.values(), row, entry.cells, strict=True):
        wanted = _shown(form, name, value)
        try:
            read = _value(form, name, cell)
        except ValueError:
            read = cell
        if read != wanted:
            yield f"{name}: {cell!r}, stored is {value!r}"


def _shown(form: str, name: str, value: Cell) -> Cell:
    """What is to be read of a stored value: people get times to the second, and in CSV no formulas."""
    if form == "csv" and isinstance(value, str):
        return guarded(value, ",")
    if form != "parquet" and name in _TIMES and isinstance(value, float):
        return value // 1
    return value


def _value(form: str, name: str, cell: Any) -> Cell:
    """Raises ValueError."""
    if name in _TIMES:
        # A workbook has days, and fractions of them.
        return None if not cell else round(_seconds(cell)) if form == "xlsx" else _seconds(cell)
    if name.startswith(_NUMBERS):
        return None if cell in ("", None) else float(cell)
    return "" if cell is None else str(cell)


def _seconds(cell: str | datetime) -> float:
    moment = datetime.strptime(cell, "%Y-%m-%dT%H:%M:%SZ") if isinstance(cell, str) else cell
    return moment.replace(tzinfo=UTC).timestamp()


# Each kind of file: headers, and rows


def _csv(content: bytes) -> tuple[list[str], list[Sequence[Any]]]:
    headers, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    return headers, list(rows)


def _xlsx(content: bytes) -> tuple[list[str], list[Sequence[Any]]]:
    headers, *rows = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True)
    return [str(header) for header in headers], list(rows)


def _parquet(content: bytes) -> tuple[list[str], list[Sequence[Any]]]:
    table = pyarrow.parquet.read_table(io.BytesIO(content))
    return table.column_names, [list(row.values()) for row in table.to_pylist()]


_READERS: Final = {"csv": _csv, "xlsx": _xlsx, "parquet": _parquet}
