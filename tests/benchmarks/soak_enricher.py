"""A day of a fleet through the enricher's rules, and its memory by an hour: `python -m benchmarks.soak_enricher` in tests/.

Stream time runs as fast as the machine can. There is no Kafka and no ClickHouse: rows are made and dropped.
"""

from __future__ import annotations

import argparse
import os
import time

from benchmarks.processes import own_bytes
from ocpplog_enricher.domain import schemas
from support.enriching import Enriching, Sizes
from support.fleet import SECOND, START_US, traffic

_EVERY = 1000
"""Frames between two looks at the sizes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chargers", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=24)
    options = parser.parse_args()
    schemas.load()
    enriching, peak, hour, began = Enriching(), Sizes(), 0, time.perf_counter()
    print("sizes are the most of an hour, over 12 partitions")
    print("hour    frames      rows       MB  " + "  ".join(enriching.sizes()))
    for envelope in traffic(options.chargers, options.hours):
        enriching.take(envelope)
        if enriching.frames % _EVERY == 0:
            peak = {name: max(size, peak.get(name, 0)) for name, size in enriching.sizes().items()}
        if envelope.received_at_us >= START_US + (hour + 1) * 3600 * SECOND:
            hour += 1
            _print(hour, enriching, peak)
            peak = Sizes()
    _print(hour + 1, enriching, peak)
    took_s = time.perf_counter() - began
    print(f"{enriching.frames} frames in {took_s:.0f} s, the fleet's own work included; {enriching.acknowledged} acknowledged")


def _print(hour: int, enriching: Enriching, peak: Sizes) -> None:
    sizes = "  ".join(f"{size:>{len(name)}}" for name, size in peak.items())
    print(f"{hour:4}  {enriching.frames:8}  {enriching.rows:8}  {own_bytes(os.getpid()) / 1e6:7.1f}  {sizes}", flush=True)


if __name__ == "__main__":
    main()
