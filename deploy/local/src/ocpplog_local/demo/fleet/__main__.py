"""`python -m ocpplog_local.demo.fleet`: run the demo fleet until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

import structlog

from ocpplog_common.logging import configure
from ocpplog_local.demo.data import CHARGERS
from ocpplog_local.demo.fleet.run import run_fleet
from ocpplog_local.demo.fleet.tempo import DEMO_TEMPO
from ocpplog_local.demo.stopping import stop_signal

log = structlog.get_logger()


def main() -> None:
    options = _options()
    configure("demo-fleet", options.log_level, options.log_json)
    asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    stop = stop_signal()
    chargers = [charger for charger in CHARGERS if not options.only or charger.charger_id in options.only]
    tempo = DEMO_TEMPO.faster(options.speed)
    fleet = asyncio.create_task(run_fleet(options.gateway, chargers=chargers, seed=options.seed, tempo=tempo))
    stopped = asyncio.create_task(stop.wait())
    log.info("fleet starts", gateway=options.gateway, chargers=len(chargers))
    await asyncio.wait({fleet, stopped}, return_when=asyncio.FIRST_COMPLETED)
    fleet.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await fleet
    log.info("fleet stopped")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ocpplog_local.demo.fleet", description="The demo fleet")
    parser.add_argument("--gateway", default="ws://127.0.0.1:9310/ocpp", help="URL to which charger ids are added")
    parser.add_argument("--only", nargs="*", default=[], metavar="CHARGER", help="run these chargers alone")
    parser.add_argument("--seed", type=int, default=1, help="seed of all that happens by chance")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times as fast as usual the fleet lives")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parser.add_argument("--log-json", action="store_true", help="log JSON lines instead of lines for people")
    return parser.parse_args()


if __name__ == "__main__":
    main()
