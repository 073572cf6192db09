"""What is different from the defaults about the libraries that speak to the outside."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable
from typing import Final

from websockets.asyncio.connection import Connection
from websockets.typing import DataLike

WEBSOCKET_LOG: Final = logging.getLogger("ocpplog_gateway.websocket")
"""Silent: the library writes a traceback for every port scan and, at debug, the headers with the passwords. What matters of a
connection is in our own log lines and on `ocpp.connections`."""
_PINGS_KEPT: Final = 4
_LOST_AFTER_MS: Final = 120_000
"""Four pings of the default interval."""


def quiet() -> None:
    """Keep out of the log what would flood it or does not belong there, at every log level."""
    WEBSOCKET_LOG.setLevel(logging.CRITICAL)
    # At debug it writes whole records, password hashes included. While Kafka is away, it repeats some thirty lines a second:
    # the recorder says so once.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    for name in ("aiokafka", "aiokafka.consumer.fetcher", "aiokafka.cluster"):
        logging.getLogger(name).addFilter(_not_of_an_outage)


def _not_of_an_outage(line: logging.LogRecord) -> bool:
    return not str(line.msg).startswith(("Unable connect to", "Unable to update metadata", "Failed fetch messages"))


class ForgetsPings(Connection):
    """Without a ping timeout, the library keeps every ping that is never answered: of some chargers that is all of them."""

    async def ping(self, data: DataLike | None = None) -> Awaitable[float]:
        while len(self.pending_pings) >= _PINGS_KEPT:
            del self.pending_pings[next(iter(self.pending_pings))]
        return await super().ping(data)


class NoticesLoss(Connection):
    """Breaks off when the peer's TCP has taken nothing for a while: no power, no network.

    A peer's TCP acknowledges our pings even where its OCPP stack answers none, so that this needs no ping timeout. Without it,
    Linux tries for some 15 minutes; that long the central system, whose pings are answered by the gateway, would take a dead
    charger for a live one, and might refuse its next connection.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        tcp: socket.socket | None = transport.get_extra_info("socket")
        # Of the systems that have it, the gateway runs on Linux.
        if tcp is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _LOST_AFTER_MS)
