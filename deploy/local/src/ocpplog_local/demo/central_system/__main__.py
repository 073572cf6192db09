"""`python -m ocpplog_local.demo.central_system`: serve until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio

import structlog

from ocpplog_common.logging import configure
from ocpplog_local.demo.central_system.plan import demo_plans
from ocpplog_local.demo.central_system.server import central_system
from ocpplog_local.demo.data import CHARGERS
from ocpplog_local.demo.stopping import stop_signal

log = structlog.get_logger()


def main() -> None:
    options = _options()
    configure("demo-central-system", options.log_level, options.log_json)
    asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    fleet = frozenset(charger.charger_id for charger in CHARGERS)
    plans = demo_plans(fleet, options.seed) if options.commands else None
    stop = stop_signal()
    async with central_system(options.port, plans, options.host, seed=options.seed) as system:
        log.info("central system listens", url=system.url, commands=options.commands)
        await stop.wait()
    log.info("central system stopped")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ocpplog_local.demo.central_system", description="The demo central system")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=9320, help="port to listen on; 0 takes a free one")
    parser.add_argument("--no-commands", dest="commands", action="store_false", help="send no commands, only answer")
    parser.add_argument("--seed", type=int, default=1, help="seed of the commands' schedule")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parser.add_argument("--log-json", action="store_true", help="log JSON lines instead of lines for people")
    return parser.parse_args()


if __name__ == "__main__":
    main()
