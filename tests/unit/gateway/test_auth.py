"""Passwords, certificates and security profiles."""

from __future__ import annotations

import base64

import pytest

from ocpplog_common.records import Charger
from ocpplog_common.secrets import hash_password, verify_password
from ocpplog_gateway.auth import Presented, Rules
from ocpplog_gateway.certificates import Subject
from ocpplog_gateway.errors import Refusal


def basic(user: str, password: bytes) -> str:
    return "Basic " + base64.b64encode(user.encode() + b":" + password).decode()


def charger(**more: object) -> Charger:
    return Charger(charger_id="CP1", site_id="s", password_hash=hash_password(b"secret"), **more)  # type: ignore[arg-type]


RIGHT = basic("CP1", b"secret")
OPEN = Charger(charger_id="CP1", site_id="s")
OWN = Subject("CP1", "")


class TestCredentials:
    def test_right(self) -> None:
        assert Rules().admit(charger(), Presented(RIGHT)) == 1

    @pytest.mark.parametrize(
        "header",
        [None, "", "Bearer x", "Basic ???", "Basic Zm9v", basic("CP1", b"wrong"), basic("CP2", b"secret"), basic("CP1", b"")],
    )
    def test_wrong(self, header: str | None) -> None:
        with pytest.raises(Refusal) as refusal:
            Rules(0).admit(charger(), Presented(header, tls=True))
        assert refusal.value.status == 401
        assert "WWW-Authenticate" in refusal.value.headers

    def test_a_user_name_that_is_not_the_charger_id(self) -> None:
        other = charger(user_name="wallbox")
        assert Rules().admit(other, Presented(basic("wallbox", b"secret"))) == 1
        with pytest.raises(Refusal):
            Rules().admit(other, Presented(RIGHT))

    def test_colons(self) -> None:
        record = Charger(charger_id="DE:1", site_id="s", password_hash=hash_password(b"a:b"))
        assert Rules().admit(record, Presented(basic("DE:1", b"a:b"))) == 1

    @pytest.mark.parametrize("size", range(16, 21))
    def test_a_key_in_hex_and_raw(self, size: int) -> None:
        """AuthorizationKey of 32 to 40 hex digits; some chargers send the bytes they mean, which are not UTF-8."""
        raw = bytes.fromhex("ff3a" * 10)[:size]
        digits = raw.hex()
        for stored in (digits.encode(), digits.upper().encode(), raw):
            record = Charger(charger_id="CP1", site_id="s", password_hash=hash_password(stored))
            for sent in (digits.encode(), raw):
                assert Rules().admit(record, Presented(basic("CP1", sent))) == 1
        assert not verify_password(b"ff3a", hash_password(raw))

    def test_a_hash_that_cannot_be_read_lets_nobody_in(self) -> None:
        assert not verify_password(b"x", "plain:x")
        assert not verify_password(b"", "")


class TestProfiles:
    @pytest.mark.parametrize(
        ("least", "own", "presented", "result"),
        [
            (0, None, Presented(RIGHT), 1),
            (1, None, Presented(RIGHT), 1),
            (1, None, Presented(RIGHT, tls=True), 2),
            (2, None, Presented(RIGHT, tls=True), 2),
            (3, None, Presented(tls=True, certificate=OWN), 3),
            # Over profile 3, no password is asked for.
            (1, None, Presented(basic("CP1", b"wrong"), True, OWN), 3),
            (2, None, Presented(RIGHT), "profile"),
            (3, None, Presented(RIGHT, tls=True), "profile"),
            # Whether the password is right is not said to who should not have sent it.
            (2, None, Presented(basic("CP1", b"wrong")), "profile"),
            # The charger's own minimum goes before the gateway's, up and down.
            (1, 2, Presented(RIGHT), "profile"),
            (2, 1, Presented(RIGHT), 1),
            (3, 0, Presented(RIGHT), 1),
        ],
    )
    def test_with_a_password(self, least: int, own: int | None, presented: Presented, result: int | str) -> None:
        assert outcome(Rules(least), charger(min_profile=own), presented) == result

    @pytest.mark.parametrize(
        ("least", "own", "presented", "result"),
        [
            (0, None, Presented(), 0),
            (1, 0, Presented(), 0),
            (0, None, Presented(RIGHT, tls=True), 0),
            (1, None, Presented(), "profile"),
            (1, None, Presented(RIGHT, tls=True), "profile"),
            (0, 1, Presented(RIGHT), "profile"),
            (1, None, Presented(certificate=OWN, tls=True), 3),
        ],
    )
    def test_without_a_password(self, least: int, own: int | None, presented: Presented, result: int | str) -> None:
        record = Charger(charger_id="CP1", site_id="s", min_profile=own)
        assert outcome(Rules(least), record, presented) == result

    @pytest.mark.parametrize(("least", "result"), [(0, 0), (1, "profile")])
    def test_an_empty_password_proves_nothing(self, least: int, result: int | str) -> None:
        record = Charger(charger_id="CP1", site_id="s", password_hash=hash_password(b""))
        assert outcome(Rules(least), record, Presented(basic("CP1", b""))) == result

    @pytest.mark.parametrize(
        ("subject", "record", "organisation", "result"),
        [
            (Subject("CP1", "Other"), OPEN, "", 3),
            (Subject("CP1", "Operator"), OPEN, "Operator", 3),
            (Subject("CP1", "Other"), OPEN, "Operator", "certificate"),
            (Subject("CP1", ""), OPEN, "Operator", "certificate"),
            (Subject("CP2", "Operator"), OPEN, "Operator", "certificate"),
            (Subject("", ""), OPEN, "", "certificate"),
            (Subject("SN-1", ""), charger(certificate_name="SN-1"), "", 3),
            (Subject("CP1", ""), charger(certificate_name="SN-1"), "", "certificate"),
            (Subject("CP1", "Maker"), charger(certificate_organisation="Maker"), "Operator", 3),
            (Subject("CP1", "Operator"), charger(certificate_organisation="Maker"), "Operator", "certificate"),
        ],
    )
    def test_whose_certificate(self, subject: Subject, record: Charger, organisation: str, result: int | str) -> None:
        """Another charger's is refused even where a password would do."""
        assert outcome(Rules(0, organisation), record, Presented(RIGHT, True, subject)) == result


def outcome(rules: Rules, record: Charger, presented: Presented) -> int | str:
    try:
        return rules.admit(record, presented)
    except Refusal as refusal:
        assert refusal.status == 403
        return refusal.reason
