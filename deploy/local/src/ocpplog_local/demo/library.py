"""The one place where the `ocpp` package, which ships no types, meets typed code.

It also makes the package's connections sturdy: there, an odd frame (an action that is a list, JSON nested a thousand deep)
raises out of the receive loop and ends the connection. Here it is passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

import structlog
from ocpp import routing
from ocpp.exceptions import OCPPError, UnknownCallErrorCodeError
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v201 import ChargePoint as ChargePoint201
from websockets.exceptions import ConnectionClosed

from ocpplog_local.demo.errors import NoAnswerError, RefusedError

_Handler = TypeVar("_Handler", bound=Callable[..., Any])

# The package logs every frame, and a traceback for each one that is odd. What matters is on Kafka and in our own log lines.
LIBRARY_LOG = logging.getLogger("ocpplog_local.demo.library")
LIBRARY_LOG.setLevel(logging.CRITICAL)

log = structlog.get_logger()


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

    async def start(self) -> None:
        """Route messages until the connection closes; raises `ConnectionClosed` then."""
        while True:
            raw = await self._connection.recv()
            try:
                await self.route_message(raw)
            except ConnectionClosed:
                raise
            except Exception as error:
                log.info("odd frame passed over", charger=self.id, error=repr(error))

    async def request(self, payload: Any) -> Any:
        """Send a CALL, return the payload of its CALLRESULT as the package's dataclass.

        Raises `RefusedError` on a CALLERROR, `NoAnswerError` on a timeout or an invalid answer, `ConnectionClosed`.
        """
        try:
            return await self.call(payload, suppress=False)
        except OCPPError as error:
            raise RefusedError(str(error.code), str(error.description)) from error
        except UnknownCallErrorCodeError as error:
            raise RefusedError("?", str(error)) from error
        except (TimeoutError, TypeError, ValueError, KeyError) as error:
            raise NoAnswerError(f"{type(payload).__name__}: {error!r}") from error


# The bases are untyped, which strict type checking reports once per class.
class Peer16(_Sturdy, ChargePoint16):  # type: ignore[misc]
    """One end of an OCPP 1.6 connection."""


class Peer201(_Sturdy, ChargePoint201):  # type: ignore[misc]
    """One end of an OCPP 2.0.1 connection."""


class Peer21(_Sturdy, ChargePoint21):  # type: ignore[misc]
    """One end of an OCPP 2.1 connection."""
