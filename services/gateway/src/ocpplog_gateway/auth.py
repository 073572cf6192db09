"""Who a charger is: OCPP's security profiles (OCPP 1.6 security whitepaper, section 2; OCPP 2.0.1 part 2, A00). No I/O.

Profile 1 is HTTP Basic, 2 the same over TLS, 3 a client certificate over TLS; 0 is no authentication at all.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from ocpplog_common.records import Charger
from ocpplog_common.secrets import verify_password
from ocpplog_gateway.certificates import Subject
from ocpplog_gateway.errors import Refusal

CHALLENGE = {"WWW-Authenticate": 'Basic realm="ocpp", charset="UTF-8"'}


@dataclass(frozen=True, slots=True)
class Presented:
    """What a charger shows: `certificate` is verified up to its authority, whose it is is not."""

    authorization: str | None = None
    tls: bool = False
    certificate: Subject | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The gateway's settings: the least profile, and the organisation of client certificates (empty: any)."""

    min_profile: int = 1
    organisation: str = ""

    def admit(self, charger: Charger, presented: Presented) -> int:
        """The security profile that a charger comes in with. Raises Refusal: 401 for its credentials, 403 for its profile."""
        least = self.min_profile if charger.min_profile is None else charger.min_profile
        if presented.certificate:
            self._check_owner(charger, presented.certificate)
            return 3
        # Before the password is looked at: who sent it in the clear need not learn whether it is right.
        if least > (2 if presented.tls else 1):
            raise _too_low(least, "a client certificate is required" if least == 3 else "TLS is required")
        reached = (2 if presented.tls else 1) if _authenticate(charger, presented.authorization) else 0
        if reached < least:
            raise _too_low(least, "the charger has no password on record, or an empty one")
        return reached

    def _check_owner(self, charger: Charger, subject: Subject) -> None:
        """Common name: 2.0.1 part 2, A00.FR.405 (there the serial number, which the record may name)."""
        organisation = charger.certificate_organisation or self.organisation
        if subject.common_name != (charger.certificate_name or charger.charger_id):
            raise Refusal(403, "certificate", "the client certificate is another charger's")
        if organisation and subject.organisation != organisation:
            raise Refusal(403, "certificate", "the client certificate is of another organisation")


def _too_low(least: int, text: str) -> Refusal:
    return Refusal(403, "profile", f"security profile {least} is the least here: {text}")


def _authenticate(charger: Charger, authorization: str | None) -> bool:
    """Whether the charger proved anything. Raises Refusal (401) unless `authorization` carries the password, where it has one.

    The user name has to be the charger id (OCPP 1.6 security whitepaper and 2.0.1 part 2, A00.FR.204), or what the record says.
    Passwords are compared as bytes: keys that are not UTF-8 occur.
    """
    if not charger.password_hash:
        return False
    if not authorization:
        raise Refusal(401, "no-credentials", "HTTP Basic credentials are required", CHALLENGE)
    shown = _basic(authorization)
    # Not split at the first colon: a charger id may have one.
    user = (charger.user_name or charger.charger_id).encode() + b":"
    right_user = shown.startswith(user)
    password = shown[len(user) :]
    right_password = verify_password(password, charger.password_hash)
    if not (right_user and right_password):
        raise Refusal(401, "wrong-credentials", "wrong credentials", CHALLENGE)
    return bool(password)


def _basic(authorization: str) -> bytes:
    """`user:password`."""
    scheme, _, text = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        found = base64.b64decode(text.strip(), validate=True)
        if b":" not in found:
            raise ValueError
    except (ValueError, binascii.Error):
        raise Refusal(401, "no-credentials", "Authorization: not HTTP Basic", CHALLENGE) from None
    return found
