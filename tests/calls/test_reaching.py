"""Whether a call would reach the phone of a line: what the PBX lists, what it tells, and which of the two is newer."""

from __future__ import annotations

from datetime import timedelta

from telephony.calls.book import Rules
from telephony.calls.facts import Interface, LinkLost, LinkRestored, Moment, Phone, PhoneTold, SnapshotTaken
from telephony.calls.tracker import Tracker
from tests.support.calls import at

DESK, CLERK = Interface("PJSIP/8001"), Interface("PJSIP/1001")


def moment(second: float) -> Moment:
    return Moment(at(second), timedelta(seconds=second))


def tracker() -> Tracker:
    return Tracker(Rules("pbx1", lines={DESK: "front-desk"}))


def told(on: Tracker, reachable: bool | None, second: float, phone: Interface = DESK) -> None:
    on.apply(PhoneTold(moment(second), Phone(phone, reachable)))


def listed(on: Tracker, *phones: Phone, asked: float, second: float) -> None:
    on.apply(SnapshotTaken(moment(second), moment(asked), (), (), (), (), phones))


def known(on: Tracker) -> dict[Interface, tuple[float, bool]]:
    return {phone: (since.mono.total_seconds(), there) for phone, (since, there) in on.book.reachable.items()}


def test_the_listing_tells_of_the_lines_and_of_no_other_device() -> None:
    on = tracker()
    listed(on, Phone(DESK, reachable=False), Phone(CLERK, reachable=False), asked=0, second=1)
    told(on, reachable=False, second=2, phone=CLERK)
    assert known(on) == {DESK: (1, False)}


def test_since_when_it_is_so_is_when_it_was_told_first() -> None:
    on = tracker()
    listed(on, Phone(DESK, reachable=True), asked=0, second=1)
    told(on, reachable=True, second=5)
    listed(on, Phone(DESK, reachable=True), asked=60, second=61)
    assert known(on) == {DESK: (1, True)}
    told(on, reachable=False, second=62)
    assert known(on) == {DESK: (62, False)}


def test_what_is_told_while_a_listing_comes_is_newer_than_its_entry() -> None:
    on = tracker()
    told(on, reachable=True, second=10.2)
    listed(on, Phone(DESK, reachable=False), asked=10, second=11)
    assert known(on) == {DESK: (10.2, True)}
    listed(on, Phone(DESK, reachable=False), asked=70, second=71)
    assert known(on) == {DESK: (71, False)}


def test_what_was_told_before_the_first_listing_comes_after_it() -> None:
    on = tracker()
    on.apply(LinkRestored(moment(0), None))
    told(on, reachable=False, second=1)
    listed(on, Phone(DESK, reachable=True), asked=0.5, second=2)
    assert known(on) == {DESK: (1, False)}


def test_a_phone_of_which_the_pbx_does_not_know_is_not_known() -> None:
    on = tracker()
    told(on, reachable=False, second=1)
    told(on, reachable=None, second=2)
    assert known(on) == {}
    told(on, reachable=False, second=3)
    listed(on, asked=4, second=5)
    assert known(on) == {}


def test_a_listing_without_devices_leaves_what_was_told() -> None:
    on = tracker()
    told(on, reachable=False, second=1)
    on.apply(SnapshotTaken(moment(5), moment(4), (), (), (), ()))
    assert known(on) == {DESK: (1, False)}


def test_while_the_pbx_is_not_heard_nothing_is_known() -> None:
    on = tracker()
    told(on, reachable=True, second=1)
    on.apply(LinkLost(moment(2), "the line broke"))
    assert known(on) == {}
