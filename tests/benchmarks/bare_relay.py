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

from ocpplog_gateway.settings import GatewaySettings

_SUBPROTOCOLS = [Subprotocol(name) for name in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")]
_BACKLOG = 4096


async def _pass_on(sender: Connection, receiver: Connection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await receiver.send(await sender.recv(decode=False), text=True)
    await receiver.close()


async def serve_relay(port: int, upstream: str, stop: asyncio.Event) -> None:
    defaults = GatewaySettings.model_construct()

    async def relay(charger: ServerConnection) -> None:
        assert charger.request and charger.subprotocol
        async with connect(
            upstream + charger.request.path.rpartition("/")[2],
            subprotocols=[charger.subprotocol],
            additional_headers={"Authorization": charger.request.headers["Authorization"]},
            open_timeout=defaults.gateway_open_timeout_s,
            ping_interval=defaults.gateway_ping_interval_s,
            ping_timeout=None,
            max_size=defaults.gateway_max_frame_bytes,
            # As the charger has it.
            compression="deflate" if charger.protocol.extensions else None,
            proxy=None,
        ) as csms:
            await asyncio.gather(_pass_on(charger, csms), _pass_on(csms, charger))

    async with serve(
        relay,
        "127.0.0.1",
        port,
        subprotocols=_SUBPROTOCOLS,
        open_timeout=defaults.gateway_open_timeout_s,
        ping_interval=defaults.gateway_ping_interval_s,
        ping_timeout=None,
        max_size=defaults.gateway_max_frame_bytes,
        backlog=_BACKLOG,
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
