"""Entry of the gateway."""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop
from pydantic import ValidationError

from ocpplog_common import logging, tracing
from ocpplog_common.tracing import TracingError
from ocpplog_gateway import libraries
from ocpplog_gateway.app import Gateway
from ocpplog_gateway.errors import GatewayError
from ocpplog_gateway.settings import GatewaySettings


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns 1 after one line that says what is wrong."""
    try:
        settings = GatewaySettings()
    except ValidationError as error:
        # Not the error's own text, which has many lines and repeats what was given: that may be a secret.
        found = "; ".join(f"OCPPLOG_{str(e['loc'][0] if e['loc'] else '').upper()}: {e['msg']}" for e in error.errors())
        print(f"ocpplog-gateway: settings: {found}", file=sys.stderr)
        return 1
    logging.configure("gateway", settings.log_level, settings.log_json, bool(settings.otlp_endpoint))
    libraries.quiet()
    try:
        tracing.start("gateway", settings)
        uvloop.run(_run(settings))
    except (OSError, GatewayError, TracingError) as error:
        print(f"ocpplog-gateway: {error}", file=sys.stderr)
        return 1
    finally:
        tracing.stop()
    return 0


async def _run(settings: GatewaySettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Gateway(settings).run(stop)


if __name__ == "__main__":
    sys.exit(main())
