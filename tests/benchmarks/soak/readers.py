"""Who reads meanwhile: one caller who opens the dashboard again and again, and one who follows a charger."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import httpx

from benchmarks.api_calls import Call, Caller, Failed
from benchmarks.api_recorder import Recorder
from benchmarks.api_requests import start_view
from benchmarks.api_rig import Api
from benchmarks.pipeline import DATABASE, Pipeline

_PAUSE_S: Final = 5.0
_SILENCE_S: Final = 60.0
"""The tail pings more often than that."""


class Reader:
    """A thread that works until it is told to stop. What it could not do is among its `failures`."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guarded)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _guarded(self) -> None:
        try:
            self._run()
        except Exception as error:
            # Of whatever kind: who does not read any more says nothing of what could be read.
            if not self._stop.is_set():
                self.failures.append(f"{type(error).__name__}: {error}")

    def _run(self) -> None:
        raise NotImplementedError


class Visitor(Reader):
    """Asks what a page asks when it opens, every few seconds. `last_ms`: what it took last, all of it."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        assert pipeline.api
        self._api = Api(pipeline.store, DATABASE, pipeline.api.port, 0, pipeline.api.port, Recorder(0), pipeline.token)
        self.views = 0
        self.last_ms = 0.0

    def _run(self) -> None:
        calls = [self._api.call(asked.path, asked.variants[0]) for asked in start_view(self._api)]
        while not self._stop.is_set():
            self._look(calls)
            self._stop.wait(_PAUSE_S)

    def _look(self, calls: list[Call]) -> None:
        caller = Caller()
        try:
            self.last_ms = caller.take(calls).whole_s * 1000
            self.views += 1
        except (OSError, Failed) as error:
            self.failures.append(f"{type(error).__name__}: {error}")
        finally:
            caller.close()


class Follower(Reader):
    """Follows one charger. `ids`: of the entries that came; `missed`: how many it was told that it missed."""

    def __init__(self, pipeline: Pipeline, charger_id: str) -> None:
        super().__init__()
        assert pipeline.api
        self._url = f"http://127.0.0.1:{pipeline.api.port}/v1/logs/tail"
        self._headers = {"Authorization": f"Bearer {pipeline.token}"}
        self._charger_id = charger_id
        self.ids: set[str] = set()
        self.missed = 0
        self.live = threading.Event()
        """Set once what is stored from now on will come."""

    def wait_for(self, entries: int, within_s: float) -> None:
        """Returns once so many have come, or after that time."""
        deadline = time.monotonic() + within_s
        while len(self.ids) < entries and time.monotonic() < deadline:
            time.sleep(0.2)

    def _run(self) -> None:
        asked = {"charger": self._charger_id}
        with httpx.stream("GET", self._url, params=asked, headers=self._headers, timeout=_SILENCE_S) as answer:
            answer.raise_for_status()
            self._follow(answer)
        if not self._stop.is_set():
            self.failures.append("the tail ended")

    def _follow(self, answer: httpx.Response) -> None:
        kind = ""
        took: dict[str, Callable[[dict[str, object]], None]] = {"entry": self._entry, "missed": self._missed, "live": self._live}
        for line in answer.iter_lines():
            if self._stop.is_set():
                return
            name, _, value = line.partition(": ")
            kind = value if name == "event" else kind
            if name == "data" and kind in took:
                took[kind](json.loads(value))

    def _entry(self, data: dict[str, object]) -> None:
        self.ids.add(str(data["id"]))

    def _missed(self, data: dict[str, object]) -> None:
        self.missed += int(str(data["missed"]))

    def _live(self, _: dict[str, object]) -> None:
        self.live.set()
