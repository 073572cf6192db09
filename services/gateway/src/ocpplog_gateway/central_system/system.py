"""The central system's end of one charger's connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from ocpplog_common import ocppj
from ocpplog_common.clock import Clock
from ocpplog_gateway.central_system.dialect import Dialect, Request
from ocpplog_gateway.central_system.frames import Head, error, read_head, result
from ocpplog_gateway.central_system.transactions import StartedTransactions
from ocpplog_gateway.central_system.v2 import V21, V201
from ocpplog_gateway.central_system.v16 import V16

_log = structlog.get_logger(__name__)
_DIALECTS: Final = {"ocpp1.6": V16, "ocpp2.0.1": V201, "ocpp2.1": V21}


class CentralSystem:
    """Answers the requests of one charger's connection: every charger and every tag is accepted.

    `new_transaction_id` gives ids for OCPP 1.6 StartTransaction, each one once in the whole installation.
    Raises KeyError for a subprotocol that is none of ocpp1.6, ocpp2.0.1, ocpp2.1.
    """

    def __init__(
        self, subprotocol: str, clock: Clock, new_transaction_id: Callable[[], Awaitable[int]], heartbeat_interval_s: int
    ) -> None:
        self._dialect: Dialect = _DIALECTS[subprotocol]
        self._clock = clock
        self._transactions = StartedTransactions(new_transaction_id)
        self._heartbeat_interval_s = heartbeat_interval_s

    async def answer(self, frame: bytes) -> bytes | None:
        """The frame to send back for `frame`, one WebSocket message; None: nothing to say. Never raises.

        Answers are never answered: of two programs that do, each would keep the other busy for ever.
        """
        head = read_head(frame)
        message_id = head.message_id or self._dialect.unreadable_id
        if not head.wants_answer or not message_id:
            return None
        match ocppj.parse(frame):
            case ocppj.Malformed(reason):
                return error(message_id, self._code_of_malformed(head), reason)
            case ocppj.Call(expects_answer=True) as call:
                return await self._answer_call(message_id, call)
            case _:
                return None

    def _code_of_malformed(self, head: Head) -> str:
        return self._dialect.not_a_call if head.kind in (b"", b"2") else self._dialect.unknown_type

    async def _answer_call(self, message_id: bytes, call: ocppj.Call) -> bytes:
        answer = self._dialect.answers.get(call.action)
        if answer is None:
            return self._not_answered(message_id, call.action)
        try:
            payload = answer(await self._request(call))
        except Exception:
            # A source of ids that fails must not end the connection. The charger asks again: OCPP 1.6 section 3.7.1.
            _log.exception("no answer", action=call.action)
            return error(message_id, "InternalError", f"{call.action}: try again later")
        if payload is None:
            return error(
                message_id,
                self._dialect.incomplete,
                f"{call.action}: lacks what its answer has to repeat, or has it in another form",
            )
        return result(message_id, payload)

    def _not_answered(self, message_id: bytes, action: str) -> bytes:
        """OCPP-J 1.6 section 4.2.3, OCPP 2.0.1 part 4 section 4.3: known but not supported, or not known at all."""
        if action in self._dialect.not_for_us:
            return error(message_id, "NotSupported", f"{action}: not a request to a central system")
        return error(message_id, "NotImplemented", f"{action}: unknown in this version of OCPP")

    async def _request(self, call: ocppj.Call) -> Request:
        request = Request(call.payload, self._now(), self._heartbeat_interval_s)
        if call.action == self._dialect.starts:
            transaction_id = await self._transactions.start(call.message_id, request)
            return Request(call.payload, request.now, request.heartbeat_interval_s, transaction_id)
        if call.action == self._dialect.stops:
            self._transactions.stop(request)
        return request

    def _now(self) -> str:
        """RFC 3339, UTC with Z, milliseconds."""
        moment = datetime.fromtimestamp(self._clock.now_us() / 1_000_000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
