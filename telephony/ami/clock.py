"""The PBX's clock against ours: what is late, and what was set. Pure.

Every event is stamped by the PBX when it happens and read by us some time later, usually a millisecond. After a stall
of the network it is seconds, and the stamps are right all the same; after somebody set the PBX's clock, they are not.
The two are told apart by order: a stall delivers late but never out of order, so stamps that go back, or that lie ahead
of now, are a clock that was set.
"""

from datetime import timedelta

from telephony.ami.translate import EPOCH, Headers, moment, stamp
from telephony.calls.facts import Moment

AHEAD = timedelta(seconds=2)
"""A stamp this far in the future is a clock that was set forward."""
BEHIND = timedelta(milliseconds=500)
"""Stamps of several threads may go back by some milliseconds; by this much they do not."""
NONE = timedelta()
LATEST = timedelta(seconds=15)
"""No message is read later on a living line, for the ping would have ended it; unless we ourselves stood still
for longer: then what was said meanwhile is as late as that.
"""
CAUGHT_UP = timedelta(seconds=1)
"""Who is no later than this has read what had gathered."""


class PbxClock:
    """One connection's idea of the PBX's clock. Make a new one for each connection."""

    def __init__(self) -> None:
        self._offset: timedelta | None = None
        self._highest: timedelta | None = None
        self._read_at: timedelta | None = None
        self._latest = LATEST

    def moment(self, headers: Headers, mono: timedelta, offset: timedelta) -> Moment:
        """When a message happened, on both clocks.

        Args:
            headers: of the message.
            mono: our clock when it was read.
            offset: what the PBX's clock is ahead of ours, as told by its answers to pings; slow to follow a step.

        Returns:
            `wall` is the stamp. `mono` is our clock at that instant, as far as it can be told: the time of reading less
            the delay. A message without a stamp gets the time of reading.
        """
        told = stamp(headers)
        if told is None:
            return moment(headers, mono, offset)
        if self._offset is None or abs(offset - self._offset) < AHEAD:
            self._offset = offset
        delay, highest = mono - (told - self._offset), self._highest
        self._allow(mono, delay)
        if delay < -AHEAD or (highest is not None and told < highest - BEHIND):
            self._offset, self._highest, delay = told - mono, told, NONE
        elif highest is None or told > highest:
            self._highest = told
        return Moment(EPOCH + told, mono - delay if NONE < delay <= self._latest else mono)

    def _allow(self, mono: timedelta, delay: timedelta) -> None:
        """How late a message may be: as late as there was nothing read before it, until we have caught up."""
        silent = NONE if self._read_at is None else mono - self._read_at
        self._read_at = mono
        if silent > LATEST:
            self._latest = silent + CAUGHT_UP
        elif delay <= CAUGHT_UP:
            self._latest = LATEST
