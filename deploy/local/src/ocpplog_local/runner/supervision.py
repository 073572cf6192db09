"""Supervisor (supervisord.org) runs the parts; this writes its configuration and talks to it."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from ocpplog_local.runner.parts import Part

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class State:
    """A part as Supervisor sees it. `gone`: it will not be started again. `pid` is 0 while it does not run."""

    name: str
    running: bool
    gone: bool
    pid: int
    description: str


class Supervision:
    def __init__(self, parts: Sequence[Part], directory: Path, environment: dict[str, str]) -> None:
        self._restarts = {part.name: part.restart for part in parts}
        self._logs = directory / "log"
        self._logs.mkdir(parents=True, exist_ok=True)
        # A socket's path may be 107 bytes long at most; a checkout's can be longer.
        self._scratch = tempfile.TemporaryDirectory(prefix="ocpplog-")
        self._socket = Path(self._scratch.name) / "supervisor.sock"
        self._config = Path(self._scratch.name) / "supervisord.conf"
        configuration = self._configuration(parts)
        if "%" in configuration:
            self._scratch.cleanup()
            raise ValueError("Supervisor cannot work under a path with a % in it: move the checkout, or set OCPPLOG_LOCAL_DIR")
        self._config.write_text(configuration)
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def _server(self) -> Any:
        """A new proxy a call: one whose connection failed once is of no more use."""
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        return ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def open(self) -> None:
        """Start Supervisor itself. Raises RuntimeError when it does not come up."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(self._config)],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for us alone: the parts are stopped in order.
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._server.getState()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"Supervisor did not start; see {self._logs / 'supervisor.log'}")

    def start(self, name: str) -> None:
        """Raises RuntimeError when the part does not stay up."""
        try:
            self._server.startProcess(name, False)
        except Fault as fault:
            raise RuntimeError(f"{name}: {fault.faultString}") from fault

    def stop(self, name: str) -> None:
        """Returns when it has ended."""
        try:
            # Supervisor polls without a pause where it is told to wait.
            self._server.stopProcess(name, False)
            while self.states()[name].pid:
                time.sleep(_POLL_S)
        except (Fault, OSError):
            return  # not running

    def states(self) -> dict[str, State]:
        return {info["name"]: _state(info, self._restarts[info["name"]]) for info in self._server.getAllProcessInfo()}

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def close(self) -> None:
        """End Supervisor, and whatever it still runs."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._scratch.cleanup()

    def _configuration(self, parts: Sequence[Part]) -> str:
        lines = [
            "[supervisord]",
            f"logfile={self._logs / 'supervisor.log'}",
            f"pidfile={self._config.with_suffix('.pid')}",
            "[unix_http_server]",
            f"file={self._socket}",
            "chmod=0700",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        ]
        for priority, part in enumerate(parts):
            lines += [
                f"[program:{part.name}]",
                f"command={shlex.join(part.command)}",
                f"priority={priority}",
                "autostart=false",
                f"autorestart={'true' if part.restart else 'false'}",
                "startsecs=1",
                "startretries=5",
                f"stopwaitsecs={part.stop_within_s}",
                "redirect_stderr=true",
                f"stdout_logfile={self.log(part.name)}",
                "stdout_logfile_maxbytes=10MB",
                "stdout_logfile_backups=2",
            ]
        return "\n".join(lines) + "\n"


def _state(info: dict[str, Any], restarts: bool) -> State:
    return State(
        name=info["name"],
        running=info["statename"] in ("RUNNING", "STARTING"),
        gone=info["statename"] == "FATAL" or (info["statename"] == "EXITED" and not restarts),
        pid=info["pid"],
        description=_how_it_ended(info),
    )


def _how_it_ended(info: dict[str, Any]) -> str:
    match info["exitstatus"]:
        case -1:
            return "killed by a signal"
        case 0:
            return str(info["spawnerr"] or info["description"])
        case status:
            return f"it ended with status {status}"


def _die_with_parent() -> None:
    """Linux: if we are killed, Supervisor gets SIGTERM, and stops the parts."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
