"""Connections to the API that say nothing, little, or too much, or take nothing: they end, and others are served meanwhile."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from integration.hostile_support import caller, resident
from integration.query_api_support import Bench, problem, query_api
from ocpplog_query_api.connections import ConnectionLimits, guarded

pytestmark = pytest.mark.integration
MOST = 60
REQUEST_S = 1.5
GROWTH = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    settings = {"api_max_connections": MOST, "api_request_seconds": REQUEST_S}
    with query_api(tmp_path_factory.mktemp("api"), **settings) as found:
        yield found


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """With the time that requests have otherwise: a busy machine is slow to read large ones."""
    with query_api(tmp_path_factory.mktemp("patient")) as found:
        yield found


def head(bench: Bench, method: str = "GET", target: str = "/v1/me", *lines: str, token: str | None = None) -> bytes:
    more = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token or bench.token()}\r\n{more}".encode()


@contextlib.asynccontextmanager
async def opened(bench: Bench, count: int = 1) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    port = httpx.URL(bench.url).port
    found = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    try:
        yield found
    finally:
        for _, writer in found:
            writer.transport.abort()


async def ended(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 20)
    return b""


async def drip(writer: asyncio.StreamWriter, byte: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        while not writer.transport.is_closing():
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(0.05)


def ordinary(bench: Bench) -> contextlib.AbstractAsyncContextManager[Any]:
    return caller(bench.url, "/v1/logs?q=faulted", {"Authorization": f"Bearer {bench.token()}"})


class TestSlow:
    @pytest.mark.parametrize("said", ["nothing", "half", "half a body"])
    async def test_who_does_not_go_on(self, bench: Bench, said: str) -> None:
        data = {
            "nothing": b"",
            "half": head(bench)[:40],
            "half a body": head(bench, "PUT", "/v1/sites/x", "Content-Length: 100") + b'\r\n{"name":',
        }[said]
        async with ordinary(bench), opened(bench, MOST // 2) as slow:
            for _, writer in slow:
                writer.write(data)
            assert await asyncio.gather(*(ended(reader) for reader, _ in slow)) == [b""] * len(slow)

    async def test_a_byte_now_and_then_is_no_excuse(self, bench: Bench) -> None:
        async with ordinary(bench), opened(bench, MOST // 2) as slow:
            dripping = [asyncio.create_task(drip(writer, b"x")) for _, writer in slow]
            for _, writer in slow:
                writer.write(head(bench) + b"X-Long: ")
            await asyncio.gather(*(ended(reader) for reader, _ in slow))
            await asyncio.gather(*dripping)

    async def test_nor_after_a_first_request(self, bench: Bench) -> None:
        async with opened(bench) as [(reader, writer)]:
            writer.write(head(bench) + b"\r\n")
            assert b" 200 " in await reader.readline()
            dripping = asyncio.create_task(drip(writer, b"\r\n"))
            await ended(reader)
            await dripping

    async def test_a_stream_is_not_slow(self, bench: Bench) -> None:
        """Its request was whole."""
        async with opened(bench) as [(reader, writer)]:
            writer.write(head(bench, "GET", "/v1/logs/tail") + b"\r\n")
            await reader.readuntil(b"event: live")
            await asyncio.sleep(2 * REQUEST_S)
            writer.write_eof()
            assert not reader.at_eof()

    async def test_too_many(self, bench: Bench) -> None:
        async with opened(bench, 3 * MOST) as crowd:
            over = await asyncio.gather(*(ended(reader) for reader, _ in crowd[MOST:]))
            assert over == [b""] * (2 * MOST)
        async with ordinary(bench):
            pass
        metrics = bench.get("/metrics").text
        for reason in ("slow", "too-many"):
            assert f'ocpplog_api_connections_broken_off_total{{reason="{reason}"}}' in metrics


class TestMuch:
    async def test_requests_that_are_too_long(self, patient: Bench) -> None:
        before = resident(patient.process.child.pid)
        async with ordinary(patient):
            for target in (f"/v1/logs?q={'x' * 5000}", f"/v1/logs?{'site=a&' * 5000}", "/v1/logs?q=" + "a%20" * 2000):
                with patient.api() as api:
                    problem(api.get(target), 422, "invalid-parameter")
            for length in (70_000, 2_000_000):
                async with opened(patient) as [(reader, writer)]:
                    writer.write(b"GET /v1/logs?q=" + b"x" * length)
                    assert (await ended(reader)).startswith(b"HTTP/1.1 400 ") or length > 70_000
            async with opened(patient) as [(reader, writer)]:
                with contextlib.suppress(ConnectionError):
                    for number in range(40_000):
                        writer.write(b"X-%d: %b\r\n" % (number, b"y" * 100) if number else head(patient))
                        await writer.drain()
                await ended(reader)
            async with opened(patient) as [(reader, writer)]:
                chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
                writer.write(head(patient, "PUT", "/v1/sites/x", "Transfer-Encoding: chunked") + b"\r\n" + chunk * 4)
                assert b" 413 " in (await reader.readline())
        assert resident(patient.process.child.pid) < before + GROWTH

    @pytest.mark.parametrize("target", ["/v1/logs", "/v1/me", "/v1/logs/tail", "/v1/logs/export"])
    async def test_tokens_that_are_none(self, patient: Bench, target: str) -> None:
        deep = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 20_000).decode().rstrip("=")
        good = patient.token().split(".")
        unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
        tokens = [f"{deep}.{deep}.x", f"{good[0]}.{deep}.{good[2]}", f"{unsigned}.{good[1]}.", f"{unsigned}.{good[1]}.{good[2]}"]
        tokens += [
            ".".join(good)[:-2],
            "." * 1000,
            "x" * 40_000,
            "\xff.\xff.\xff",
            ".".join(good) + ".x",
            f"{good[0]}..{good[2]}",
        ]
        async with ordinary(patient):
            for token in tokens:
                async with opened(patient) as [(reader, writer)]:
                    writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % target.encode())
                    writer.write(b"Authorization: Bearer %b\r\n\r\n" % token.encode("latin-1"))
                    answer = await ended(reader)
                    assert answer.startswith(b"HTTP/1.1 401 "), (token[:80], answer)
        assert "Traceback" not in patient.log.read_text()

    async def test_words_that_look_like_fields(self, patient: Bench) -> None:
        """In Unicode's case they would be: it is a word like any other."""
        assert patient.get("/v1/logs", q="ſite:mine").json()["items"] == []


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("size", [100_000_000, 70_000], ids=["much", "a little"])
@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"], ids=["goes on", "the last request"])
async def test_a_client_that_reads_nothing(size: int, last: bytes) -> None:
    """Whatever is answered, and however much of it is left."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(0, size, 10_000):
            await send({"type": "http.response.body", "body": bytes(10_000), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    listener = socket.create_server(("127.0.0.1", 0))
    # So that a part of it stays with the server.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    limits = ConnectionLimits(most=10, request_s=20, stuck_s=0.3)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", http=guarded(limits)))
    serving = asyncio.create_task(server.serve([listener]))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, listener.getsockname())
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % last)
        await asyncio.get_running_loop().sock_recv(client, 100)
        assert server.server_state.connections
        began = time.monotonic()
        await asyncio.to_thread(wait_until, lambda: not server.server_state.connections)
        assert time.monotonic() < began + 4
    server.should_exit = True
    await serving
