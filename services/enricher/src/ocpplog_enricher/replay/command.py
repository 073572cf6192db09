"""The command line of the replay. Imports what it needs once it runs: `ocpplog-admin` asks for the arguments of every command."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import timedelta

from pydantic import ValidationError

from ocpplog_common.admin.further import CommandFailed
from ocpplog_common.levels import Level
from ocpplog_enricher.errors import EnricherError
from ocpplog_enricher.replay.span import Span, moment_us


def register(command: argparse.ArgumentParser) -> None:
    """re-enrich a time range from Kafka, after a fix of the enricher"""
    command.add_argument(
        "--from", dest="begin", required=True, metavar="TIME", help="ISO 8601 with a zone: received from then on"
    )
    command.add_argument("--to", dest="end", required=True, metavar="TIME", help="and before then")
    command.add_argument("--site", action="append", default=[], help="of this site alone; may be repeated")
    command.add_argument("--charger", action="append", default=[], help="of this charger alone; may be repeated")
    command.add_argument(
        "--unknown-site",
        action="append",
        default=[],
        metavar="SITE",
        help="also of this site, which has no record any more: with RFID tags masked (default: not touched); may be repeated",
    )
    command.add_argument("--dry-run", action="store_true", help="compare and count, write nothing")
    command.add_argument("--prune", action="store_true", help="delete rows that are no longer wanted (default: keep and count)")
    command.add_argument(
        "--level", choices=list(map(str, Level)), help="as if all sites had had this log level (default: the level in force then)"
    )
    command.add_argument(
        "--late-minutes",
        type=float,
        default=60,
        help="how long a gateway may have held frames back while Kafka did not answer (default: 60)",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Raises CommandFailed."""
    from ocpplog_enricher.replay import job
    from ocpplog_enricher.replay.report import Progress
    from ocpplog_enricher.settings import EnricherSettings

    unknown = frozenset[str](options.unknown_site)
    # Without --site all sites are meant, of which these are some.
    sites = unknown.union(options.site) if options.site else frozenset[str]()
    span = Span(moment_us(options.begin), moment_us(options.end), sites, frozenset(options.charger))
    if span.from_us >= span.to_us:
        raise CommandFailed("--from has to be before --to")
    level = Level.parse(options.level) if options.level else None
    late_us = timedelta(minutes=options.late_minutes) // timedelta(microseconds=1)
    wanted = job.Options(span, options.dry_run, options.prune, level, late_us, unknown)
    try:
        counts = asyncio.run(job.run(EnricherSettings(), wanted, Progress(sys.stderr)))
    except ValidationError as error:
        raise CommandFailed(f"settings: {error}") from error
    except EnricherError as error:
        raise CommandFailed(f"{error}; run it again") from error
    except KeyboardInterrupt:
        raise CommandFailed("stopped; run it again to the end") from None
    print(counts.text(dry_run=options.dry_run, prune=options.prune))
    if counts.refused:
        raise CommandFailed(f"ClickHouse refused the rows of {counts.refused} exchanges")
