"""The language of `q`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_query_api.logs import grammar
from ocpplog_query_api.logs.search import Match


@pytest.mark.parametrize(
    ("text", "terms", "without"),
    [
        ("", [], []),
        ("  a   b\t\n", ["a", "b"], []),
        ('"two words" x', ["two words", "x"], []),
        ('"emergency stop", faulted', ["emergency stop", "faulted"], []),
        ('"a b",, -"c d", "e",', ["a b", "e"], ["c d"]),
        ('", x" "a," b,', [", x", "a,", "b,"], []),
        ('"a":"b","c":"d" "e": "f", "g": "h"', ['a":"b","c":"d', 'e": "f', 'g": "h'], []),
        ('"connectorId":1 faulted -"id":2', ['"connectorId":1', "faulted"], ['"id":2']),
        ('5" """ "a",b', ['5"', '"', '"a",b'], []),
        ('"" "  " -""', [], []),
        ("50% a_b c\\d `x` ---", ["50%", "a_b", "c\\d", "`x`", "---"], []),
        ("-a -b", [], ["a", "b"]),
        ('-"two words" "-5" - --x', ["-5", "-", "--x"], ["two words"]),
        ("a-b -c-d", ["a-b"], ["c-d"]),
        ('"status":"Faulted" x', ['status":"Faulted', "x"], []),
        ('{"status":"Faulted"}', ['{"status":"Faulted"}'], []),
        ('"connectorId":1 "door open"', ['"connectorId":1', "door open"], []),
        ('"a":1 -"two words"  "b":2   "x y"', ['"a":1', '"b":2', "x y"], ["two words"]),
        ('{"a": "b"} x', ['{"a":', '"b"}', "x"], []),
        ('""quoted""', ['"quoted"'], []),
        ('a"b c"', ['a"b', 'c"'], []),
        ("ws://x 12:30 -ws://y https:", ["ws://x", "12:30", "https:"], ["ws://y"]),
        ('"status:x" charger_id:x mystatus:x', ["status:x", "charger_id:x", "mystatus:x"], []),
        ("a\x00b", ["a\x00b"], []),
    ],
)
def test_terms(text: str, terms: list[str], without: list[str]) -> None:
    found = grammar.parse(text)
    assert (found.terms, found.without, found.matches) == (terms, without, [])


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("status:Faulted", [Match("status", ["Faulted"])]),
        ('STATUS:"Two Words"', [Match("status", ["Two Words"])]),
        ("-site:a -site:b site:c", [Match("site_id", ["a", "b"], True), Match("site_id", ["c"])]),
        ('charger:"" -charger:x', [Match("charger_id", [""]), Match("charger_id", ["x"], True)]),
        ('connector:1 connector:None connector:""', [Match("connector_id", [1, None, None])]),
        ("connector:99999999999 connector:-99999999999", [Match("connector_id", [2**31 - 1, -(2**31)])]),
        ("source:CSMS", [Match("source", ["csms"])]),
        ("error_code:a:b", [Match("error_code", ["a:b"])]),
    ],
)
def test_fields(text: str, matches: list[Match]) -> None:
    found = grammar.parse(text)
    assert (found.terms, found.without, found.matches) == ([], [], matches)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a " * 21, "21 terms, at most 20"),
        ("x" * 257, "256 characters at most"),
        ("status:" + "x" * 257, "256 characters at most"),
        ("status:", 'status: needs a value; to find this text, put it in quotes: "status:"'),
        ("connector:x", "connector: 'x' is neither a number nor `none`"),
        ("-source:me", "source: 'me' is none of charger, csms"),
        ('"', 'the quote in " is not closed'),
        ('faulted -"', 'the quote in -" is not closed'),
        ('x "not closed', 'the quote in "not is not closed'),
        ('"say "hi" now"', 'the quote in "say is not closed'),
        ('"emergency stop",faulted', 'the quote in "emergency is not closed'),
        ('status:"', 'the quote in status:" is not closed'),
        ('status:"Faulted"; x', 'the quote in status:"Faulted"; is not closed'),
    ],
)
def test_what_is_wrong_is_said(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        grammar.parse(text)
    assert reason in str(error.value)


@given(st.lists(st.text(max_size=20).filter(lambda text: text.strip() and '"' not in text), max_size=8), st.data())
def test_whatever_stands_in_quotes_is_text(phrases: list[str], data: st.DataObject) -> None:
    signs = data.draw(st.lists(st.sampled_from(["", "-"]), min_size=len(phrases), max_size=len(phrases)))
    found = grammar.parse(" ".join(f'{sign}"{phrase}"' for sign, phrase in zip(signs, phrases, strict=True)))
    assert list(found.terms) == [phrase for sign, phrase in zip(signs, phrases, strict=True) if not sign]
    assert list(found.without) == [phrase for sign, phrase in zip(signs, phrases, strict=True) if sign]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        grammar.parse(text)
    except ValueError as error:
        assert str(error)
