"""Who may connect: tokens, those who guess them, and whose pages ask. Knows no WebSocket; any page may use it."""

import asyncio
import hashlib
import hmac
import ipaddress
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import web

FAILURES, FAILURES_WITHIN = 10, 60.0
"""So many wrong tokens within so many seconds, and an address has to wait."""
ADDRESSES = 1_000
IPV6_NETWORK = 64
"""Bits that one owner of IPv6 addresses shares among as many as he likes."""
PORTS = {"http": 80, "https": 443}
SIGNING_IN, SIGNING_IN_EACH = 200, 20
"""Connections that have not said who they are: in all, and of one address."""


class CrowdedError(Exception):
    """As many stand at the door as may."""


class Failures:
    """Wrong tokens by address; of very many addresses the one that failed least lately is forgotten.

    Args:
        clock: monotonic seconds.
        most, within: so many within so many seconds are too many.
        known: so many addresses are told apart.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        most: int = FAILURES,
        within: float = FAILURES_WITHIN,
        known: int = ADDRESSES,
    ) -> None:
        self._clock, self._most, self._within, self._known = clock, most, within, known
        self._of: dict[str, list[float]] = {}

    def add(self, remote: str | None) -> None:
        """One more."""
        key = network(remote)
        times = [*self._recent(key), self._clock()][-self._most :]
        self._of.pop(key, None)
        if len(self._of) >= self._known:
            del self._of[next(iter(self._of))]
        self._of[key] = times

    def too_many(self, remote: str | None) -> bool:
        """Whether this address has to wait."""
        return len(self._recent(network(remote))) >= self._most

    def take_back(self, remote: str | None) -> None:
        """The last one was none."""
        if times := self._of.get(network(remote)):
            times.pop()

    def _recent(self, key: str) -> list[float]:
        since = self._clock() - self._within
        return [at for at in self._of.get(key, ()) if at > since]


class Tokens:
    """Whose token it is, found in the same time whichever it is. Keeps hashes only.

    Args:
        agents: token by agent.
    """

    def __init__(self, agents: Mapping[str, str]) -> None:
        self._agents = {agent: _hash(token) for agent, token in agents.items()}

    def agent(self, token: str) -> str | None:
        """The agent; None when it is nobody's."""
        given, found = _hash(token), None
        for agent, known in self._agents.items():
            if hmac.compare_digest(given, known):
                found = agent
        return found


class Doorway:
    """Where connections stand that have not said who they are: not many, of one address a few, and each not for long.

    Args:
        seconds: that each may take.
        most: so many in all; of one address (of IPv6 its /64 network) no more than `SIGNING_IN_EACH`, so that nobody
            can take every place.
    """

    def __init__(self, seconds: float, most: int = SIGNING_IN) -> None:
        self._seconds, self._most = seconds, most
        self._standing: dict[asyncio.Timeout, str] = {}

    @asynccontextmanager
    async def entered(self, remote: str | None) -> AsyncIterator[None]:
        """For as long as the block runs.

        Raises:
            CrowdedError: there is no place. TimeoutError: it took too long, or `close` was called.
        """
        address = network(remote)
        of_his = sum(1 for one in self._standing.values() if one == address)
        if len(self._standing) >= self._most or of_his >= SIGNING_IN_EACH:
            raise CrowdedError
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                self._standing[limit] = address
                yield
        finally:
            self._standing.pop(limit, None)

    def close(self) -> None:
        """Nobody's time goes on."""
        for limit in self._standing:
            if not limit.expired():  # else its end is under way
                limit.reschedule(asyncio.get_running_loop().time())


def ours(request: web.Request, origins: frozenset[str]) -> bool:
    """Whether a page of ours asks: as its browser tells in `Origin`; of the host asked, or one of `origins`."""
    told = request.headers.getall("Origin", [])
    if len(told) != 1:
        return False
    return told[0].lower() in origins or same_host(told[0], request.headers.get("Host", ""))


def same_host(origin: str, host: str) -> bool:
    """Whether a page of this `Origin` came from the `Host` that is asked; http or https: a proxy may do the TLS."""
    try:
        page, asked = urlsplit(origin.lower()), urlsplit(f"//{host.lower()}")
        default = PORTS.get(page.scheme)
        ports = page.port or default, asked.port or default
    except ValueError:
        return False
    return default is not None and page.hostname is not None and (page.hostname, ports[0]) == (asked.hostname, ports[1])


def bearer(request: web.Request) -> str | None:
    """The token in the `Authorization` header, if it is of that kind."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _hash(token: str) -> bytes:
    """Of equal length, whatever is given."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def network(remote: str | None) -> str:
    """Whose address it is: of IPv6 the network, for within it he may choose any."""
    try:
        address = ipaddress.ip_address(remote or "")
    except ValueError:
        return remote or ""
    if address.version == 4:  # noqa: PLR2004
        return str(address)
    return str(ipaddress.ip_network((int(address), IPV6_NETWORK), strict=False))
