"""The columns of OCPP 2.0.1 and 2.1, from the bytes of the frames: what means the same as in 1.6 (docs/fields.md)."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from ocpplog_common.envelope import Source
from ocpplog_enricher.domain.rows import LogRow
from support.exchanges import row
from support.ocpp_schemas import example, request_schema

BOTH: Final = pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
TIME: Final = "2024-11-26T10:03:49Z"
STORED: Final = "2024-11-26 10:03:49.000000"
FIELDS: Final = (
    "connector_id", "status", "error_code", "vendor_error_code", "info", "vendor_id", "request_timestamp", "id_tag",
    "id_tag_info_status", "transaction_id", "meter_stop", "reason",
)  # fmt: skip
Json = dict[str, Any]


def log(action: str, request: Json, response: Json | None = None, *, subprotocol: str = "ocpp2.0.1") -> LogRow:
    asked = msgspec.json.encode([2, "m", action, request])
    answered = msgspec.json.encode([3, "m", response or {}])
    return row(asked, (Source.CSMS, answered), subprotocol=subprotocol).log


def filled(found: LogRow) -> Json:
    return {name: value for name in FIELDS if (value := getattr(found, name)) not in (None, "")}


def transaction(event: str = "Updated", *, info: Json | None = None, **more: object) -> Json:
    return {
        "eventType": event,
        "timestamp": TIME,
        "triggerReason": "ChargingStateChanged",
        "seqNo": 1,
        "transactionInfo": {"transactionId": "ab-12"} | (info or {}),
        **more,
    }


def metered(*samples: Json, at: str = TIME) -> Json:
    return {"timestamp": at, "sampledValue": list(samples)}


class TestTransactionEvent:
    @BOTH
    def test_all_that_it_can_say(self, subprotocol: str) -> None:
        request = transaction(
            "Ended",
            info={"stoppedReason": "EVDisconnected", "chargingState": "Idle"},
            evse={"id": 2, "connectorId": 1},
            idToken={"idToken": "04AB", "type": "ISO14443"},
            meterValue=[metered({"value": 12.5, "context": "Transaction.End", "unitOfMeasure": {"unit": "kWh"}})],
        )
        found = log("TransactionEvent", request, {"idTokenInfo": {"status": "Accepted"}}, subprotocol=subprotocol)
        assert filled(found) == {
            "connector_id": 2,
            "status": "Idle",
            "request_timestamp": STORED,
            "id_tag": "04AB",
            "id_tag_info_status": "Accepted",
            "transaction_id": "ab-12",
            "meter_stop": 12500.0,
            "reason": "EVDisconnected",
        }
        assert found.violations == []

    @pytest.mark.parametrize("state", ["Charging", "SuspendedEV", "SuspendedEVSE", "EVConnected", "Idle"])
    def test_operational_state(self, state: str) -> None:
        assert log("TransactionEvent", transaction(info={"chargingState": state})).status == state

    def test_the_least_of_it(self) -> None:
        """What is absent stays empty: a reason that the standard would suppose (Local), too."""
        found = log("TransactionEvent", transaction("Ended"))
        assert filled(found) == {"request_timestamp": STORED, "transaction_id": "ab-12"}
        assert found.violations == []

    def test_what_is_of_the_wrong_type(self) -> None:
        request = transaction(info={"chargingState": 1, "stoppedReason": []}) | {"idToken": "04AB", "evse": {"id": "2"}}
        found = log("TransactionEvent", request)
        assert filled(found) == {"request_timestamp": STORED, "transaction_id": "ab-12"}
        assert {line.partition(": ")[0] for line in found.violations} == {
            "request.transactionInfo.chargingState",
            "request.transactionInfo.stoppedReason",
            "request.idToken",
            "request.evse.id",
        }


class TestMeterStop:
    END: Final[Json] = {"value": 500, "context": "Transaction.End", "measurand": "Energy.Active.Import.Register"}

    @pytest.mark.parametrize(
        ("samples", "expected"),
        [
            ([END], 500.0),
            ([END | {"unitOfMeasure": {"unit": "Wh", "multiplier": 3}}], 500_000.0),
            ([{"value": 500, "context": "Transaction.End"}], 500.0),
            ([END | {"phase": "L1"}], None),
            ([END | {"context": "Sample.Periodic"}], None),
            ([{"value": 500}], None),
            ([END | {"measurand": "Energy.Active.Export.Register"}], None),
            ([END | {"unitOfMeasure": {"unit": "W"}}], None),
            ([END | {"value": None}], None),
            ([END | {"context": "Transaction.Begin", "value": 1}, END, END | {"phase": "L2", "value": 2}], 500.0),
            ([END, END | {"location": "Inlet", "value": 9}], 500.0),
        ],
    )
    def test_is_the_register_at_the_end_without_a_phase_in_wh(self, samples: list[Json], expected: float | None) -> None:
        assert log("TransactionEvent", transaction("Ended", meterValue=[metered(*samples)])).meter_stop == expected

    def test_of_several_the_newest(self) -> None:
        entries = [metered(self.END, at="2024-11-26T10:03:50Z"), metered(self.END | {"value": 1})]
        assert log("TransactionEvent", transaction("Ended", meterValue=entries)).meter_stop == 500.0

    def test_only_of_what_ended(self) -> None:
        assert log("TransactionEvent", transaction("Updated", meterValue=[metered(self.END)])).meter_stop is None
        assert log("MeterValues", {"evseId": 1, "meterValue": [metered(self.END)]}).meter_stop is None


def event(variable: str, actual: str, component: str = "Connector", *, evse: int | None = 1, **more: object) -> Json:
    place: Json = {"name": component} | ({} if evse is None else {"evse": {"id": evse, "connectorId": 1}})
    return {
        "eventId": 1,
        "timestamp": TIME,
        "trigger": "Delta",
        "actualValue": actual,
        "eventNotificationType": "HardWiredNotification",
        "component": place,
        "variable": {"name": variable},
        **more,
    }


AVAILABLE: Final = event("AvailabilityState", "Available", timestamp="2024-11-26T10:03:00Z")
FAULTED: Final = event("AvailabilityState", "Faulted", evse=2)
LOCK: Final = event("Problem", "true", "ConnectorPlugRetentionLock", techCode="E1042", techInfo="lock feedback missing")
WARM: Final = event("Temperature", "71.5", "PowerConverter", evse=3, trigger="Alerting")
OUT: Final = event("AvailabilityState", "Unavailable", techCode="E7")
AT: Final = {"request_timestamp": STORED}
FAULT_1: Final = {"connector_id": 1, "status": "Faulted"}


class TestNotifyEvent:
    @staticmethod
    def told(*events: Json, subprotocol: str = "ocpp2.0.1") -> LogRow:
        return log("NotifyEvent", {"generatedAt": TIME, "seqNo": 0, "eventData": list(events)}, subprotocol=subprotocol)

    @BOTH
    @pytest.mark.parametrize(
        ("only", "expected"),
        [
            (FAULTED, AT | {"connector_id": 2, "status": "Faulted"}),
            (
                LOCK,
                AT
                | {"connector_id": 1, "error_code": "ConnectorPlugRetentionLock.Problem", "vendor_error_code": "E1042"}
                | {"info": "lock feedback missing"},
            ),
            (LOCK | {"actualValue": "false", "cleared": True, "techCode": "", "techInfo": ""}, AT | {"connector_id": 1}),
            (LOCK | {"cleared": True}, AT | {"connector_id": 1, "vendor_error_code": "E1042", "info": "lock feedback missing"}),
            (
                event("Temperature", "99", "PowerConverter", techCode="0x51"),
                AT | {"connector_id": 1, "error_code": "PowerConverter.Temperature", "vendor_error_code": "0x51"},
            ),
            (WARM, AT | {"connector_id": 3}),
            (event("AvailabilityState", "Unavailable", "ChargingStation", evse=None), AT | {"status": "Unavailable"}),
            (event("AvailabilityState", "Occupied", "EVSE"), AT | {"connector_id": 1, "status": "Occupied"}),
            (
                event("AvailabilityState", "Unavailable", techCode="E7"),
                AT
                | {"connector_id": 1, "status": "Unavailable", "error_code": "Connector.AvailabilityState"}
                | {"vendor_error_code": "E7"},
            ),
            (
                event("AvailabilityState", "Available", techCode="0"),
                AT | {"connector_id": 1, "status": "Available", "vendor_error_code": "0"},
            ),
            (event("AvailabilityState", "Faulted", techCode="E7"), AT | FAULT_1 | {"vendor_error_code": "E7"}),
            (event("availabilitystate", "Reserved", "CONNECTOR"), AT | {"connector_id": 1, "status": "Reserved"}),
            (event("AvailabilityState", "Faulted", "DisplayController"), AT | {"connector_id": 1}),
            (event("Tripped", "True", "GroundFaultSensor"), AT | {"connector_id": 1, "error_code": "GroundFaultSensor.Tripped"}),
            (FAULTED | {"transactionId": "ab-12"}, AT | {"connector_id": 2, "status": "Faulted", "transaction_id": "ab-12"}),
        ],
    )
    def test_one_event(self, subprotocol: str, only: Json, expected: Json) -> None:
        found = self.told(only, subprotocol=subprotocol)
        assert (filled(found), found.violations) == (expected, [])

    @pytest.mark.parametrize(
        ("events", "which"),
        [
            ([WARM, LOCK, FAULTED], LOCK),
            ([FAULTED, AVAILABLE, LOCK], FAULTED),
            ([AVAILABLE | {"techCode": "0"}, OUT], OUT),
            ([AVAILABLE, WARM, FAULTED, LOCK], FAULTED),
            ([WARM, LOCK | {"cleared": True}, AVAILABLE], AVAILABLE),
            ([WARM, LOCK | {"actualValue": "false", "techCode": ""}], WARM),
            ([AVAILABLE, event("AvailabilityState", "Occupied")], AVAILABLE),
        ],
    )
    def test_of_several_the_first_fault_then_the_first_state_then_the_first(self, events: list[Json], which: Json) -> None:
        found = self.told(*events)
        assert filled(found) == filled(self.told(which))
        assert msgspec.json.decode(found.request)["eventData"] == events

    @pytest.mark.parametrize(
        ("beside", "status"),
        [
            ([AVAILABLE], "Available"),
            ([FAULTED, event("AvailabilityState", "Unavailable", "EVSE"), AVAILABLE], "Unavailable"),
            ([event("AvailabilityState", "Faulted")], "Faulted"),
            ([event("AvailabilityState", "Occupied", evse=2)], ""),
            ([event("AvailabilityState", "Available", "ChargingStation", evse=None)], ""),
            ([event("AvailabilityState", "Faulted", "DisplayController")], ""),
        ],
    )
    def test_a_fault_has_the_state_that_the_message_tells_of_its_evse(self, beside: list[Json], status: str) -> None:
        found = self.told(LOCK, *beside)
        assert filled(found) == filled(self.told(LOCK)) | ({"status": status} if status else {})

    def test_a_fault_of_the_station_has_the_stations_state(self) -> None:
        fault = event("Problem", "true", "Controller", evse=None)
        state = event("AvailabilityState", "Unavailable", "ChargingStation", evse=None)
        told = {"error_code": "Controller.Problem", "status": "Unavailable"}
        assert filled(self.told(AVAILABLE, state, fault)) == AT | told

    @pytest.mark.parametrize("data", [None, {}, "x", [], [None], ["x"], [{}], [{"component": 1, "variable": []}]])
    def test_wrong_shapes_are_noted(self, data: object) -> None:
        found = log("NotifyEvent", {"generatedAt": TIME, "seqNo": 0, "eventData": data})
        assert filled(found) == {}
        assert found.violations

    def test_of_many_that_are_wrong_few_are_noted(self) -> None:
        found = log("NotifyEvent", {"generatedAt": TIME, "seqNo": 0, "eventData": [0] * 1000 + [FAULTED]})
        assert found.status == "Faulted"
        assert "request: and 990 more" in found.violations
        assert len(found.violations) < 20


@BOTH
@pytest.mark.parametrize(
    ("action", "request_", "response", "expected"),
    [
        (
            "StatusNotification",
            {"timestamp": TIME, "connectorStatus": "Faulted", "evseId": 2, "connectorId": 1},
            {},
            AT | {"connector_id": 2, "status": "Faulted"},
        ),
        (
            "Authorize",
            {"idToken": {"idToken": "04AB", "type": "ISO14443"}},
            {"idTokenInfo": {"status": "Blocked"}},
            {"id_tag": "04AB", "id_tag_info_status": "Blocked"},
        ),
        (
            "RequestStartTransaction",
            {"idToken": {"idToken": "04AB", "type": "ISO14443"}, "remoteStartId": 5, "evseId": 3},
            {"status": "Accepted", "transactionId": "ab-12"},
            {"id_tag": "04AB", "connector_id": 3, "transaction_id": "ab-12"},
        ),
        ("RequestStopTransaction", {"transactionId": "ab-12"}, {"status": "Accepted"}, {"transaction_id": "ab-12"}),
        ("GetTransactionStatus", {"transactionId": "ab-12"}, {"messagesInQueue": True}, {"transaction_id": "ab-12"}),
        ("CostUpdated", {"totalCost": 1.5, "transactionId": "ab-12"}, {}, {"transaction_id": "ab-12"}),
        ("UnlockConnector", {"evseId": 2, "connectorId": 1}, {"status": "Unlocked"}, {"connector_id": 2}),
        (
            "ChangeAvailability",
            {"operationalStatus": "Inoperative", "evse": {"id": 2, "connectorId": 1}},
            {"status": "Accepted"},
            {"connector_id": 2},
        ),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "evse": {"id": 1}}, {"status": "Accepted"}, {"connector_id": 1}),
        ("ClearChargingProfile", {"chargingProfileCriteria": {"evseId": 2}}, {"status": "Accepted"}, {"connector_id": 2}),
        ("DataTransfer", {"vendorId": "HLX"}, {"status": "Accepted"}, {"vendor_id": "HLX"}),
        (
            "SecurityEventNotification",
            {"type": "TamperDetectionActivated", "timestamp": TIME, "techInfo": "door 2"},
            {},
            {"info": "door 2"},
        ),
        ("FirmwareStatusNotification", {"status": "Installed", "requestId": 1}, {}, {}),
    ],
)
def test_other_actions(subprotocol: str, action: str, request_: Json, response: Json, expected: Json) -> None:
    found = log(action, request_, response, subprotocol=subprotocol)
    assert (filled(found), found.violations) == (expected, [])


@pytest.mark.parametrize(
    ("subprotocol", "action"),
    [
        ("ocpp2.0.1", "NotifyEVChargingNeeds"),
        ("ocpp2.0.1", "NotifyEVChargingSchedule"),
        ("ocpp2.0.1", "MeterValues"),
        ("ocpp2.0.1", "SetChargingProfile"),
        ("ocpp2.0.1", "ReportChargingProfiles"),
        ("ocpp2.1", "NotifyEVChargingNeeds"),
        ("ocpp2.1", "SetDefaultTariff"),
        ("ocpp2.1", "GetTariffs"),
        ("ocpp2.1", "NotifyWebPaymentStarted"),
    ],
)
def test_evse_id_is_the_connector(subprotocol: str, action: str) -> None:
    request = example(request_schema(subprotocol, action)) | {"evseId": 4}
    assert log(action, request, subprotocol=subprotocol).connector_id == 4


@pytest.mark.parametrize(
    "action", ["NotifyAllowedEnergyTransfer", "NotifyPriorityCharging", "UsePriorityCharging", "ChangeTransactionTariff"]
)
def test_transactions_of_21(action: str) -> None:
    request = example(request_schema("ocpp2.1", action)) | {"transactionId": "ab-12"}
    assert log(action, request, subprotocol="ocpp2.1").transaction_id == "ab-12"


def test_battery_swap_of_21_names_who_swaps() -> None:
    request = example(request_schema("ocpp2.1", "BatterySwap")) | {"idToken": {"idToken": "04AB", "type": "ISO14443"}}
    assert log("BatterySwap", request, subprotocol="ocpp2.1").id_tag == "04AB"


class TestMeterValues:
    @BOTH
    @pytest.mark.parametrize(
        ("measure", "label", "si"),
        [
            ({"unit": "kW"}, "kW", 1500.0),
            ({"unit": "W", "multiplier": 3}, "10^3 W", 1500.0),
            ({"unit": "kW", "multiplier": -3}, "10^-3 kW", 1.5),
            ({"unit": "W", "multiplier": 0}, "W", 1.5),
            ({"multiplier": 2}, "10^2", 150.0),
            ({}, "", 1.5),
        ],
    )
    def test_multiplier(self, subprotocol: str, measure: Json, label: str, si: float) -> None:
        """The column has the number as sent, the unit column the power of ten with the unit, the sample the value in W."""
        sampled = {"value": 1.5, "measurand": "Power.Active.Import", "unitOfMeasure": measure}
        payload = {"evseId": 1, "meterValue": [metered(sampled)]}
        frame = msgspec.json.encode([2, "m", "MeterValues", payload])
        found = row(frame, (Source.CSMS, b'[3,"m",{}]'), subprotocol=subprotocol)
        assert (found.log.power, found.log.power_unit, found.log.violations) == (1.5, label, [])
        assert [(each.value, each.unit) for each in found.samples] == [(1.5, label)]
        assert found.samples[0].value_si == pytest.approx(si)

    @pytest.mark.parametrize(
        ("measure", "noted"),
        [
            ({"unit": "W", "multiplier": "three"}, "unitOfMeasure.multiplier"),
            ({"unit": "W", "multiplier": True}, "unitOfMeasure.multiplier"),
            ({"unit": "W", "multiplier": 400}, "unitOfMeasure.multiplier"),
            ({"unit": "W", "multiplier": 0.5}, "unitOfMeasure.multiplier"),
            ("kW", "unitOfMeasure"),
            ({"unit": 7}, "unitOfMeasure.unit"),
        ],
    )
    def test_what_nobody_can_convert_has_no_si_value(self, measure: object, noted: str) -> None:
        sampled = {"value": 1.5, "measurand": "Power.Active.Import", "unitOfMeasure": measure}
        found = row(msgspec.json.encode([2, "m", "MeterValues", {"evseId": 1, "meterValue": [metered(sampled)]}]))
        assert (found.log.power, found.samples[0].value, found.samples[0].value_si) == (1.5, 1.5, None)
        assert f"request.meterValue[0].sampledValue[0].{noted}" in {line.partition(": ")[0] for line in found.log.violations}

    def test_of_a_transaction(self) -> None:
        values = [
            metered({"value": 230.1, "measurand": "Voltage", "phase": "L1-N"}, {"value": 16, "measurand": "Current.Import"})
        ]
        found = log("TransactionEvent", transaction(meterValue=values))
        assert (found.voltage_l1, found.current_import) == (230.1, 16.0)
