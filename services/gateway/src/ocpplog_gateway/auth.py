"""HTTP Basic authentication of chargers (OCPP security profiles 1 and 2)."""

from __future__ import annotations

import base64
import binascii
import hmac

from ocpplog_common.records import Charger
from ocpplog_common.secrets import verify_password
from ocpplog_gateway.errors import Refusal

CHALLENGE = {"WWW-Authenticate": 'Basic realm="ocpp", charset="UTF-8"'}


def authenticate(charger: Charger, authorization: str | None) -> None:
    """Raises Refusal (401) unless the charger needs no password or `authorization` carries the right one.

    The user name has to be the charger id (OCPP 1.6 security whitepaper, section 3). Passwords are compared as bytes: keys
    that are not UTF-8 occur.
    """
    if not charger.password_hash:
        return
    if not authorization:
        raise Refusal(401, "no-credentials", "HTTP Basic credentials are required", CHALLENGE)
    user, password = _basic(authorization)
    right_user = hmac.compare_digest(user, charger.charger_id.encode())
    right_password = verify_password(password, charger.password_hash)
    if not (right_user and right_password):
        raise Refusal(401, "wrong-credentials", "wrong credentials", CHALLENGE)


def _basic(authorization: str) -> tuple[bytes, bytes]:
    scheme, _, text = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        user, colon, password = base64.b64decode(text.strip(), validate=True).partition(b":")
        if not colon:
            raise ValueError
    except (ValueError, binascii.Error):
        raise Refusal(401, "no-credentials", "Authorization: not HTTP Basic", CHALLENGE) from None
    return user, password
