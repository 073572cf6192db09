"""The tables of docs/capacity.md, from what was measured: `python -m support.capacity` in tests/ rewrites them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs/capacity.md"
BEGIN, END = "<!-- sizes: begin -->\n", "<!-- sizes: end -->\n"
FLEETS: Final = (1_000, 10_000, 100_000, 1_000_000)
_DAY_S: Final = 86_400
_TB: Final = 1e12


@dataclass(frozen=True, slots=True)
class Measured:
    """By `make bench` and `python -m benchmarks.capacity`, two cores; `insert_rows_per_s` is of an earlier table. Rates are
    frames a second of one process."""

    frames_a_day: float = 1_100
    rows_a_day: float = 465
    samples_a_day: float = 1_220
    kafka_bytes_a_frame: float = 425
    bytes_a_row: float = 90
    bytes_a_sample: float = 8
    gateway_frames_per_s: float = 20_000
    enricher_frames_per_s: float = 14_500
    insert_rows_per_s: float = 75_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is decided and not measured: replace them by your own."""

    peak: float = 4.0
    use: float = 0.5
    connections_a_gateway: int = 4_000
    kafka_days: int = 7
    kafka_copies: int = 3
    broker_disk_tb: float = 4.0
    broker_mb_per_s: float = 50.0
    clickhouse_days: int = 400
    clickhouse_copies: int = 2
    node_disk_tb: float = 8.0
    free: float = 0.3
    euro_a_vcpu: float = 25.0
    euro_a_gib: float = 3.0
    euro_a_tb: float = 80.0


@dataclass(frozen=True, slots=True)
class Size:
    """What a fleet needs."""

    chargers: int
    measured: Measured = Measured()
    chosen: Chosen = Chosen()

    @property
    def frames_per_s(self) -> float:
        return self.chargers * self.measured.frames_a_day / _DAY_S

    @property
    def peak_frames_per_s(self) -> float:
        return self.frames_per_s * self.chosen.peak

    @property
    def gateways(self) -> int:
        """One more than carry the fleet, so that one may go."""
        by_frames = self.peak_frames_per_s / (self.measured.gateway_frames_per_s * self.chosen.use)
        return 1 + math.ceil(max(by_frames, self.chargers / self.chosen.connections_a_gateway))

    @property
    def enrichers(self) -> int:
        return max(2, math.ceil(self.peak_frames_per_s / (self.measured.enricher_frames_per_s * self.chosen.use)))

    @property
    def partitions(self) -> int:
        """Twice the enrichers, since nobody adds partitions to a topic with data; in twelves, which many numbers divide."""
        return 12 * math.ceil(2 * self.enrichers / 12)

    @property
    def kafka_tb(self) -> float:
        """All copies."""
        a_day = self.chargers * self.measured.frames_a_day * self.measured.kafka_bytes_a_frame
        return a_day * self.chosen.kafka_days * self.chosen.kafka_copies / _TB

    @property
    def brokers(self) -> int:
        written = self.peak_frames_per_s * self.measured.kafka_bytes_a_frame * self.chosen.kafka_copies / 1e6
        by_disk = self.kafka_tb / (self.chosen.broker_disk_tb * (1 - self.chosen.free))
        return max(3, math.ceil(max(written / self.chosen.broker_mb_per_s, by_disk)))

    @property
    def rows_a_day(self) -> float:
        return self.chargers * self.measured.rows_a_day

    @property
    def clickhouse_tb(self) -> float:
        """All copies."""
        measured = self.measured
        of_a_charger = measured.rows_a_day * measured.bytes_a_row + measured.samples_a_day * measured.bytes_a_sample
        return self.chargers * of_a_charger * self.chosen.clickhouse_days * self.chosen.clickhouse_copies / _TB

    @property
    def shards(self) -> int:
        rows = self.measured.rows_a_day + self.measured.samples_a_day
        inserted = self.chargers * rows / _DAY_S * self.chosen.peak / (self.measured.insert_rows_per_s * self.chosen.use)
        by_disk = self.clickhouse_tb / self.chosen.clickhouse_copies / (self.chosen.node_disk_tb * (1 - self.chosen.free))
        return max(1, math.ceil(max(inserted, by_disk)))

    @property
    def vcpus(self) -> float:
        nodes = self.shards * self.chosen.clickhouse_copies
        return 0.5 * self.gateways + 1 * self.enrichers + 2 * self.brokers + 8 * nodes + 3 * 0.25 + 2 * self.query_apis

    @property
    def memory_gib(self) -> float:
        nodes = self.shards * self.chosen.clickhouse_copies
        return 0.75 * self.gateways + 1 * self.enrichers + 8 * self.brokers + 32 * nodes + 3 * 0.5 + 1 * self.query_apis

    @property
    def query_apis(self) -> int:
        """People look at sites, not at chargers: one for twenty who search at once."""
        return max(2, math.ceil(self.chargers / 50_000))

    @property
    def euro_a_month(self) -> float:
        disk_tb = (self.kafka_tb + self.clickhouse_tb) / (1 - self.chosen.free)
        chosen = self.chosen
        return self.vcpus * chosen.euro_a_vcpu + self.memory_gib * chosen.euro_a_gib + disk_tb * chosen.euro_a_tb


_ROWS: Final[Sequence[tuple[str, Callable[[Size], str]]]] = (
    ("frames/s, mean", lambda size: f"{size.frames_per_s:,.0f}"),
    ("frames/s, peak", lambda size: f"{size.peak_frames_per_s:,.0f}"),
    ("gateways", lambda size: f"{size.gateways:,}"),
    ("enrichers", lambda size: f"{size.enrichers:,}"),
    ("partitions of `ocpp.frames`", lambda size: f"{size.partitions:,}"),
    ("Kafka brokers", lambda size: f"{size.brokers:,}"),
    ("Kafka disk, all copies", lambda size: _terabytes(size.kafka_tb)),
    ("rows a day", lambda size: f"{size.rows_a_day / 1e6:,.1f} million"),
    ("ClickHouse shards × copies", lambda size: f"{size.shards:,} × {size.chosen.clickhouse_copies}"),
    ("ClickHouse disk, all copies", lambda size: _terabytes(size.clickhouse_tb)),
    ("query APIs", lambda size: f"{size.query_apis:,}"),
    ("vCPU", lambda size: f"{size.vcpus:,.0f}"),
    ("memory, GiB", lambda size: f"{size.memory_gib:,.0f}"),
    ("€ a month", lambda size: f"{round(size.euro_a_month, -2 if size.chargers < 100_000 else -3):,.0f}"),
    ("€ a charger and month", lambda size: f"{size.euro_a_month / size.chargers:,.3f}"),
)


def tables() -> str:
    """For the page."""
    sizes = [Size(chargers) for chargers in FLEETS]
    lines = ["| chargers | " + " | ".join(f"{chargers:,}" for chargers in FLEETS) + " |", "|---" + "|--:" * len(FLEETS) + "|"]
    return "\n".join([*lines, *(f"| {name} | " + " | ".join(map(shown, sizes)) + " |" for name, shown in _ROWS)]) + "\n"


def in_page() -> str:
    text = PAGE.read_text()
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


def _terabytes(value: float) -> str:
    return f"{value * 1000:,.0f} GB" if value < 1 else f"{value:,.1f} TB"


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().replace(BEGIN + in_page() + END, BEGIN + tables() + END))
