"""What all endpoints share that change the records of sites and chargers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Header, Request

from ocpplog_common import records
from ocpplog_common.level_changes import LevelChangeError
from ocpplog_common.record_changes import RecordInUse, UnknownRecord
from ocpplog_common.record_writer import Decide, RecordWriter, WriteFailed
from ocpplog_common.record_writer import MaybeWritten as Unsure
from ocpplog_common.records import Charger, RecordError, Site
from ocpplog_query_api.errors import (
    ApiError,
    ChangedMeanwhile,
    Conflict,
    Forbidden,
    InvalidParameter,
    MaybeWritten,
    NotFound,
    NotWritten,
    PreconditionRequired,
    RecordsUnavailable,
    documented,
)
from ocpplog_query_api.registry import CurrentRegistry, Registry

_Result = TypeVar("_Result")
_FAILURES: Final = (WriteFailed, UnknownRecord, RecordInUse, RecordError, LevelChangeError)
_LATER: Final = {"Retry-After": "2"}
PROBLEMS: Final = documented(Forbidden, NotFound, Conflict, ChangedMeanwhile)
OF_PUT: Final = documented(PreconditionRequired)


def etag(record: Site | Charger) -> str:
    """Of a record as it stands on its topic; for those who may read all of it."""
    return f'"{hashlib.sha256(records.encode(record)).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Preconditions:
    """If-Match and If-None-Match (RFC 9110, section 13.1), of a change."""

    if_match: str = ""
    if_none_match: str = ""

    def check(self, found: Site | Charger | None) -> None:
        """Raises ChangedMeanwhile."""
        if self.if_match and (found is None or not _matches(self.if_match, found)):
            raise ChangedMeanwhile("Read it again: the ETag of then is not that of now.")
        if self.if_none_match and found is not None and _matches(self.if_none_match, found):
            raise ChangedMeanwhile("It is there already.")

    def check_replacing(self, found: Site | Charger | None) -> None:
        """Of what takes the place of the whole: it must say of what, so that nobody's change is lost. Raises ChangedMeanwhile and
        PreconditionRequired (RFC 6585, section 3)."""
        self.check(found)
        if found is not None and not self.if_match:
            raise PreconditionRequired("Send the ETag that you have read as If-Match, or If-Match: * for whatever is there.")


def _matches(header: str, record: Site | Charger) -> bool:
    """A proxy that compresses may have made the tag a weak one."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag(record) in tags


async def preconditions(
    if_match: Annotated[str, Header(max_length=1024, description="ETag of what is changed, as it was read; * for any")] = "",
    if_none_match: Annotated[str, Header(max_length=1024, description="*: only where there is none yet")] = "",
) -> Preconditions:
    return Preconditions(if_match, if_none_match)


GivenPreconditions = Annotated[Preconditions, Depends(preconditions)]


class Changes:
    """Makes changes, and says in the API's words why not."""

    def __init__(self, writer: RecordWriter) -> None:
        self._writer = writer

    async def make(self, decide: Decide[_Result]) -> _Result:
        """As RecordWriter.change: the answer comes once Kafka has acknowledged, and the records here follow. Raises ApiError."""
        try:
            return await self._writer.change(decide)
        except _FAILURES as error:
            raise _problem(error) from error


def _problem(error: Exception) -> ApiError:
    if isinstance(error, WriteFailed):
        return MaybeWritten(f"{error}. Read again.", _LATER) if isinstance(error, Unsure) else NotWritten(f"{error}.", _LATER)
    if isinstance(error, UnknownRecord):
        return NotFound("It is not registered.")
    field = getattr(error, "field", "")
    # Records are named in what their errors say, for those who write many at once.
    return InvalidParameter(field, str(error).rpartition(f"{field}: ")[2]) if field else Conflict(f"{error}.")


async def changes(request: Request) -> Changes:
    return Changes(request.app.state.writer)


CurrentChanges = Annotated[Changes, Depends(changes)]


async def known_registry(registry: CurrentRegistry) -> Registry:
    """The registry, for who cannot do without. Raises RecordsUnavailable."""
    if not registry.ready:
        raise RecordsUnavailable("Kafka does not answer, or its topics are not there.", _LATER)
    return registry


KnownRegistry = Annotated[Registry, Depends(known_registry)]
Responses = dict[int | str, dict[str, Any]]
