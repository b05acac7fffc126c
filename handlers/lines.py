"""What the phones of direct lines are doing, from what calls, queues and the PBX tell of them.

Known is: that it rings or somebody talks on it now; what a queue says that it serves; what the PBX says of its device,
which it lists when we connect, and tells when it changes unless the filters of `manager.conf` leave that out; and
whether it could be reached when it was called last, which holds until it shows another sign of life. Of the last two
the newer one counts: a phone may be registered, and not be reached.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from telephony.calls.book import Leg
from telephony.calls.facts import Interface, MemberState, Moment
from telephony.calls.record import CallRecord, OfferResult
from telephony.calls.tracker import Tracker
from telephony.metrics import LineState

NEVER = datetime.min.replace(tzinfo=UTC)
AS_MEMBER = {
    MemberState.UNAVAILABLE: LineState.UNAVAILABLE,
    MemberState.RINGING: LineState.RINGING,
    MemberState.TALKING: LineState.TALKING,
}
"""Who is paused or has work to do after a call in a queue can be called directly all the same."""


class LinePhones:
    """The phones of the lines at one PBX.

    Args:
        lines: published office phones, interface to name.
    """

    def __init__(self, lines: Mapping[Interface, str]) -> None:
        self._lines = lines
        self._last: dict[Interface, tuple[datetime, bool]] = {}

    def follow(self, call: CallRecord, _heard: object = None) -> None:
        """A new state of a call: what became of the phones that it rang. At once."""
        for visit in call.visits:
            for offer in visit.offers:
                phone = Interface(offer.interface)
                if phone not in self._lines or offer.result is None:
                    continue
                if offer.called_at > self._last.get(phone, (NEVER, False))[0]:
                    self._last[phone] = offer.called_at, offer.result is not OfferResult.UNREACHABLE

    def states(self, tracker: Tracker) -> dict[str, LineState]:
        """By name of the line; of the PBX's calls, which are only looked at."""
        heard = {leg.interface: _of(leg) for leg in tracker.book.legs.values() if leg.interface in self._lines}
        members, told = tracker.phones(), tracker.book.reachable
        return {name: self._state(phone, heard.get(phone), members, told) for phone, name in self._lines.items()}

    def _state(
        self,
        phone: Interface,
        heard: LineState | None,
        members: Mapping[Interface, MemberState],
        told: Mapping[Interface, tuple[Moment, bool]],
    ) -> LineState:
        if heard is not None:
            self._last[phone] = self._last.get(phone, (NEVER, True))[0], True
            return heard
        if phone in members:
            return AS_MEMBER.get(members[phone], LineState.READY)
        known = [(since.wall, there) for since, there in (told[phone],)] if phone in told else []
        known += [self._last[phone]] if phone in self._last else []
        if not known:
            return LineState.UNKNOWN
        return LineState.READY if max(known)[1] else LineState.UNAVAILABLE


def _of(leg: Leg) -> LineState | None:
    """What a channel says of its phone; None while it is being called and has not rung."""
    if leg.rung_by is None or leg.reached or leg.bridge is not None:
        return LineState.TALKING
    return None if leg.alerted is None else LineState.RINGING
