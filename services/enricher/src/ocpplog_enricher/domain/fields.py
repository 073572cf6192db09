"""From an exchange to its rows: the columns that people filter by and export.

A column is filled from the payload or stays empty; what cannot be read is a violation on the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from ocpplog_common.envelope import Source
from ocpplog_common.ocppj import Call, CallError, CallResult
from ocpplog_enricher.domain import columns, conformity, meter_values, reading, schemas, timestamps
from ocpplog_enricher.domain.meter_values import MeterValues
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange
from ocpplog_enricher.domain.policy import AS_IT_IS, Policy, ranked_as
from ocpplog_enricher.domain.reading import Reader
from ocpplog_enricher.domain.redaction import redact
from ocpplog_enricher.domain.rows import Enriched, LogRow, SampleRow
from ocpplog_enricher.domain.unescaped import unescaped
from ocpplog_enricher.domain.violations import first, short

_METERED: Final = {"MeterValues": "meterValue", "StopTransaction": "transactionData", "TransactionEvent": "meterValue"}
"""Action -> where its request carries meter values."""
_MOST_SAMPLES: Final = 2**16
"""Samples of one message that become rows: as many as can be numbered. A frame of 1 MiB could hold five times as many `{}`."""


def enrich(exchange: Exchange, partition: int, policy: Policy = AS_IT_IS) -> Enriched:
    """The rows of an exchange, without the secrets that it held. Never raises, whatever the payloads hold."""
    return _Enrichment(redact(exchange, policy.hide_tag), partition, policy).rows()


class _Enrichment:
    def __init__(self, exchange: Exchange, partition: int, policy: Policy) -> None:
        self.exchange = exchange
        self.partition = partition
        self.violations = [*exchange.violations, *policy.notes]
        self.objects: list[tuple[str, bytes, dict[str, Any]]] = []  # (request or response, as sent, parsed)
        self.request = self._payload("request", exchange.request)
        self.response = self._payload("response", exchange.response)
        call = exchange.request.frame if exchange.request else None
        self.action = call.action if isinstance(call, Call) else ""
        self.retention_days = policy.retention.days(ranked_as(call) if isinstance(call, Call) else "")

    def rows(self) -> Enriched:
        row = self._frame_columns()
        metered = self._meter_values()
        for found in (self._payload_columns(), self._metered_columns(metered)):
            for column, value in found.items():
                setattr(row, column, value)
        told = self.violations + metered.violations
        row.violations = self.violations + first(metered.violations, "request") + self._schema_violations(told)
        return Enriched(row, self._samples(row, metered))

    def _frame_columns(self) -> LogRow:
        exchange, first = self.exchange, self.exchange.first
        envelope = first.envelope
        self._shape_violations()
        request, response = _text(exchange.request), _text(exchange.response)
        return LogRow(
            datetime=timestamps.us_for_clickhouse(envelope.received_at_us),
            site_id=envelope.site_id,
            charger_id=envelope.charger_id,
            source=_asker(exchange),
            subprotocol=envelope.subprotocol,
            outcome=exchange.outcome,
            connection_id=envelope.connection_id,
            sequence=envelope.sequence,
            gateway_id=envelope.gateway_id,
            kafka_partition=self.partition,
            kafka_offset=first.offset,
            closed_offset=exchange.closed_offset,
            message_id=getattr(first.frame, "message_id", ""),
            action=self.action,
            latency_ms=self._latency_ms(),
            request=request,
            response=response,
            unescaped=unescaped(request, response),
            retention_days=self.retention_days,
        )

    def _payload_columns(self) -> columns.Columns:
        request = self._read("request", self.request, columns.of_request)
        response = self._read("response", self.response, columns.of_response)
        frame = self.exchange.response.frame if self.exchange.response else None
        if isinstance(frame, CallError):
            response |= {"response_error_code": frame.code, "response_error_description": frame.description}
        return request | response

    def _read(self, name: str, payload: dict[str, Any], fill: Callable[[str, Reader], columns.Columns]) -> columns.Columns:
        noted: list[str] = []
        found = fill(self.action, Reader(payload, name, noted))
        if noted:
            # A field that is looked at for several columns is told of once.
            self.violations += first(list(dict.fromkeys(noted)), name)
        return found

    def _meter_values(self) -> MeterValues:
        name = _METERED.get(self.action)
        if name is None:
            return MeterValues([], {}, [])
        found = meter_values.unpack(self.request.get(name), f"request.{name}")
        if (count := sum(len(samples) for _, samples in found.entries)) > _MOST_SAMPLES:
            self.violations.append(f"request.{name}: of {count} samples the first {_MOST_SAMPLES} are rows")
        return found

    def _metered_columns(self, metered: MeterValues) -> Mapping[str, object]:
        """Of OCPP 2.x the reading at the end of a transaction is one of its meter values."""
        if self.action == "TransactionEvent" and self.request.get("eventType") == "Ended":
            return metered.columns | {"meter_stop": metered.meter_stop}
        return metered.columns

    def _samples(self, row: LogRow, metered: MeterValues) -> list[SampleRow]:
        common = (
            *(row.site_id, row.charger_id, row.datetime, row.action),
            *(row.connection_id, row.sequence, row.kafka_partition, row.closed_offset),
            *(row.connector_id, row.transaction_id, row.retention_days),
        )
        found: list[SampleRow] = []
        for moment, samples in metered.entries:
            sampled_at = timestamps.for_clickhouse(moment) if moment else row.datetime
            for sample in samples[: _MOST_SAMPLES - len(found)]:
                found.append(
                    SampleRow(
                        *common,
                        len(found),
                        sampled_at,
                        sample.measurand,
                        sample.phase,
                        sample.context,
                        sample.location,
                        sample.unit,
                        sample.value,
                        sample.value_si,
                        sample.signed,
                    )
                )
        return found

    def _latency_ms(self) -> int | None:
        request, response = self.exchange.request, self.exchange.response
        if request is None or response is None:
            return None
        return max(0, round((response.envelope.received_at_us - request.envelope.received_at_us) / 1000))

    def _payload(self, name: str, observed: Observed | None) -> dict[str, Any]:
        frame = observed.frame if observed else None
        if not isinstance(frame, Call | CallResult):
            return {}
        try:
            found = reading.decode(frame.payload)
        except (ValueError, RecursionError) as error:
            self.violations.append(f"{name}: {error}")
            return {}
        if not isinstance(found, dict):
            return {}
        self.objects.append((name, frame.payload, found))
        return found

    def _shape_violations(self) -> None:
        for name, observed in (("request", self.exchange.request), ("response", self.exchange.response)):
            if found := getattr(observed and observed.frame, "violations", ()):
                self.violations += [f"{name} {violation}" for violation in found]

    def _schema_violations(self, told: list[str]) -> list[str]:
        """Where the payloads differ from the official schemas, as far as nothing was told of the same place."""
        official = schemas.of(self.exchange.first.envelope.subprotocol)
        if official is None or not self.action:
            return []
        if self.action not in official.requests:
            return [f"action: {short(self.action)} is not in {official.name}"]
        found = []
        for name, raw, payload in self.objects:
            validator = (official.requests if name == "request" else official.responses).get(self.action)
            if validator is not None:
                found += conformity.compare(validator, payload, raw, name, told)
        return found


def _asker(exchange: Exchange) -> Source:
    """Who sent the request. Of an answer without one, the peer would have been the one to ask; a CALLRESULTERROR comes from
    whoever asked (OCPP 2.1 part 4)."""
    first = exchange.first
    refuses = isinstance(first.frame, CallError) and first.frame.of_result
    return first.envelope.source if exchange.request or refuses else first.envelope.source.peer


def _text(observed: Observed | None) -> str:
    """The payload as it was sent; of an error its three parts as an object; of what is not OCPP-J the whole frame."""
    if observed is None:
        return ""
    match observed.frame:
        case Call() | CallResult() as frame:
            return _decoded(frame.payload)
        case CallError() as frame:
            code, description = msgspec.json.encode(frame.code), msgspec.json.encode(frame.description)
            text = b'{"errorCode":%b,"errorDescription":%b,"errorDetails":%b}' % (code, description, frame.details)
            return _decoded(text)
        case _:
            return _decoded(observed.envelope.frame)


def _decoded(data: bytes) -> str:
    """Bytes that are not UTF-8 are shown as \\xNN: the column is text. Kafka keeps the bytes."""
    return data.decode("utf-8", "backslashreplace")
