"""What an agent may do at his desk, and when: read from the members of the queues, as the PBX tells them."""

from datetime import timedelta

import pytest

from telephony.calls.deskwork import (
    LEGAL,
    NUMBER,
    SIGNED_OUT,
    UNKNOWN,
    Doing,
    Standing,
    Why,
    Wish,
    WrapUps,
    standing_of,
    why_not,
)
from telephony.calls.facts import Interface, Member, MemberState, QueueName

WRAP_UPS = {"wrap-up"}
S = timedelta(seconds=1)


def place(
    queue: str = "support",
    state: MemberState = MemberState.READY,
    *,
    phone: str = "PJSIP/1001",
    paused: str | None = None,
    does: MemberState | None = None,
) -> Member:
    return Member(
        QueueName(queue), Interface(phone), "1001", state, phone=does, paused=paused is not None, reason=paused or ""
    )


def test_nobody_who_serves_no_queue_is_signed_in() -> None:
    assert standing_of([], WRAP_UPS) == SIGNED_OUT


def test_all_places_of_his_phone_are_one_standing() -> None:
    both = [place("sales"), place("market")]
    assert standing_of(both, WRAP_UPS) == Standing(Doing.READY, "", "PJSIP/1001", ("market", "sales"))


def test_a_pause_counts_where_no_queue_offers_him_a_call() -> None:
    half = standing_of([place("sales", paused="用餐"), place("market")], WRAP_UPS)
    assert (half.doing, half.paused, half.reason) == (Doing.READY, False, "")
    whole = standing_of([place("sales", paused="用餐"), place("market", paused="用餐")], WRAP_UPS)
    assert (whole.doing, whole.paused, whole.reason) == (Doing.PAUSED, True, "用餐")
    assert standing_of([place(paused="Wrap-Up")], WRAP_UPS).doing is Doing.WRAP_UP


@pytest.mark.parametrize(
    ("state", "doing"),
    [
        (MemberState.TALKING, Doing.TALKING),
        (MemberState.RINGING, Doing.RINGING),
        (MemberState.UNAVAILABLE, Doing.UNREACHABLE),
    ],
)
def test_his_phone_comes_before_his_pause(state: MemberState, doing: Doing) -> None:
    assert standing_of([place(state=state)], WRAP_UPS).doing is doing
    paused = standing_of([place(state=MemberState.PAUSED, paused="小休", does=state)], WRAP_UPS)
    assert (paused.doing, paused.reason) == (doing, "小休")


def test_of_two_phones_one_is_his() -> None:
    two = [place(phone="PJSIP/1002", state=MemberState.TALKING), place(phone="PJSIP/1001")]
    assert standing_of(two, WRAP_UPS).phone == "PJSIP/1001"


def test_each_wish_is_legal_or_has_a_reason() -> None:
    for doing, legal in LEGAL.items():
        for wish in Wish:
            found = why_not(Standing(doing, paused=True, reason="x"), wish, "y")
            assert (found is None) == (wish in legal), (doing, wish)
    assert why_not(UNKNOWN, Wish.READY) is Why.NOT_HEARD
    assert why_not(SIGNED_OUT, Wish.PAUSE, "小休") is Why.SIGN_IN_FIRST
    assert why_not(Standing(Doing.READY), Wish.SIGN_IN) is Why.SIGN_OUT_FIRST
    assert why_not(Standing(Doing.TALKING), Wish.SIGN_OUT) is Why.ON_CALL
    assert why_not(Standing(Doing.UNREACHABLE), Wish.CALL) is Why.NO_PHONE


def test_what_is_so_already_need_not_be_asked_for() -> None:
    assert why_not(Standing(Doing.READY), Wish.READY) is Why.ALREADY
    paused = Standing(Doing.PAUSED, "小休", paused=True)
    assert why_not(paused, Wish.PAUSE, "小休") is Why.ALREADY
    assert why_not(paused, Wish.PAUSE, "用餐") is None
    assert why_not(Standing(Doing.WRAP_UP, "wrap-up", paused=True), Wish.WRAP_UP, "wrap-up") is Why.ALREADY


def test_wrap_up_ends_by_itself_and_begins_when_he_has_hung_up() -> None:
    wraps = WrapUps(30 * S)
    talking, wrapping = Standing(Doing.TALKING, "wrap-up", paused=True), Standing(Doing.WRAP_UP, "wrap-up", paused=True)
    assert wraps.look("1001", talking, 100 * S) is None
    assert wraps.look("1001", wrapping, 200 * S) == 30 * S
    assert wraps.look("1001", UNKNOWN, 210 * S) is None
    assert wraps.look("1001", wrapping, 220 * S) == 10 * S
    assert wraps.look("1001", wrapping, 240 * S) == timedelta()
    assert wraps.look("1001", talking, 241 * S) is None
    assert wraps.look("1001", wrapping, 250 * S) == 30 * S


def test_a_wrap_up_without_an_end_waits_for_him() -> None:
    assert WrapUps(timedelta()).look("1001", Standing(Doing.WRAP_UP), 1 * S) is None


@pytest.mark.parametrize("bad", ["", "1", "12345@other", "1\r\n2", "1,2", "x" * 5, "1" * 33, "１２３", "123\n"])
def test_a_number_cannot_name_another_place_of_the_dialplan(bad: str) -> None:
    assert NUMBER.fullmatch(bad) is None


def test_a_number_is_digits() -> None:
    assert all(NUMBER.fullmatch(good) for good in ("+8613800000000", "95555", "*43#"))
