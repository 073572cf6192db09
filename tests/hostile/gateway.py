"""Bogus handshakes of one address, while a charger is served."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any, Final

from integration import bogus
from integration.gateway_support import Upstream, listening
from integration.hostile_support import charger, resident
from integration.quirks_support import KNOWN, Yard, yard

MIB: Final = 1024 * 1024
_LIMITS: Final = {"gateway_peer_failures": 300, "gateway_peer_failures_per_minute": 300, "gateway_charger_failures": 20}
"""As they are by default."""
_GROWTH: Final = 64 * MIB
_AT_ONCE: Final = 50


def run(folder: Path, count: int) -> dict[str, Any]:
    """What the report says."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with yard(folder, gateway_hold_s=30, log_level="info", **_LIMITS) as found:
        return asyncio.run(_attack(found, count))


async def _attack(found: Yard, count: int) -> dict[str, Any]:
    gate = found.gate
    async with listening(Upstream(KNOWN), found.bench.upstream_port), charger(gate, "BESIDE") as served:
        # What the first ones make it allocate is not what a million costs.
        await bogus.knock(gate.port, "127.0.0.66", min(1000, count), _AT_ONCE, bogus.requests())
        before, started, answers = resident(gate.process.child.pid), time.monotonic(), served.count
        answered = await bogus.knock(gate.port, "127.0.0.66", count, _AT_ONCE, bogus.requests())
        seconds = time.monotonic() - started
        after, log_bytes = resident(gate.process.child.pid), gate.log.stat().st_size
        return {
            "handshakes": count,
            "answered": dict(sorted(answered.items())),
            "seconds": round(seconds),
            "handshakes_per_s": round(count / seconds),
            "resident_mib_before": round(before / MIB, 1),
            "resident_mib_after": round(after / MIB, 1),
            "grown_mib": round((after - before) / MIB, 1),
            "log_mib": round(log_bytes / MIB, 1),
            "answers_of_a_charger_beside": served.count - answers,
            "limits": dict(_LIMITS),
            "met": after - before < _GROWTH,
            "summary": f"{count:,} bogus handshakes of one peer: {(after - before) / MIB:.0f} MiB more memory, others served",
        }
