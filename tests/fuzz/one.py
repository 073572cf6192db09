"""One target: `python -m fuzz.one TARGET [--seeds] FILE...` runs inputs, with `--fuzz [libFuzzer's options] FOLDER...` it fuzzes.

The first needs nothing but the tests' requirements, the second atheris.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fuzz import targets


def main() -> int:
    _, name, *arguments = sys.argv
    if arguments[:1] == ["--fuzz"]:
        _fuzz(name, arguments[1:])
    target = targets.load(name)
    if arguments[:1] == ["--seeds"]:
        arguments = arguments[1:]
        for data in target.seeds():
            target.check(data)
    for path in map(Path, arguments):
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            target.check(file.read_bytes())
    return 0


def _fuzz(name: str, arguments: list[str]) -> None:
    """Does not return."""
    import atheris

    with atheris.instrument_imports(include=targets.TARGETS[name], enable_loader_override=False):
        target = targets.load(name)
    atheris.Setup([f"fuzz.{name}", *arguments], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
