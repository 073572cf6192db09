"""HTTP requests and what they take, alone and together."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_TIMEOUT_S: Final = 600
_IDLE_S: Final = 2


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a server on this machine."""

    port: int
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds until the answer began, and until it was read; `size`: its bytes."""

    first_byte_s: float
    whole_s: float
    size: int


class Failed(RuntimeError):
    """An answer other than 200."""


class Caller:
    """Keeps a connection to each server, as clients do."""

    def __init__(self) -> None:
        self._connections: dict[int, http.client.HTTPConnection] = {}
        self._used: dict[int, float] = {}

    def answer(self, call: Call) -> tuple[Took, bytes, dict[str, str]]:
        """Raises Failed."""
        connection = self._connection(call.port)
        started = time.perf_counter()
        connection.request(call.method, call.path, call.body or None, call.headers)
        answer = connection.getresponse()
        begun = time.perf_counter() - started
        content = answer.read()
        took = Took(begun, time.perf_counter() - started, len(content))
        self._used[call.port] = time.perf_counter()
        if answer.status != 200:
            raise Failed(f"{call.method} {call.path[:200]}: {answer.status} {content[:500]!r}")
        return took, content, dict(answer.getheaders())

    def take(self, calls: Sequence[Call]) -> Took:
        """One after the other: what one request of a client comes to."""
        found = [self.answer(call)[0] for call in calls]
        return Took(found[0].first_byte_s, sum(one.whole_s for one in found), sum(one.size for one in found))

    def _connection(self, port: int) -> http.client.HTTPConnection:
        found = self._connections.get(port)
        if found is None:
            found = self._connections[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        elif time.perf_counter() - self._used.get(port, 0.0) > _IDLE_S:
            # Its server may be about to close it.
            found.close()
        return found

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()


def together(variants: Sequence[Sequence[Call]], callers: int, seconds: float) -> list[tuple[int, Took]]:
    """Each of so many callers goes through the variants again and again, each from another one on, until the time is over.

    Returns the number of the variant with what it took.
    """
    found: list[tuple[int, Took]] = []
    failures: list[Exception] = []
    threads = [
        threading.Thread(target=_call, args=(variants, number, time.perf_counter() + seconds, found, failures))
        for number in range(callers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return found


def _call(
    variants: Sequence[Sequence[Call]], first: int, end: float, found: list[tuple[int, Took]], failures: list[Exception]
) -> None:
    caller, number = Caller(), first
    try:
        while True:
            variant = number % len(variants)
            found.append((variant, caller.take(variants[variant])))
            number += 1
            if time.perf_counter() >= end:
                return
    except (Failed, OSError, http.client.HTTPException) as error:
        failures.append(error)
    finally:
        caller.close()
