"""Which addresses may be connected to: an endpoint must not lead us into the shop's own network.

What counts is the address that a connection is made to, at the moment it is made: a name that
was harmless when it was looked at may lead elsewhere a second later.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Where a translator between the two internets keeps an IPv4 address in an IPv6 one.
_NAT64: Final = (
    ipaddress.IPv6Network("64:ff9b::/96"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
)
_LAST_FOUR: Final = 0xFFFF_FFFF


class AddressRefused(OSError):
    """A connection to an address that is not allowed was not made."""


def refusal(text: str, allowed: Iterable[Network] = ()) -> str:
    """Return why an address must not be connected to; empty if it may.

    Parameters
    ----------
    text
        The address in digits.
    allowed
        Networks that may be connected to, whatever they are.

    Examples
    --------
    >>> refusal("10.1.2.3")
    '10.1.2.3 is not an address of the public internet; notify.allow names networks that may be \
sent to'
    >>> refusal("10.1.2.3", [ipaddress.ip_network("10.1.0.0/16")]), refusal("1.1.1.1")
    ('', '')
    """
    # A zone, as in fe80::1%eth0, is no part of the address.
    address = ipaddress.ip_address(text.partition("%")[0])
    named = list(allowed)
    inner = _inside(address)
    if any(each in network for network in named for each in (address, *inner)):
        return ""
    if all(each.is_global and not each.is_multicast for each in inner or (address,)):
        return ""
    return (
        f"{text} is not an address of the public internet; notify.allow names networks that may"
        " be sent to"
    )


def _inside(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if any(address in network for network in _NAT64):
        return (ipaddress.IPv4Address(int(address) & _LAST_FOUR),)
    return ()


def guarded_socket(allowed: Iterable[Network]) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Return what makes the socket of a connection, or refuses to.

    It is asked for each address that is about to be connected to, with that address.

    Parameters
    ----------
    allowed
        Networks that may be connected to, whatever they are.
    """
    named = tuple(allowed)

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = info
        why = refusal(place[0], named)
        if why:
            raise AddressRefused(why)
        return socket.socket(family=family, type=kind, proto=protocol)

    return make
