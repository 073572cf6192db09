"""What is looked at, and where it has to stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.soak.verdict import AtMost, Flat, Rule
from support.apache_kafka import JARS

_IN_MEMORY: Final = "not judged: the embedded broker keeps its topics in memory"
_SLOWER: Final = "not judged: the embedded broker takes longer the more it keeps"
_MERGES: Final = "not judged: merges grow with the table, and end"
_ROWS: Final = "not judged: there are more rows to read as the run goes on; make bench has it by rows"
_OLD_PARTS_S: Final = 600.0
"""ClickHouse keeps parts that were merged for eight minutes, on disk and open; its pools fill with the merges."""
MOST_PARTS: Final = 300
"""A tenth of where ClickHouse refuses inserts."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """`settles_s`: what it needs of warm-up; in a run with less it is not judged."""

    unit: str
    rule: Rule | str
    settles_s: float = 0.0

    def judged(self, warm_up_s: float) -> Rule | str:
        """The rule, or why there is none."""
        if warm_up_s < self.settles_s:
            return f"not judged: the warm-up has less than {self.settles_s / 60:g} minutes"
        return self.rule


_SERVICE: Final[Mapping[str, Quantity]] = {
    "RSS": Quantity("MiB", Flat(floor=8)),
    "descriptors": Quantity("", Flat(floor=5)),
    "threads": Quantity("", Flat(floor=2)),
    "tasks": Quantity("", Flat(floor=5)),
    "CPU": Quantity("cores", Flat(floor=0.05)),
}
_CLICKHOUSE: Final[Mapping[str, Quantity]] = {
    # Caches of marks and indexes fill, and merges come and go.
    "RSS": Quantity("MiB", Flat(floor=200, share=0.1), _OLD_PARTS_S),
    "descriptors": Quantity("", Flat(floor=100), _OLD_PARTS_S),
    "threads": Quantity("", Flat(floor=50), _OLD_PARTS_S),
    "CPU": Quantity("cores", _MERGES),
}
_BROKER: Final[Mapping[str, Quantity]] = {
    "RSS": Quantity("MiB", Flat(floor=100) if JARS else _IN_MEMORY),
    "descriptors": Quantity("", Flat(floor=20)),
    "threads": Quantity("", Flat(floor=5)),
    "CPU": Quantity("cores", Flat(floor=0.05) if JARS else _SLOWER),
}
SERVICES: Final = {"gateway": _SERVICE, "enricher": _SERVICE, "API": _SERVICE, "ClickHouse": _CLICKHOUSE, "broker": _BROKER}
QUANTITIES: Final[Mapping[str, Quantity]] = {
    **{f"{service} {name}": quantity for service, found in SERVICES.items() for name, quantity in found.items()},
    "relay p50": Quantity("ms", Flat(floor=2) if JARS else _SLOWER),
    "relay p99": Quantity("ms", Flat(floor=20) if JARS else _SLOWER),
    "freshness p50": Quantity("s", Flat(floor=0.1) if JARS else _SLOWER),
    "freshness p99": Quantity("s", Flat(floor=0.3) if JARS else _SLOWER),
    "lag": Quantity("frames", Flat(floor=500)),
    "parts of the log": Quantity("", AtMost(MOST_PARTS)),
    "parts of meter_sample": Quantity("", AtMost(MOST_PARTS)),
    "disk a row": Quantity("bytes", Flat(floor=20), _OLD_PARTS_S),
    "start view": Quantity("ms", _ROWS),
}
