"""The one place where the `ocpp` package, which ships no types, meets typed code.

It also makes the package's connections sturdy: there, an odd frame (an action that is a list, JSON nested a thousand deep)
raises out of the receive loop and ends the connection. Here it is passed over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, cast

import structlog
from ocpp import routing
from ocpp.exceptions import NotImplementedError, OCPPError, UnknownCallErrorCodeError
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v201 import ChargePoint as ChargePoint201
from websockets.exceptions import ConnectionClosed

from ocpplog_local.demo.errors import NoAnswerError, NotConnectedError, RefusedError

_Handler = TypeVar("_Handler", bound=Callable[..., Any])

# The package logs every frame, and a traceback for each one that is odd. What matters is on Kafka and in our own log lines.
LIBRARY_LOG = logging.getLogger("ocpplog_local.demo.library")
LIBRARY_LOG.setLevel(logging.CRITICAL)
# Likewise the WebSocket library: a line for each connection, and a traceback when somebody only tries whether the port is open.
WEBSOCKET_LOG = logging.getLogger("ocpplog_local.demo.websocket")
WEBSOCKET_LOG.setLevel(logging.CRITICAL)

log = structlog.get_logger()
_LAST_ANSWER_S = 0.2


class Wire(Protocol):
    """What the package needs of a connection."""

    async def recv(self) -> bytes: ...

    async def send(self, message: str) -> None: ...


def on(action: str, *, skip_schema_validation: bool = False) -> Callable[[_Handler], _Handler]:
    """The package's decorator for the handler of an action, typed."""
    return cast(Callable[[_Handler], _Handler], routing.on(action, skip_schema_validation=skip_schema_validation))


class _Sturdy:
    """A receive loop that only the end of the connection ends, and CALLs with a small set of errors."""

    id: str
    _connection: Wire
    route_message: Callable[[bytes], Any]
    call: Callable[..., Any]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._gone = asyncio.Event()

    async def start(self) -> None:
        """Route messages until the connection closes; raises `ConnectionClosed` then."""
        try:
            while True:
                await self._route(await self._connection.recv())
        finally:
            self._gone.set()

    async def _route(self, raw: bytes) -> None:
        try:
            await self.route_message(raw)
        except ConnectionClosed:
            raise
        except Exception as error:
            log.info("odd frame passed over", charger=self.id, error=repr(error))

    async def request(self, payload: Any) -> Any:
        """Send a CALL, return the payload of its CALLRESULT as the package's dataclass.

        Raises `RefusedError` on a CALLERROR, `NoAnswerError` on a timeout or an invalid answer, `NotConnectedError`.
        """
        try:
            return await self._unless_gone(self.call(payload, suppress=False))
        except OCPPError as error:
            raise RefusedError(str(error.code), str(error.description)) from error
        except UnknownCallErrorCodeError as error:
            raise RefusedError("?", str(error)) from error
        except ConnectionClosed as error:
            raise NotConnectedError(self.id) from error
        except (TimeoutError, TypeError, ValueError, KeyError) as error:
            raise NoAnswerError(f"{type(payload).__name__}: {error!r}") from error

    async def _unless_gone(self, call: Coroutine[Any, Any, Any]) -> Any:
        # The package would wait for its whole timeout for an answer that cannot come any more.
        answer, gone = asyncio.ensure_future(call), asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                # An answer that came right before the end is still on its way through the package's queue.
                await asyncio.wait({answer}, timeout=_LAST_ANSWER_S)
            if not answer.done():
                raise NotConnectedError(self.id)
            return answer.result()
        finally:
            answer.cancel()
            gone.cancel()


# The bases are untyped, which strict type checking reports once per class.
class Peer16(_Sturdy, ChargePoint16):  # type: ignore[misc]
    """One end of an OCPP 1.6 connection."""


class Peer201(_Sturdy, ChargePoint201):  # type: ignore[misc]
    """One end of an OCPP 2.0.1 connection."""


class Peer21(_Sturdy, ChargePoint21):  # type: ignore[misc]
    """One end of an OCPP 2.1 connection."""

    async def _handle_call(self, message: Any) -> None:
        # Of 2.1, the package leaves a CALL that has no handler unanswered.
        if message.action not in self.route_map:
            raise NotImplementedError(details={"cause": f"No handler for {message.action} registered."})
        await super()._handle_call(message)
