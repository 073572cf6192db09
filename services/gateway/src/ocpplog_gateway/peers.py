"""Who is at the other end of a connection, also behind proxies. No I/O.

What a proxy says of the one before it is believed of trusted proxies only: anybody can send such headers.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address
_IPV6_PREFIX = 64
"""A subscriber has a /64 or more: limits that went by the address would not limit anybody."""


@dataclass(frozen=True, slots=True)
class Peer:
    """`name` is what the log says. `key` is what limits go by; empty: by nothing, as for a proxy that many stand behind.

    `proxy`: it is a trusted proxy, or stands behind one, whose headers say how the peer came.
    """

    name: str = ""
    key: str = ""
    proxy: bool = False


class Proxies:
    """The addresses whose forwarding headers are believed. Raises ValueError for what is no list of networks (CIDR)."""

    def __init__(self, networks: str) -> None:
        self._networks = [ipaddress.ip_network(text.strip()) for text in networks.split(",") if text.strip()]

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def peer(self, remote: Sequence[object] | None) -> Peer:
        """The peer of a TCP connection: `remote` is its address and port, None where it is gone."""
        if not remote:
            return Peer()
        host, port = str(remote[0]), remote[1]
        address = _address(host)
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        trusted = address is not None and address in self
        return Peer(name, "" if trusted or address is None else _key(address), trusted)

    def behind(self, proxy: Peer, forwarded_for: Sequence[str]) -> Peer:
        """The peer that a trusted proxy forwards: of its `X-Forwarded-For`, the rightmost that is no trusted proxy.

        What stands left of it may be invented. `proxy` itself where the header is missing or no address.
        """
        found = proxy
        for hop in reversed([hop.strip() for value in forwarded_for for hop in value.split(",")]):
            if (address := _address(hop)) is None:
                return proxy
            found = Peer(str(address), _key(address), proxy=True)
            if address not in self:
                break
        return found


def came_by_tls(forwarded_proto: Sequence[str]) -> bool:
    """Whether the `X-Forwarded-Proto` of a trusted proxy says so, of every hop where it names several."""
    found = [proto.strip().lower() for value in forwarded_proto for proto in value.split(",")]
    return bool(found) and all(proto in ("https", "wss") for proto in found)


def _address(text: str) -> Address | None:
    """With or without port, IPv6 with or without brackets."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(text.partition("%")[0])
        return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
    return None


def _key(address: Address) -> str:
    if isinstance(address, IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)
