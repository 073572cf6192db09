"""Every metric of the enricher."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from ocpplog_common import tasks, topics

FRAMES: Final = Counter("ocpplog_enricher_frames_total", "Frames read from ocpp.frames")
PASSED_OVER: Final = Counter(
    "ocpplog_enricher_passed_over_total", "Records that a poll passed over and that were read by themselves, by topic", ["topic"]
)
MISSING: Final = Counter(
    "ocpplog_enricher_missing_total", "Offsets without a record: removed before they were read, by topic", ["topic"]
)
for _topic in (topics.FRAMES, topics.CONNECTIONS):
    # At 0 from the start: a counter that begins with what it should warn of has not increased.
    PASSED_OVER.labels(_topic)
    MISSING.labels(_topic)
EXCHANGES: Final = Counter(
    "ocpplog_enricher_exchanges_total", "Exchanges that ended, by outcome and whether logged", ["outcome", "logged"]
)
EVENTS: Final = Counter("ocpplog_enricher_events_total", "Records read from ocpp.connections")
ROWS: Final = Counter("ocpplog_enricher_rows_total", "Rows stored, by table", ["table"])
DUPLICATES: Final = Counter(
    "ocpplog_enricher_duplicates_skipped_total", "Rows found stored already and skipped, by table", ["table"]
)
VIOLATIONS: Final = Counter(
    "ocpplog_enricher_violations_total", "Logged rows that note a violation, by its kind: of a row, each kind once", ["kind"]
)
UNKNOWN_SITE: Final = Counter("ocpplog_enricher_unknown_site_total", "Exchanges logged of sites that ocpp.sites lacks")
UNKNOWN_CHARGER: Final = Counter(
    "ocpplog_enricher_unknown_charger_total", "Exchanges logged of chargers that ocpp.chargers lacks"
)
OPEN: Final = Gauge("ocpplog_enricher_open_requests", "Requests that wait for their answer")
OPEN_BYTES: Final = Gauge("ocpplog_enricher_open_requests_bytes", "Memory that they take, about")
CLOSED_EARLY: Final = Counter(
    "ocpplog_enricher_closed_early_total", "Requests that timed out before their time, because too many were open"
)
HELD_FRAMES: Final = Gauge(
    "ocpplog_enricher_held_frames",
    "Frames taken and not acknowledged: they wait for their write, or for open requests before them",
)
PENDING: Final = Gauge("ocpplog_enricher_pending_exchanges", "Exchanges that have ended and wait for their write")
PENDING_BYTES: Final = Gauge("ocpplog_enricher_pending_bytes", "Memory that they and those being written take, about")
LAG: Final = Gauge("ocpplog_enricher_lag_frames", "Records on Kafka that were not taken yet, by partition", ["partition"])
FRESHNESS: Final = Histogram(
    "ocpplog_enricher_freshness_seconds",
    "From the gateway receiving an answer to ClickHouse having stored its row, of the oldest answer of each write",
    buckets=(0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 3600),
)
BATCH_ROWS: Final = Histogram("ocpplog_enricher_batch_rows", "Rows a write", ["table"], buckets=(1, 5, 20, 100, 500, 2000, 10000))
WRITE_SECONDS: Final = Histogram("ocpplog_enricher_write_seconds", "Time of one insert as ClickHouse answers it", ["table"])
WRITE_RETRIES: Final = Counter("ocpplog_enricher_write_retries_total", "Writes tried again", ["table"])
DEAD_LETTERS: Final = Counter("ocpplog_enricher_dead_letters_total", "Records put on ocpp.dead-letter")
TASKS: Final = Gauge("ocpplog_enricher_asyncio_tasks", tasks.TASKS_HELP)
TASKS.set_function(tasks.running)
