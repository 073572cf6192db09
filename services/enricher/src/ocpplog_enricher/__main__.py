"""Entry of the enricher."""

from __future__ import annotations

import sys

import faust
import mode.loop
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from ocpplog_common import logging, tracing
from ocpplog_common.tracing import TracingError
from ocpplog_enricher.app import Enricher
from ocpplog_enricher.settings import EnricherSettings


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns 1 after a failure that a restart may mend."""
    try:
        settings = EnricherSettings()
    except ValidationError as error:
        print(f"ocpplog-enricher: settings: {error}", file=sys.stderr)
        return 1
    logging.configure("enricher", settings.log_level, settings.log_json, bool(settings.otlp_endpoint))
    try:
        enricher = Enricher(settings)
        tracing.start("enricher", settings)
    except (OSError, ValueError, TracingError) as error:
        print(f"ocpplog-enricher: {error}", file=sys.stderr)
        return 1

    mode.loop.use("uvloop")

    class Process(faust.Worker):  # type: ignore[misc]
        async def on_first_start(self) -> None:
            await super().on_first_start()
            await enricher.before()

        async def on_shutdown(self) -> None:
            # After the agent: a write under way needs what is closed here.
            await enricher.stop()
            await super().on_shutdown()

    worker = Process(enricher.faust, loglevel="WARNING", override_logging=False, redirect_stdouts=False)
    # It would write between the lines of the log.
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as stop:
        cause = stop.__context__
        if isinstance(cause, KafkaError | OSError) and not enricher.failure.error:
            enricher.failure.tell(cause)
        return 1 if enricher.failure.error else int(stop.code or 0)
    finally:
        tracing.stop()
    return 1 if enricher.failure.error else 0


if __name__ == "__main__":
    sys.exit(main())
