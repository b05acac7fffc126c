"""What the phone of a line is doing: from its channels, from its queue, from how it was reached last, else unknown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.lines import LinePhones
from telephony.calls.book import Leg, Rules
from telephony.calls.facts import BridgeId, Interface, Member, MemberState, Moment, QueueName, Uniqueid
from telephony.calls.record import Kind, OfferResult
from telephony.calls.tracker import Tracker
from telephony.metrics import LineState
from tests.support.calls import at, call, offer, visit

DESK, MANAGER = Interface("PJSIP/8001"), Interface("PJSIP/8002")
LINES = {DESK: "front-desk", MANAGER: "manager"}
NOW = Moment(at(0), timedelta())
RUNG_BY = Uniqueid("1.1")


def tracker(*legs: Leg) -> Tracker:
    tracker = Tracker(Rules("pbx1", lines=LINES))
    tracker.book.legs.update({leg.uniqueid: leg for leg in legs})
    return tracker


def leg(interface: Interface = DESK, **more: object) -> Leg:
    return Leg(Uniqueid("1.2"), interface, None, **more)  # type: ignore[arg-type]


def rung(result: OfferResult | None, second: float = 0, interface: Interface = DESK) -> LinePhones:
    phones = LinePhones(LINES)
    tell(phones, result, second, interface)
    return phones


def tell(phones: LinePhones, result: OfferResult | None, second: float, interface: Interface = DESK) -> None:
    one = offer(result, interface=str(interface), called_at=at(second))
    phones.follow(call(visit(kind=Kind.DIRECT, offers=(one,))))


def test_of_a_phone_that_nobody_called_nothing_is_known() -> None:
    assert LinePhones(LINES).states(tracker()) == {"front-desk": LineState.UNKNOWN, "manager": LineState.UNKNOWN}
    assert rung(None).states(tracker())["front-desk"] is LineState.UNKNOWN


@pytest.mark.parametrize("result", list(OfferResult))
def test_a_phone_that_was_not_reached_is_unavailable_and_every_other_end_shows_that_it_is_there(
    result: OfferResult,
) -> None:
    found = rung(result).states(tracker())["front-desk"]
    assert found is (LineState.UNAVAILABLE if result is OfferResult.UNREACHABLE else LineState.READY)


def test_the_call_that_rang_it_last_counts_however_late_an_older_one_is_told_again() -> None:
    phones = rung(OfferResult.UNREACHABLE, second=5)
    tell(phones, OfferResult.BUSY, second=9)
    tell(phones, OfferResult.UNREACHABLE, second=5)
    tell(phones, OfferResult.UNREACHABLE, second=10, interface=Interface("PJSIP/1001"))
    assert phones.states(tracker())["front-desk"] is LineState.READY


def test_it_rings_or_somebody_talks_on_it_as_its_channel_says() -> None:
    phones = LinePhones(LINES)
    for channel, state in (
        (leg(rung_by=RUNG_BY), LineState.UNKNOWN),
        (leg(rung_by=RUNG_BY, alerted=NOW), LineState.RINGING),
        (leg(rung_by=RUNG_BY, alerted=NOW, reached=True), LineState.TALKING),
        (leg(rung_by=RUNG_BY, alerted=NOW, bridge=BridgeId("b")), LineState.TALKING),
        (leg(), LineState.TALKING),
    ):
        assert phones.states(tracker(channel)) == {"front-desk": state, "manager": LineState.UNKNOWN}


def test_who_uses_a_phone_that_was_not_reached_shows_that_it_is_there() -> None:
    phones = rung(OfferResult.UNREACHABLE)
    phones.states(tracker(leg()))
    tell(phones, OfferResult.UNREACHABLE, second=0)
    assert phones.states(tracker())["front-desk"] is LineState.READY
    tell(phones, OfferResult.UNREACHABLE, second=60)
    assert phones.states(tracker())["front-desk"] is LineState.UNAVAILABLE


@pytest.mark.parametrize(("there", "state"), [(True, LineState.READY), (False, LineState.UNAVAILABLE)])
def test_what_the_pbx_says_of_a_phone_that_nobody_called_is_known(there: bool, state: LineState) -> None:
    served = tracker()
    served.book.reachable[DESK] = NOW, there
    assert LinePhones(LINES).states(served) == {"front-desk": state, "manager": LineState.UNKNOWN}


def test_of_what_the_pbx_says_and_how_the_last_call_went_the_newer_counts() -> None:
    served = tracker()
    served.book.reachable[DESK] = Moment(at(5), timedelta()), True
    assert rung(OfferResult.UNREACHABLE, second=4).states(served)["front-desk"] is LineState.READY
    assert rung(OfferResult.UNREACHABLE, second=6).states(served)["front-desk"] is LineState.UNAVAILABLE
    served.book.reachable[DESK] = Moment(at(9), timedelta()), False
    assert rung(OfferResult.NO_ANSWER, second=6).states(served)["front-desk"] is LineState.UNAVAILABLE
    served.book.legs[Uniqueid("1.2")] = leg(rung_by=RUNG_BY, alerted=NOW)
    assert LinePhones(LINES).states(served)["front-desk"] is LineState.RINGING


@pytest.mark.parametrize(
    ("member", "state"),
    [
        (MemberState.UNAVAILABLE, LineState.UNAVAILABLE),
        (MemberState.PAUSED, LineState.READY),
        (MemberState.READY, LineState.READY),
        (MemberState.TALKING, LineState.TALKING),
    ],
)
def test_what_a_queue_says_of_a_phone_that_serves_it_is_believed(member: MemberState, state: LineState) -> None:
    served = tracker()
    served.book.members[QueueName("support"), DESK] = Member(QueueName("support"), DESK, "Desk", member)
    assert rung(OfferResult.UNREACHABLE).states(served)["front-desk"] is state
