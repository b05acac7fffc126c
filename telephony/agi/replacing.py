"""When a living host is replaced, and how many old ones may talk on beside the new ones."""

from collections.abc import Iterable, Sized
from enum import StrEnum
from typing import Protocol, TypeVar

STUBBORN = 5
"""So many parked scripts, and a host is replaced …"""
STUBBORN_AGE = 5.0
"""… if it is so many seconds old: scripts that are all like that shall not keep us starting hosts …"""
STUBBORN_AT_ANY_AGE = 200
"""… unless there are as many as this."""
STUBBORN_WHEN_CROWDED = 1000
"""So many may stay, where a replacement would cost other callers their conversations."""


class Stage(StrEnum):
    """Of a host's life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    GONE = "gone"


class Seen(Protocol):
    """What of a `Host` matters here."""

    @property
    def stage(self) -> Stage:
        """Of its life."""

    @property
    def age(self) -> float:
        """Seconds since it was ready."""

    @property
    def parked(self) -> int:
        """Scripts in it that never run again."""

    @property
    def conversations(self) -> Sized:
        """Under way."""

    @property
    def given_up(self) -> bool:
        """Its conversations are being ended."""


Some = TypeVar("Some", bound=Seen)


def most_draining(hosts: int) -> int:
    """So many old hosts may talk on beside `hosts` new ones: two reloads in an hour's conversations, and two more."""
    return 2 * hosts + 2


def talking_on(hosts: Iterable[Some]) -> list[Some]:
    """The old hosts that wait for their conversations to end, in the order given."""
    return [host for host in hosts if host.stage is Stage.DRAINING and host.conversations and not host.given_up]


def too_many(hosts: Iterable[Some], wanted: int) -> list[Some]:
    """The old hosts whose conversations cannot be waited for.

    Args:
        hosts: all, the oldest first.
        wanted: how many take calls.
    """
    talking = talking_on(hosts)
    return talking[: max(0, len(talking) - most_draining(wanted))]


def stubborn(host: Seen, *, crowded: bool) -> bool:
    """Its parked scripts are reason enough to replace it.

    Args:
        host: any.
        crowded: one more old host that talks on would be one too many.
    """
    if crowded and host.conversations:
        most = STUBBORN_WHEN_CROWDED
    else:
        most = STUBBORN if host.age > STUBBORN_AGE else STUBBORN_AT_ANY_AGE
    return host.stage is Stage.READY and host.parked >= most
