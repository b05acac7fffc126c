"""Which call is shown on which desk."""

from dataclasses import replace
from datetime import timedelta

import pytest

from telephony.calls.record import CallRecord, OfferResult, Outcome
from telephony.screenpop import board as boards
from telephony.screenpop.board import Board
from telephony.screenpop.pop import History, Knowledge, Phase
from tests.screenpop.desks import DESKS, Watch, desk
from tests.screenpop.test_standing import going_on, lifted, over, phone, waiting
from tests.support.calls import at, call, offer, visit


def ringing(number: int = 1, *phones: str, **changes: object) -> CallRecord:
    offers = tuple(phone(name) for name in phones or ("1001",))
    return replace(call(waiting(*offers), number=number), ended_at=None, **changes)  # type: ignore[arg-type]


def answered(number: int = 1) -> CallRecord:
    record = call(visit(agent="Agent 1001", hung_up_by=None, offers=(lifted("1001", 10),)), number=number)
    return replace(record, ended_at=None)


def withdrawn(number: int = 1) -> CallRecord:
    return replace(call(waiting(over("1001", OfferResult.NO_ANSWER)), number=number), ended_at=None)


def test_a_state_told_twice_says_nothing_new() -> None:
    watch = Watch()
    assert watch.follow(ringing()) == ["1001 ringing"]
    assert watch.follow(ringing()) == []
    assert [popped.began for popped in watch.popped] == [True]


def test_an_older_state_is_nothing() -> None:
    watch = Watch()
    watch.follow(replace(answered(), revision=5))
    assert watch.follow(replace(ringing(), revision=4)) == []
    assert watch.shown("1001").pop.phase is Phase.TALKING


def test_calls_that_concern_no_desk_leave_nothing_behind() -> None:
    watch = Watch()
    assert watch.follow(call(), going_on(waiting()), ringing(1, "7777"), withdrawn()) == []
    assert watch.board.desks_of(call().id) == ()
    assert watch.board.of("1001") == watch.board.of("nobody") == ()


def test_a_state_that_was_missed_does_no_harm() -> None:
    watch = Watch()
    assert watch.follow(answered()) == ["1001 talking"]
    assert watch.follow(call(visit(agent="Agent 1001", offers=(lifted("1001", 10),)))) == ["1001 ended"]
    assert [popped.began for popped in watch.popped] == [False, False]


def test_a_desk_whose_ringing_was_missed_is_not_told_that_it_is_over() -> None:
    watch = Watch()
    missed = going_on(waiting(over("1001", OfferResult.NO_ANSWER), phone("1002")))
    assert watch.follow(missed) == ["1002 ringing"]


def test_what_was_forgotten_stays_so_until_it_rings_again() -> None:
    watch = Watch()
    assert watch.follow(ringing(), withdrawn()) == ["1001 ringing", "1001 withdrawn no_answer"]
    assert watch.passes(9) == []
    assert watch.passes(1) == ["1001 gone"]
    assert watch.follow(withdrawn(), replace(withdrawn(), revision=1)) == []
    assert watch.follow(replace(ringing(), revision=2)) == ["1001 ringing"]
    assert [popped.began for popped in watch.popped] == [True, False, True]


def test_what_becomes_of_the_caller_is_no_news_to_one_who_was_withdrawn() -> None:
    watch = Watch()
    watch.follow(ringing(), withdrawn())
    later = visit(Outcome.TIMEOUT, offers=(over("1001", OfferResult.NO_ANSWER),))
    assert watch.follow(call(later)) == []
    assert watch.passes(10) == ["1001 gone"]


def test_an_ended_call_stays_for_ten_minutes_or_until_the_next_one() -> None:
    watch = Watch()
    ended = call(visit(agent="Agent 1001", offers=(lifted("1001", 10),)))
    watch.follow(answered(), ended)
    assert watch.passes(599) == []
    assert watch.passes(1) == ["1001 gone"]
    watch.follow(answered(), ended)
    assert watch.follow(ringing(2)) == ["1001 gone", "1001 ringing"]


def test_a_call_of_which_nothing_is_told_for_half_a_day_has_ended_unheard() -> None:
    watch = Watch()
    watch.follow(ringing())
    assert watch.passes(12 * 3600) == ["1001 gone"]


def test_an_offer_that_proves_to_be_none_takes_the_pop_away() -> None:
    watch = Watch()
    watch.follow(ringing(1, "1001", "1002"))
    assert watch.follow(ringing(1, "1002")) == ["1001 gone"]


def test_of_too_many_calls_the_oldest_that_is_over_goes_first() -> None:
    watch = Watch()
    watch.follow(ringing(1), ringing(2), *(ringing(number) for number in range(3, boards.CALLS_PER_DESK + 1)))
    watch.follow(withdrawn(2))
    assert watch.follow(ringing(30)) == ["1001 gone", "1001 ringing"]
    assert watch.follow(ringing(31)) == ["1001 gone", "1001 ringing"]
    shown = [shown.pop.call for shown in watch.board.of("1001")]
    assert ringing(1).id not in shown
    assert ringing(2).id not in shown
    assert len(shown) == boards.CALLS_PER_DESK
    assert watch.board.dropped == 2


@pytest.mark.parametrize("interface", ["Local/1001@agents", "Local/1001@agents/n", "Local/1001@agents/nj"])
def test_the_options_of_a_local_phone_do_not_matter(interface: str) -> None:
    watch = Watch(Board([desk("x", "Local/1001@agents/n")]))
    assert watch.follow(going_on(waiting(phone(interface=interface)))) == ["x ringing"]


def test_shared_phones_show_on_each_desk_and_phones_of_another_pbx_on_none() -> None:
    watch = Watch(
        Board([desk("1001"), desk("a", "PJSIP/1001", pbx="pbx1"), desk("b", "PJSIP/1001", pbx="pbx2"), desk("c")])
    )
    assert sorted(watch.follow(ringing())) == ["1001 ringing", "a ringing"]
    assert watch.board.desks_of(ringing().id) == ("a", "1001")
    assert watch.follow(replace(ringing(2), pbx="pbx2")) == ["b ringing", "1001 ringing"]
    assert watch.follow(replace(ringing(3), pbx="pbx3")) == ["1001 ringing"]
    assert Watch(Board([desk("a", pbx="pbx1")])).follow(going_on(waiting(phone("a")))) == ["a ringing"]


def test_two_hundred_phones_ring_and_each_desk_hears_of_its_own_once() -> None:
    names = [str(number) for number in range(2000, 2200)]
    watch = Watch(Board([desk(name) for name in names]))
    called = [offer(None, interface=f"PJSIP/{name}", rang_at=None, ended_at=None) for name in names]
    for number, name in enumerate(names):
        called[number] = replace(called[number], rang_at=at(5))
        assert watch.follow(going_on(waiting(*called))) == [f"{name} ringing"]


def test_ages_count_from_the_moment_we_are_told_by_the_pbxs_own_clock() -> None:
    watch = Watch()
    watch.follow(going_on(waiting(phone(rang_at=at(7)), joined_at=at(2))))
    shown = watch.shown("1001")
    assert shown.waited(watch.now) == timedelta(seconds=5)
    assert shown.ringing(watch.now + timedelta(seconds=1)) == timedelta(seconds=4)
    watch = Watch()
    watch.follow(going_on(waiting(phone(rang_at=at(7)), joined_at=at(2))), wall=at(60))
    assert watch.shown("1001").waited(watch.now) == timedelta(seconds=58)


# --- a clock that is only estimated ---


def test_what_was_resumed_is_as_old_as_the_estimate_says_until_the_pbx_stamps_something_of_it() -> None:
    watch = Watch()
    assert watch.follow(ringing(), wall=at(30), stamped=False) == ["1001 ringing"]
    assert watch.shown("1001").ringing(watch.now) == timedelta(seconds=26)
    assert watch.follow(ringing(), after=2, wall=at(35), stamped=True) == ["1001 ringing"]
    assert watch.shown("1001").ringing(watch.now) == timedelta(seconds=31)
    assert [popped.began for popped in watch.popped] == [True, False]
    assert watch.follow(ringing(), after=1, wall=at(99), stamped=True) == []


def test_an_estimate_that_was_nearly_right_is_mended_and_not_told() -> None:
    watch = Watch()
    watch.follow(ringing(), wall=at(30), stamped=False)
    assert watch.follow(ringing(), after=2, wall=at(32.5)) == []
    assert watch.shown("1001").ringing(watch.now) == timedelta(seconds=28.5)


def test_a_better_estimate_replaces_one_and_a_stamp_stays() -> None:
    watch = Watch()
    watch.follow(ringing(), wall=at(30), stamped=False)
    assert watch.follow(ringing(), wall=at(20), stamped=False) == ["1001 ringing"]
    assert watch.shown("1001").ringing(watch.now) == timedelta(seconds=16)
    watch.follow(ringing(), wall=at(40))
    watch.follow(ringing(1, "1001", "1002"), after=3, wall=at(70), stamped=False)
    assert watch.shown("1002").ringing(watch.now) == watch.shown("1001").ringing(watch.now) == timedelta(seconds=39)


def test_a_stamp_that_is_read_late_makes_nobody_younger_but_a_clock_that_was_set_counts() -> None:
    watch = Watch()
    watch.follow(ringing(), wall=at(10))
    watch.follow(ringing(1, "1001", "1002"), after=5, wall=at(13.5))
    assert watch.shown("1002").ringing(watch.now) == timedelta(seconds=11)
    watch.follow(ringing(1, "1001", "1002", "1003"), wall=at(100))
    assert watch.shown("1003").ringing(watch.now) == timedelta(seconds=96)


def test_what_is_over_does_not_age_when_the_clock_is_known_better() -> None:
    watch = Watch()
    watch.follow(ringing(), wall=at(30), stamped=False)
    assert watch.follow(withdrawn(), wall=at(31), stamped=False) == ["1001 withdrawn no_answer"]
    assert watch.follow(withdrawn(), after=5, wall=at(99)) == []
    assert watch.shown("1001").ringing(watch.now) == timedelta(seconds=27)
    assert watch.passes(5) == ["1001 gone"]


# --- phones of nobody ---


def test_a_local_phone_that_stands_on_no_desk_is_told_once() -> None:
    watch = Watch()
    for number in (1, 2):
        record = going_on(waiting(phone("7", interface="Local/7@agents/n"), phone("8"), phone("1001")))
        watch.follow(replace(record, revision=number))
    assert watch.board.deskless() == [("pbx1", "Local/7@agents")]
    watch.follow(going_on(waiting(phone("7", interface="Local/7@agents/n"))))
    assert watch.board.deskless() == []


def test_only_so_many_phones_of_nobody_are_told_and_without_desks_none() -> None:
    made_up = [phone(interface=f"Local/{number}@made-up") for number in range(boards.DESKLESS + 5)]
    watch, nobody = Watch(), Watch(Board(()))
    for one in (watch, nobody):
        one.follow(going_on(waiting(*made_up)))
    assert len(watch.board.deskless()) == boards.DESKLESS
    assert nobody.board.deskless() == []


# --- histories ---


def test_what_is_found_out_is_kept_with_the_call() -> None:
    watch, found = Watch(), History(Knowledge.KNOWN, 7)
    watch.follow(ringing(1, "1001", "1002"))
    assert watch.shown("1001").history.knowledge is Knowledge.ASKING
    told = watch.board.history(ringing().id, found)
    assert {popped.desk: popped.shown.history for popped in told} == {"1001": found, "1002": found}
    assert not any(popped.began for popped in told)
    watch.follow(answered())
    assert watch.shown("1001").history == found
    assert watch.board.history(ringing(2).id, found) == []


@pytest.mark.parametrize("caller", ["", " ", "Anonymous", "unknown", "<unknown>"])
def test_who_shows_no_number_is_anonymous(caller: str) -> None:
    watch = Watch()
    watch.follow(ringing(caller=caller))
    assert watch.shown("1001").history.knowledge is Knowledge.ANONYMOUS


def test_desks_are_those_that_were_named() -> None:
    board = Board(DESKS)
    assert [board.of(place.name) for place in DESKS] == [(), (), ()]
