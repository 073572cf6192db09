"""Spreadsheets on disk: how many at once, of whom, how large, and that each gives its place back."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import json
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from clickhouse_connect.driver.common import StreamContext
from clickhouse_connect.driver.exceptions import DatabaseError
from fastapi import FastAPI

from ocpplog_common import tokens
from ocpplog_common.tokens import Role
from ocpplog_query_api.app import create_app
from ocpplog_query_api.errors import TooManyRequests, TooManySpreadsheets
from ocpplog_query_api.exports import columns, xlsx
from ocpplog_query_api.exports.places import Places
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.streaming import Stream
from support.waiting import eventually


class TestPlaces:
    async def test_half_of_them_are_of_one_caller(self) -> None:
        places = Places(4, 0.01)
        async with AsyncExitStack() as held:
            for _ in range(2):
                await held.enter_async_context(places.place("anna"))
            with pytest.raises(TooManyRequests) as own:
                await held.enter_async_context(places.place("anna"))
            for who in ("berta", "carla"):
                await held.enter_async_context(places.place(who))
            with pytest.raises(TooManySpreadsheets) as all_of_them:
                await held.enter_async_context(places.place("dora"))
        assert (own.value.status, all_of_them.value.status) == (429, 503)
        assert own.value.headers.keys() == all_of_them.value.headers.keys() == {"Retry-After"}
        async with places.place("dora"):
            pass

    async def test_who_waits_gets_the_next_one(self) -> None:
        places = Places(1, 60)

        async def use(who: str, order: list[str]) -> None:
            async with places.place(who):
                order.append(who)

        order: list[str] = []
        async with places.place("anna"):
            gone, *waiting = [asyncio.create_task(use(who, order)) for who in ("carla", "anna", "berta")]
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.sleep(0)
        await use("dora", order)
        await asyncio.gather(*waiting)
        assert order == ["anna", "berta", "dora"]

    async def test_one_that_comes_when_nobody_waits_any_more_is_given_back(self) -> None:
        places = Places(1, 60)

        async def use() -> None:
            async with places.place("berta"):
                raise AssertionError

        async with places.place("anna"):
            waiting = asyncio.create_task(use())
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(10), places.place("carla"):
            pass

    async def test_one_that_fails_gives_its_place_back(self) -> None:
        places = Places(1, 0.01)
        with pytest.raises(OSError):
            async with places.place("anna"):
                raise OSError
        async with places.place("anna"):
            pass


class Source:
    """A result in which `line` comes again and again, once `go` is set."""

    def __init__(self, line: bytes, lines: int) -> None:
        self.go = asyncio.Event()
        self._line, self._lines = line + b"\n", lines
        self.closed = False

    def close(self) -> None:
        self.closed = True

    async def read(self) -> AsyncIterator[bytes]:
        yield b"1\n"
        await self.go.wait()
        for _ in range(self._lines):
            yield self._line

    def stream(self) -> Stream:
        return Stream(StreamContext(self, self.read()))  # type: ignore[arg-type]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where workbooks are put together."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def files(directory: Path) -> list[Path]:
    return list(directory.rglob("*"))


async def rows(source: Source) -> Stream:
    """What comes after the number."""
    source.go.set()
    stream = source.stream()
    await stream.line()
    return stream


def open_files(directory: Path) -> list[str]:
    """Also those that have no name any more, and take their place all the same."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(descriptor.readlink()))
    return [name for name in found if name.startswith(str(directory))]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """What only the collector of cycles would free, stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def taken(directory: Path) -> int:
    return sum(file.stat().st_size for file in files(directory) if file.is_file())


async def test_one_that_is_too_long_ends_and_leaves_nothing(scratch: Path) -> None:
    source = Source(json.dumps(["x" * 1000]).encode(), 1000)
    source.go.set()
    stream = source.stream()
    await stream.line()
    with pytest.raises(xlsx.TooLong, match="more than 100,000 bytes"):
        async for _ in xlsx.workbook(stream, columns.choose("info"), 100_000):
            pass
    assert files(scratch) == []


@pytest.mark.usefixtures("uncollected")
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
class TestWhatBreaksOffTakesNoDisk:
    async def test_one_that_is_too_long(self, scratch: Path) -> None:
        stream = await rows(Source(json.dumps(["x" * 1000]).encode(), 1000))
        with contextlib.suppress(xlsx.TooLong):
            async for _ in xlsx.workbook(stream, columns.choose("info"), 100_000):
                raise AssertionError
        assert open_files(scratch) == []

    async def test_one_that_cannot_be_packed(self, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("xlsxwriter.worksheet.Worksheet._write_optimized_sheet_data", full)
        stream = await rows(Source(b'["x"]', 10))
        with contextlib.suppress(OSError):
            async for _ in xlsx.workbook(stream, columns.choose("info"), 100_000):
                raise AssertionError
        assert open_files(scratch) == []

    async def test_one_whose_reader_goes(self, scratch: Path) -> None:
        body = xlsx.workbook(Source(b'["x"]', 1).stream(), columns.choose("info"), 100_000)

        async def read() -> None:
            async for _ in body:
                raise AssertionError

        async with anyio.create_task_group() as reading:
            reading.start_soon(read)
            await eventually(lambda: bool(open_files(scratch)))
            reading.cancel_scope.cancel()
        await body.aclose()
        assert open_files(scratch) == []


async def test_it_takes_no_more_of_the_disk_than_is_said(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most, found, unlink = 5_000_000, [0], os.unlink

    def watched(*arguments: Any, **options: Any) -> None:
        found.append(taken(scratch))
        unlink(*arguments, **options)

    # Of the rows' own file, too, once they are all in that of the sheet.
    monkeypatch.setattr(os, "unlink", watched)
    source = Source(json.dumps(["x" * 1000]).encode(), 4000)
    source.go.set()
    stream = source.stream()
    await stream.line()
    async for _ in xlsx.workbook(stream, columns.choose("info"), most):
        found.append(taken(scratch))
    assert 8_000_000 < max(found) <= 2 * most <= xlsx.disk_bytes(1, most)


class Store:
    """Answers every export with the next of `sources`."""

    name = "db"

    def __init__(self, *sources: Source | Exception) -> None:
        self._sources = iter(sources)

    async def rows(self, *_: Any) -> list[dict[str, Any]]:
        return []

    async def stream(self, *_: Any) -> Stream:
        found = next(self._sources)
        if isinstance(found, Exception):
            raise found
        return found.stream()


class Door:
    """The API with one place, at `store`."""

    def __init__(self, directory: Path, store: Store, **settings: Any) -> None:
        key = directory / "key"
        self._key = tokens.create_key(key)
        self.app: FastAPI = create_app(ApiSettings(api_jwt_key_file=key, **settings))
        self.app.state.database = store
        self.app.state.spreadsheets = Places(1, 0.05)

    async def get(self, form: str = "xlsx", who: str = "anna") -> httpx.Response:
        headers = {"Authorization": f"Bearer {tokens.mint(self._key, who, Role.VIEWER, ['mine'], 60)}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://api") as client:
            return await client.get("/v1/logs/export", params={"format": form, "columns": "info"}, headers=headers)

    async def until_taken(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            try:
                async with self.app.state.spreadsheets.place("nobody"):
                    pass
            except TooManySpreadsheets:
                return


async def test_a_place_is_held_until_the_spreadsheet_is_sent(tmp_path: Path) -> None:
    slow, plain, last = (Source(b'["x"]', 1) for _ in range(3))
    plain.go.set()
    last.go.set()
    door = Door(tmp_path, Store(slow, plain, last))
    first = asyncio.create_task(door.get())
    await door.until_taken()
    for who, status, kind in (("anna", 429, "too-many-requests"), ("berta", 503, "too-many-spreadsheets")):
        refused = await door.get(who=who)
        assert (refused.status_code, refused.json()["type"]) == (status, f"urn:ocpplog:problem:{kind}")
        assert int(refused.headers["retry-after"]) >= 0
    assert (await door.get("ndjson")).status_code == 200
    slow.go.set()
    assert (await first).content.startswith(b"PK")
    assert (await door.get(who="berta")).status_code == 200


async def test_one_that_takes_too_long_keeps_its_place_while_a_thread_writes(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing, go_on, close = threading.Event(), threading.Event(), xlsx.Sheet.close

    def slow(sheet: xlsx.Sheet) -> Path:
        packing.set()
        go_on.wait(10)
        return close(sheet)

    monkeypatch.setattr(xlsx.Sheet, "close", slow)
    source = Source(b'["x"]', 1)
    source.go.set()
    door = Door(tmp_path, Store(source), api_export_seconds=0.5)
    first = asyncio.create_task(door.get())
    try:
        await eventually(packing.is_set)
        await asyncio.sleep(0.8)
        with pytest.raises(TooManyRequests):
            async with door.app.state.spreadsheets.place("anna"):
                pass
        assert not first.done()
        assert files(scratch)
    finally:
        go_on.set()
        await asyncio.gather(first, return_exceptions=True)
    assert files(scratch) == []
    async with door.app.state.spreadsheets.place("anna"):
        pass


async def test_one_that_cannot_be_opened_gives_its_place_back(tmp_path: Path) -> None:
    good = Source(b'["x"]', 1)
    good.go.set()
    door = Door(tmp_path, Store(DatabaseError("Code: 60"), good))
    assert (await door.get()).status_code == 503
    assert (await door.get()).status_code == 200


async def test_whoever_hangs_up_gives_their_place_back(tmp_path: Path) -> None:
    slow, good = Source(b'["x"]', 1), Source(b'["x"]', 1)
    good.go.set()
    door = Door(tmp_path, Store(slow, good))
    first = asyncio.create_task(door.get())
    await door.until_taken()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert slow.closed
    assert (await door.get()).status_code == 200
