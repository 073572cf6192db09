"""The reference of a Faust worker without work: the stock agent takes frames and does nothing with them.

`python -m benchmarks.stock_faust --bootstrap HOST:PORT --frames N` reads N frames of `ocpp.frames` and prints, as JSON, how many
it took after its first batch, and in how many seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

import faust

from ocpplog_common import topics


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--frames", type=int, required=True)
    arguments = parser.parse_args()
    app = faust.App(
        "stock-faust",
        broker=f"kafka://{arguments.bootstrap}",
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        broker_rebalance_timeout=3.0,
        broker_session_timeout=3.0,
        broker_heartbeat_interval=1.0,
        stream_buffer_maxsize=2000,
        stream_wait_empty=False,
    )
    frames = app.topic(topics.FRAMES, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(frames)  # type: ignore[untyped-decorator]
    async def take(stream: Any) -> None:
        first = seen = 0
        began = 0.0
        async for events in stream.noack_take(2000, within=0.3):
            seen += len(events)
            if not began:
                first, began = seen, time.perf_counter()
            if seen >= arguments.frames:
                print(json.dumps({"frames": seen - first, "seconds": time.perf_counter() - began}), flush=True)
                os._exit(0)

    worker = faust.Worker(app, loglevel="ERROR", override_logging=False, redirect_stdouts=False)
    worker.execute_from_commandline()
    return 1


if __name__ == "__main__":
    sys.exit(main())
