"""Commands of `ocpplog-admin` that other distributions bring, as entry points of the group `ocpplog.admin_commands`.

An entry point's name is the command's; its object is called with the command's parser, adds the arguments, and sets `run` with
`set_defaults`. `run(options)` raises CommandFailed for whatever else than success.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import metadata
from typing import Any, Final

GROUP: Final = "ocpplog.admin_commands"
_ELSEWHERE: Final = {"replay": ("ocpplog-enricher", "re-enrich a time range from Kafka")}
"""Command -> (the distribution that brings it, what it does): for whoever does not have that distribution."""


class CommandFailed(Exception):
    """One sentence for people."""


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add what is installed, and for what is not, commands that say what to install."""
    found = {entry.name: entry for entry in metadata.entry_points(group=GROUP)}
    for name, entry in sorted(found.items()):
        register: Callable[[argparse.ArgumentParser], None] = entry.load()
        register(commands.add_parser(name, help=(register.__doc__ or "").strip().rstrip(".")))
    for name in sorted(_ELSEWHERE.keys() - found.keys()):
        distribution, what = _ELSEWHERE[name]
        # No prefix of options that anybody types: whatever follows is taken, for the one answer that there is.
        command = commands.add_parser(name, help=f"{what} (comes with {distribution})", add_help=False, prefix_chars="\0")
        command.add_argument("rest", nargs="*")
        command.set_defaults(run=_missing)


def _missing(options: argparse.Namespace) -> None:
    distribution, _ = _ELSEWHERE[options.command]
    raise CommandFailed(f"comes with {distribution}, which is not installed here: install it beside ocpplog-common")
