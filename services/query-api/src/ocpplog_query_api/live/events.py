"""Server-Sent Events, as the HTML standard has them (section 9.2.6)."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

PING: Final = b": ping\n\n"
RETRY: Final = b"retry: 1000\n\n"
Kind = Literal["entry", "missed", "waiting", "live", "end"]


def event(kind: Kind, data: str, place: str = "") -> bytes:
    """`data` is one line; `place` becomes the client's last event id."""
    return f"event: {kind}\n{_id(place)}data: {data}\n\n".encode()


def ping(place: str = "") -> bytes:
    """A comment. An id without data is no event, but the client's last event id all the same."""
    return PING + (_id(place) + "\n").encode() * bool(place)


def told(**members: object) -> str:
    return msgspec.json.encode(members).decode()


def _id(place: str) -> str:
    return f"id: {place}\n" if place else ""
