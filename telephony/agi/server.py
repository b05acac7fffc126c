"""The FastAGI listener: who may ask, how much, and for how long; then to whom the request goes.

Nothing here holds a call: a request is answered, handed on, or let go within its deadline, whatever the peer does.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol

import structlog

from telephony.agi.answering import Answering, Route
from telephony.agi.codec import Environment, command
from telephony.agi.connection import AgiConnection
from telephony.agi.errors import AGIException, AgiProtocolError, AGIUsageError
from telephony.agi.takeover import STATUS
from telephony.logs import Seldom

ADDRESSES = 4_096
"""So many peers' rates are remembered."""
TOLD_EVERY = 10.0
"""Seconds between log lines about peers that are not let in; peers decide how many there are."""
LINGER = 1.0
"""Seconds that a stop gives to requests under way."""
BACKLOG = 1_024
REMEDIES = {
    "refused": "add its network to agi.allow if it is a PBX of yours",
    "busy": "more at once than agi.max_calls, or faster than agi.calls_per_second",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may do.

    Attributes:
        allow: networks that may ask.
        deadline: seconds from the connection to the end of the environment, and of a route of ours.
        requests: so many at once, those handed on included.
        per_second: so many a second from one address, and as many at once after a pause.
    """

    allow: tuple[IPv4Network | IPv6Network, ...]
    deadline: float = 0.3
    requests: int = 2_000
    per_second: float = 500.0


class Scripts(Protocol):
    """Users' scripts, wherever they run."""

    @property
    def conversations(self) -> int:
        """So many are under way."""
        ...

    def knows(self, name: str, /) -> bool:
        """There is a script of this name."""
        ...

    def hand_on(self, name: str, environment: Environment, connection: AgiConnection, /) -> bool:
        """Take over the connection; False when nobody can."""
        ...


@dataclass(slots=True)
class _Allowance:
    """What one address may still ask: a bucket that fills by the second."""

    left: float
    at: float


class FastAgiServer:
    """Listens, from `run` to its cancellation.

    Args:
        listen: host and port; port 0 takes a free one, see `address`.
        limits: may be replaced while calls go on.
        routes: ours, by name.
        scripts: everybody else's.
        served: is told (name asked for, result, seconds) of every request that is not handed on.
    """

    def __init__(
        self,
        listen: tuple[str, int],
        limits: Limits,
        routes: Mapping[str, Route],
        scripts: Scripts,
        served: Callable[[str, str, float], None],
    ) -> None:
        self.limits = limits
        self._listen = listen
        self._routes, self._scripts, self._served = routes, scripts, served
        self._requests: set[_Request] = set()
        self._open: set[AgiConnection] = set()
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()
        self._admits = limits.allow
        self._admitted: set[str] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._server: asyncio.Server | None = None
        self._drained: asyncio.Event | None = None
        self._seldom: Seldom | None = None
        self._log = structlog.get_logger(__name__)

    @property
    def listening(self) -> bool:
        """PBXs can ask."""
        return self._server is not None and self._server.is_serving()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        if self._server is None:
            return self._listen
        name = self._server.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    @property
    def requests(self) -> int:
        """Requests that are neither answered nor handed on."""
        return len(self._requests)

    # --- life ---

    async def listen(self) -> None:
        """Have the address, before anything else starts; nobody is served before `run`.

        Raises:
            OSError: it cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, *self._listen, backlog=BACKLOG, start_serving=False)

    def close(self) -> None:
        """Give the address back; whoever is being served goes on."""
        if self._server is not None:
            self._server.close()

    async def run(self) -> None:
        """Serve until cancelled; then no new request is taken, and those under way have a moment to end."""
        if self._server is None:
            await self.listen()
        server = self._server
        if server is None:  # pragma: no cover - `listen` made it
            return
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await server.start_serving()
                await asyncio.get_running_loop().create_future()
            finally:
                self.close()
                await self._drain()

    async def _drain(self) -> None:
        try:
            if any(self._under_way()):
                self._drained = asyncio.Event()
                async with asyncio.timeout(LINGER):
                    await self._drained.wait()
        except TimeoutError:
            pass
        finally:
            for request, answering in list(self._under_way()):
                answering.leave()
                self._go_on_without(request, "stopped")
            for connection in list(self._open):
                connection.close()

    def _under_way(self) -> Iterator[tuple["_Request", Answering]]:
        return ((request, request.answering) for request in self._requests if request.answering is not None)

    # --- a request ---

    def _connection(self) -> "_Request":
        return _Request(self)

    def _made(self, request: "_Request") -> None:
        """Somebody connected."""
        self._open.add(request)
        self._requests.add(request)
        address = request.peer.rpartition(":")[0]
        refused = self._refusal(address)
        if refused:
            if refused in REMEDIES:
                self._tell("agi_not_served", refused, peer=address, result=refused, remedy=REMEDIES[refused])
            self._end(request, "", refused)
            request.abort()
            return
        request.alarm = asyncio.get_running_loop().call_later(self.limits.deadline, self._too_slow, request)

    def _lost(self, request: "_Request") -> None:
        """The connection is gone, or somebody else has it."""
        self._open.discard(request)

    def _refusal(self, address: str) -> str:
        """Why this peer is not let in now; empty if it is."""
        if not address:
            return "vanished"  # reset before we could look
        if not self._known(address):
            return "refused"
        if len(self._open) + self._scripts.conversations > self.limits.requests or not self._allowed(address):
            return "busy"
        return ""

    def _known(self, address: str) -> bool:
        """It is in a network that may ask. A PBX asks for each call, so its address is looked at once."""
        if self._admits is not self.limits.allow:
            self._admits, self._admitted = self.limits.allow, set()
        if address in self._admitted:
            return True
        try:
            peer = ip_address(address.strip("[]").partition("%")[0])
        except ValueError:
            return False
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
            peer = peer.ipv4_mapped
        if not any(peer in network for network in self._admits):
            return False
        if len(self._admitted) < ADDRESSES:
            self._admitted.add(address)
        return True

    def _allowed(self, address: str) -> bool:
        now, rate = asyncio.get_running_loop().time(), self.limits.per_second
        allowance = self._allowances.pop(address, None) or _Allowance(rate, now)
        allowance.left = min(rate, allowance.left + (now - allowance.at) * rate)
        allowance.at = now
        self._allowances[address] = allowance
        if len(self._allowances) > ADDRESSES:
            self._allowances.popitem(last=False)
        if allowance.left < 1:
            return False
        allowance.left -= 1
        return True

    def _too_slow(self, request: "_Request") -> None:
        if request.answering is None:
            self._end(request, "", "slow")
            request.abort()
        else:
            request.answering.leave()
            self._go_on_without(request, "late")

    def _ready(self, request: "_Request") -> None:
        """The environment is whole."""
        environment = request.environment
        if environment is None or self._tasks is None or request not in self._requests:
            return
        route = self._routes.get(environment.script)
        if route is not None:
            steps = route(environment, request.peer)
            request.answering = Answering(request, steps, self._tasks, partial(self._over, request))
            request.answering.begin()
        elif not self._scripts.knows(environment.script):
            remedy = "add a [[script]] of that name, or mend the agi:// address in the dialplan"
            script = environment.script[:80]
            self._tell("agi_unknown_script", "", script=script, peer=request.peer, remedy=remedy)
            self._turn_away(request, environment, "unknown")
        elif self._scripts.hand_on(environment.script, environment, request):
            self._forget(request)
        else:
            self._turn_away(request, environment, "busy")

    def _failed(self, request: "_Request", reason: str) -> None:
        """The environment will never be whole."""
        if request in self._requests:
            if reason == "bad_request":
                self._tell("agi_bad_request", "", peer=request.peer, fault=str(request.fault))
            self._end(request, "", reason)

    def _turn_away(self, request: "_Request", environment: Environment, result: str) -> None:
        self._end(request, environment.script, result)
        request.send_and_finish([command("SET VARIABLE", STATUS, result)])

    def _over(self, request: "_Request", how: str | Exception) -> None:
        """A route has answered, or never will."""
        name = request.script
        match how:
            case str():
                request.close()
                self._end(request, name, how)
            case TimeoutError():
                self._go_on_without(request, "late")
            case AgiProtocolError() | AGIUsageError():
                self._tell("agi_bad_reply", name, script=name, peer=request.peer, fault=str(how))
                self._go_on_without(request, "bad_request")
            case AGIException():
                request.close()
                self._end(request, name, "hung_up")
            case _:  # whatever is wrong with us, the call goes on
                self._log.error("agi_route_failed", script=name, exc_info=how)
                self._go_on_without(request, "failed")

    def _go_on_without(self, request: "_Request", result: str) -> None:
        """The call goes where it goes without an answer."""
        if request.environment is not None:
            request.send_and_finish(self._default(self._routes[request.script], request.environment))
        self._end(request, request.script, result)

    def _default(self, route: Route, environment: Environment) -> list[bytes]:
        """What is sent when there is no answer; nothing where not even that can be said."""
        try:
            return list(route.default(environment))
        except Exception as error:  # noqa: BLE001 - an odd request must not end the service
            self._tell("agi_no_default", environment.script, script=environment.script, error=repr(error))
            return []

    def _end(self, request: "_Request", name: str, result: str) -> None:
        if self._forget(request):
            self._served(name, result, asyncio.get_running_loop().time() - request.began)

    def _forget(self, request: "_Request") -> bool:
        if request.alarm is not None:
            request.alarm.cancel()
        request.answering = None
        if request not in self._requests:
            return False
        self._requests.discard(request)
        if self._drained is not None and not any(self._under_way()):
            self._drained.set()
        return True

    # --- the log ---

    def _tell(self, event: str, kind: str, **more: object) -> None:
        """Of each kind one line every ten seconds: peers decide how many there are."""
        if self._seldom is None:
            self._seldom = Seldom(TOLD_EVERY, asyncio.get_running_loop().time)
        untold = self._seldom.may(f"{event} {kind}")
        if untold is not None:
            self._log.warning(event, **more, untold=untold)


class _Request(AgiConnection):
    """A connection until it is answered, handed on or let go; it tells the server of its beginning and its end.

    Attributes:
        began: by the loop's clock.
        alarm: of the deadline.
        answering: while a route does.
    """

    def __init__(self, server: FastAgiServer) -> None:
        super().__init__(
            lambda _: server._ready(self),  # noqa: SLF001 - the two are one
            lambda _, reason: server._failed(self, reason),  # noqa: SLF001
        )
        self._server = server
        self.began = self._loop.time()
        self.alarm: asyncio.TimerHandle | None = None
        self.answering: Answering | None = None

    @property
    def script(self) -> str:
        """What was asked for; empty when that is not known."""
        return "" if self.environment is None else self.environment.script

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or not."""
        super().connection_made(transport)
        self._server._made(self)  # noqa: SLF001

    def connection_lost(self, exc: Exception | None) -> None:
        """One less."""
        super().connection_lost(exc)
        self._server._lost(self)  # noqa: SLF001


__all__ = ["FastAgiServer", "Limits", "Route", "Scripts"]
