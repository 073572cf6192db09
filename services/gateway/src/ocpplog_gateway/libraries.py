"""What is different from the defaults about the libraries that speak to the outside."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.typing import DataLike

WEBSOCKET_LOG: Final = logging.getLogger("ocpplog_gateway.websocket")
"""Silent: the library writes a traceback for every port scan and, at debug, the headers with the passwords. What matters of a
connection is in our own log lines and on `ocpp.connections`."""
_PINGS_KEPT: Final = 4


def quiet() -> None:
    """Keep out of the log what would flood it or does not belong there, at every log level."""
    WEBSOCKET_LOG.setLevel(logging.CRITICAL)
    # At debug it writes whole records, password hashes included. While Kafka is away, it repeats some thirty lines a second:
    # the publisher says so once.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    for name in ("aiokafka", "aiokafka.consumer.fetcher", "aiokafka.cluster"):
        logging.getLogger(name).addFilter(_not_of_an_outage)


def _not_of_an_outage(line: logging.LogRecord) -> bool:
    return not str(line.msg).startswith(("Unable connect to", "Unable to update metadata", "Failed fetch messages"))


class _ForgetsPings(Connection):
    """Without a ping timeout, the library keeps every ping that is never answered: of some chargers that is all of them."""

    async def ping(self, data: DataLike | None = None) -> Awaitable[float]:
        while len(self.pending_pings) >= _PINGS_KEPT:
            del self.pending_pings[next(iter(self.pending_pings))]
        return await super().ping(data)


class ChargerConnection(_ForgetsPings, ServerConnection):
    """A charger's connection."""


class UpstreamConnection(_ForgetsPings, ClientConnection):
    """A connection to a central system."""
