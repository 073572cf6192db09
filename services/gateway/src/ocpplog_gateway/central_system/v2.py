"""OCPP 2.0.1 and 2.1: what a charging station may send, and its answers. The two spell what both have alike."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from ocpplog_gateway.central_system.dialect import (
    ACCEPTED,
    Answer,
    Dialect,
    Json,
    Request,
    accepted,
    boot_notification,
    data_transfer,
    heartbeat,
    nothing,
    rejected,
    same,
)
from ocpplog_gateway.central_system.v2_actions import (
    COMMANDS_21,
    COMMANDS_201,
    NOTIFICATIONS_21,
    NOTIFICATIONS_201,
)


def authorize(request: Request) -> Json:
    """Use case C07: a station that sent its driver's contract certificate charges if the certificate is accepted as well."""
    with_contract = request.has("iso15118CertificateHashData") or request.has("certificate")
    return {"idTokenInfo": ACCEPTED} | ({"certificateStatus": "Accepted"} if with_contract else {})


def transaction_event(request: Request) -> Json:
    """Use case E01: idTokenInfo answers an idToken."""
    return {"idTokenInfo": ACCEPTED} if request.has("idToken") else {}


def failed(_: Request) -> Json:
    return {"status": "Failed"}


def ev_certificate(_: Request) -> Json:
    """Get15118EVCertificate: there is no contract certificate pool to ask, and so no EXI message to hand on."""
    return {"status": "Failed", "exiResponse": ""}


def no_charging_profile(_: Request) -> Json:
    return {"status": "NoChargingProfile"}


class HashData(Struct, rename="camel", frozen=True):
    """CertificateHashDataType."""

    hash_algorithm: Literal["SHA256", "SHA384", "SHA512"]
    issuer_name_hash: Annotated[str, Meta(max_length=128)]
    issuer_key_hash: Annotated[str, Meta(max_length=128)]
    serial_number: Annotated[str, Meta(max_length=40)]


class CertificateInChain(Struct, rename="camel", frozen=True):
    source: Literal["CRL", "OCSP"]
    certificate_hash_data: HashData


class Chain(Struct, rename="camel", frozen=True):
    certificate_status_requests: Annotated[list[CertificateInChain], Meta(min_length=1, max_length=4)]


def certificate_chain_status(request: Request) -> Json | None:
    """OCPP 2.1 use case M07: each certificate of the request again, with its status. Nobody was asked for it."""
    chain = request.read(Chain)
    if chain is None:
        return None
    found = [
        {
            "certificateHashData": asked.certificate_hash_data,
            "source": asked.source,
            "status": "Failed",
            "nextUpdate": request.now,
        }
        for asked in chain.certificate_status_requests
    ]
    return {"certificateStatus": found}


class VatNumber(Struct, rename="camel", frozen=True):
    vat_number: Annotated[str, Meta(max_length=20)]


def vat_number_validation(request: Request) -> Json | None:
    """The answer repeats the number. There is no register to look it up in."""
    asked = request.read(VatNumber)
    return {"vatNumber": asked.vat_number, "status": "Rejected"} if asked else None


_ANSWERS_201: Final[dict[str, Answer]] = {
    "Authorize": authorize,
    "BootNotification": boot_notification,
    "DataTransfer": data_transfer,
    "Get15118EVCertificate": ev_certificate,
    "GetCertificateStatus": failed,
    "Heartbeat": heartbeat,
    "NotifyEVChargingNeeds": rejected,  # Accepted would promise a schedule, and the station would wait for it.
    "NotifyEVChargingSchedule": accepted,
    "SignCertificate": rejected,  # Accepted would promise a CertificateSigned, and there is no authority here.
    "TransactionEvent": transaction_event,
    **same(nothing, NOTIFICATIONS_201),
}
_ANSWERS_21: Final[dict[str, Answer]] = {
    **_ANSWERS_201,
    "GetCertificateChainStatus": certificate_chain_status,
    "NotifyEVChargingNeeds": no_charging_profile,
    "OpenPeriodicEventStream": accepted,
    "PullDynamicScheduleUpdate": rejected,
    "VatNumberValidation": vat_number_validation,
    **same(nothing, NOTIFICATIONS_21),
}


def _dialect(answers: dict[str, Answer], commands: tuple[str, ...]) -> Dialect:
    """Error codes and the message id -1: OCPP 2.0.1 and 2.1 part 4 sections 4.2.3 and 4.3."""
    return Dialect(
        answers=answers,
        not_for_us=frozenset(commands),
        not_a_call="RpcFrameworkError",
        unknown_type="MessageTypeNotSupported",
        incomplete="OccurrenceConstraintViolation",
        unreadable_id=b'"-1"',
    )


V201: Final = _dialect(_ANSWERS_201, COMMANDS_201)
V21: Final = _dialect(_ANSWERS_21, COMMANDS_201 + COMMANDS_21)
