"""RFID tags of the demo. The central system accepts every tag but the ones listed as refused."""

from __future__ import annotations

ACCEPTED_TAGS = (
    "04A1B2C3D4E501",
    "04A1B2C3D4E502",
    "04A1B2C3D4E503",
    "04A1B2C3D4E504",
    "DEPOT-BUS-17",
    "DEPOT-BUS-23",
    "43434",
)

REFUSED_TAGS = {
    "04BADBADBAD001": "Blocked",
    "04BADBADBAD002": "Expired",
    "04BADBADBAD003": "Invalid",
}

REMOTE_TAG = "APP-7781204"
"""The tag of a session that the central system starts."""


def authorization_status(tag: str) -> str:
    """The `AuthorizationStatus` (OCPP 1.6 section 7.2) of a tag."""
    return REFUSED_TAGS.get(tag, "Accepted")
