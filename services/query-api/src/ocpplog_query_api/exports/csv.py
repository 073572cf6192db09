"""The log as CSV (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_query_api.logs import times

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_ROWS_A_CHUNK: Final = 500
SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}


def choose(columns: str) -> list[str]:
    """The headers that `columns` names, comma-separated, as headers or as column names; empty: all. ValueError: unknown."""
    headers = {header.lower(): header for header in EXPORT_COLUMNS} | {
        column: header for header, column in EXPORT_COLUMNS.items()
    }
    wanted = [name.strip() for name in columns.split(",") if name.strip()]
    for name in wanted:
        if name.lower() not in headers:
            raise ValueError(f"{name!r} is no column of the export; there are: {', '.join(EXPORT_COLUMNS)}")
    return list(dict.fromkeys(headers[name.lower()] for name in wanted)) or list(EXPORT_COLUMNS)


def write(headers: Sequence[str], rows: Iterable[dict[str, Any]], separator: str, bom: bool) -> Iterator[bytes]:
    """The file, in pieces. `rows` have the columns of `ocpp_log`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator="\r\n")
    if bom:
        buffer.write("\ufeff")
    writer.writerow(headers)
    columns = [EXPORT_COLUMNS[header] for header in headers]
    for number, row in enumerate(rows, 1):
        writer.writerow([cell(row[column]) for column in columns])
        if number % _ROWS_A_CHUNK == 0:
            yield _drain(buffer)
    yield _drain(buffer)


def cell(value: object) -> str:
    """A value as the charger reported it; text that a spreadsheet would run as a formula begins with an apostrophe."""
    match value:
        case None:
            return ""
        case datetime():
            return times.iso(value, "seconds")
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        case str():
            return "'" + value if value.startswith(_FORMULA) else value
        case _:
            return str(value)


def file_name(sites: Sequence[str], since: datetime | None, until: datetime | None, truncated_to: int | None) -> str:
    """A name that says what is in the file."""
    parts = ["ocpp-log", "+".join(sites) or "all-sites"]
    parts += [moment.strftime("%Y%m%dT%H%M%SZ") for moment in (since, until) if moment]
    parts += [f"newest-{truncated_to}"] if truncated_to else []
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", "_".join(parts))[:120] + ".csv"


def _drain(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return data
