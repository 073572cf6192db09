"""Paths, charger ids and subprotocols."""

from __future__ import annotations

import pytest

from ocpplog_gateway import handshake
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.handshake import Paths, Target


class TestChargerId:
    @pytest.mark.parametrize(
        ("target", "found"),
        [
            ("/ocpp/CP1", "CP1"),
            ("/ocpp/CP1/", "CP1"),
            ("/ocpp//CP1//", "CP1"),
            ("//ocpp/CP1", "CP1"),
            ("http://host/ocpp/CP1?x", "CP1"),
            ("/ocpp/CP1?token=x", "CP1"),
            ("/ocpp/CP1?to=a/b", "CP1"),
            ("/ocpp/DE%2AHUB%2AE0042", "DE*HUB*E0042"),
            ("/ocpp/Charger%205", "Charger 5"),
            ("/ocpp/1234567890", "1234567890"),
            ("/ocpp/%31%32", "12"),
            ("/ocpp/a.b-c_d", "a.b-c_d"),
            ("/ocpp/a%2Eb%2Dc%5Fd", "a.b-c_d"),
            ("/ocpp/" + "x" * 48, "x" * 48),
        ],
    )
    def test_accepted(self, target: str, found: str) -> None:
        assert Paths("/ocpp").find(target) == Target(found)

    @pytest.mark.parametrize(
        "target",
        [
            *("", "/", "/ocpp", "/ocpp/", "/other/CP1", "/ocpp/a/b", "/CP1", "*"),
            *("/ocpp/" + "x" * 49, "/ocpp/%20CP1", "/ocpp/a%2Fb", "/ocpp/%00", "/ocpp/%FF", "/ocpp/<script>"),
            *("/ocpp/.", "/ocpp/..", "/ocpp/%2E%2E"),
        ],
    )
    def test_refused(self, target: str) -> None:
        with pytest.raises(Refusal) as refusal:
            Paths("/ocpp").find(target)
        assert refusal.value.status == 404

    @pytest.mark.parametrize(
        ("prefixes", "target", "found"),
        [
            ("", "/CP1", Target("CP1")),
            ("/", "/CP1", Target("CP1")),
            ("/ocpp,/ocpp/1.6", "/ocpp/1.6/CP1", Target("CP1")),
            ("/ocpp/*", "/ocpp/anything/CP1", Target("CP1")),
            ("/ocpp/*", "/ocpp/CP1", None),
            ("/{site}", "/yard%20east/CP1", Target("CP1", frozenset({"yard east"}))),
            ("/{site}/*/x", "/s1/y/x/CP1", Target("CP1", frozenset({"s1"}))),
            ("/{site}/*,/*/{site}", "/s1/s2/CP1", Target("CP1", frozenset({"s1", "s2"}))),
            # A prefix that matches without naming a site asks for none.
            ("/{site},/ocpp", "/ocpp/CP1", Target("CP1")),
        ],
    )
    def test_prefixes(self, prefixes: str, target: str, found: Target | None) -> None:
        if found:
            assert Paths(prefixes).find(target) == found
        else:
            with pytest.raises(Refusal):
                Paths(prefixes).find(target)

    @pytest.mark.parametrize(
        "prefixes", ["ocpp", "/ocpp/", "/a//b", "/a?b", "/a*", "/x{site}", "/{tenant}", "/{site}/{site}", "/a b"]
    )
    def test_no_prefixes(self, prefixes: str) -> None:
        with pytest.raises(ValueError, match=r"comma-separated paths|stand for whole segments"):
            Paths(prefixes)

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
