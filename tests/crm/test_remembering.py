"""What is remembered of a CRM, and when it is left alone."""

from datetime import timedelta

from telephony.crm.remembering import Breaker, Remembered


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_an_answer_holds_for_a_while() -> None:
    kept: Remembered[str, int] = Remembered(2, seconds(10))
    kept.put("a", 0, seconds(0))
    assert kept.get("a", seconds(9.9)) == 0
    assert kept.get("a", seconds(10)) is None
    assert (kept.get("b", seconds(0)), len(kept)) == (None, 0)


def test_of_too_many_the_one_goes_that_was_asked_for_longest_ago() -> None:
    kept: Remembered[str, int] = Remembered(2, seconds(10))
    for at, key in enumerate("ab"):
        kept.put(key, at, seconds(at))
    kept.get("a", seconds(2))
    kept.put("c", 3, seconds(3))
    assert [kept.get(key, seconds(4)) for key in "abc"] == [0, None, 3]
    assert len(kept) == 2


def test_who_fails_in_a_row_is_left_alone_and_asked_once_whether_he_is_back() -> None:
    breaker = Breaker(2, seconds(30))
    breaker.went(seconds(0), well=False)
    breaker.went(seconds(0), well=True)
    breaker.went(seconds(1), well=False)
    assert (breaker.may(seconds(1)), breaker.is_broken) == (True, False)
    breaker.went(seconds(2), well=False)
    assert [breaker.may(seconds(at)) for at in (2, 31.9, 32, 33)] == [False, False, True, False]
    breaker.went(seconds(33), well=False)
    assert [breaker.may(seconds(at)) for at in (62.9, 63)] == [False, True]
    breaker.went(seconds(63), well=True)
    assert (breaker.may(seconds(63)), breaker.is_broken) == (True, False)
