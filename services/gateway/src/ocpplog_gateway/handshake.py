"""What a handshake means: charger id and subprotocols. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from ocpplog_gateway.errors import Refusal

SUBPROTOCOLS: Final = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")
"""What we know, newest first: the order in which they are preferred."""
MAX_ID: Final = 48
"""Longest charger id: OCPP 2.0.1 part 4 section 3.1.1; OCPP 1.6 chargers use up to 25 characters."""
_ID: Final = re.compile(r"[A-Za-z0-9*\-_=:+|@.]([A-Za-z0-9*\-_=:+|@. ]*[A-Za-z0-9*\-_=:+|@.])?")
"""OCPP's identifierString (2.0.1 part 2, appendix), and blanks inside, which the field has."""


def charger_id(target: str, prefix: str) -> str:
    """The charger id in a request target. Raises Refusal (404). Doubled and trailing slashes are forgiven."""
    path = re.sub(r"/{2,}", "/", urlsplit(target).path).rstrip("/")
    before, _, last = path.rpartition("/")
    if before != prefix or not last:
        raise Refusal(404, "path", f"chargers connect to {prefix}/<charger id>")
    try:
        found = unquote(last, errors="strict")
    except UnicodeDecodeError:
        raise Refusal(404, "charger-id", "charger id: not UTF-8") from None
    if len(found) > MAX_ID or not _ID.fullmatch(found):
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
