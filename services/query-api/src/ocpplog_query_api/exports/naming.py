"""Names of files that say what is in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

_UNSAFE: Final = re.compile(r'[\s\x00-\x1f\x7f-\x9f"*/:;<>?\\|%\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+')
"""What file systems or RFC 6266 forbid, and what turns text around so that a name seems to end otherwise."""
_SITES: Final = 3


def file_name(
    sites: Sequence[str] | None, since: datetime | None, until: datetime | None, truncated_to: int | None, suffix: str
) -> str:
    """`sites`: None for all of them. Times are as asked for."""
    parts = ["ocpp-log", _sites(sites)]
    parts += [f"from-{_moment(since)}"] if since else []
    parts += [f"to-{_moment(until)}"] if until else []
    parts += [f"newest-{truncated_to}"] if truncated_to else []
    return f"{'_'.join(parts)}.{suffix}"


def disposition(name: str) -> str:
    """Content-Disposition (RFC 6266): the name in ASCII, and as it is where that differs."""
    plain = re.sub(r"[^\x20-\x7e]+", "-", name)
    full = f"; filename*=UTF-8''{quote(name, safe='')}" if plain != name else ""
    return f'attachment; filename="{plain}"{full}'


def _sites(sites: Sequence[str] | None) -> str:
    if sites is None:
        return "all-sites"
    if not sites or len(sites) > _SITES:
        return f"{len(sites) or 'no'}-sites"
    return "+".join(_UNSAFE.sub("-", site)[:40].strip(".-") or "site" for site in sites)


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")
