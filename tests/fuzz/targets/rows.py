"""Records of `ocpp.frames` through the enricher: decoded or refused with the errors that go to the dead letters; every frame in
one exchange, every exchange a row that can be stored.

A record: letters for its headers, a line each for those that are odd, and its value, a line.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from fuzz.corpora import frames
from fuzz.source import Source
from ocpplog_common.envelope import EnvelopeError
from ocpplog_common.records import RecordError
from ocpplog_enricher.domain.fields import enrich
from ocpplog_enricher.domain.observed import observed
from ocpplog_enricher.domain.pairing import Exchange, Outcome, Pairing
from ocpplog_enricher.domain.violations import KINDS, kind_of
from ocpplog_enricher.partition import Partition

WORDS = (
    b"gap",
    b"binary",
    b"a" * 32,
    b"9007199254740991",
    b"4294967295",
    b'"first_at":"0001-01-01T00:00:00+23:59"',
    b"registered",
)
_NAMES = ("site-id", "source", "subprotocol", "connection-id", "sequence", "received-at-us", "gateway-id", "opcode", "registered")
_TIMEOUT_US = 60_000_000
_GAP = (
    b'{"charger_id":"CP1","site_id":"s","source":"charger","first_at":"2026-11-24T10:00:00Z","last_at":"2026-11-24T10:00:01Z",'
    b'"count":3,"bytes":90,"reason":"x"}'
)


@dataclass
class Record:
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def seeds() -> Iterable[bytes]:
    """`aa..`: a record of the charger without anything odd; `b`: of the central system."""
    for frame in frames():
        yield b"aaaa" + frame.replace(b"\n", b" ")
    yield b'aaaa[2,"1","Heartbeat",{}]\nabaa[3,"1",{"currentTime":"2026-11-24T10:00:00Z"}]'
    yield b"acaa" + _GAP
    yield b"bdaa\nx\n" + _GAP
    yield b'adab4\n1_0\n[2,"1","Heartbeat",{}]\naaaa[3,"1",{}]\nbaaa[6,"1","NotifyPeriodicEventStream",{}]'


def check(data: bytes) -> None:
    source = Source(data)
    partition = Partition(0, 1, Pairing(lambda *_: True, _TIMEOUT_US), 0, 5000, 0)
    ended: list[Exchange] = []
    taken: list[int] = []
    offset = 0
    while source.left and offset < 40:
        record = _record(source, offset)
        offset += 1
        try:
            seen = observed(record)
        except (EnvelopeError, RecordError) as error:
            assert str(error)
            partition.skip(record.offset)
            continue
        taken.append(record.offset)
        ended += partition.accept(seen)
    ended += partition.pairing.expire_quiet(2**54, offset)
    assert Counter(number for exchange in ended for number in exchange.offsets()) == Counter(taken)
    for exchange in ended:
        _is_a_row(exchange)
    partition.complete(ended)
    assert partition.finished == offset and not partition.behind


def _record(source: Source, offset: int) -> Record:
    odd = source.choice((False, True, True, True))
    kind = source.choice((b"text", b"text", b"gap", b"binary"))
    far = source.choice((1, 10**7, 10**9, 10**12))
    headers: dict[str, bytes | None] = {
        "site-id": b"site",
        "source": source.choice((b"charger", b"csms")),
        "subprotocol": source.choice((b"ocpp1.6", b"ocpp2.0.1", b"ocpp2.1", b"")) if odd else b"ocpp1.6",
        "connection-id": b"%032x" % (far if odd else 7),
        "sequence": b"%d" % (offset + 1),
        "received-at-us": b"%d" % (1_795_480_794_403_123 + offset * far),
        "gateway-id": b"gw",
        "opcode": kind,
    }
    if odd:
        name = source.choice(_NAMES)
        headers[name] = source.choice((source.line(), None))
    key = source.choice((b"CP1", b"CP2", b"\xff", None)) if odd else b"CP1"
    # As aiokafka has them: a header may be without a value, whatever its type says.
    return Record(offset, key, source.line(), list(headers.items()))  # type: ignore[arg-type]


def _is_a_row(exchange: Exchange) -> None:
    if exchange.outcome is Outcome.REPEATED:
        return
    found = enrich(exchange, 0)
    row = msgspec.json.decode(msgspec.json.encode(found.log))
    assert datetime.fromisoformat(row["datetime"]).year >= 1970
    assert row["connection_id"] == exchange.first.envelope.connection_id and len(row["connection_id"]) == 32
    assert 0 <= row["sequence"] < 2**32
    assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))
    assert -(2**31) <= (row.get("connector_id") or 0) < 2**31 and 0 <= (row.get("latency_ms") or 0) < 2**63
    assert len(row.get("violations", [])) < 60
    for violation in row.get("violations", []):
        assert kind_of(violation) in KINDS and len(violation) < 1000, violation
    for number, sample in enumerate(found.samples):
        assert sample.sample == number and msgspec.json.encode(sample)
        datetime.fromisoformat(sample.sampled_at)
