"""What there is to say about scripts' conversations with callers: how they are run, held and ended."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from telephony.agi.codec import Environment


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How scripts are run. All in seconds but the first and the last.

    Attributes:
        hosts: processes.
        silence: of a host, until it is ended.
        first_command: until a script has spoken, or the call goes on without it.
        longest: conversation.
        drain: time for the old conversations after a reload.
        max_calls: conversations at once, over all hosts.
        start: until a host has imported its scripts and is ready.
    """

    hosts: int = 2
    silence: float = 1.0
    first_command: float = 0.3
    longest: float = 3600.0
    drain: float = 3600.0
    max_calls: int = 2000
    start: float = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A conversation that is over.

    Attributes:
        script: its name.
        result: `ok`, `hung_up`, `failed`, `late`, `timeout`, `host_lost` or `busy`.
        detail: why, in one line that callers may have had a hand in; empty when all is well.
        seconds: it took, from `give`.
    """

    script: str
    result: str
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class HostsState:
    """What there is now, and what has happened since the start.

    Attributes:
        hosts: how many are `ready`, `starting` and `draining`.
        conversations: under way, those being ended included.
        replaced: hosts by reason: `silent`, `died`, `stubborn`, `exhausted`.
    """

    hosts: Mapping[str, int]
    conversations: int
    replaced: Mapping[str, int]


class NoHost(Exception):  # noqa: N818 - a state, and the caller's to handle
    """Nobody can run the script now. `result` is what the dialplan is to be told: `busy` or `unknown`."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result = result


@dataclass(slots=True, eq=False)
class Conversation:
    """A call in a script's hands.

    Attributes:
        sock: our duplicate.
        began: on the loop's clock.
        environment: as read from the socket, until the script has spoken: another host may have to take the call.
        started: the script has spoken.
        alarms: what ends it when it is late or endless.
    """

    number: int
    script: str
    sock: socket.socket
    began: float
    environment: Environment | None
    started: bool = False
    alarms: tuple[asyncio.TimerHandle, ...] = ()

    def quiet(self) -> None:
        """No alarm goes off any more."""
        for alarm in self.alarms:
            alarm.cancel()
