"""Turns at a central system."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from ocpplog_gateway import tls
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.registry import Upstream
from ocpplog_gateway.settings import GatewaySettings
from ocpplog_gateway.upstream import Connector


def port(server: Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def test_a_turn_that_does_not_come_is_not_the_central_system_s_fault() -> None:
    settings = GatewaySettings(gateway_max_upstream_handshakes=1, gateway_open_timeout_s=0.1)
    connector = Connector(settings, tls.load(settings))
    upstream = Upstream("ws://127.0.0.1:9/ocpp")
    async with connector._turn_at(upstream):
        with pytest.raises(Refusal) as refusal:
            await connector.connect(upstream, "CP1", ["ocpp1.6"], None, None)
    assert (refusal.value.status, refusal.value.reason) == (503, "upstream-busy")
    with pytest.raises(Refusal) as refusal:
        await connector.connect(upstream, "CP1", ["ocpp1.6"], None, None)
    assert refusal.value.reason == "upstream"


async def test_turns_are_each_central_system_s_own() -> None:
    settings = GatewaySettings(gateway_max_upstream_handshakes=1)
    connector = Connector(settings, tls.load(settings))
    async with serve(ServerConnection.wait_closed, "127.0.0.1", 0) as server, connector._turn_at(Upstream("ws://other:1/ocpp")):
        upstream = Upstream(f"ws://127.0.0.1:{port(server)}/ocpp")
        # Another path of the same system is no other system.
        async with connector._turn_at(Upstream(upstream.url + "/more")):
            waiting = asyncio.create_task(connector.connect(upstream, "CP1", ["ocpp1.6"], None, None))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        await (await waiting).close()
    # Nothing is kept of a central system that nobody goes to.
    assert not connector._turns


async def test_redirects_take_no_credentials_along() -> None:
    came: list[str] = []

    async def elsewhere(connection: ServerConnection, request: Request) -> None:
        came.append(request.path)

    async def redirect(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(307, "")
        response.headers["Location"] = f"ws://127.0.0.1:{port(other)}/"
        return response

    settings = GatewaySettings()
    connector = Connector(settings, tls.load(settings))
    async with (
        serve(ServerConnection.wait_closed, "127.0.0.1", 0, process_request=elsewhere) as other,
        serve(ServerConnection.wait_closed, "127.0.0.1", 0, process_request=redirect) as server,
    ):
        with pytest.raises(Refusal) as refusal:
            await connector.connect(Upstream(f"ws://127.0.0.1:{port(server)}/"), "CP1", ["ocpp1.6"], "Basic eDp5", None)
    assert refusal.value.text == "the central system answered 307"
    assert not came
