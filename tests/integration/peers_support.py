"""Peers by other authors, as programs of their own that are told what to do, line by line: see tests/peers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pytest

_PEERS: Final = Path(__file__).parents[1] / "peers"
_REQUIRED: Final = os.environ.get("OCPPLOG_TEST_PEERS") == "1"
"""Whether their absence is a failure: `make test-peers` installs them."""


def require(present: bool, what: str) -> None:
    """Skip, or fail where peers are asked for, unless `what` is there."""
    if not present:
        (pytest.fail if _REQUIRED else pytest.skip)(f"{what} is not installed: make test-peers")


def require_npm() -> None:
    require(bool(shutil.which("node")), "node")
    require((_PEERS / "node_modules" / "ocpp-rpc").is_dir(), "ocpp-rpc")


class Failure(Exception):
    """What a peer could not do: `code` is its OCPP error, HTTP status or exception."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer.get("message"))
        self.code = answer.get("code") or answer["error"]


class Peer:
    """One of the programs in tests/peers, with its options."""

    def __init__(self, program: str, **options: Any) -> None:
        self._command = ("node", str(_PEERS / program), json.dumps(options))
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Peer:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=16 * 1024 * 1024
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def answer(self) -> Any:
        """The next line that it says. Raises Failure."""
        assert self._process.stdout
        line = await asyncio.wait_for(self._process.stdout.readline(), 20)
        assert line, "the peer ended"
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(answer)
        return answer["result"]

    async def do(self, command: str, *arguments: Any) -> Any:
        assert self._process.stdin
        async with self._turn:
            self._process.stdin.write(json.dumps([command, *arguments]).encode() + b"\n")
            return await self.answer()

    async def wire(self, direction: str) -> list[bytes]:
        """What it sent, or received, so far."""
        return [text.encode() for found, text in await self.do("wire") if found == direction]
