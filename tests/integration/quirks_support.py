"""The gateways of the tests about quirks, and raw clients of theirs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integration.gateway_support import Bench, Gate, handshake
from ocpplog_common.admin import kafka as admin
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, REPLICATION, broker
from support.processes import free_port
from support.raw_websocket import RawClient

CORPUS: Final = Path(__file__).parents[1] / "corpus"
"""Oddities as bytes. A handshake's name begins with the status it is answered with (`cut`: no HTTP that we know); a frame's with
its subprotocol, or with the code of the close that it brings."""
KNOWN: Final = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
LIMIT: Final = 32 * 1024
"""Longest message of `Yard.narrow`, in bytes."""


@dataclass(frozen=True)
class Yard:
    """A broker, and gateways that take whoever comes and ping often: one with the usual limit of messages, one with `LIMIT`."""

    bench: Bench
    gate: Gate
    narrow: Gate


@contextlib.contextmanager
def yard(logs: Path, **more: object) -> Iterator[Yard]:
    port = free_port()
    settings: dict[str, object] = {
        "kafka_idempotence": str(IDEMPOTENCE).lower(),
        "gateway_default_site": "yard",
        "gateway_upstream": f"ws://127.0.0.1:{port}/csms",
        "gateway_ping_interval_s": 0.2,
        "gateway_spread_s": 0,
        # They fail on purpose, all from one address.
        "gateway_peer_failures": 0,
        "gateway_charger_failures": 0,
        **more,
    }
    with broker() as kafka:
        asyncio.run(
            admin.create_topics(KafkaSettings(kafka_bootstrap=kafka.bootstrap, kafka_idempotence=IDEMPOTENCE), 3, REPLICATION)
        )
        gate = Gate(kafka.bootstrap, logs / "gate.log", **settings)
        narrow = Gate(kafka.bootstrap, logs / "narrow.log", gateway_max_frame_bytes=LIMIT, **settings)
        with gate, narrow:
            gate.wait()
            narrow.wait()
            yield Yard(Bench(kafka.bootstrap, port, 0, gate, gate), gate, narrow)
        for each in (gate, narrow):
            no_faults(each)


def no_faults(gate: Gate) -> None:
    text = gate.log.read_text()
    assert "Traceback" not in text and "never retrieved" not in text, text[-6000:]


@contextlib.asynccontextmanager
async def raw_client(gate: Gate, charger_id: str, *lines: str, subprotocol: str = "ocpp1.6") -> AsyncIterator[RawClient]:
    """`lines`: more of the handshake. It vanishes at the end, without a word."""
    data = handshake(f"/{charger_id}", f"Sec-WebSocket-Protocol: {subprotocol}", *lines)
    async with await RawClient.connect(gate.port, data) as client:
        assert client.head.startswith(b"HTTP/1.1 101 "), client.head
        yield client
