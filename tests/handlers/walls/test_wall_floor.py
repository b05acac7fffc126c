"""What the PBXs show, all together, and of which queue that is not known."""

from __future__ import annotations

from datetime import timedelta

from handlers.walls.floor import Standing, standing_of
from telephony.calls.facts import MemberState
from telephony.calls.record import Kind
from telephony.standard.places import Place
from tests.support.overview import gauge
from tests.support.walls import Floor

SUPPORT, SALES, DESK = Place(Kind.QUEUE, "support"), Place(Kind.QUEUE, "sales"), Place(Kind.DIRECT, "front-desk")
PHONES = Place(Kind.DIRECT, None)
LINES = {"front-desk"}


def standing(**floors: Floor) -> Standing:
    return standing_of(floors)


def test_a_queue_of_two_pbxs_is_one_place() -> None:
    ready, talking = ("support", MemberState.READY), ("support", MemberState.TALKING)
    found = standing(
        pbx1=Floor([gauge("support", 2, 7)], {ready: 1}), pbx2=Floor([gauge("support", 1, 9)], {ready: 2, talking: 1})
    )
    assert (found.waiting(SUPPORT, LINES), found.oldest(SUPPORT, LINES)) == (3, timedelta(seconds=9))
    assert found.agents(SUPPORT) == {MemberState.READY: 3, MemberState.TALKING: 1}


def test_where_nobody_waits_there_is_no_oldest_and_a_line_has_no_agents() -> None:
    found = standing(pbx1=Floor([gauge("support")]))
    assert (found.waiting(SUPPORT, LINES), found.oldest(SUPPORT, LINES)) == (0, None)
    assert (found.agents(SUPPORT), found.agents(DESK), found.agents(Place(Kind.QUEUE, None))) == ({}, None, None)


def test_phones_that_are_no_line_are_one_place_whatever_their_names_hold() -> None:
    phones = [gauge(f"Local/1380013800{n}@out", 1, n, Kind.DIRECT) for n in (1, 2)]
    found = standing(pbx1=Floor([*phones, gauge("front-desk", 1, 3, Kind.DIRECT)]))
    assert (found.waiting(PHONES, LINES), found.oldest(PHONES, LINES)) == (2, timedelta(seconds=2))
    assert found.waiting(DESK, LINES) == 1
    assert found.places(LINES) == {PHONES, DESK}


def test_of_a_pbx_that_is_not_heard_nothing_counts_and_its_queues_are_doubtful() -> None:
    found = standing(
        pbx1=Floor([gauge("support", 2, 7)]),
        pbx2=Floor([gauge("sales", 5, 99)], {("both", MemberState.READY): 1}, settled=False),
        pbx3=Floor([gauge("both", 1, 4)]),
    )
    assert not found.doubtful(SUPPORT)
    assert found.doubtful(SALES)
    assert found.doubtful(Place(Kind.QUEUE, "both"))
    assert found.waiting(SALES, LINES) == 0
    assert found.places(LINES) == {SUPPORT, SALES, Place(Kind.QUEUE, "both")}


def test_what_no_pbx_that_is_heard_has_may_be_on_the_one_that_is_not_and_so_may_a_line() -> None:
    found = standing(pbx1=Floor([gauge("support")]), pbx2=Floor(settled=False))
    assert found.doubtful(Place(Kind.QUEUE, "of nobody"))
    assert found.doubtful(DESK)
    assert not standing(pbx1=Floor([gauge("support")])).doubtful(DESK)
