"""The reference: relays between chargers and a central system, and does nothing else.

No Kafka and no checks; otherwise what the gateway does with the same library: uvloop, the same pings, compression, limits and
backlog, a task a direction, bytes passed on without decoding them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal

import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

SUBPROTOCOLS = [Subprotocol(name) for name in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")]
OPEN_TIMEOUT_S = 20.0
PING_INTERVAL_S = 30.0
PING_TIMEOUT_S = None
MAX_SIZE = 1024 * 1024
BACKLOG = 4096
"""All of them are the gateway's defaults."""


async def _pass_on(sender: Connection, receiver: Connection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await receiver.send(await sender.recv(decode=False), text=True)
    await receiver.close()


async def serve_relay(port: int, upstream: str, stop: asyncio.Event) -> None:
    async def relay(charger: ServerConnection) -> None:
        assert charger.request and charger.subprotocol
        async with connect(
            upstream + charger.request.path.rpartition("/")[2],
            subprotocols=[charger.subprotocol],
            additional_headers={"Authorization": charger.request.headers["Authorization"]},
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_TIMEOUT_S,
            max_size=MAX_SIZE,
            # As the charger has it.
            compression="deflate" if charger.protocol.extensions else None,
            proxy=None,
        ) as csms:
            await asyncio.gather(_pass_on(charger, csms), _pass_on(csms, charger))

    async with serve(
        relay,
        "127.0.0.1",
        port,
        subprotocols=SUBPROTOCOLS,
        open_timeout=OPEN_TIMEOUT_S,
        ping_interval=PING_INTERVAL_S,
        ping_timeout=PING_TIMEOUT_S,
        max_size=MAX_SIZE,
        backlog=BACKLOG,
    ):
        await stop.wait()


async def _run(port: int, upstream: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve_relay(port, upstream, stop)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="URL to which the charger id is added")
    arguments = parser.parse_args()
    uvloop.run(_run(arguments.port, arguments.upstream))
