"""The records of chargers: changes of /v1/chargers/{id}, and its key."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Response
from msgspec.structs import asdict

from ocpplog_query_api.auth import SupportCaller
from ocpplog_query_api.chargers.administration import Changed, ChargerAdministration
from ocpplog_query_api.chargers.administration_schemas import ChargerBody, ChargerKey, ChargerRecord
from ocpplog_query_api.errors import RESPONSES, Forbidden, NotFound, documented
from ocpplog_query_api.writing import OF_PUT, PROBLEMS, CurrentChanges, GivenPreconditions, KnownRegistry, Preconditions, etag

router = APIRouter(prefix="/v1/chargers", tags=["fleet"], responses=RESPONSES)
ChargerId = Annotated[str, Path(max_length=256, description="Charger id")]
_NOT_KEPT: Final = "no-store"


async def administration(caller: SupportCaller, records: KnownRegistry, conditions: GivenPreconditions) -> ChargerAdministration:
    return ChargerAdministration(records, caller, conditions)


async def known(caller: SupportCaller, records: KnownRegistry) -> ChargerAdministration:
    return ChargerAdministration(records, caller, Preconditions())


Administration = Annotated[ChargerAdministration, Depends(administration)]
Known = Annotated[ChargerAdministration, Depends(known)]


@router.get("/{charger_id}/record", summary="A charger's record", responses=documented(Forbidden, NotFound))
async def read(charger_id: ChargerId, of: Known, response: Response) -> ChargerRecord:
    """As PUT takes it, with its ETag. For the role support."""
    return _shown(Changed(of.record(charger_id)), response)


@router.put("/{charger_id}", summary="Create or replace a charger", responses=PROBLEMS | OF_PUT | {201: {"model": ChargerRecord}})
async def put(
    charger_id: ChargerId, body: ChargerBody, to: Administration, changes: CurrentChanges, response: Response
) -> ChargerRecord:
    """201 for a new one. Whoever replaces one sends its record's ETag as If-Match. Answered once Kafka has acknowledged."""
    changed = await changes.make(lambda: to.put(charger_id, body))
    response.status_code = 201 if changed.is_new else 200
    return _shown(changed, response)


@router.post("/{charger_id}/key", summary="Give a charger a new key", responses=PROBLEMS)
async def rotate(charger_id: ChargerId, to: Administration, changes: CurrentChanges, response: Response) -> ChargerKey:
    """The old key is of no use from then on, but for connections that are open. The new one is shown in this answer only."""
    changed = await changes.make(lambda: to.rotate(charger_id))
    _shown(changed, response)
    return ChargerKey(charger_id=charger_id, key=changed.key or "")


@router.delete("/{charger_id}", summary="Remove a charger", status_code=204, response_class=Response, responses=PROBLEMS)
async def remove(charger_id: ChargerId, to: Administration, changes: CurrentChanges) -> None:
    """It is let in no more. Its entries stay."""
    await changes.make(lambda: to.remove(charger_id))


def _shown(changed: Changed, response: Response) -> ChargerRecord:
    response.headers["ETag"] = etag(changed.charger)
    response.headers["Cache-Control"] = _NOT_KEPT
    fields = asdict(changed.charger)
    has_key = bool(fields.pop("password_hash"))
    return ChargerRecord(**fields, has_key=has_key, key=changed.key)
