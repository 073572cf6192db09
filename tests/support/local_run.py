"""`make run`, on ports and in a directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from support.processes import free_port


class Run:
    """`make run`, on ports and in a directory of its own."""

    def __init__(self, directory: Path, fleet: bool = False) -> None:
        self.directory = directory
        self._fleet = fleet
        self.ports = {
            name: free_port()
            for name in ("GATEWAY_PORT", "GATEWAY_HEALTH_PORT", "ENRICHER_HEALTH_PORT", "API_PORT", "LOCAL_CSMS_PORT")
        }
        self.kafka = f"127.0.0.1:{free_port()}"
        self.clickhouse = f"http://127.0.0.1:{free_port()}/"
        self.log = directory / "run.log"
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        ports = {f"OCPPLOG_{name}": str(port) for name, port in self.ports.items()}
        places = {"OCPPLOG_KAFKA_BOOTSTRAP": self.kafka, "OCPPLOG_CLICKHOUSE_URL": self.clickhouse}
        own = {"OCPPLOG_LOCAL_DIR": str(self.directory / ".local"), "FLEET": str(int(self._fleet))}
        return {**os.environ, **ports, **places, **own}

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "ocpplog_local"]
            self.process = subprocess.Popen(command, env=self.environment(), stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 90
        while "Ctrl-C stops everything" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def stop(self) -> int:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)

    def token(self, role: str) -> str:
        return (self.directory / ".local" / "tokens" / role).read_text().strip()

    def api(self, role: str = "support") -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token(role)}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.ports['API_PORT']}", headers=headers, timeout=30)

    @property
    def gateway(self) -> str:
        return f"ws://127.0.0.1:{self.ports['GATEWAY_PORT']}/ocpp"

    def processes(self) -> list[int]:
        """The processes of this run, by the directory that is in their environment."""
        mark = f"OCPPLOG_LOCAL_DIR={self.directory / '.local'}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def pid_of(self, module: str) -> int:
        for pid in self.processes():
            if f"\0{module}\0".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        raise AssertionError(f"{module} does not run")
