"""Spreadsheets on disk: how many at once, of whom, how large, and that each gives its place back."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

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

    def __init__(self, directory: Path, store: Store) -> None:
        key = directory / "key"
        self._key = tokens.create_key(key)
        self.app: FastAPI = create_app(ApiSettings(api_jwt_key_file=key))
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
