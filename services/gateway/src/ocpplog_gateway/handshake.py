"""What a handshake means: charger id and subprotocols. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from ocpplog_gateway.errors import Refusal

SUBPROTOCOLS: Final = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")
"""What we know, newest first: the order in which they are preferred."""
MAX_ID: Final = 48
"""Longest charger id: OCPP 2.0.1 part 4 section 3.1.1; OCPP 1.6 chargers use up to 25 characters."""
_ID: Final = re.compile(r"[A-Za-z0-9*\-_=:+|@.]([A-Za-z0-9*\-_=:+|@. ]*[A-Za-z0-9*\-_=:+|@.])?")
"""OCPP's identifierString (2.0.1 part 2, appendix), and blanks inside, which the field has."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a path asks for. `sites`: those that it may be about, since the path names a site; None: any."""

    charger_id: str
    sites: frozenset[str] | None = None


class Paths:
    """Where chargers connect: prefixes of the charger id, comma-separated.

    A segment `*` stands for any one segment, `{site}` for the id of the charger's site. Raises ValueError for what is no such
    list.
    """

    def __init__(self, prefixes: str) -> None:
        self._prefixes = [_segments(prefix) for prefix in prefixes.split(",")]
        self._shown = " or ".join(f"{'/'.join(['', *segments])}/<charger id>" for segments in self._prefixes)

    def find(self, path: str) -> Target:
        """What a request target asks for. Raises Refusal (404). Doubled and trailing slashes are forgiven."""
        # Not urlsplit: it takes what follows two slashes for a host.
        path = path.partition("?")[0] if path.startswith("/") else _path_of(path)
        *before, last = [segment for segment in path.split("/") if segment] or [""]
        found = [sites for prefix in self._prefixes if (sites := _match(prefix, before)) is not None]
        if not found or not last:
            raise Refusal(404, "path", f"chargers connect to {self._shown}")
        sites = None if frozenset() in found else frozenset[str]().union(*found)
        return Target(_charger_id(last), sites)


def _path_of(url: str) -> str:
    """Empty for what is no URL."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _segments(prefix: str) -> list[str]:
    prefix = prefix.strip()
    if not re.fullmatch(r"/?|(/[^/?#,\s]+)+", prefix):
        raise ValueError("comma-separated paths that begin with / and end without")
    segments = [segment for segment in prefix.split("/") if segment]
    if segments.count("{site}") > 1 or any(set("*{}") & set(segment) and segment not in ("*", "{site}") for segment in segments):
        raise ValueError("* and {site} stand for whole segments, {site} for one at most")
    return segments


def _match(prefix: Sequence[str], segments: Sequence[str]) -> frozenset[str] | None:
    """The site that is named, at most one; None: no match."""
    if len(prefix) != len(segments):
        return None
    named = set()
    for wanted, encoded in zip(prefix, segments, strict=True):
        given = unquote(encoded)
        if wanted == "{site}":
            named.add(given)
        elif wanted not in ("*", given):
            return None
    return frozenset(named)


def _charger_id(encoded: str) -> str:
    try:
        found = unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        raise Refusal(404, "charger-id", "charger id: not UTF-8") from None
    # Two that a server would take for a directory, in the path to the central system.
    if len(found) > MAX_ID or not _ID.fullmatch(found) or found in (".", ".."):
        raise Refusal(404, "charger-id", f"charger id: up to {MAX_ID} letters, digits and * - _ = : + | @ .")
    return found


def common_subprotocols(offered: Sequence[str]) -> list[str]:
    """What the charger offers and we know, newest first."""
    return [name for name in SUBPROTOCOLS if name in offered]


def has_credentials(url: str) -> bool:
    """Whether a URL names a user. Raises ValueError for what is no URL."""
    return "@" in urlsplit(url).netloc


def upstream_url(base: str, charger: str) -> str:
    return f"{base.rstrip('/')}/{quote(charger, safe='')}"
