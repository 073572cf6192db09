"""Which rows must come of what stands on `ocpp.frames`: the rules of docs/architecture.md once more, written for this alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from faults.pipeline.topic import Name, Recorded
from ocpplog_common.envelope import Opcode, Source

_CALL: Final = re.compile(r'\[2,"([^"]*)","(\w*)",(\{.*\})\]', re.DOTALL)
_RESULT: Final = re.compile(r'\[3,"([^"]*)",(\{.*\})\]', re.DOTALL)
_ERROR: Final = re.compile(r'\[4,"([^"]*)","(\w*)","([^"]*)",(\{.*\})\]', re.DOTALL)
_MINIMAL: Final = {"BootNotification", "FirmwareStatusNotification", "UpdateFirmware"}
_INFO: Final = _MINIMAL | {"Authorize", "StartTransaction", "StopTransaction", "StatusNotification", "TransactionEvent", ""}
ADMITS: Final[Mapping[str, set[str] | None]] = {"minimal": _MINIMAL, "info": _INFO, "debug": None}
_QUIET_US: Final = 10_000_000
Sample = tuple[str, float, str, str, int]
"""Measurand, value, phase, unit, and when (seconds since 1970)."""


@dataclass(slots=True)
class Row:
    """`outcomes`: those that it may have. `datetime_ms`: since 1970. `optional`: it may be missing, since it depends on when
    somebody looked."""

    charger: str
    site: str
    source: str
    action: str
    outcomes: set[str]
    request: str
    response: str
    gateway: str
    datetime_ms: int = 0
    latency_ms: int | None = None
    samples: list[Sample] = field(default_factory=list)
    optional: bool = False


@dataclass(slots=True)
class _Open:
    record: Recorded
    action: str
    since_us: int
    row: Row | None


class Model:
    """`levels`: of each site. Partitions come one after the other, each in its order."""

    def __init__(self, levels: Mapping[str, str], timeout_us: int) -> None:
        self._levels, self._timeout_us = levels, timeout_us
        self.rows: dict[Name, Row] = {}
        self._open: dict[tuple[str, Source, str], _Open] = {}
        self._stream_us = 0

    def partition(self, records: Iterable[Recorded]) -> None:
        self._open, self._stream_us = {}, 0
        for record in records:
            self._take(record)
        for waiting in self._open.values():
            # Nobody answers any more; whether it has timed out yet is a question of time.
            self._end(waiting, "timeout", "lost")
            if waiting.row:
                waiting.row.optional = True

    def _take(self, record: Recorded) -> None:
        envelope = record.envelope
        self._stream_us = max(self._stream_us, envelope.received_at_us)
        for key, waiting in list(self._open.items()):
            older = waiting.record.envelope
            if waiting.since_us <= self._stream_us - self._timeout_us:
                self._end(self._open.pop(key), "timeout", *self._or(waiting, record, "lost"))
            elif older.charger_id == envelope.charger_id and older.connection_id < envelope.connection_id:
                self._end(self._open.pop(key), "lost", *self._or(waiting, record, "timeout"))
        if record.is_gap:
            self._row(record, "", {"gap"}, request=_text(envelope.frame), always=True)
            return
        text = _text(envelope.frame)
        if envelope.opcode is Opcode.BINARY:
            self._row(record, "", {"violation"}, request=text)
        elif call := _CALL.fullmatch(text):
            self._ask(record, *call.groups())
        elif result := _RESULT.fullmatch(text):
            self._answer(record, result[1], result[2], "result")
        elif error := _ERROR.fullmatch(text):
            whole = f'{{"errorCode":"{error[2]}","errorDescription":"{error[3]}","errorDetails":{error[4]}}}'
            self._answer(record, error[1], whole, "error")
        else:
            self._row(record, "", {"violation"}, request=text)

    def _ask(self, record: Recorded, message_id: str, action: str, payload: str) -> None:
        key = record.envelope.connection_id, record.envelope.source, message_id
        if earlier := self._open.pop(key, None):
            self._end(earlier, "superseded")
        row = self._row(record, action, set(), request=payload)
        if row:
            row.samples = _samples(action, payload)
        self._open[key] = _Open(record, action, self._stream_us, row)

    def _answer(self, record: Recorded, message_id: str, payload: str, outcome: str) -> None:
        asked = self._open.pop((record.envelope.connection_id, record.envelope.source.peer, message_id), None)
        if asked is None:
            self._row(record, "", {"unmatched"}, response=payload)
            return
        self._end(asked, outcome)
        if asked.row:
            asked.row.response = payload
            asked.row.latency_ms = _latency(asked.record, record)

    def _or(self, waiting: _Open, record: Recorded, outcome: str) -> list[str]:
        """After so long, a partition that was quiet meanwhile may have been timed out by the clock."""
        return [outcome] if record.at_us - waiting.record.at_us > self._timeout_us - _QUIET_US else []

    @staticmethod
    def _end(waiting: _Open, *outcomes: str) -> None:
        if waiting.row:
            waiting.row.outcomes.update(outcomes)

    def _row(
        self, record: Recorded, action: str, outcomes: set[str], *, request: str = "", response: str = "", always: bool = False
    ) -> Row | None:
        envelope = record.envelope
        admitted = ADMITS[self._levels[envelope.site_id]]
        if not always and admitted is not None and action not in admitted:
            return None
        asker = envelope.source.peer if outcomes == {"unmatched"} else envelope.source
        place = envelope.charger_id, envelope.site_id, asker.value
        row = Row(*place, action, outcomes, request, response, envelope.gateway_id, envelope.received_at_us // 1000)
        self.rows[record.name] = row
        return row


def _text(frame: bytes) -> str:
    return frame.decode("utf-8", "backslashreplace")


def _latency(asked: Recorded, answered: Recorded) -> int:
    """In milliseconds; a clock that was set back meanwhile makes it no less than 0."""
    return max(0, round((answered.envelope.received_at_us - asked.envelope.received_at_us) / 1000))


def _samples(action: str, payload: str) -> list[Sample]:
    if action not in ("MeterValues", "TransactionEvent"):
        return []
    entries: Sequence[Any] = json.loads(payload).get("meterValue", [])
    return [_sample(entry["timestamp"], sample) for entry in entries for sample in entry["sampledValue"]]


def _sample(at: str, sample: Mapping[str, Any]) -> Sample:
    unit = sample.get("unit") or sample["unitOfMeasure"]["unit"]
    return sample["measurand"], float(sample["value"]), sample["phase"], unit, int(datetime.fromisoformat(at).timestamp())
