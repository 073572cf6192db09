"""What the compacted topics hold: sites and chargers, as JSON records keyed by their id; the connection events; and gaps."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from ocpplog_common.envelope import Source
from ocpplog_common.levels import Level
from ocpplog_common.secrets import is_hash


class RecordError(ValueError):
    """A record that cannot be read, or must not be written: says which field and why. `field`: its name, if any."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


class Connectivity(StrEnum):
    """How a site reaches the central system. Decides the default log level."""

    WIRELESS = "wireless"
    LAN = "lan"


class LevelName(StrEnum):
    MINIMAL = "minimal"
    INFO = "info"
    DEBUG = "debug"

    def level(self) -> Level:
        return Level.parse(self.value)


class IdTags(StrEnum):
    """What becomes of RFID tags in the rows of a site: they stay, or `ocpplog_common.id_tags` says what stands for them."""

    PLAIN = "plain"
    MASKED = "masked"
    HASHED = "hashed"


_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Some = Annotated[int, msgspec.Meta(ge=1)]
RetentionDays = Annotated[int, msgspec.Meta(ge=1, le=3650)]


class LevelChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who changed a site's log level, when, from what to what, until when (None: for good), and why."""

    who: str
    at: _Moment
    before: LevelName
    after: LevelName
    why: str = ""
    until: _Moment | None = None

    def holds_at(self, moment: datetime) -> bool:
        """Whether this change, which came before `moment`, has not expired then."""
        return self.until is None or moment < self.until


class Site(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of `ocpp.sites`, key = `site_id`.

    `level` empty means the default of the connectivity. With `level_until`, `level` holds until then and `level_after`
    (empty: the default) from then on. `history` has the last changes, newest first: `level_changes.change_level` keeps it and
    the level together. `retention_days`: how long rows are kept, of whatever level; None: as the enricher's settings say.
    `upstream` is the URL of the site's central system, to which the charger id is added; `upstream_credentials` names the
    gateway's credentials for it (empty: the charger's own are passed on). `last_change` is read from records of older
    releases, and not written any more.
    """

    site_id: str
    name: str = ""
    connectivity: Connectivity = Connectivity.LAN
    level: LevelName | None = None
    level_until: _Moment | None = None
    level_after: LevelName | None = None
    history: tuple[LevelChange, ...] = ()
    retention_days: RetentionDays | None = None
    upstream: str = ""
    upstream_credentials: str = ""
    id_tags: IdTags = IdTags.PLAIN
    last_change: LevelChange | None = None

    def level_at(self, moment: datetime) -> Level:
        """The log level in force at `moment` (aware): what the newest change says that had come by then and had not expired.

        Before the oldest change of `history`, it is the level which that one found.
        """
        later: LevelChange | None = None
        for change in self.history:
            if change.at > moment:
                later = change
            elif change.holds_at(moment):
                return change.after.level()
        return later.before.level() if later else self._standing_at(moment)

    def level_ends_at(self, moment: datetime) -> datetime | None:
        """When the level in force at `moment` (aware), after all changes, ends by itself; None: it does not."""
        for change in self.history:
            if change.at > moment:
                return None
            if change.holds_at(moment):
                return change.until
        return self.level_until if self.level_until and self.level_until > moment else None

    def _standing_at(self, moment: datetime) -> Level:
        expired = self.level_until is not None and moment >= self.level_until
        name = self.level_after if expired else self.level
        return name.level() if name else default_level(self.connectivity)


class MissingSubprotocol(StrEnum):
    """What to do with a charger that offers no subprotocol: refuse it, or take it as OCPP 1.6."""

    REFUSE = "refuse"
    OCPP16 = "ocpp1.6"


SecurityProfile = Annotated[int, msgspec.Meta(ge=0, le=3)]
"""0: no authentication; 1: HTTP Basic; 2: HTTP Basic over TLS; 3: client certificate over TLS (OCPP 1.6 security whitepaper,
section 2; OCPP 2.0.1 part 2, A00)."""


class Charger(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of `ocpp.chargers`, key = `charger_id`.

    `password_hash` as `ocpplog_common.secrets.hash_password` makes it; empty: the charger has no password, and comes in with a
    client certificate or where profile 0 is allowed. `user_name`, `certificate_name` and `certificate_organisation` are what it
    shows where that is not the charger id (the last: not the gateway's setting). `min_profile` and `missing_subprotocol` go
    before the gateway's settings, `upstream` and `upstream_credentials` before the site's.
    """

    charger_id: str
    site_id: str
    password_hash: str = ""
    user_name: str = ""
    certificate_name: str = ""
    certificate_organisation: str = ""
    min_profile: SecurityProfile | None = None
    missing_subprotocol: MissingSubprotocol | None = None
    upstream: str = ""
    upstream_credentials: str = ""


class ConnectionEventKind(StrEnum):
    CONNECT = "connect"
    REFUSE = "refuse"
    DISCONNECT = "disconnect"


_Code = Annotated[int, msgspec.Meta(ge=0, le=65535)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class ConnectionEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of `ocpp.connections`, key = charger id. `at` is aware; `close_code` as RFC 6455 section 7.4, or the HTTP status
    of a refusal."""

    kind: ConnectionEventKind
    charger_id: str
    at: _Moment
    gateway_id: str
    site_id: str = ""
    connection_id: str = ""
    peer: str = ""
    subprotocol: str = ""
    profile: SecurityProfile | None = None
    """OCPP security profile with which the charger came in."""
    registered: bool = True
    """Of connects and disconnects: whether `ocpp.chargers` has the charger. Where not, it came in as one of the gateway's default
    site."""
    close_code: _Code | None = None
    closed_by: str = ""
    reason: str = ""
    duration_s: float | None = None
    frames_from_charger: _Count = 0
    frames_from_csms: _Count = 0


class Gap(msgspec.Struct, frozen=True):
    """A record of `ocpp.frames` with opcode `gap`: frames of one sender that are not recorded.

    They were passed on all the same or, in mode `strict`, refused.

    `first_at` and `last_at` (aware) say when the first and the last of the `count` frames, `bytes` long together, were
    received; `connections` over how many connections of the charger they are spread; `reason` why they are missing.
    """

    charger_id: str
    site_id: str
    source: Source
    first_at: _Moment
    last_at: _Moment
    count: _Some
    bytes: int
    connections: _Some = 1
    reason: str = ""


_Record = TypeVar("_Record")
_CREDENTIALS_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

UNKNOWN_SITE_LEVEL = Level.INFO
"""What is logged of a site that `ocpp.sites` does not have."""


def default_level(connectivity: Connectivity) -> Level:
    return Level.MINIMAL if connectivity is Connectivity.WIRELESS else Level.INFO


def check_upstream(url: str) -> None:
    """Raises `ValueError`, which never repeats `url`, where it is no address of a central system, as ws:// or wss://."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    # An empty one too: the charger id is added at the end, and would be in it.
    if not good or "?" in url or "#" in url:
        raise ValueError("not a ws:// or wss:// address without query or fragment")


def is_credentials_name(name: str) -> bool:
    """Whether `name` can be the name of credentials: a file of a directory, and nothing outside it."""
    return bool(_CREDENTIALS_NAME.fullmatch(name))


def check_fields(line: bytes, record: Site | Charger) -> None:
    """Raises `RecordError` for a field of `line` that `record`, which was decoded from it, does not have: mistyped, it would say
    nothing. On the topics they stay unread: a newer release may have written them."""
    for name in msgspec.json.decode(line):
        if name not in record.__struct_fields__:
            known = ", ".join(record.__struct_fields__)
            raise RecordError(f"{_name_of(record)}: {name}: there is no such field; there are: {known}", name)


def _name_of(record: Site | Charger) -> str:
    return record.site_id if isinstance(record, Site) else record.charger_id


def check_to_write(record: Site | Charger) -> None:
    """Raises `RecordError` for what must not be written, or would be of no use. A user and password in a URL would be readable
    to everybody who reads the topic."""
    name = _name_of(record)
    if isinstance(record, Charger) and record.password_hash and not is_hash(record.password_hash):
        raise RecordError(
            f"{name}: password_hash: not hmac-sha256$<salt>$<digest>; `ocpplog-admin charger` makes keys", "password_hash"
        )
    if record.upstream:
        if "@" in record.upstream.partition("://")[2].partition("/")[0]:
            raise RecordError(
                f"{name}: upstream: credentials must not be on Kafka; name them in upstream_credentials, and put user:password "
                "into the gateway's file of that name",
                "upstream",
            )
        try:
            check_upstream(record.upstream)
        except ValueError as error:
            raise RecordError(f"{name}: upstream: {error}", "upstream") from None
    if record.upstream_credentials and not is_credentials_name(record.upstream_credentials):
        raise RecordError(f"{name}: upstream_credentials: a name of letters, digits and . _ -", "upstream_credentials")


def encode(record: Site | Charger | ConnectionEvent | Gap) -> bytes:
    return msgspec.json.encode(record)


def decode_site(value: bytes) -> Site:
    """A record of an older release has its last change as its history. Raises `RecordError`."""
    site = _decode(value, Site)
    changes = (*site.history, *filter(None, [site.last_change]))
    _check_moments(Site, site.level_until, *(moment for change in changes for moment in (change.at, change.until)))
    change = site.last_change
    # Were they at odds, the level would be what it was always taken for.
    if change is None or site.history or change.after is not site.level:
        return site
    known = msgspec.structs.replace(change, until=site.level_until)
    return msgspec.structs.replace(site, history=(known,), last_change=None)


def decode_charger(value: bytes) -> Charger:
    """Raises `RecordError`."""
    return _decode(value, Charger)


def decode_connection_event(value: bytes) -> ConnectionEvent:
    """Raises `RecordError`."""
    return _decode(value, ConnectionEvent)


def decode_gap(value: bytes) -> Gap:
    """Raises `RecordError`."""
    gap = _decode(value, Gap)
    _check_moments(Gap, gap.first_at, gap.last_at)
    return gap


def _decode(value: bytes, kind: type[_Record]) -> _Record:
    try:
        return msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"{kind.__name__} record: {error}") from error


def _check_moments(kind: type[Site | Gap], *moments: datetime | None) -> None:
    """Raises `RecordError` for one that has no place in UTC: before the year 1, or after 9999."""
    for moment in filter(None, moments):
        try:
            moment.astimezone(UTC)
        except OverflowError:
            raise RecordError(f"{kind.__name__} record: {moment.isoformat()} is out of range") from None
