"""`q`, filters, and the SQL they become: as a reader that goes letter by letter has them; no text of the caller is ever SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fuzz.source import Source
from ocpplog_query_api.exports import columns, locales, naming
from ocpplog_query_api.logs import conditions, grammar, terms
from ocpplog_query_api.logs.search import COLUMN_OF, Search
from ocpplog_query_api.scope import Scope

WORDS = (
    *(
        b'"',
        b'-"',
        b"status:",
        b"-action:",
        b'field:""',
        b"connector:none",
        b"source:csms",
        b"ocpp2",
        b"site:",
        b"'",
        b"{x:String}",
    ),
    *("ſite:".encode(), "\u212aey:".encode(), b"50%", b"a_b", b"C:\\tmp", b"--", b"\xc2\xa0", b"\xe2\x80\xa8", b"\x00"),
)
_SQL = re.compile(
    r"(?:[a-zA-Z_0-9]+|[ (),]|<|>|=|->|'UTC'|\{[a-z0-9_]+:(?:String|Array\((?:String|Int32)\)|DateTime64\(3, 'UTC'\))\})*"
)


def seeds() -> Iterable[bytes]:
    texts = [
        "lab faulted",
        'status:faulted -"emergency stop"',
        '"a":"b" -action:MeterValues',
        '"two words", "a":1 "not closed',
        '"a":1 "two words" status:"x y" -"z"',
        "connector:0 connector:none",
        '"-5" 50%',
    ]
    yield from (
        b"a" + text.encode() for text in [*texts, "-source:CSMS x", "5b1b3e8e-63c1-4a59-8b0c-1f1f8f2b9a10", "ws://x 12:30 --y"]
    )
    yield from (b"bA_b%\\\nxa_B%\\y", b"b\n", b"cDatetime,status, all", b"cde-CH,en;q=0.5", b"d../x\r\n\xe2\x80\xaegnp.exe")


def check(data: bytes) -> None:
    source = Source(data)
    source.choice((_search, _pattern, _export, _name))(source)


def _search(source: Source) -> None:
    text = source.text()
    try:
        found = grammar.parse(text)
    except ValueError as error:
        assert str(error)
        return
    words = [token for token in _tokens(text) if token[1] or token[2]]
    assert list(found.terms) == [value for minus, field, value in words if not field and not minus and value.strip()]
    assert list(found.without) == [value for minus, field, value in words if not field and minus and value.strip()]
    asked = {(COLUMN_OF[field], minus) for minus, field, value in words if field}
    assert {(match.column, match.negated) for match in found.matches} == asked
    search = Search(terms=found.terms, without=found.without, matches=found.matches)
    made = conditions.matching(Scope(frozenset({"mine"})), search)
    assert _SQL.fullmatch(made.sql()), made.sql()
    assert made.texts[0] == "site_id IN {sites:Array(String)}" and made.parameters["sites"] == ["mine"]
    assert set(re.findall(r"\{([a-z0-9_]+):", made.sql())) == set(made.parameters)


def _tokens(text: str) -> list[tuple[bool, str, str]]:
    """(minus, field, value), by the words of the language. A blank is what a regular expression takes for one."""
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        minus = text[at] == "-" and at + 1 < len(text) and text[at + 1] != "-" and not text[at + 1].isspace()
        at += minus
        named = re.compile(r"([A-Za-z_]+):").match(text, at)
        field = named[1].lower() if named and named[1].lower() in COLUMN_OF else ""
        at += len(field) + 1 if field else 0
        end = at
        if text[at : at + 1] == '"' and (closing := _closing(text, at + 1)):
            found.append((minus, field, text[at + 1 : closing]))
            at = closing + 1
            while text[at : at + 1] == ",":
                at += 1
            continue
        while end < len(text) and not text[end].isspace():
            end += 1
        # A quote that begins nothing is refused.
        value = text[at:end]
        assert not value.startswith('"') or (not field and value.count('"') > 1)
        found.append((minus, field, value))
        at = end
    return found


def _closing(text: str, at: int) -> int:
    """Where the quote is that ends a phrase: behind it, and commas, is a blank or the end. 0: there is none, or another term
    begins before."""
    for place in range(at, len(text)):
        rest = text[place + 1 :].lstrip(",")
        if text[place] == '"' and (not rest or rest[0].isspace()):
            return place
        if text[place] == '"' and _begins(text[:place]):
            return 0
    return 0


def _begins(before: str) -> bool:
    """Whether a quote behind this begins a term."""
    if before[-1:].isspace():
        return len(before) > 1 and before[-2] not in ":,{["
    sign = before[-1:] == "-" and before[-2:-1].isspace()
    field = before[-1:] == ":" and before[-2:-1].isascii() and (before[-2:-1].isalpha() or before[-2:-1] == "_")
    return sign or field


def _pattern(source: Source) -> None:
    """A term is found where it stands, and nowhere else."""
    term, text = source.line().decode("utf-8", "replace"), source.text()
    assert bool(_like(terms.like_pattern(term)).fullmatch(text)) == (term in text)
    for run in terms.indexed(term):
        assert run in term and len(run) >= terms.INDEXED_LENGTH


def _like(pattern: str) -> re.Pattern[str]:
    """As ClickHouse reads LIKE: a backslash before one of its own characters takes its meaning away."""
    parts = re.findall(r"\\[\\%_]|.", pattern, re.DOTALL)
    meant = {"%": ".*", "_": "."}
    return re.compile("".join(meant.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL)


def _export(source: Source) -> None:
    text = source.text()
    locales.has_decimal_comma(text)
    try:
        found = columns.choose(text)
    except ValueError as error:
        assert str(error)
        return
    assert found and len(set(found)) == len(found) and set(found) <= set(columns.ALL)


def _name(source: Source) -> None:
    """No header is broken out of, no folder left, and what is shown is what it is."""
    sites = [source.line().decode("utf-8", "replace"), source.text()]
    name = naming.file_name(sites, None, None, None, "csv")
    assert name.endswith(".csv") and not set(name) & set('/\\"\r\n\0*?<>|:\u202e\u2066\u200f')
    assert not name.startswith((".", "-"))
    header = naming.disposition(name)
    assert header.isascii() and header.isprintable() and header.count('"') == 2
    header.encode("latin-1")
