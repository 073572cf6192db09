"""Every violation has its kind."""

from __future__ import annotations

import pytest

from ocpplog_enricher.domain.violations import KINDS, kind_of


@pytest.mark.parametrize(
    ("violation", "kind"),
    [
        ("frame: not a JSON array: truncated", "frame"),
        ("frame: binary, where OCPP-J wants text", "frame"),
        ("message type: 7 is none of 2, 3, 4, 5, 6", "frame"),
        ("request frame: CALL with 5 elements, expected 4", "frame"),
        ("message id: an answer to no open request", "message id"),
        ("request message id: 40 characters, at most 36 allowed", "message id"),
        ("response message id: empty", "message id"),
        ("action: 'Handshake' is not in OCPP 1.6", "action"),
        ("request.meterValue[0].timestamp: missing", "request"),
        ("request: and 3 more", "request"),
        ("request payload: expected an object, got null", "request"),
        ('request["odd name"]: unknown field', "request"),
        ("response.status: 'frame: x' is none of Accepted", "response"),
        ("response errorCode: not a string", "response"),
        ("log: the site is not in ocpp.sites: logged at level info", "log"),
    ],
)
def test_kind(violation: str, kind: str) -> None:
    assert kind_of(violation) == kind
    assert kind in KINDS
