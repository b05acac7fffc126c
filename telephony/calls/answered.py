"""Who talks with a phone that his Dial() called, as a listing shows it. Pure.

Certain is only a phone that this very Dial() names: whom somebody handed on, picked up or parked sits with another one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from telephony.calls.facts import DialBegan, Fact, LiveChannel, SnapshotTaken, Uniqueid


@dataclass(frozen=True, slots=True)
class Answer:
    """A caller, the phone that answered his Dial(), and who sits in his bridge: it, or a Local channel before it."""

    caller: LiveChannel
    phone: LiveChannel
    near: LiveChannel

    @property
    def seats(self) -> set[Uniqueid]:
        """The channels with whom he talks."""
        return {self.phone.channel.uniqueid, self.near.channel.uniqueid}


Answered = dict[Uniqueid, Answer]
"""By the channels of the callers."""


def find_answered(fact: SnapshotTaken, held: Iterable[Fact]) -> Answered:
    """Who talks with a phone that his Dial() called.

    Args:
        fact: the listing.
        held: what was told before it, and is applied after it: calls of which it tells all are left to it.
    """
    linked = linked_to(fact, held)
    callers = (one for one in fact.channels or () if is_root_in_dial(one) and one.bridge is not None)
    found = ((one, answered_by(one, linked.get(one.channel.uniqueid, ()))) for one in callers)
    return {one.channel.uniqueid: Answer(one, *seats) for one, seats in found if seats is not None}


def linked_to(fact: SnapshotTaken, held: Iterable[Fact]) -> dict[Uniqueid, list[LiveChannel]]:
    """The channels of each call, but for phones of which it will be told that they are called."""
    began = {one.leg.uniqueid for one in held if isinstance(one, DialBegan)}
    linked: dict[Uniqueid, list[LiveChannel]] = {}
    for one in fact.channels or ():
        if one.channel.uniqueid not in began:
            linked.setdefault(one.channel.linkedid, []).append(one)
    return linked


def is_root_in_dial(one: LiveChannel) -> bool:
    """Whether its dialplan connects the channel with which a call began directly."""
    return one.application == "Dial" and one.channel.uniqueid == one.channel.linkedid


def answered_by(caller: LiveChannel, live: Iterable[LiveChannel]) -> tuple[LiveChannel, LiveChannel] | None:
    """The phone that answered this caller's Dial(), and who sits in his bridge; None when that is not certain."""
    near = called_by(caller, live)
    if near is None or not is_local(near.channel.interface):
        return None if near is None else (near, near)
    halves = [one for one in live if one.channel.interface == near.channel.interface and one.application == "Dial"]
    phone = called_by(halves[0], live) if len(halves) == 1 else None
    return None if phone is None or is_local(phone.channel.interface) else (phone, near)


def called_by(caller: LiveChannel, live: Iterable[LiveChannel]) -> LiveChannel | None:
    """The only one in the bridge of this channel that its Dial() called."""
    seats = (one for one in live if caller.bridge is not None and one.bridge == caller.bridge)
    phones = [one for one in seats if one.application == "AppDial" and names(caller, one.channel.interface)]
    return phones[0] if len(phones) == 1 else None


def names(caller: LiveChannel, interface: str) -> bool:
    """Whether its Dial() called this device."""
    devices = (device.strip().casefold() for device in caller.data.partition(",")[0].split("&"))
    name = interface.casefold()
    return any(device == name or device.startswith(name + "/") for device in devices)


def is_local(interface: str) -> bool:
    """Whether it is no phone, but leads back into the dialplan."""
    return interface.startswith("Local/")
