"""What is fuzzed. A module each, with

- `check(data)`, which raises for a finding: AssertionError where the invariant does not hold, or what the code under test raised
- `seeds()`, inputs to begin with, besides those in `corpus/<name>` and `findings/<name>`
- `WORDS`, what a fuzzer should know

They are named here and imported later: a fuzzer has to see the imports to instrument them.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

HERE: Final = Path(__file__).parents[1]
OWN: Final = ["ocpplog_common", "ocpplog_gateway", "ocpplog_enricher", "ocpplog_query_api"]
TARGETS: Final = {
    "frames": [*OWN],
    "moments": [*OWN],
    "numbers": [*OWN],
    "meter_values": [*OWN],
    "redaction": [*OWN],
    "rows": [*OWN],
    "records": [*OWN],
    "searches": [*OWN],
    "names": [*OWN],
    "tokens": [*OWN, "jwt"],
    "handshakes": [*OWN, "websockets"],
    "exports": [*OWN, "fuzz.spreadsheets"],
}
"""Name -> packages whose branches count."""


class Target(Protocol):
    WORDS: tuple[bytes, ...]

    def check(self, data: bytes) -> None: ...

    def seeds(self) -> Iterable[bytes]: ...


def load(name: str) -> Target:
    return cast(Target, import_module(f"fuzz.targets.{name}"))


def kept(name: str) -> list[Path]:
    """The inputs that are committed: seeds, and one of each finding."""
    folders = (HERE / "corpus" / name, HERE / "findings" / name)
    return sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir())
