"""OCPP 1.6 with its security extension: what a charge point may send, and its answers."""

from __future__ import annotations

from typing import Final

from ocpplog_gateway.central_system.dialect import (
    ACCEPTED,
    Dialect,
    Json,
    Request,
    boot_notification,
    data_transfer,
    heartbeat,
    nothing,
    rejected,
    same,
)


def authorize(_: Request) -> Json:
    return {"idTagInfo": ACCEPTED}


def start_transaction(request: Request) -> Json:
    return {"idTagInfo": ACCEPTED, "transactionId": request.transaction_id}


def stop_transaction(request: Request) -> Json:
    """Section 4.10: idTagInfo answers an idTag, which is absent when nobody stopped the transaction with a tag."""
    return {"idTagInfo": ACCEPTED} if request.has("idTag") else {}


_NOTIFICATIONS: Final = (
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "MeterValues",
    "SecurityEventNotification",
    "SignedFirmwareStatusNotification",
    "StatusNotification",
)
_COMMANDS: Final = (
    "CancelReservation",
    "CertificateSigned",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "ClearChargingProfile",
    "DeleteCertificate",
    "ExtendedTriggerMessage",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetDiagnostics",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "InstallCertificate",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "SetChargingProfile",
    "SignedUpdateFirmware",
    "TriggerMessage",
    "UnlockConnector",
    "UpdateFirmware",
)

V16: Final = Dialect(
    answers={
        "Authorize": authorize,
        "BootNotification": boot_notification,
        "DataTransfer": data_transfer,
        "Heartbeat": heartbeat,
        "SignCertificate": rejected,  # Accepted would promise a CertificateSigned, and there is no authority here.
        "StartTransaction": start_transaction,
        "StopTransaction": stop_transaction,
        **same(nothing, _NOTIFICATIONS),
    },
    not_for_us=frozenset(_COMMANDS),
    # OCPP-J 1.6 section 4.2.3, with its spelling.
    not_a_call="FormationViolation",
    unknown_type="FormationViolation",
    incomplete="OccurenceConstraintViolation",
    starts="StartTransaction",
    stops="StopTransaction",
)
