"""What a request asks for: the statement, and for an INSERT where its data begin."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ocpplog_local.clickhouse.errors import EngineError
from ocpplog_local.clickhouse.lexer import Token, tokens

_STREAMABLE: Final = frozenset(
    (
        *("Native", "RowBinary", "MsgPack", "CSV", "TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "TSKV"),
        *("JSONEachRow", "JSONLines", "NDJSON", "JSONStringsEachRow", "JSONCompactEachRow", "JSONCompactStringsEachRow"),
    )
)
"""Formats without a head or foot: the engine encodes each block by itself, and these can be sent one after the other."""
_WITHOUT_RESULT: Final = frozenset(
    (
        *("ALTER", "ATTACH", "CREATE", "DELETE", "DETACH", "DROP", "EXCHANGE", "GRANT", "INSERT", "MOVE", "OPTIMIZE"),
        *("RENAME", "REPLACE", "REVOKE", "SET", "SYSTEM", "TRUNCATE", "UNDROP", "UPDATE", "USE"),
    )
)


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose data follow at `data_at` (bytes from the beginning of URL query + body).

    `target`: what comes before the SETTINGS clause; `settings`: that clause, or nothing.
    """

    target: bytes
    settings: bytes
    format: str
    data_at: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that holds all it needs. `format` is what its result comes in; empty where the statement names none."""

    text: bytes
    verb: str
    format: str
    has_totals: bool

    @property
    def has_result(self) -> bool:
        return self.verb not in _WITHOUT_RESULT

    def can_stream(self, output: str, settings: Mapping[str, str]) -> bool:
        """Totals and extremes come after the rows; the engine's stream leaves them out."""
        whole = self.has_totals or settings.get("extremes", "0") != "0"
        return output in _STREAMABLE and self.verb in ("SELECT", "WITH") and not whole


def find_insert(head: bytes) -> Insert | None:
    """The INSERT at the beginning of a request, if its data come in a FORMAT."""
    before: Token | None = None
    awaits_name = False
    settings_at: int | None = None
    for number, token in enumerate(tokens(head)):
        if number == 0 and token.value != "INSERT":
            return None
        if awaits_name and token.kind == "word" and before is not None:
            target, settings = head[: before.start][:settings_at], head[settings_at or before.start : before.start]
            return Insert(target, settings, head[token.start : token.end].decode(), _data_at(head, token.end))
        if token.depth == 0 and token.value in ("SELECT", "WITH", "VALUES", "INFILE"):
            return None
        # A table may be called so.
        is_name = before is not None and before.value in ("INTO", "TABLE", ".")
        awaits_name = token.value == "FORMAT" and token.depth == 0 and not is_name
        if token.value == "SETTINGS" and token.depth == 0 and not is_name and settings_at is None:
            settings_at = token.start
        before = token
    return None


def _data_at(head: bytes, at: int) -> int:
    """Behind the format's name, and one end of line."""
    while head[at : at + 1] in (b" ", b"\t", b"\f", b";"):
        at += 1
    at += head[at : at + 1] == b"\r"
    return at + (head[at : at + 1] == b"\n")


def parse(text: bytes) -> Statement:
    """Read a statement. Raises EngineError for what ClickHouse's HTTP interface refuses, and the engine would not."""
    found = _clauses(text)
    while found and found[-1].value == ";":
        found.pop()
    if not found:
        raise EngineError("Code: 62. DB::Exception: Syntax error: the query is empty. (SYNTAX_ERROR)")
    verb = next((token.value for token in found if token.value != "("), "")
    words = {token.value for token in found if token.kind == "word"}
    _refuse(verb, words, found)
    return Statement(text, verb, _format(text, found), "TOTALS" in words)


def _clauses(text: bytes) -> list[Token]:
    """The tokens, without the data behind VALUES."""
    found: list[Token] = []
    for token in tokens(text):
        found.append(token)
        if token.value == "VALUES" and token.depth == 0 and found[0].value == "INSERT":
            break
    return found


def _refuse(verb: str, words: set[str], found: list[Token]) -> None:
    if "OUTFILE" in words and _follow(found, "INTO", "OUTFILE"):
        raise EngineError("Code: 358. DB::Exception: INTO OUTFILE is not allowed. (INTO_OUTFILE_NOT_ALLOWED)")
    if "INFILE" in words and verb == "INSERT" and _follow(found, "FROM", "INFILE"):
        raise EngineError("Code: 78. DB::Exception: FROM INFILE is not allowed over HTTP. (UNKNOWN_TYPE_OF_QUERY)")
    if "INPUT" in words and verb == "INSERT" and _follow(found, "INPUT", "("):
        raise EngineError("Code: 48. DB::Exception: The table function input is not supported here. (NOT_IMPLEMENTED)")
    if any(token.value == ";" for token in found):
        raise EngineError("Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)")


def _follow(found: list[Token], first: str, second: str) -> bool:
    return any(a.value == first and b.value == second for a, b in itertools.pairwise(found))


def _format(text: bytes, found: list[Token]) -> str:
    """FORMAT is no reserved word: it counts only as the last clause but for SETTINGS."""
    for at in range(len(found) - 2, -1, -1):
        token, name = found[at], found[at + 1]
        ends = at + 2 == len(found) or found[at + 2].value == "SETTINGS"
        if token.value == "FORMAT" and token.depth == 0 and name.kind == "word" and ends:
            return text[name.start : name.end].decode()
    return ""


def kill_by_comment(statement: Statement) -> Statement:
    """A KILL QUERY by the ids that clients know: the engine has its own, and the client's are kept in the query's comment."""
    if statement.verb != "KILL":
        return statement
    text = statement.text
    for token in reversed(list(tokens(text))):
        if token.value == "QUERY_ID" or text[token.start : token.end] == b"`query_id`":
            text = text[: token.start] + b"Settings['log_comment']" + text[token.end :]
    return Statement(text, statement.verb, statement.format, statement.has_totals)
