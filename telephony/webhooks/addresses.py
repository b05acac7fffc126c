"""Where nothing may be sent: a webhook must not be a way into the network behind us. Pure."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

NAT64 = IPv6Network("64:ff9b::/96")


def refused(address: str, *, private: bool) -> bool:
    """Whether nothing may be sent to this address, or to one that stands in it.

    Args:
        address: as it was resolved, at the moment of connecting.
        private: the configuration says that this receiver is within our network, or this machine.
    """
    try:
        known = ip_address(address)
    except ValueError:
        return True
    return any(_refused(one, private) for one in _meant(known))


def _refused(address: IPv4Address | IPv6Address, private: bool) -> bool:
    # Link-local is where clouds tell machines their keys; nobody's receiver is there, whatever a file says.
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return True
    return not private and not address.is_global


def _meant(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """The address, and those that routers would take out of it."""
    if isinstance(address, IPv4Address):
        yield address
        return
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    found = [one for one in inner if one is not None]
    yield from found
    if address.ipv4_mapped is None:
        yield address
