"""What the enricher holds does not grow with time. `tests/benchmarks/soak_enricher.py` is the long form."""

from __future__ import annotations

from collections import defaultdict

from support.enriching import Enriching, Sizes
from support.fleet import SECOND, START_US, traffic

HOURS = 6


def test_nothing_grows_from_the_second_hour_to_the_last() -> None:
    enriching, peaks = Enriching(partitions=2), defaultdict[int, Sizes](Sizes)
    for envelope in traffic(chargers=60, hours=HOURS):
        enriching.take(envelope)
        peak = peaks[(envelope.received_at_us - START_US) // (3600 * SECOND)]
        if enriching.frames % 10 == 0:
            for name, size in enriching.sizes().items():
                peak[name] = max(size, peak.get(name, 0))
    assert enriching.frames > 10_000 and enriching.rows > 4_000
    for name, size in peaks[1].items():
        # Twice: an hour is never quite like another. What leaks a frame in a hundred would be ten times as much.
        assert peaks[HOURS - 1][name] <= 2 * size + 5, (name, [peak[name] for peak in peaks.values()])
    assert enriching.frames - enriching.acknowledged == enriching.sizes()["held"]
