"""A central system that writes down every frame before it sends it and as it gets it; a process, so that it can be killed.

It answers what it is asked, in ways that the vendor id of a DataTransfer chooses, and gives commands of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from faults.pipeline import journal
from faults.pipeline.journal import Journal
from ocpplog_local.demo.library import WEBSOCKET_LOG

_KNOWN: Final = (Subprotocol("ocpp2.0.1"), Subprotocol("ocpp1.6"))
_CALL: Final = re.compile(rb'\[2,"([^"]*)","(\w*)",')
_NOW: Final = '"2026-11-24T10:00:00Z"'
_ANSWERS: Final = {
    "BootNotification": f'{{"currentTime":{_NOW},"interval":300,"status":"Accepted"}}',
    "Heartbeat": f'{{"currentTime":{_NOW}}}',
    "StartTransaction": '{"transactionId":4356987,"idTagInfo":{"status":"Accepted"}}',
    "DataTransfer": '{"status":"Accepted"}',
}
_AUTHORIZED: Final = {"ocpp1.6": '{"idTagInfo":{"status":"Accepted"}}', "ocpp2.0.1": '{"idTokenInfo":{"status":"Accepted"}}'}
_COMMANDS: Final = {
    "ocpp1.6": (
        ("RemoteStartTransaction", '{"idTag":"43434","connectorId":1}'),
        ("Reset", '{"type":"Soft"}'),
        ("UpdateFirmware", '{"location":"https://firmware.example/4.2.bin","retrieveDate":"2026-11-24T10:00:00Z"}'),
        ("TriggerMessage", '{"requestedMessage":"Heartbeat"}'),
    ),
    "ocpp2.0.1": (
        ("RequestStartTransaction", '{"remoteStartId":7,"idToken":{"idToken":"43434","type":"ISO14443"}}'),
        ("Reset", '{"type":"OnIdle"}'),
        (
            "UpdateFirmware",
            '{"requestId":1,"firmware":{"location":"https://f.example","retrieveDateTime":"2026-11-24T10:00:00Z"}}',
        ),
        ("TriggerMessage", '{"requestedMessage":"Heartbeat"}'),
    ),
}


class Conversation:
    """One connection. `share`: of the requests that it answers, after how many it asks something itself."""

    def __init__(self, connection: ServerConnection, notes: Journal, share: float) -> None:
        self._connection, self._notes, self._share = connection, notes, share
        self._charger = unquote(connection.request.path.rpartition("/")[2]) if connection.request else ""
        self._visit = -1
        self._chance = random.Random()
        self._asked = self._lates = 0
        self._later: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await self._connection.recv(decode=False)
                assert isinstance(frame, bytes)
                await self._take(frame)
        for task in self._later:
            task.cancel()

    async def _take(self, frame: bytes) -> None:
        if self._visit < 0:
            found = journal.place(frame)
            assert found is not None, frame
            self._visit = found[1]
            self._chance.seed(f"{found}")
        self._notes.write(self._charger, self._visit, False, frame)
        if found_call := _CALL.match(frame):
            await self._answer(found_call[1].decode(), found_call[2].decode(), frame)

    async def _answer(self, message_id: str, action: str, frame: bytes) -> None:
        if b'"vendorId":"silent"' in frame:
            return
        if b'"vendorId":"refuse"' in frame:
            await self._send(f'[4,"{message_id}","NotSupported","no",{{}}]')
            return
        if b'"vendorId":"late"' in frame:
            # Told apart, where the request comes twice.
            self._lates += 1
            self._in(0.4, f'[3,"{message_id}",{{"status":"Accepted","data":"{self._lates}"}}]')
            return
        await self._send(f'[3,"{message_id}",{self._payload(action)}]')
        if b'"vendorId":"twice"' in frame:
            await self._send(f'[3,"{message_id}",{{"status":"Rejected"}}]')
        if self._chance.random() < self._share:
            await self._command()

    def _payload(self, action: str) -> str:
        return _AUTHORIZED[str(self._connection.subprotocol)] if action == "Authorize" else _ANSWERS.get(action, "{}")

    async def _command(self) -> None:
        self._asked += 1
        action, payload = self._chance.choice(_COMMANDS[str(self._connection.subprotocol)])
        await self._send(f'[2,"{self._charger}.{self._visit}.c{self._asked}","{action}",{payload}]')

    def _in(self, seconds: float, frame: str) -> None:
        async def work() -> None:
            await asyncio.sleep(seconds)
            with contextlib.suppress(ConnectionClosed):
                await self._send(frame)

        task = asyncio.create_task(work())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _send(self, frame: str) -> None:
        async with self._turn:
            self._notes.write(self._charger, self._visit, True, frame.encode())
            await self._connection.send(frame)


def _select(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return next((name for name in _KNOWN if name in offered), None)


async def _run(port: int, path: Path, share: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    notes = Journal(path)

    async def handle(connection: ServerConnection) -> None:
        await Conversation(connection, notes, share).run()

    limits = {"max_size": None, "close_timeout": 1, "ping_interval": None}
    async with serve(handle, "127.0.0.1", port, select_subprotocol=_select, logger=WEBSOCKET_LOG, **limits):  # type: ignore[arg-type]
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.05)
    given = parser.parse_args()
    asyncio.run(_run(given.port, given.journal, given.share))
