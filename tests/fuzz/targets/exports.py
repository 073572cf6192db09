"""Cells of exports: no text is run by a spreadsheet, whatever separator it takes, and nothing of it is lost. ClickHouse makes
the cells, by the very expression that exports use.

A letter for the separator, then the text.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
import zipfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import chdb
import msgspec

from fuzz import spreadsheets
from fuzz.source import Source
from ocpplog_query_api.exports import columns, query, xlsx
from ocpplog_query_api.logs.query import Statement

WORDS = (
    b"=",
    b"+",
    b"-",
    b"@",
    "＝".encode(),
    "－".encode(),
    b";=",
    b"\t=",
    b"|-",
    b'"',
    b"\r\n=",
    b"' ",
    b"\x00=",
    b"-1.5",
    b"<r>",
    b"</r>",
)
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LONGEST = 500
csv.field_size_limit(1_000_000)


def seeds() -> Iterable[bytes]:
    texts = [
        "=1+1",
        '"=1',
        " =1",
        "a;=cmd|' /C calc'!A0",
        'a;"=1"',
        '["a",-5]',
        "-5.25",
        "-1-1",
        "＝1",
        "\t=1",
        "a\n=1",
        "\0x",
        "-1\n",
    ]
    yield from (letter + text.encode() for letter in (b"a", b"b", b"c") for text in [*texts, "=1;\r=2|@3\t+4", "x"])
    yield from (b"d" + text for text in (b"=1", b"<r><b>=1</b></r>", b"_x0041_\x01", b"https://x", b"\xf0\x9f\x98\x80" * 20))


def check(data: bytes) -> None:
    source = Source(data)
    separator = source.choice((",", ";", "\t", ""))
    text = source.text()[:_LONGEST]
    if separator:
        _is_no_formula(text, separator)
    else:
        _is_text_in_a_workbook(text)


def _is_no_formula(text: str, separator: str) -> None:
    line = _line(text, separator)
    row = spreadsheets.cells(line, separator)
    assert row == [spreadsheets.guarded(text, separator)], (row, text)
    for cell in (*row, *spreadsheets.mistaken(line, separator)):
        assert not spreadsheets.is_run(cell), (cell, line)
    assert row[0].replace("'", "") == text.replace("'", "")


def _line(text: str, separator: str) -> str:
    """The cell of a column with this text."""
    sql = _expression(separator)
    delimiter = separator.replace("\t", "\\t")
    found = _engine().query(
        f"SELECT {sql.replace('entry.info', _literal(text))} SETTINGS format_csv_delimiter = '{delimiter}'", "CSV"
    )
    return bytes(found.bytes()).decode().removesuffix("\n")


@cache
def _expression(separator: str) -> str:
    """What an export selects of the column info, with its patterns in it."""
    info = [column for column in columns.ALL if column.name == "info"]
    parameters = query.csv(Statement("", {}), info, 1, separator, False).parameters
    cell = query._cell(info[0], False)
    return re.sub(r"\{(\w+):String\}", lambda found: _literal(str(parameters[found[1]])), cell)


def _literal(text: str) -> str:
    return f"unhex('{text.encode().hex()}')"


@cache
def _engine() -> Any:
    return chdb.connect(":memory:")


def _is_text_in_a_workbook(text: str) -> None:
    """Opened as Excel does: every cell is a text, none has a formula, and it is the text that it was."""
    with tempfile.TemporaryDirectory() as folder:
        sheet = xlsx.Sheet(Path(folder), [column for column in columns.ALL if column.name == "info"])
        sheet.add([msgspec.json.encode([text])])
        with zipfile.ZipFile(sheet.close()) as book:
            root = ElementTree.parse(io.BytesIO(book.read("xl/worksheets/sheet1.xml")))
    [cell] = [found for found in root.iter(f"{_SHEET}c") if found.get("r") == "A2"]
    assert cell.get("t") == "inlineStr" or not text, ElementTree.tostring(cell)
    assert not list(root.iter(f"{_SHEET}f")) and not list(root.iter(f"{_SHEET}hyperlink"))
    assert all(found.tag in (f"{_SHEET}is", f"{_SHEET}t", f"{_SHEET}c") for found in cell.iter()), ElementTree.tostring(cell)
