"""Who is at the other end, also behind proxies."""

from __future__ import annotations

import pytest

from ocpplog_gateway.peers import Peer, Proxies, came_by_tls

PROXIES = Proxies("10.0.0.0/8, 127.0.0.1,2001:db8:1::/48")
PROXY = Peer("10.0.0.1:5", "", proxy=True)


@pytest.mark.parametrize(
    ("remote", "peer"),
    [
        (("203.0.113.7", 4000), Peer("203.0.113.7:4000", "203.0.113.7")),
        (("10.1.2.3", 4000), Peer("10.1.2.3:4000", "", proxy=True)),
        (("127.0.0.1", 4000), Peer("127.0.0.1:4000", "", proxy=True)),
        (("2001:db8:2:3:4::5", 4000, 0, 0), Peer("[2001:db8:2:3:4::5]:4000", "2001:db8:2:3::/64")),
        (("2001:db8:1::9", 4000, 0, 0), Peer("[2001:db8:1::9]:4000", "", proxy=True)),
        (("::ffff:203.0.113.7", 4000, 0, 0), Peer("[::ffff:203.0.113.7]:4000", "203.0.113.7")),
        (("::ffff:10.0.0.1", 4000, 0, 0), Peer("[::ffff:10.0.0.1]:4000", "", proxy=True)),
        (("fe80::1%eth0", 4000, 0, 2), Peer("[fe80::1%eth0]:4000", "fe80::/64")),
        (None, Peer()),
    ],
)
def test_of_a_connection(remote: tuple[object, ...] | None, peer: Peer) -> None:
    assert PROXIES.peer(remote) == peer


def test_nobody_is_trusted_unless_said_so() -> None:
    assert not Proxies("").peer(("127.0.0.1", 1)).proxy


@pytest.mark.parametrize(
    ("forwarded", "key"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.2", "10.0.0.3"], "203.0.113.7"),
        (["203.0.113.7:5000"], "203.0.113.7"),
        (["[2001:db8:2:3::4]:5000"], "2001:db8:2:3::/64"),
        (["2001:db8:2:3::4"], "2001:db8:2:3::/64"),
        (["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
        (["10.0.0.9"], "10.0.0.9"),
    ],
)
def test_behind_a_proxy(forwarded: list[str], key: str) -> None:
    found = PROXIES.behind(PROXY, forwarded)
    assert (found.key, found.proxy) == (key, True)


@pytest.mark.parametrize("forwarded", [[], [""], ["unknown"], ["203.0.113.7, unknown"], ["203.0.113.7,"], ["1.2.3.4.5"]])
def test_what_says_nothing(forwarded: list[str]) -> None:
    """What stands left of something unreadable is not believed either."""
    assert PROXIES.behind(PROXY, forwarded) == PROXY


@pytest.mark.parametrize(
    ("proto", "tls"),
    [(["https"], True), (["WSS"], True), ([], False), (["http"], False), (["https, http"], False), (["http", "https"], False)],
)
def test_tls(proto: list[str], tls: bool) -> None:
    assert came_by_tls(proto) is tls


@pytest.mark.parametrize("networks", ["10.0.0.0/33", "10.0.0.1/8", "proxy.example", "*"])
def test_what_is_no_network(networks: str) -> None:
    with pytest.raises(ValueError):
        Proxies(networks)
