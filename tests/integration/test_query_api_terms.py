"""A term is found if and only if it is in the entry: texts of every kind, against a search in plain Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.query_api_support import Bench, insert, numbers, query_api
from ocpplog_enricher.domain.unescaped import unescaped

pytestmark = pytest.mark.integration

LETTERS = "aAbBzZ059éÉüÜßẞİıΣσς你😀 \t\n%_\\'\"`-.:,/{}[]()*?+^$#&=;\x00\x7f"
"""Few, so that much is found; among them what means something to SQL, LIKE, regular expressions, JSON, URLs and `q`."""
PIECES = [
    "Faulted",
    '"value":"231.5"',
    '"value":"-5"',
    '"value": 17533',
    "CP0037-003",
    "4356987",
    "\\u00e9",
    "Straße",
    "İSTANBUL",
]
STATUSES = ["", "Faulted", "Available"]

texts = st.lists(st.sampled_from(PIECES) | st.text(LETTERS, max_size=6), max_size=6).map("".join)
rows = st.fixed_dictionaries(
    {
        "request": texts,
        "response": texts,
        "unescaped": texts,
        "charger_id": texts,
        "transaction_id": texts,
        "violations": st.lists(texts, max_size=2),
        "action": st.sampled_from(["", "Heartbeat", "StatusNotification"]),
        "status": st.sampled_from(STATUSES),
        "message_id": st.sampled_from(["m", "7F0E1A2B3C4D5E6F-A", "7f0e1a2b3c4d5e6f-a"]),
        "subprotocol": st.sampled_from(["", "ocpp1.6", "ocpp2.0.1"]),
    }
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with query_api(tmp_path_factory.mktemp("api")) as found:
        yield found


def has(row: dict[str, Any], term: str) -> bool:
    names = ("request", "response", "unescaped", "charger_id", "site_id", "action", "outcome", "transaction_id")
    text = " ".join([*(row[name] for name in names), " ".join(row["violations"])])
    return (
        term.lower() in text.lower()
        or (len(term) >= 16 and row["message_id"] in (term, term.lower(), term.upper()))
        or (len(term) >= 4 and row["subprotocol"].startswith(term.lower()))
        or ("." in term and term.lower() in row.get("error_code", "").lower())
    )


@st.composite
def terms(draw: st.DrawFn, entries: list[dict[str, Any]]) -> str:
    """A part of an entry, mostly, in any case; otherwise anything. What `q` can say: no quote that ends or begins a phrase."""
    row = draw(st.sampled_from(entries))
    whole = row[draw(st.sampled_from(["request", "response", "unescaped", "charger_id", "action", "message_id", "subprotocol"]))]
    begin = draw(st.integers(0, len(whole)))
    part = whole[begin : begin + draw(st.integers(1, 20))]
    found = draw(st.sampled_from([part, part.upper(), part.lower(), part.swapcase()]) | texts)
    return re.sub(r'"(?=,*\s)|(?<=\s)"|(?<=\s-)"|(?<=[A-Za-z_]:)"', "'", found)[:100] or "a"


@given(st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_found_if_and_only_if_it_is_there(bench: Bench, data: st.DataObject) -> None:
    site = f"s{next(numbers)}"
    entries: list[dict[str, Any]] = [
        row | {"site_id": site, "outcome": "result"} for row in data.draw(st.lists(rows, min_size=1, max_size=4))
    ]
    for number, entry in enumerate(entries):
        entry["sequence"] = entry["kafka_offset"] = number
    insert(bench.client, *entries)
    for _ in range(6):
        wanted = data.draw(st.lists(terms(entries), max_size=3))
        unwanted = data.draw(st.lists(terms(entries), max_size=2))
        status, negated = data.draw(st.sampled_from([None, *STATUSES])), data.draw(st.booleans())
        q = [f'"{term}"' for term in wanted] + [f'-"{term}"' for term in unwanted]
        q += [] if status is None else [f'{"-" if negated else ""}status:"{status.swapcase()}"']
        q = data.draw(st.permutations(q))
        expected = [
            number
            for number, row in enumerate(entries)
            if all(has(row, term) for term in wanted if term.strip())
            and not any(has(row, term) for term in unwanted if term.strip())
            and (status is None or (row["status"] == status) != negated)
        ]
        answer = bench.get("/v1/logs", site=site, q=" ".join(q), order="asc", count="true")
        assert answer.status_code == 200, answer.text
        assert [int(item["id"].rsplit("-", 1)[1], 16) for item in answer.json()["items"]] == expected, q
        assert answer.json()["total"] == len(expected)
        # The other form of an exclusion, by name, finds the same.
        span = {"from": "2026-11-24T00:00:00Z", "to": "2026-11-25"}
        buckets = bench.get("/v1/logs/histogram", site=site, q=" ".join(q), **span).json()["buckets"]
        assert sum(sum(bucket["counts"].values()) for bucket in buckets) == len(expected)


@pytest.mark.parametrize(
    ("text", "term", "found"),
    [
        ("CAFÉ", "café", True),
        ("cafe\u0301", "café", False),
        ("GRÜN", "grün", True),
        ("Straße", "STRASSE", False),
        ("STRAẞE", "straße", True),
        ("İzmir", "i\u0307zmir", True),
        ("İZMİR", "İZMİR", True),
        ("İzmir", "zmir", True),
        ("İzmir", "izmir", False),
        ("ΟΔΟΣ", "οδος", True),
        ("ΟΔΟΣ", "οδοσ", False),
    ],
)
def test_case_is_as_unicode_lower_cases(bench: Bench, text: str, term: str, found: bool) -> None:
    charger = f"case{next(numbers)}"
    insert(bench.client, {"charger_id": charger, "request": f'{{"x":"{text}"}}', "message_id": "case"})
    assert bench.found(charger=charger, q=term) == ["case"] * found


def test_what_is_put_together_of_a_payload_is_found(bench: Bench) -> None:
    request = '{"component":{"name":"ConnectorPlugRetentionLock"},"variable":{"name":"Problem"}}'
    code = "ConnectorPlugRetentionLock.Problem"
    insert(bench.client, {"message_id": "composed", "request": request, "error_code": code, "subprotocol": "ocpp2.0.1"})
    for q in (code, code.lower(), "Lock.Prob", "k.p ocpp2", f'error_code:"{code.upper()}"'):
        assert bench.found(q=q) == ["composed"]
    assert bench.found(q=f"plugretention -{code}") == bench.found(q="Lock.Probe") == []


@pytest.mark.parametrize(
    ("payload", "term", "found"),
    [
        (r'{"info":"see http:\/\/cpo.example\/fw"}', "http://cpo.example/fw", True),
        (r'{"info":"see http:\/\/cpo.example\/fw"}', '"see http://cpo"', True),
        (r'{"info":"see http:\/\/cpo.example\/fw"}', r"http:\/\/cpo.example", True),
        (r'{"data":"{\"err\":42,\"ms\":17533}"}', '"err":42', True),
        (r'{"data":"{\"err\":42,\"ms\":17533}"}', "17533", True),
        (r'{"data":"{\"err\":42,\"ms\":17533}"}', '"data":"{"err', True),
        (r'{"data":"{\"err\":42,\"ms\":17533}"}', '"err":43', False),
        (r'{"info":"C:\\tmp"}', r"C:\tmp", True),
        (r'{"info":"C:\\tmp"}', r"C:\temp", False),
        (r'{"info":"T\u00fcre"}', '"info":"türe', True),
        (r'{"a":"one\/","b":"two\/"}', "one/two", False),
        (r'[2,"1","DataTransfer",{"data":"{\"err\":42', '"err":42', True),
    ],
)
def test_what_people_see_is_found_however_it_was_escaped(bench: Bench, payload: str, term: str, found: bool) -> None:
    charger = f"seen{next(numbers)}"
    insert(bench.client, {"charger_id": charger, "request": payload, "unescaped": unescaped(payload), "message_id": "seen"})
    for q in (term, term.upper()):
        assert bench.found(charger=charger, q=q) == ["seen"] * found
