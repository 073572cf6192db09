"""Changes of chargers: what is to be written, as ocpplog_common.record_writer asks for it. Each may be asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ocpplog_common import record_changes, topics
from ocpplog_common.record_changes import Records, Removal
from ocpplog_common.record_writer import Write
from ocpplog_common.records import Charger
from ocpplog_query_api.chargers.administration_schemas import ChargerBody
from ocpplog_query_api.errors import Conflict, InvalidParameter, NotFound
from ocpplog_query_api.verification import Caller
from ocpplog_query_api.writing import Preconditions


@dataclass(frozen=True, slots=True)
class Changed:
    """`key`: where a new one was made; it is in no record."""

    charger: Charger
    is_new: bool = False
    key: str | None = None


@dataclass(frozen=True, slots=True)
class ChargerAdministration:
    """By one caller, who may change the chargers of the sites that their token names."""

    records: Records
    caller: Caller
    conditions: Preconditions

    def record(self, charger_id: str) -> Charger:
        """Raises NotFound, for one of another site too."""
        found = self.records.chargers.get(charger_id)
        if found is None or not self.caller.scope.has(found.site_id):
            raise NotFound("There is no such charger.")
        return found

    def put(self, charger_id: str, body: ChargerBody) -> tuple[Sequence[Write], Changed]:
        """Raises ApiError and ValueErrors of ocpplog_common."""
        if not self.caller.scope.has(body.site_id):
            raise InvalidParameter("site_id", f"there is no site {body.site_id!r} in ocpp.sites")
        found = self.records.chargers.get(charger_id)
        if found and not self.caller.scope.has(found.site_id):
            raise Conflict("This id cannot be given: it is taken.")
        self.conditions.check_replacing(found)
        line = record_changes.put_charger(self.records, Charger(charger_id, **body.model_dump(exclude={"new_key"})))
        changed, key = record_changes.with_new_key(line) if body.new_key else (line, None)
        return [changed] if changed != found else [], Changed(changed, found is None, key)

    def rotate(self, charger_id: str) -> tuple[Sequence[Write], Changed]:
        found = self.record(charger_id)
        self.conditions.check(found)
        changed, key = record_changes.with_new_key(found)
        return [changed], Changed(changed, key=key)

    def remove(self, charger_id: str) -> tuple[Sequence[Write], None]:
        self.conditions.check(self.record(charger_id))
        return [Removal(topics.CHARGERS, charger_id)], None
