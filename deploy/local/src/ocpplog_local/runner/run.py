"""The local run from the first line it prints to the last."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from ocpplog_common import tokens
from ocpplog_common.tokens import Role
from ocpplog_local.demo.data import demo_chargers, demo_sites
from ocpplog_local.runner import parts, probes
from ocpplog_local.runner.parts import Part
from ocpplog_local.runner.settings import LocalSettings
from ocpplog_local.runner.supervision import Supervision

PARTITIONS: Final = 4
"""Of ocpp.frames. Each that has something is an insert about twice a second, whatever it has: on one machine, few do."""
_READY_WITHIN_S = 90
_WATCH_S = 1.0
_VIEWER_SITE = "test-lab"
_TOKEN_DAYS = 30


class RunFailed(Exception):
    """The run cannot start, or cannot go on: the text says why."""


class LocalRun:
    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings
        self._infrastructure = parts.infrastructure(settings)
        self._services = parts.services(settings)
        self._parts = [*self._infrastructure, *self._services]
        self._stop = threading.Event()
        self._started: list[Part] = []
        self._pids: dict[str, int] = {}

    def main(self) -> int:
        """Returns 0 after Ctrl-C or SIGTERM, 1 after one plain line about what went wrong."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            self._check_ports()
            self._make_keys_and_tokens()
            supervision = Supervision(self._parts, self._settings.directory, self._settings.environment())
        except (RunFailed, ValueError, OSError) as error:
            return _failed(error)
        try:
            supervision.open()
            self._run(supervision)
            code = 0
        except (RunFailed, RuntimeError, OSError) as error:
            code = _failed(error)
        finally:
            self._stop_all(supervision)
            supervision.close()
        say("stopped; the log is kept for the next run")
        return code

    def _run(self, supervision: Supervision) -> None:
        for part in self._infrastructure:
            self._start(supervision, part)
        if self._stop.is_set():
            return
        self._prepare()
        for part in self._services:
            self._start(supervision, part)
        if not self._stop.is_set():
            self._welcome(supervision)
        while not self._stop.wait(_WATCH_S):
            self._watch(supervision)

    def _check_ports(self) -> None:
        problems = []
        for part in self._parts:
            for port in part.ports:
                if why := probes.taken(port.number, port.host):
                    problems.append(f"port {port.number} for the {part.title}: {why}. Free it, or set {port.variable}.")
        if problems:
            raise RunFailed("\n  ".join(["cannot start:", *problems]))

    def _start(self, supervision: Supervision, part: Part) -> None:
        if self._stop.is_set():
            return
        started = time.monotonic()
        say(f"  starting {part.title} ... ", end="")
        supervision.start(part.name)
        self._started.append(part)
        while not part.ready():
            state = supervision.states()[part.name]
            if state.gone:
                say("failed")
                raise RunFailed(_obituary(supervision, part, state.description))
            if time.monotonic() - started > _READY_WITHIN_S:
                say("failed")
                raise RunFailed(_obituary(supervision, part, f"not ready after {_READY_WITHIN_S} s"))
            if self._stop.wait(0.1):
                say("interrupted")
                return
        self._pids[part.name] = supervision.states()[part.name].pid
        say(f"ready ({time.monotonic() - started:.1f} s)")

    def _prepare(self) -> None:
        """Topics, schema and registry: what Jobs do before a roll-out."""
        for arguments, records in (
            (("topics", "--partitions", str(PARTITIONS)), ()),
            (("migrate",), ()),
            (("put", "sites"), demo_sites()),
            (("put", "chargers"), demo_chargers()),
        ):
            if self._stop.is_set():
                return
            self._admin(*arguments, records=records)

    def _admin(self, *arguments: str, records: Sequence[msgspec.Struct] = ()) -> None:
        data = b"\n".join(msgspec.json.encode(record) for record in records)
        command = [sys.executable, "-m", "ocpplog_common.admin", *arguments]
        environment = {**self._environment(), "OCPPLOG_LOG_LEVEL": "warning"}
        # In a session of its own: a Ctrl-C is for us, who end things in order.
        done = subprocess.run(command, input=data, env=environment, capture_output=True, check=False, start_new_session=True)
        if done.returncode:
            said = done.stderr.decode().strip().splitlines()
            raise RunFailed(said[-1] if said else f"ocpplog-admin {arguments[0]} ended with {done.returncode}")
        say(f"  {' '.join(arguments)}: {done.stdout.decode().strip()}")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._settings.environment()}

    def _make_keys_and_tokens(self) -> None:
        key = tokens.create_key(self._settings.key_file)
        tokens.create_key(self._settings.tag_key_file)
        directory = self._settings.directory / "tokens"
        directory.mkdir(parents=True, exist_ok=True)
        for role in Role:
            sites = [_VIEWER_SITE] if role is Role.VIEWER else [tokens.ALL_SITES]
            path = directory / role.value
            path.touch(mode=0o600)
            path.write_text(tokens.mint(key, f"local-{role}", role, sites, _TOKEN_DAYS * 24 * 3600) + "\n")

    def _welcome(self, supervision: Supervision) -> None:
        settings = self._settings
        token = (settings.directory / "tokens" / Role.SUPPORT).read_text().strip()
        dashboard = f"http://127.0.0.1:{settings.api_port}/"
        unknown = settings.gateway_default_site
        say(
            f"""
ocpplog is running.

  dashboard      {dashboard}#token={token}
  query API      {dashboard}v1/logs     (description: {dashboard}docs)
  chargers       ws://127.0.0.1:{settings.gateway_port}/ocpp/<charger id>     (unknown ones: {
                "refused" if unknown == "none" else f"site {unknown}"
            })
  ClickHouse     {settings.clickhouse_url}     (database ocpplog)
  Kafka          {settings.kafka_bootstrap}
  tokens         {settings.directory / "tokens"}/viewer, support, analyst     (viewer sees {_VIEWER_SITE} only)
  logs           {supervision.log("*")}

Ctrl-C stops everything."""
        )

    def _watch(self, supervision: Supervision) -> None:
        """Say what died; end the run where it cannot be started again."""
        states = supervision.states()
        for part in self._started:
            state = states[part.name]
            if state.gone:
                raise RunFailed(_obituary(supervision, part, state.description))
            if state.running and state.pid != self._pids.get(part.name):
                say(f"ocpplog: the {part.title} died and was started again (log: {supervision.log(part.name)})")
                self._pids[part.name] = state.pid

    def _stop_all(self, supervision: Supervision) -> None:
        if self._started:
            say("")
        for part in reversed(self._started):
            say(f"  stopping {part.title} ... ", end="")
            supervision.stop(part.name)
            say("done")


def _obituary(supervision: Supervision, part: Part, description: str) -> str:
    path = supervision.log(part.name)
    lines = path.read_text(errors="replace").splitlines()[-8:] if path.exists() else []
    memory = "" if part.restart else " Its topics were in memory: start again."
    return "\n    ".join([f"the {part.title} died: {description}.{memory} Its log ({path}) ends:", *lines])


def _failed(error: Exception) -> int:
    say(f"\nocpplog: {error}")
    return 1


def say(text: str, end: str = "\n") -> None:
    # Whoever read it may be gone, as behind a pipe after Ctrl-C: all that runs has to be ended all the same.
    with contextlib.suppress(OSError):
        print(text, end=end, flush=True)
