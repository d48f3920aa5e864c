"""Which addresses a channel may lead to: none in the own network, unless the settings allow it.

A name is resolved once, all its addresses are checked, and the connection goes to a checked one: a name that leads
elsewhere the second time (rebinding) leads nowhere. Redirects are not followed at all.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

Network = IPv4Network | IPv6Network
Networks = Annotated[
    tuple[Network, ...],
    Field(description="networks of your own that it may lead to, e.g. `192.168.10.0/24`; none: public addresses only"),
]
Resolve = Callable[[str, int], Sequence[str]]

# Addresses of IPv4 in those of IPv6 by a translator (RFC 6052).
_TRANSLATED = ip_network("64:ff9b::/96")


class ForbiddenAddressError(ValueError):
    """The host leads into the own network; the message may be shown."""


def resolve(host: str, port: int) -> list[str]:
    """Every address of the host. Raises: OSError."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def checked_addresses(host: str, port: int, allowed: tuple[Network, ...], resolver: Resolve = resolve) -> list[str]:
    """The host's addresses, every one of them allowed.

    Raises:
        ForbiddenAddressError: one of them is not.
        OSError: it cannot be resolved.
    """
    addresses = list(resolver(host, port))
    for address in addresses:
        check_address(host, address, allowed)
    return addresses


def check_address(host: str, address: str, allowed: tuple[Network, ...]) -> None:
    """Raises: ForbiddenAddressError."""
    there = _meant(ip_address(address.partition("%")[0]))
    if any(there.version == network.version and there in network for network in allowed):
        return
    if not there.is_global or there.is_multicast or there.is_reserved or there.is_unspecified:
        shown = address if host == address else f"{host} ({address})"
        raise ForbiddenAddressError(
            f"{shown} lies in the own network; if it is meant, add it to `allow_networks` of the channel, "
            f"e.g. [{there}/{there.max_prefixlen}]"
        )


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that is reached in the end: of IPv4 in IPv6 the inner one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def check_literal(url: str, allowed: tuple[Network, ...]) -> None:
    """Refuse an address that needs no resolving to be known as ours. Raises: ForbiddenAddressError."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        check_address(host, "127.0.0.1", allowed)
        return
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return  # a name: checked when it is resolved, at each message
    check_address(host, host, allowed)
