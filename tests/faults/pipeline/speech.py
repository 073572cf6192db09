"""What chargers of the fleet say, in OCPP 1.6 and 2.0.1: payloads, as text."""

from __future__ import annotations

import random
from typing import Final

OCPP16: Final = "ocpp1.6"
OCPP201: Final = "ocpp2.0.1"
_AT: Final = '"2026-11-24T10:00:00Z"'
_TOKEN: Final = '"idToken":{"idToken":"43434","type":"ISO14443"}'
Said = tuple[str, str]
"""An action, and the payload of its request."""


class Speech:
    """`protocol` decides the words; `chance` the readings."""

    def __init__(self, protocol: str, chance: random.Random) -> None:
        self._old = protocol == OCPP16
        self._chance = chance

    def boot(self) -> Said:
        if self._old:
            return "BootNotification", '{"chargePointVendor":"Helix","chargePointModel":"H2"}'
        return "BootNotification", '{"reason":"PowerUp","chargingStation":{"model":"H3","vendorName":"Helix"}}'

    def heartbeat(self) -> Said:
        return "Heartbeat", "{}"

    def status(self, connector: int, status: str) -> Said:
        if self._old:
            return "StatusNotification", f'{{"connectorId":{connector},"errorCode":"NoError","status":"{status}"}}'
        known = "Available" if status == "Available" else "Occupied"
        text = f'{{"timestamp":{_AT},"connectorStatus":"{known}","evseId":{connector},"connectorId":1}}'
        return "StatusNotification", text

    def authorize(self) -> Said:
        return "Authorize", '{"idTag":"43434"}' if self._old else f"{{{_TOKEN}}}"

    def start(self) -> Said:
        if self._old:
            return "StartTransaction", f'{{"connectorId":1,"idTag":"43434","meterStart":{self._number()},"timestamp":{_AT}}}'
        return "TransactionEvent", self._event("Started", "Authorized")

    def meter(self) -> Said:
        if self._old:
            return "MeterValues", f'{{"connectorId":1,"transactionId":4356987,"meterValue":[{self._entry()}]}}'
        return "TransactionEvent", self._event("Updated", "MeterValuePeriodic")

    def stop(self) -> Said:
        if self._old:
            text = f'{{"transactionId":4356987,"meterStop":{self._number()},"timestamp":{_AT},"reason":"Local"}}'
            return "StopTransaction", text
        return "TransactionEvent", self._event("Ended", "EVDeparted")

    def firmware(self, status: str) -> Said:
        return "FirmwareStatusNotification", f'{{"status":"{status}"}}' if self._old else f'{{"status":"{status}","requestId":1}}'

    def data(self, vendor: str, text: str = "x") -> Said:
        return "DataTransfer", f'{{"vendorId":"{vendor}","data":"{text}{self._number()}"}}'

    def _event(self, kind: str, trigger: str) -> str:
        metered = f',"meterValue":[{self._entry()}]' if kind == "Updated" else ""
        return (
            f'{{"eventType":"{kind}","timestamp":{_AT},"triggerReason":"{trigger}","seqNo":{self._number()},'
            f'"transactionInfo":{{"transactionId":"T-7"}}{metered}}}'
        )

    def _entry(self) -> str:
        samples = ",".join(self._sample(n) for n in range(self._chance.randint(1, 5)))
        return f'{{"timestamp":{_AT},"sampledValue":[{samples}]}}'

    def _sample(self, number: int) -> str:
        value, phase = self._number(), f"L{number % 3 + 1}"
        if self._old:
            return f'{{"value":"{value}","measurand":"Current.Import","phase":"{phase}","unit":"A"}}'
        return f'{{"value":{value},"measurand":"Current.Import","phase":"{phase}","unitOfMeasure":{{"unit":"A"}}}}'

    def _number(self) -> int:
        return self._chance.randrange(10**6)


def commanded(protocol: str, action: str) -> str:
    """The answer to a command."""
    return "{}" if (protocol, action) == (OCPP16, "UpdateFirmware") else '{"status":"Accepted"}'
