"""Charger ids, subprotocols and credentials."""

from __future__ import annotations

import base64

import pytest

from ocpplog_common.records import Charger
from ocpplog_common.secrets import hash_password, verify_password
from ocpplog_gateway import handshake
from ocpplog_gateway.auth import authenticate
from ocpplog_gateway.errors import Refusal


class TestChargerId:
    @pytest.mark.parametrize(
        ("target", "found"),
        [
            ("/ocpp/CP1", "CP1"),
            ("/ocpp/CP1/", "CP1"),
            ("/ocpp//CP1", "CP1"),
            ("/ocpp/CP1?token=x", "CP1"),
            ("/ocpp/DE%2AHUB%2AE0042", "DE*HUB*E0042"),
            ("/ocpp/Charger%205", "Charger 5"),
            ("/ocpp/1234567890", "1234567890"),
            ("/ocpp/a.b-c_d", "a.b-c_d"),
            ("/ocpp/" + "x" * 48, "x" * 48),
        ],
    )
    def test_accepted(self, target: str, found: str) -> None:
        assert handshake.charger_id(target, "/ocpp") == found

    @pytest.mark.parametrize(
        "target",
        [
            *("/", "/ocpp", "/ocpp/", "/other/CP1", "/ocpp/a/b", "/CP1"),
            *("/ocpp/" + "x" * 49, "/ocpp/%20CP1", "/ocpp/a%2Fb", "/ocpp/%00", "/ocpp/%FF", "/ocpp/<script>"),
        ],
    )
    def test_refused(self, target: str) -> None:
        with pytest.raises(Refusal) as refusal:
            handshake.charger_id(target, "/ocpp")
        assert refusal.value.status == 404

    def test_goes_into_the_upstream_url_encoded(self) -> None:
        assert handshake.upstream_url("ws://csms/ocpp/", "DE*1 /x") == "ws://csms/ocpp/DE%2A1%20%2Fx"


@pytest.mark.parametrize(
    ("url", "has"),
    [
        ("ws://h/ocpp/a", False),
        ("wss://u:p@h:1/ocpp/a", True),
        ("wss://u@h/a", True),
        ("ws://h/ocpp/a%40b", False),
        ("ws://h/a@b", False),
    ],
)
def test_credentials_of_a_url(url: str, has: bool) -> None:
    assert handshake.has_credentials(url) is has


def test_subprotocols_newest_first() -> None:
    assert handshake.common_subprotocols(["ocpp1.6", "foo", "ocpp2.0.1"]) == ["ocpp2.0.1", "ocpp1.6"]
    assert handshake.common_subprotocols(["ocpp1.5"]) == []


def basic(user: str, password: bytes) -> str:
    return "Basic " + base64.b64encode(user.encode() + b":" + password).decode()


class TestCredentials:
    CHARGER = Charger(charger_id="CP1", site_id="s", password_hash=hash_password(b"secret"))

    def test_right(self) -> None:
        authenticate(self.CHARGER, basic("CP1", b"secret"))

    @pytest.mark.parametrize(
        "header",
        [None, "", "Bearer x", "Basic ???", "Basic Zm9v", basic("CP1", b"wrong"), basic("CP2", b"secret"), basic("CP1", b"")],
    )
    def test_wrong(self, header: str | None) -> None:
        with pytest.raises(Refusal) as refusal:
            authenticate(self.CHARGER, header)
        assert refusal.value.status == 401
        assert "WWW-Authenticate" in refusal.value.headers

    def test_none_needed(self) -> None:
        authenticate(Charger(charger_id="CP1", site_id="s"), None)

    def test_a_key_in_hex_and_raw(self) -> None:
        """AuthorizationKey of 40 hex digits; some chargers send the 20 bytes they mean, which are not UTF-8."""
        digits = "ff00" * 10
        raw = bytes.fromhex(digits)
        for stored in (digits.encode(), digits.upper().encode(), raw):
            for sent in (digits.encode(), raw):
                assert verify_password(sent, hash_password(stored)), (stored, sent)
        assert not verify_password(b"ff00", hash_password(raw))

    def test_a_hash_that_cannot_be_read_lets_nobody_in(self) -> None:
        assert not verify_password(b"x", "plain:x")
        assert not verify_password(b"", "")
