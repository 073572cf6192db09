"""`python -m hostile --handshakes 1000000`: bogus handshakes of one address, while a charger is served.

`python -m hostile --part api --seconds 60`: whatever clients do to the query API, while others read the log.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from fuzz import report
from hostile import api, gateway

ROOT: Final = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="hostile", description=__doc__)
    parser.add_argument("--part", choices=("gateway", "api"), default="gateway")
    parser.add_argument("--handshakes", type=int, default=1_000_000, help="of the gateway's part")
    parser.add_argument("--seconds", type=int, default=60, help="of the API's part")
    parser.add_argument("--report", type=Path, help="JSON, from the root of the repository")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.part == "api":
            length = f"--part api --seconds {arguments.seconds}"
            said = api.run(Path(folder), arguments.seconds)
        else:
            length = f"--handshakes {arguments.handshakes}"
            said = gateway.run(Path(folder), arguments.handshakes)
    print(json.dumps(said, indent=2))
    if arguments.report:
        command = f"make hostile HOSTILE='{length} --report {arguments.report}'"
        path = ROOT / arguments.report
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said | report.context(ROOT, command), indent=2) + "\n")
    return 0 if said["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
