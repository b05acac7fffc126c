"""What an agent may do at his desk, and when: pure. What he does is told by the PBX alone, never by a page.

A page that is loaded anew, a second window and a lost connection change nothing: `standing_of` reads the state from the
members of the queues as the PBX tells them, and `why_not` says whether a wish is legal in it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from telephony.calls.facts import Member, MemberState

NUMBER = re.compile(r"\+?[0-9*#]{2,32}")


class Doing(StrEnum):
    """What an agent does, as far as his phone and his queues tell: exactly one."""

    UNKNOWN = "unknown"
    """The PBX is not heard."""
    SIGNED_OUT = "signed_out"
    UNREACHABLE = "unreachable"
    """He serves queues, and his phone is not registered."""
    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    PAUSED = "paused"


class Wish(StrEnum):
    """What he can ask for; a label of metrics."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    READY = "ready"
    PAUSE = "pause"
    WRAP_UP = "wrap_up"
    CALL = "call"


class Why(StrEnum):
    """Why a wish was not fulfilled."""

    NOT_HEARD = "not_heard"
    SIGN_IN_FIRST = "sign_in_first"
    SIGN_OUT_FIRST = "sign_out_first"
    ON_CALL = "on_call"
    NO_PHONE = "no_phone"
    ALREADY = "already"
    NO_REASON = "no_reason"
    BAD_NUMBER = "bad_number"
    NOT_YOUR_PHONE = "not_your_phone"
    NOT_YOUR_QUEUE = "not_your_queue"
    OFF = "off"
    """This PBX has no account for it in the configuration."""
    ONE_AT_A_TIME = "one_at_a_time"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Standing:
    """What he does now.

    Attributes:
        doing: it. reason: of his pause, also of one that begins after the talk.
        phone: with which he serves; empty: none. queues: which, by name, sorted.
        paused: no queue will offer him a call, whatever his phone does.
    """

    doing: Doing
    reason: str = ""
    phone: str = ""
    queues: tuple[str, ...] = ()
    paused: bool = False


UNKNOWN = Standing(Doing.UNKNOWN)
SIGNED_OUT = Standing(Doing.SIGNED_OUT)
_HIS_PHONE = {
    MemberState.TALKING: Doing.TALKING,
    MemberState.RINGING: Doing.RINGING,
    MemberState.UNAVAILABLE: Doing.UNREACHABLE,
}
_SERVES = frozenset({Wish.SIGN_OUT, Wish.READY, Wish.PAUSE, Wish.WRAP_UP})
LEGAL: Mapping[Doing, frozenset[Wish]] = MappingProxyType(
    {
        Doing.UNKNOWN: frozenset(),
        Doing.SIGNED_OUT: frozenset({Wish.SIGN_IN}),
        Doing.UNREACHABLE: _SERVES,
        Doing.READY: _SERVES | {Wish.CALL},
        # Whoever is on the phone may say what comes after it; a call that he answers is never taken from him.
        Doing.RINGING: frozenset({Wish.READY, Wish.PAUSE, Wish.WRAP_UP}),
        Doing.TALKING: frozenset({Wish.READY, Wish.PAUSE, Wish.WRAP_UP}),
        Doing.WRAP_UP: _SERVES | {Wish.CALL},
        Doing.PAUSED: _SERVES | {Wish.CALL},
    }
)
"""What is allowed while he does something."""


def standing_of(members: Iterable[Member], wrap_ups: Collection[str]) -> Standing:
    """What he does.

    Args:
        members: his places in the queues, all of his phones.
        wrap_ups: names of pauses that are wrap-up, casefolded.
    """
    all_of_them = sorted(members, key=lambda one: (one.interface, one.queue))
    if not all_of_them:
        return SIGNED_OUT
    phone = all_of_them[0].interface
    his = [one for one in all_of_them if one.interface == phone]
    paused = all(one.paused for one in his)
    reason = next((one.reason for one in his if one.paused and one.reason), "") if paused else ""
    free = Doing.READY if not paused else Doing.WRAP_UP if reason.casefold() in wrap_ups else Doing.PAUSED
    phones = {one.phone or one.state for one in his}
    doing = next((doing for state, doing in _HIS_PHONE.items() if state in phones), free)
    return Standing(doing, reason, str(phone), tuple(str(one.queue) for one in his), paused)


def why_not(standing: Standing, wish: Wish, reason: str = "") -> Why | None:
    """Why a wish cannot be fulfilled now; None: it can.

    Args:
        standing: what he does.
        wish: what he asks for.
        reason: of a pause.
    """
    if wish not in LEGAL[standing.doing]:
        return _barred(standing.doing, wish)
    if wish is Wish.READY:
        return None if standing.paused else Why.ALREADY
    same = wish in {Wish.PAUSE, Wish.WRAP_UP} and standing.paused and standing.reason == reason
    return Why.ALREADY if same else None


def _barred(doing: Doing, wish: Wish) -> Why:
    """Why something is not legal while he does that."""
    if doing is Doing.UNKNOWN:
        return Why.NOT_HEARD
    if doing is Doing.SIGNED_OUT:
        return Why.SIGN_IN_FIRST
    if wish is Wish.SIGN_IN:
        return Why.SIGN_OUT_FIRST
    return Why.NO_PHONE if doing is Doing.UNREACHABLE else Why.ON_CALL


class WrapUps:
    """Whose wrap-up is over. It begins when he has hung up, also where he asked for it during the talk.

    Args:
        lasts: so long; zero: until he says that he is ready.
    """

    def __init__(self, lasts: timedelta) -> None:
        self._lasts = lasts
        self._began: dict[str, timedelta] = {}

    def look(self, agent: str, standing: Standing, now: timedelta) -> timedelta | None:
        """How much of his wrap-up is left, zero when it is over; None: he has none, or one without an end.

        Args:
            agent: his name.
            standing: what he does.
            now: on the monotonic clock.
        """
        if standing.doing is not Doing.WRAP_UP:
            if standing.doing is not Doing.UNKNOWN:  # what nobody saw did not begin anew
                self._began.pop(agent, None)
            return None
        began = self._began.setdefault(agent, now)
        return max(timedelta(), began + self._lasts - now) if self._lasts else None
