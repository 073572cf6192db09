"""What may become of the records of sites and chargers. No I/O.

Whoever changes a record reads the newest ones, decides here, and writes what comes out: `ocpplog_common.record_writer` does the
reading and writing, for the query API and for `ocpplog-admin`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from msgspec.structs import replace

from ocpplog_common.level_changes import put_over
from ocpplog_common.records import Charger, RecordError, Site, check_to_write
from ocpplog_common.secrets import hash_password

KEY_BYTES: Final = 20
"""Of a new key. As 40 hex digits it is the longest AuthorizationKey of OCPP 1.6 (security whitepaper, A00.FR.205: 16 to 20 bytes,
written as hex digits), and the longest BasicAuthPassword of OCPP 2.0.1 (part 2, A00.FR.205: 16 to 40 characters)."""
MAX_SITE_ID: Final = 64
MAX_CHARGER_ID: Final = 48
"""OCPP 2.0.1 part 4, section 3.1.1."""
_CHARGER_ID: Final = re.compile(r"[A-Za-z0-9*\-_=:+|@.]([A-Za-z0-9*\-_=:+|@. ]*[A-Za-z0-9*\-_=:+|@.])?")
"""As the gateway takes them: OCPP's identifierString (2.0.1 part 2, appendix), and blanks inside."""


class Records(Protocol):
    """The newest records, by their ids."""

    @property
    def sites(self) -> Mapping[str, Site]: ...

    @property
    def chargers(self) -> Mapping[str, Charger]: ...


@dataclass(frozen=True, slots=True)
class Removal:
    """Takes a record off its topic."""

    topic: str
    key: str


class UnknownRecord(ValueError):
    """There is no such record."""


class RecordInUse(ValueError):
    """A record that others need."""


def site(records: Records, site_id: str) -> Site:
    """Raises `UnknownRecord`."""
    if (found := records.sites.get(site_id)) is None:
        raise UnknownRecord(f"there is no site {site_id!r} in ocpp.sites")
    return found


def charger(records: Records, charger_id: str) -> Charger:
    """Raises `UnknownRecord`."""
    if (found := records.chargers.get(charger_id)) is None:
        raise UnknownRecord(f"there is no charger {charger_id!r} in ocpp.chargers")
    return found


def put_site(records: Records, line: Site, *, who: str, now: datetime, is_copy: bool = False) -> Site:
    """The record to write for a new site, or in the place of one that is there: see `put_over`. Of a copy of a record the id is
    taken as it is: an older release may have written it. Raises `RecordError` and `LevelChangeError`."""
    found = records.sites.get(line.site_id)
    if found is None and not is_copy:
        _check_site_id(line.site_id)
    check_to_write(line)
    return put_over(found, line, who=who, now=now)


def check_site_unused(records: Records, site_id: str) -> None:
    """Raises `UnknownRecord`, or `RecordInUse` while chargers belong to the site."""
    site(records, site_id)
    if count := sum(charger.site_id == site_id for charger in records.chargers.values()):
        raise RecordInUse(
            f"{count} charger{'s belong' if count > 1 else ' belongs'} to site {site_id!r}: remove or move them first"
        )


def put_charger(records: Records, line: Charger) -> Charger:
    """The record to write for a new charger, or in the place of one that is there, which keeps its key unless `line` has one.
    Raises `RecordError`."""
    found = records.chargers.get(line.charger_id)
    if found is None:
        _check_charger_id(line.charger_id)
    if line.site_id not in records.sites:
        raise RecordError(f"{line.charger_id}: site_id: there is no site {line.site_id!r} in ocpp.sites", "site_id")
    check_to_write(line)
    return replace(line, password_hash=line.password_hash or (found.password_hash if found else ""))


def with_new_key(line: Charger) -> tuple[Charger, str]:
    """The charger with a random key, and the key: 40 hex digits. The record has only its hash."""
    key = secrets.token_hex(KEY_BYTES)
    return replace(line, password_hash=hash_password(key.encode())), key


def _check_site_id(site_id: str) -> None:
    """`*` means all sites in a token. Addresses have site ids as one segment."""
    bad = not site_id.isprintable() or site_id != site_id.strip() or site_id in ("", ".", "..") or set(site_id) & set("*/\\")
    if bad or len(site_id) > MAX_SITE_ID:
        raise RecordError(f"{site_id!r}: site_id: up to {MAX_SITE_ID} printable characters without * / \\", "site_id")


def _check_charger_id(charger_id: str) -> None:
    if len(charger_id) > MAX_CHARGER_ID or not _CHARGER_ID.fullmatch(charger_id) or charger_id in (".", ".."):
        raise RecordError(
            f"{charger_id!r}: charger_id: up to {MAX_CHARGER_ID} letters, digits and * - _ = : + | @ .", "charger_id"
        )
