"""What sets the versions of OCPP apart for a central system, and the answers that they share.

An answer is a function of the request to the payload of its CALLRESULT. It takes every payload: a request without the fields
that the standard asks for gets the same answer as a complete one, since chargers in the field send such requests, and go on
charging when they are answered. Only where the answer has to repeat what the request lacks, there is none (None).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """`payload` as it was sent; `now`: RFC 3339, UTC; `transaction_id`: set where the action starts one."""

    payload: bytes
    now: str
    heartbeat_interval_s: int
    transaction_id: int = 0

    def read(self, shape: type[T]) -> T | None:
        """The payload as `shape`, or None where it does not fit."""
        try:
            return msgspec.json.decode(self.payload, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def has(self, field: str) -> bool:
        """Whether the payload is an object with that field, and the field is not null."""
        fields = self.read(dict[str, msgspec.Raw])
        return fields is not None and field in fields and bytes(fields[field]) != b"null"


Answer = Callable[[Request], Json | None]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A version of OCPP, as its central system speaks it.

    `answers`: by the actions that a charging station may send. `not_for_us`: the version's other actions.
    `starts`, `stops`: actions around a transaction whose id is the central system's to give; empty: stations do that themselves.
    """

    answers: Mapping[str, Answer]
    not_for_us: frozenset[str]
    not_a_call: str
    """Error code for a frame that is no OCPP-J."""
    unknown_type: str
    """Error code for a message type that the version lacks."""
    incomplete: str
    """Error code for a request that lacks what its answer has to repeat."""
    unreadable_id: bytes = b""
    """Message id, as JSON, of errors about frames whose own cannot be read; empty: such frames are not answered."""
    starts: str = ""
    stops: str = ""


def same(answer: Answer, actions: Iterable[str]) -> dict[str, Answer]:
    """A part of `Dialect.answers`: one answer for several actions."""
    return dict.fromkeys(actions, answer)


ACCEPTED: Final[Json] = {"status": "Accepted"}
REJECTED: Final[Json] = {"status": "Rejected"}


def nothing(_: Request) -> Json:
    return {}


def accepted(_: Request) -> Json:
    return ACCEPTED


def rejected(_: Request) -> Json:
    return REJECTED


def boot_notification(request: Request) -> Json:
    return {"currentTime": request.now, "interval": request.heartbeat_interval_s, "status": "Accepted"}


def heartbeat(request: Request) -> Json:
    return {"currentTime": request.now}


def data_transfer(_: Request) -> Json:
    """OCPP 1.6 section 4.3, OCPP 2.0.1 part 2 use case P02: what a receiver answers that knows nothing of this vendor."""
    return {"status": "UnknownVendorId"}
