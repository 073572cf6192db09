"""Entry of the local run."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from ocpplog_local.runner.run import LocalRun
from ocpplog_local.runner.settings import LocalSettings


def main() -> int:
    try:
        settings = LocalSettings()
    except ValidationError as error:
        for problem in error.errors():
            variable = "_".join(map(str, problem["loc"])).upper()
            print(f"ocpplog: OCPPLOG_{variable}: {problem['msg']}", file=sys.stderr)
        return 1
    return LocalRun(settings).main()


if __name__ == "__main__":
    sys.exit(main())
