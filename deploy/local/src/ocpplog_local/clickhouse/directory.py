"""The data directory: who holds it, and where in it things are."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path


class DataDirectory:
    """Held until the process ends, however it ends. Raises OSError when another process holds it, or its name cannot be used.

    `engine` is the engine's own, `spool` is for what waits there during a request, and empty at the start.
    """

    def __init__(self, path: Path) -> None:
        if set("*?{}") & set(str(path.resolve())):
            # The engine would look for several files where it is given the name of one.
            raise OSError(f"the name of the directory {path.resolve()} must have none of * ? {{ }}")
        path.mkdir(parents=True, exist_ok=True)
        # The engine has a lock of its own, but says of it only that it could not start.
        self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._lock, 20).decode(errors="replace").strip()
            raise OSError(f"the directory {path} is held by another process ({holder or 'unknown'})") from error
        os.truncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        self.engine = path / "engine"
        self.spool = path / "spool"
        # What a killed run left behind.
        shutil.rmtree(self.spool, ignore_errors=True)
        self.spool.mkdir()
        # Large parts of forms go there, too.
        tempfile.tempdir = str(self.spool)
