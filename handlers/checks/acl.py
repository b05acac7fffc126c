"""The deny and permit lines of an account of manager.conf, gone through as Asterisk does."""

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from telephony.pbxfiles.tree import Entry

EVERYWHERE = IPv4Network("0.0.0.0/0")
MANY = 2**25
"""Addresses; all private networks together are fewer."""
MAX_RULES = 200


class Reach(Enum):
    """From where an account can log in."""

    EVERYWHERE = auto()
    """Or nearly."""
    SOMEWHERE = auto()
    NOWHERE = auto()
    UNKNOWN = auto()
    """Rules for IPv6 alone, too many, or none that can be understood."""


def reach(entries: Iterable[Entry]) -> Reach:
    """What `deny` and `permit` leave of the addresses of IPv4: of those that fit an address, the last one counts."""
    rules = [rule for entry in entries if entry.name.lower() in {"deny", "permit"} for rule in _rules(entry)]
    if len(rules) > MAX_RULES:
        return Reach.UNKNOWN
    ours = [(network, permits) for network, permits in rules if isinstance(network, IPv4Network)]
    if any(network is None for network, _ in rules) or (rules and not ours):
        return Reach.UNKNOWN
    allowed = [EVERYWHERE]
    for network, permits in ours:
        allowed = [rest for each in allowed for rest in _without(each, network)]
        if permits:
            allowed = list(collapse_addresses([*allowed, network]))
    addresses = sum(network.num_addresses for network in allowed)
    if addresses == 0:
        return Reach.NOWHERE
    return Reach.EVERYWHERE if addresses > MANY else Reach.SOMEWHERE


def _rules(entry: Entry) -> Iterator[tuple[IPv4Network | IPv6Network | None, bool]]:
    """Networks, and whether they are let in; None for what is none. A `!` before one turns it round."""
    for text in entry.value.split(","):
        word = text.strip()
        turned = word.startswith("!")
        try:
            network = ip_network(word.removeprefix("!"), strict=False)
        except ValueError:
            network = None
        yield network, (entry.name.lower() == "permit") != turned


def _without(network: IPv4Network, taken: IPv4Network) -> Iterator[IPv4Network]:
    if not network.overlaps(taken):
        yield network
    elif taken != network and taken.subnet_of(network):
        yield from network.address_exclude(taken)
