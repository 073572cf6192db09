"""What people see of a payload is what the search looks through, beside what was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_common.envelope import Source
from ocpplog_enricher.domain.fields import enrich
from ocpplog_enricher.domain.pairing import Exchange, Outcome
from ocpplog_enricher.domain.policy import AS_IT_IS, Policy
from ocpplog_enricher.domain.rows import LogRow
from ocpplog_enricher.domain.unescaped import unescaped

from .test_fields import observed

LETTERS = st.text(st.sampled_from('aé"\\/\n\t{}[]:, 😀u0d8')) | st.text()
JSON = st.recursive(
    LETTERS | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LETTERS, inner, max_size=3)
)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (r'{"info":"see http:\/\/cpo.example\/fw"}', '"info":"see http://cpo.example/fw"'),
        (r'{"data":"{\"err\":42}","n":1}', '"data":"{"err":42}"'),
        (r'{ "info" : "C:\\tmp", "x": "plain" }', r'"info":"C:\tmp"'),
        (r'{"data":"\u00e9t\u00e9 \ud83d\ude00"}', '"data":"été 😀"'),
        (r'{"a":["x\ny","z",["\t"]]}', '"x\ny"\n"\t"'),
        (r'{"n\u00e9":5,"\/":{"b":"c"}}', '"né":\n"/":'),
        (r'{"a":"\ud800b"}', '"a":"?b"'),
        # No JSON: what is meant where it is clear, the rest as it stands.
        (r'[2,"1","DataTransfer",{"data":"{\"err\":4', '"data":"{"err":4'),
        (r'{"a":"\q\u00\n"}', '"a":"\\q\\u00\n"'),
        ("\\", ""),
        ('{"a":"plain"}', ""),
    ],
)
def test_strings_as_they_are_meant(payload: str, expected: str) -> None:
    assert unescaped(payload) == expected


def test_strings_of_both_payloads_are_apart() -> None:
    assert unescaped(r'{"a":"x\/"}', '{"b":"none"}', r'["\/y"]') == '"a":"x/"\n"/y"'


@given(JSON, st.booleans())
def test_every_string_is_there_with_its_name(value: Any, ascii_only: bool) -> None:
    payload = json.dumps(value, ensure_ascii=ascii_only)
    found = unescaped(payload)
    for name, text in strings(value, ""):
        if "\\" in json.dumps(text, ensure_ascii=ascii_only) or "\\" in json.dumps(name, ensure_ascii=ascii_only):
            assert (f'"{name}":' if name else "") + f'"{text}"' in found
    assert bool(found) <= ("\\" in payload)


def strings(value: Any, name: str) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(name, value)]
    inner = value.items() if isinstance(value, dict) else [("", item) for item in value] if isinstance(value, list) else []
    return [found for key, item in inner for found in strings(item, key)]


@given(st.text(st.sampled_from('a"\\/{}:,nué\n0d8')) | st.text())
def test_of_anything_it_is_no_longer_than_what_was_sent(payload: str) -> None:
    payload = payload.encode("utf-8", "replace").decode()
    assert len(unescaped(payload).encode()) <= len(payload.encode())


class TestWhatIsHidden:
    """Spelled with escapes, in JSON within a string."""

    def row(self, payload: bytes, policy: Policy = AS_IT_IS) -> LogRow:
        first = observed(b'[2,"1","DataTransfer",%b]' % payload, Source.CHARGER, 1, 1_000_000)
        return enrich(Exchange(first, None, Outcome.TIMEOUT, 2, True), 0, policy).log

    def test_secrets(self) -> None:
        assert self.row(rb'{"data":"{\"pass\u0077ord\":\"s3cr\/et\"}"}').unescaped == '"data":"{"password":"***"}"'

    def test_tags(self) -> None:
        found = self.row(rb'{"data":"{\"idTag\":\"04A1\/B2C3\"}"}', Policy(lambda _: "****C3"))
        assert found.unescaped == '"data":"{"idTag":"****C3"}"'
