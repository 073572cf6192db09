"""The built-in central system: what it answers to which request of which version."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from copy import copy
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ocpp.messages import get_validator

from ocpplog_gateway.handshake import SUBPROTOCOLS
from support.central_system import INTERVAL_S, NOW, central_system
from support.ocpp_schemas import VERSIONS, actions, smallest

BOTH_2 = """
    Authorize BootNotification ClearedChargingLimit DataTransfer FirmwareStatusNotification Get15118EVCertificate
    GetCertificateStatus Heartbeat LogStatusNotification MeterValues NotifyChargingLimit NotifyCustomerInformation
    NotifyDisplayMessages NotifyEVChargingNeeds NotifyEVChargingSchedule NotifyEvent NotifyMonitoringReport NotifyReport
    PublishFirmwareStatusNotification ReportChargingProfiles ReservationStatusUpdate SecurityEventNotification SignCertificate
    StatusNotification TransactionEvent
"""
INITIATED_BY_STATIONS = {
    # OCPP 1.6 section 4 (operations initiated by charge point), and the security whitepaper's messages of the charge point.
    "ocpp1.6": """
        Authorize BootNotification DataTransfer DiagnosticsStatusNotification FirmwareStatusNotification Heartbeat MeterValues
        StartTransaction StatusNotification StopTransaction
        LogStatusNotification SecurityEventNotification SignCertificate SignedFirmwareStatusNotification
    """,
    # OCPP 2.0.1 part 2, section 1 of the messages: each says which side sends it.
    "ocpp2.0.1": BOTH_2,
    "ocpp2.1": BOTH_2
    + """
        BatterySwap ClosePeriodicEventStream GetCertificateChainStatus NotifyDERAlarm NotifyDERStartStop NotifyPriorityCharging
        NotifySettlement OpenPeriodicEventStream PullDynamicScheduleUpdate ReportDERControl VatNumberValidation
    """,
}
FROM_STATIONS = [(version, action) for version, names in INITIATED_BY_STATIONS.items() for action in names.split()]
FROM_CENTRAL_SYSTEMS = [
    (version, action) for version in VERSIONS for action in sorted(actions(version)) if (version, action) not in FROM_STATIONS
]


def call(action: str, payload: Any, message_id: str = "7") -> bytes:
    return msgspec.json.encode([2, message_id, action, payload])


async def answered(subprotocol: str, action: str, payload: Any) -> Any:
    """The payload of the CALLRESULT."""
    frame = await central_system(subprotocol).answer(call(action, payload))
    assert frame is not None
    kind, message_id, found = json.loads(frame)
    assert (kind, message_id) == (3, "7"), frame
    return found


async def refused(subprotocol: str, action: str, payload: Any) -> str:
    """The code of the CALLERROR."""
    frame = await central_system(subprotocol).answer(call(action, payload))
    assert frame is not None
    kind, message_id, code, description, details = json.loads(frame)
    assert (kind, message_id, details) == (4, "7", {})
    assert action in description
    return str(code)


class TestEveryAction:
    def test_the_lists_name_actions_that_exist(self) -> None:
        assert set(INITIATED_BY_STATIONS) == set(VERSIONS) == set(SUBPROTOCOLS)
        for version, names in INITIATED_BY_STATIONS.items():
            assert set(names.split()) <= actions(version)

    @pytest.mark.parametrize(("subprotocol", "action"), FROM_STATIONS)
    async def test_of_a_station_gets_a_valid_response(self, subprotocol: str, action: str) -> None:
        payload = smallest(subprotocol, action)
        get_validator(2, action, VERSIONS[subprotocol]).validate(payload)
        found = await answered(subprotocol, action, payload)
        get_validator(3, action, VERSIONS[subprotocol]).validate(found)

    @pytest.mark.parametrize(("subprotocol", "action"), FROM_STATIONS)
    @pytest.mark.parametrize("payload", [{}, None, [], "text", 7, {"idTag": None, "idToken": 1, "vatNumber": {}}])
    async def test_of_a_station_is_answered_whatever_it_brings(self, subprotocol: str, action: str, payload: Any) -> None:
        if action in ("GetCertificateChainStatus", "VatNumberValidation"):
            assert await refused(subprotocol, action, payload) == "OccurrenceConstraintViolation"
        else:
            found = await answered(subprotocol, action, payload)
            get_validator(3, action, VERSIONS[subprotocol]).validate(found)

    @pytest.mark.parametrize(("subprotocol", "action"), FROM_CENTRAL_SYSTEMS)
    async def test_of_a_central_system_is_not_supported(self, subprotocol: str, action: str) -> None:
        assert await refused(subprotocol, action, {}) == "NotSupported"

    @pytest.mark.parametrize("subprotocol", VERSIONS)
    @pytest.mark.parametrize("action", ["Reboot", "heartbeat", "BootNotificationRequest", "Ünbekannt"])
    async def test_unknown_is_not_implemented(self, subprotocol: str, action: str) -> None:
        assert await refused(subprotocol, action, {}) == "NotImplemented"

    @pytest.mark.parametrize(
        ("subprotocol", "action"),
        [("ocpp2.0.1", "StartTransaction"), ("ocpp2.0.1", "BatterySwap"), ("ocpp1.6", "TransactionEvent")],
    )
    async def test_of_another_version_is_not_implemented(self, subprotocol: str, action: str) -> None:
        assert await refused(subprotocol, action, {}) == "NotImplemented"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_field_that_does_not_fit_makes_no_response_invalid(data: st.DataObject) -> None:
    """What an answer repeats of its request has to be right in the answer as well."""
    subprotocol, action = data.draw(st.sampled_from(FROM_STATIONS))
    payload = smallest(subprotocol, action)
    path = data.draw(st.sampled_from([*places(payload), ()]))
    frame = asyncio.run(central_system(subprotocol).answer(call(action, replaced(payload, path, data.draw(JSON)))))
    assert frame is not None
    kind, _, found, *_ = json.loads(frame)
    if kind == 3:
        get_validator(3, action, VERSIONS[subprotocol]).validate(found)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each part of a payload."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*path, key)
        yield from places(part, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


class TestEveryChargerAndTagIsAccepted:
    @pytest.mark.parametrize("subprotocol", VERSIONS)
    async def test_boot_and_heartbeat(self, subprotocol: str) -> None:
        expected = {"status": "Accepted", "currentTime": NOW, "interval": INTERVAL_S}
        assert await answered(subprotocol, "BootNotification", {}) == expected
        assert await answered(subprotocol, "Heartbeat", {}) == {"currentTime": NOW}

    async def test_tags_of_16(self) -> None:
        accepted = {"idTagInfo": {"status": "Accepted"}}
        assert await answered("ocpp1.6", "Authorize", {"idTag": "43434"}) == accepted
        assert await answered("ocpp1.6", "StartTransaction", {"idTag": "43434"}) == accepted | {"transactionId": 1}
        assert await answered("ocpp1.6", "StopTransaction", {"idTag": "43434", "transactionId": 1}) == accepted
        assert await answered("ocpp1.6", "StopTransaction", {"transactionId": 1}) == {}

    @pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
    async def test_tokens_of_2(self, subprotocol: str) -> None:
        accepted = {"idTokenInfo": {"status": "Accepted"}}
        token = {"idToken": {"idToken": "43434", "type": "ISO14443"}}
        assert await answered(subprotocol, "Authorize", token) == accepted
        assert await answered(subprotocol, "TransactionEvent", token | {"eventType": "Started"}) == accepted
        assert await answered(subprotocol, "TransactionEvent", {"eventType": "Updated"}) == {}

    @pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
    @pytest.mark.parametrize("brings", [{"certificate": "PEM"}, {"iso15118CertificateHashData": []}])
    async def test_contract_certificates(self, subprotocol: str, brings: dict[str, Any]) -> None:
        """OCPP 2.0.1 part 2 use case C07: without certificateStatus, Plug and Charge would not begin."""
        found = await answered(subprotocol, "Authorize", {"idToken": {"idToken": "DE*1", "type": "eMAID"}} | brings)
        assert found["certificateStatus"] == "Accepted"


class TestNothingIsPromised:
    """What needs more than this central system has is declined, so that nobody waits for it."""

    @pytest.mark.parametrize(
        ("subprotocol", "action", "status"),
        [
            ("ocpp1.6", "DataTransfer", "UnknownVendorId"),
            ("ocpp1.6", "SignCertificate", "Rejected"),
            ("ocpp2.0.1", "DataTransfer", "UnknownVendorId"),
            ("ocpp2.0.1", "SignCertificate", "Rejected"),
            ("ocpp2.0.1", "Get15118EVCertificate", "Failed"),
            ("ocpp2.0.1", "GetCertificateStatus", "Failed"),
            ("ocpp2.0.1", "NotifyEVChargingNeeds", "Rejected"),
            ("ocpp2.1", "NotifyEVChargingNeeds", "NoChargingProfile"),
            ("ocpp2.1", "PullDynamicScheduleUpdate", "Rejected"),
        ],
    )
    async def test_status(self, subprotocol: str, action: str, status: str) -> None:
        assert (await answered(subprotocol, action, {}))["status"] == status

    async def test_vat_numbers_are_repeated_and_not_vouched_for(self) -> None:
        found = await answered("ocpp2.1", "VatNumberValidation", {"vatNumber": "DE123"})
        assert found == {"vatNumber": "DE123", "status": "Rejected"}

    async def test_what_is_too_long_to_be_repeated(self) -> None:
        code = "OccurrenceConstraintViolation"
        assert await refused("ocpp2.1", "VatNumberValidation", {"vatNumber": "1" * 21}) == code
        payload = smallest("ocpp2.1", "GetCertificateChainStatus")
        for field, longest in (("serialNumber", 40), ("issuerNameHash", 128), ("issuerKeyHash", 128)):
            path = ("certificateStatusRequests", 0, "certificateHashData", field)
            await answered("ocpp2.1", "GetCertificateChainStatus", replaced(payload, path, "1" * longest))
            too_long = replaced(payload, path, "1" * (longest + 1))
            assert await refused("ocpp2.1", "GetCertificateChainStatus", too_long) == code

    async def test_certificates_of_a_chain_are_repeated_and_not_vouched_for(self) -> None:
        hashes = [
            {"hashAlgorithm": "SHA256", "issuerNameHash": name, "issuerKeyHash": "k", "serialNumber": "1"} for name in ("a", "b")
        ]
        asked = [{"source": "OCSP", "urls": ["http://ocsp"], "certificateHashData": found} for found in hashes]
        found = await answered("ocpp2.1", "GetCertificateChainStatus", {"certificateStatusRequests": asked})
        assert [entry["certificateHashData"] for entry in found["certificateStatus"]] == hashes
        assert {(entry["source"], entry["status"], entry["nextUpdate"]) for entry in found["certificateStatus"]} == {
            ("OCSP", "Failed", NOW)
        }


def test_a_subprotocol_that_nobody_speaks() -> None:
    with pytest.raises(KeyError):
        central_system("ocpp1.5")
