"""A record of `ocpp.connections` as a row of `connection_event`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from ocpplog_common.records import ConnectionEvent, ConnectionEventKind, RecordError, decode_connection_event
from ocpplog_enricher.domain.rows import EventRow

_NO_CONNECTION = "0" * 32
_CONNECTION_ID = re.compile(r"[0-9a-f]{32}")
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 1, 1, tzinfo=UTC)
"""Between these the table's lifetime of rows can be reckoned."""
_SHORTEST_OF_CONNECTIONS: Final = 400
"""Days. A charger is online while its newest connect has no disconnect, and a connection may stay open for as long as it likes:
either row, gone before, would turn the answer round."""


def event_row(value: bytes | None, partition: int, offset: int, retention_days: Callable[[str], int]) -> EventRow:
    """Raises `RecordError`, which says what is wrong with the record. `retention_days(site id)`: how long its events are kept;
    connects and disconnects never less than 400 days.

    The row is named by a digest of the record's bytes: a gateway that writes an event twice sends the same bytes.
    """
    event = decode_connection_event(value or b"")
    _check(event)
    days = retention_days(event.site_id)
    return EventRow(
        datetime=event.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
        site_id=event.site_id,
        charger_id=event.charger_id,
        kind=event.kind.value,
        gateway_id=event.gateway_id,
        event_id=blake2b(value or b"", digest_size=16).hexdigest(),
        kafka_partition=partition,
        kafka_offset=offset,
        connection_id=event.connection_id or _NO_CONNECTION,
        peer=event.peer,
        subprotocol=event.subprotocol,
        profile=event.profile,
        close_code=event.close_code,
        closed_by=event.closed_by,
        reason=event.reason,
        duration_s=event.duration_s,
        frames_from_charger=event.frames_from_charger,
        frames_from_csms=event.frames_from_csms,
        retention_days=days if event.kind is ConnectionEventKind.REFUSE else max(days, _SHORTEST_OF_CONNECTIONS),
    )


def _check(event: ConnectionEvent) -> None:
    if not _FIRST <= event.at < _LAST:
        raise RecordError(f"ConnectionEvent record: at: {event.at.isoformat()} cannot be kept")
    named = bool(_CONNECTION_ID.fullmatch(event.connection_id))
    # A handshake that was refused before it was a connection has no id.
    if not named and (event.connection_id or event.kind is not ConnectionEventKind.REFUSE):
        raise RecordError(f"ConnectionEvent record: connection_id: {event.connection_id!r} is not 32 hex digits")
