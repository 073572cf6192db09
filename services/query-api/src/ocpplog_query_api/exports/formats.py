"""The kinds of files: what each asks of ClickHouse, and what it makes of the answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from ocpplog_query_api.exports import query, xlsx
from ocpplog_query_api.exports.columns import Column
from ocpplog_query_api.logs.query import Statement
from ocpplog_query_api.streaming import Stream

_LINES = "TabSeparatedRaw"
_KINDS = {"csv": "csv", "tsv": "tab-separated-values"}


class File(ABC):
    """`form`: ClickHouse's format of the result. `begins_with_number`: the result's first line is how many entries there are."""

    suffix: str
    media_type: str
    form: str
    begins_with_number = True
    settings: Mapping[str, Any] = query.SETTINGS

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns

    @abstractmethod
    def statement(self, page: Statement, maximum: int, refuse: bool) -> Statement:
        """`refuse`: more than `maximum` shall be an error, where the result does not begin with their number."""

    async def body(self, stream: Stream) -> AsyncGenerator[bytes, None]:
        """What is sent, of what comes after the number."""
        async for piece in stream:
            yield piece


class Csv(File):
    """RFC 4180, all text in quotes. `bom`: begin with a byte order mark, for spreadsheets that need it to see UTF-8."""

    form = "CSV"

    def __init__(self, columns: Sequence[Column], separator: str = ",", decimal_comma: bool = False, bom: bool = False) -> None:
        super().__init__(columns)
        self._separator = separator
        self._decimal_comma = decimal_comma
        self._bom = bom
        self.suffix = "tsv" if separator == "\t" else "csv"
        self.media_type = f"text/{_KINDS[self.suffix]}; charset=utf-8"
        shape = {"output_format_csv_crlf_end_of_line": 1, "format_csv_null_representation": "", "format_csv_delimiter": separator}
        self.settings = query.SETTINGS | shape

    def statement(self, page: Statement, maximum: int, refuse: bool) -> Statement:
        return query.csv(page, self.columns, maximum, self._separator, self._decimal_comma)

    async def body(self, stream: Stream) -> AsyncGenerator[bytes, None]:
        yield ("\ufeff" * self._bom + self._separator.join(column.header for column in self.columns) + "\r\n").encode()
        # The quote that opened the first cell went with the number.
        opened = b'"'
        async for piece in stream:
            yield opened + piece
            opened = b""


class Ndjson(File):
    """An object a line, for programs."""

    suffix, media_type, form = "ndjson", "application/x-ndjson", _LINES

    def statement(self, page: Statement, maximum: int, refuse: bool) -> Statement:
        return query.objects(page, self.columns, maximum)


class Xlsx(File):
    """A workbook with one sheet, written here, its rows in `most_bytes` of disk."""

    suffix, form = "xlsx", _LINES
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, columns: Sequence[Column], most_bytes: int) -> None:
        super().__init__(columns)
        self._most_bytes = most_bytes

    def statement(self, page: Statement, maximum: int, refuse: bool) -> Statement:
        return query.lists(page, self.columns, maximum)

    def body(self, stream: Stream) -> AsyncGenerator[bytes, None]:
        return xlsx.workbook(stream, self.columns, self._most_bytes)


class Parquet(File):
    """Written by ClickHouse, with its types; it is complete before its first byte is there."""

    suffix, media_type, form = "parquet", "application/vnd.apache.parquet", "Parquet"
    begins_with_number = False

    def statement(self, page: Statement, maximum: int, refuse: bool) -> Statement:
        return query.typed(page, self.columns, maximum, refuse)
