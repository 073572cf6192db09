"""Excel workbooks (ECMA-376): dates and numbers typed, text never a formula, within Excel's limits."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import AsyncGenerator, Sequence
from math import inf
from pathlib import Path
from traceback import clear_frames
from typing import Any, Final

from anyio import CancelScope, CapacityLimiter, to_thread
from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError

from ocpplog_query_api.exports.columns import Column, Kind
from ocpplog_query_api.streaming import Stream

MOST_ROWS: Final = 1_048_575
"""Excel's rows, but for the header."""
_CELL: Final = 32_767
"""Most UTF-16 units of a cell."""
_TIME: Final = 'yyyy-mm-dd"T"hh:mm:ss"Z"'
_WIDTHS: Final[dict[Kind, float]] = {"time": 21, "text": 16, "list": 40, "integer": 9, "number": 11}
_WIDE: Final = {"request": 60, "response": 40, "info": 30, "id": 56, "connection_id": 34, "message_id": 38}
_PIECE: Final = 256 * 1024
_WRITERS: Final = CapacityLimiter(2)
"""Workbooks that are written at the same time: ten thousand entries take some seconds of CPU. While one is packed, its
rows are on disk twice."""


class TooLong(OSError):
    """The rows take more of the disk than those of a workbook may."""


def disk_bytes(places: int, most_bytes: int) -> int:
    """What so many workbooks, each with rows of `most_bytes`, take of the disk at most."""
    return (places + int(_WRITERS.total_tokens)) * most_bytes


class Sheet:
    """A workbook that grows row by row, in files of `directory`; its rows take `most_bytes` there. Blocks."""

    def __init__(self, directory: Path, columns: Sequence[Column], most_bytes: float = inf) -> None:
        self.path = directory / "export.xlsx"
        self._directory = directory
        self._columns = columns
        self._most_bytes = most_bytes
        # constant_memory: rows go to a file as they come, in their order.
        self._book = Workbook(str(self.path), {"constant_memory": True, "tmpdir": str(directory)})
        self._sheet = self._book.add_worksheet("OCPP log")
        bold = self._book.add_format({"bold": True})
        time = self._book.add_format({"num_format": _TIME})
        for place, column in enumerate(columns):
            width = max(_WIDE.get(column.name, _WIDTHS[column.kind]), len(column.header) + 3)
            self._sheet.set_column(place, place, width, time if column.kind == "time" else None)
            self._sheet.write_string(0, place, column.header, bold)
        self._sheet.freeze_panes(1, 0)
        self._rows = 0

    def add(self, lines: Sequence[bytes]) -> None:
        """Rows as JSON lists; times in days. Raises TooLong."""
        for line in lines:
            self._rows += 1
            for place, value in enumerate(json.loads(line)):
                self._write(place, value)
        if sum(file.stat().st_size for file in self._directory.iterdir()) > self._most_bytes:
            raise TooLong(f"the rows of the spreadsheet take more than {self._most_bytes:,} bytes")

    def close(self) -> Path:
        """Packs it. Raises OSError."""
        self._sheet.autofilter(0, 0, self._rows, len(self._columns) - 1)
        try:
            self._book.close()
        except FileCreateError as error:
            if cause := error.__context__:
                # They hold the file that is half packed, open.
                clear_frames(cause.__traceback__)
            raise OSError(f"the spreadsheet cannot be packed: {error}") from None
        return self.path

    def discard(self) -> None:
        """Closes its files, whatever became of it. The library's objects hold each other, and so an open file: it would take its
        place on the disk for long after its name is gone."""
        for file in (self._sheet.row_data_fh, self._sheet.fh):
            # What is still to be written is not wanted.
            with contextlib.suppress(OSError):
                file.close()

    def _write(self, place: int, value: Any) -> None:
        if isinstance(value, str):
            self._sheet.write_string(self._rows, place, fitting(value))
        elif value is not None:
            self._sheet.write_number(self._rows, place, value)


def fitting(text: str) -> str:
    """Text that a cell can hold: what is too long ends in how long it was. Control characters are the library's affair."""
    if text.startswith("<r>") and text.endswith("</r>"):
        # The library takes it for formatted text of its own making, and writes it as XML.
        text += " "
    if len(text) * 2 <= _CELL or (length := len(text.encode("utf-16-le")) // 2) <= _CELL:
        return text
    note = f"... [cut, {length:,} characters in all]"
    kept = text.encode("utf-16-le")[: 2 * (_CELL - len(note))]
    return kept.decode("utf-16-le", "ignore") + note


async def workbook(stream: Stream, columns: Sequence[Column], most_bytes: int) -> AsyncGenerator[bytes, None]:
    """The file in pieces, from when it is complete: the library packs it at the end. Raises TooLong."""
    with tempfile.TemporaryDirectory(prefix="ocpplog-export-") as directory:
        sheet = await to_thread.run_sync(Sheet, Path(directory), columns, most_bytes)
        try:
            rest = b""
            async for piece in stream:
                *lines, rest = (rest + piece).split(b"\n")
                await to_thread.run_sync(sheet.add, lines, limiter=_WRITERS)
            path = await to_thread.run_sync(sheet.close, limiter=_WRITERS)
            with await to_thread.run_sync(path.open, "rb") as file:
                while piece := await to_thread.run_sync(file.read, _PIECE):
                    yield piece
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(sheet.discard)
