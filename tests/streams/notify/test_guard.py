"""The guard: nobody leads us into the shop's own network, in whatever way an address is written."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.notify.guard import AddressRefused, guarded_socket, refusal

#: By the registries of special addresses; written down here once more, by hand.
PRIVATE = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
]
PRIVATE6 = ["::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8"]
#: Assigned one by one; some are public, and none is of anybody's shop.
ODD = ["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.51.100.0/24", "203.0.113.0/24"]


def within(address: ipaddress.IPv4Address, networks: list[str]) -> bool:
    return any(address in ipaddress.ip_network(network) for network in networks)


v4 = st.one_of(
    st.ip_addresses(v=4),
    *(st.ip_addresses(network=network) for network in PRIVATE),
).filter(lambda address: not within(address, ODD))


@given(v4)
def test_an_address_is_refused_if_and_only_if_it_is_not_public(
    address: ipaddress.IPv4Address,
) -> None:
    assert bool(refusal(str(address))) == within(address, PRIVATE)


@given(v4)
def test_an_address_in_disguise_is_refused_as_it_would_be_without(
    address: ipaddress.IPv4Address,
) -> None:
    number = int(address)
    for disguise in (
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1),
    ):
        assert bool(refusal(str(disguise))) == within(address, PRIVATE), disguise


@pytest.mark.parametrize("network", PRIVATE6)
def test_a_private_address_of_the_new_internet_is_refused(network: str) -> None:
    first = ipaddress.ip_network(network)[0]
    assert "notify.allow" in refusal(str(first))
    assert refusal(str(first), [ipaddress.ip_network(network)]) == ""


def test_a_zone_hides_nothing() -> None:
    assert refusal("fe80::1%eth0")


@given(v4)
def test_an_allowed_network_opens_itself_and_nothing_else(address: ipaddress.IPv4Address) -> None:
    allowed = [ipaddress.ip_network("10.0.0.0/8")]
    expected = within(address, PRIVATE) and not within(address, ["10.0.0.0/8"])
    assert bool(refusal(str(address), allowed)) == expected


def test_the_socket_itself_is_refused() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    with pytest.raises(AddressRefused):
        guarded_socket([])(info)
    guarded_socket([ipaddress.ip_network("127.0.0.0/8")])(info).close()
