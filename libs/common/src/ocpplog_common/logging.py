"""Structured logs: JSON lines on standard error, or readable lines where a person watches."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from ocpplog_common.tracing import name_trace

LOG_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(service: str, level: str = "info", json: bool = True, traced: bool = False) -> None:
    """Set up structlog and the standard library's logging for a service's process. Call it once, from `__main__`. With `traced`,
    lines within a recorded span carry `trace_id` and `span_id`."""
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        *([name_trace] if traced else []),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LOG_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # At debug it writes whole records, password hashes included.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    # Libraries tell their every step at info.
    root.setLevel(LOG_LEVELS[level] if level == "debug" else max(LOG_LEVELS[level], logging.WARNING))
    structlog.contextvars.bind_contextvars(service=service)
