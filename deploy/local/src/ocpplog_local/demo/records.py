"""The demo's sites or chargers as JSON lines, for `ocpplog-admin put`: python -m ocpplog_local.demo.records sites|chargers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import msgspec

from ocpplog_local.demo.data import demo_chargers, demo_sites


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="ocpplog_local.demo.records", description=__doc__)
    parser.add_argument("kind", choices=["sites", "chargers"])
    options = parser.parse_args(arguments)
    found: Sequence[msgspec.Struct] = demo_sites() if options.kind == "sites" else demo_chargers()
    sys.stdout.buffer.writelines(msgspec.json.encode(record) + b"\n" for record in found)


if __name__ == "__main__":
    main()
