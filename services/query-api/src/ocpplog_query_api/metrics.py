"""Every metric of the query API."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from ocpplog_common import tasks

REQUESTS: Final = Counter("ocpplog_api_requests_total", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS: Final = Histogram("ocpplog_api_request_seconds", "Until the answer begins", ["route"])
REQUESTS_IN_FLIGHT: Final = Gauge("ocpplog_api_requests_in_flight", "Requests being answered")
QUERY_SECONDS: Final = Histogram("ocpplog_api_query_seconds", "Time of a query as ClickHouse's client sees it", ["query"])
EXPORTED: Final = Counter("ocpplog_api_exported_entries_total", "Entries of downloads that began", ["format"])
TAILS: Final = Gauge("ocpplog_api_tails", "Clients that follow the log")
TAILED: Final = Counter("ocpplog_api_tailed_entries_total", "Entries sent to clients that follow the log")
TASKS: Final = Gauge("ocpplog_api_asyncio_tasks", tasks.TASKS_HELP)
TASKS.set_function(tasks.running)
BROKEN_OFF: Final = Counter("ocpplog_api_connections_broken_off_total", "Connections over a limit, by which", ["reason"])
