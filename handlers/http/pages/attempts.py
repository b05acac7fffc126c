"""How many wrong tokens an address may try."""

from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

FAILURES = 10
WITHIN_SECONDS = 60.0
ADDRESSES = 1_000
"""So many are remembered; beyond that the one that failed longest ago is forgotten."""


class Attempts:
    """Ten failures a minute and address, then none is looked at.

    Args:
        seconds: a clock.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, remote: str | None) -> None:
        """Count one."""
        whose = _whose(remote)
        self._failures.setdefault(whose, deque(maxlen=FAILURES)).append(self._seconds())
        self._failures.move_to_end(whose)
        if len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)

    def too_many(self, remote: str | None) -> bool:
        """Whether this address has to wait."""
        failures = self._failures.get(_whose(remote))
        return failures is not None and len(failures) == FAILURES and self._seconds() - failures[0] < WITHIN_SECONDS


def _whose(remote: str | None) -> str:
    """One household: an IPv4 address, or the /64 that an IPv6 address is in."""
    try:
        address = ip_address((remote or "").partition("%")[0])
    except ValueError:
        return remote or ""
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else str(address)
