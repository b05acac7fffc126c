"""From a record to what each desk sees, case by case."""

from dataclasses import replace
from typing import Any

import pytest

from telephony.calls.record import CallRecord, Kind, OfferRecord, OfferResult, Outcome, Party, VisitRecord
from telephony.screenpop.pop import Phase, Reason, Shown
from telephony.screenpop.standing import Standing, newest, pop_of, standings
from tests.support.calls import at, call, offer, seconds, visit

DESK = {"PJSIP/1001": ["one"], "PJSIP/1002": ["two"], "PJSIP/1009": ["one"]}


def phone(number: str = "1001", **changes: Any) -> OfferRecord:
    """A phone that rings."""
    ringing = offer(None, ended_at=None, alerting=None, rings=None, interface=f"PJSIP/{number}", leg=f"leg{number}")
    return replace(ringing, agent=f"Agent {number}", **changes)


def lifted(number: str, after: float, **changes: Any) -> OfferRecord:
    return phone(number, answered_at=at(after), ended_at=at(after), result=OfferResult.ANSWERED, **changes)


def over(number: str, result: OfferResult | None, after: float = 9) -> OfferRecord:
    return phone(number, ended_at=at(after), result=result)


def waiting(*offers: OfferRecord, **changes: Any) -> VisitRecord:
    return visit(None, alerted_at=at(4), offers=offers, **changes)


def going_on(*visits: VisitRecord, **changes: Any) -> CallRecord:
    return replace(call(*visits), ended_at=None, hung_up_by=None, **changes)


def seen(record: CallRecord) -> dict[str, str]:
    found = standings(record, lambda interface: DESK.get(interface, []))
    return {
        desk: " ".join(filter(None, (standing.phase, standing.reason, f"{standing.visit}" * (standing.visit > 0))))
        for desk, standing in found.items()
    }


def test_a_phone_that_was_only_called_is_nothing() -> None:
    assert seen(going_on(waiting(phone("1001", rang_at=None)))) == {}


def test_a_phone_that_belongs_to_no_desk_is_nothing() -> None:
    assert seen(going_on(waiting(phone("1007")))) == {}


def test_all_phones_ring() -> None:
    assert seen(going_on(waiting(phone("1001"), phone("1002")))) == {"one": "ringing", "two": "ringing"}


def test_while_the_agent_listens_to_an_announcement_it_still_rings_for_the_caller_and_for_nobody_else() -> None:
    record = going_on(waiting(lifted("1001", 8), phone("1002")))
    assert seen(record) == {"one": "ringing", "two": "withdrawn elsewhere"}


def test_an_agent_who_hangs_up_during_the_announcement_has_let_him_wait_on() -> None:
    record = going_on(waiting(lifted("1001", 8), phone("1002", called_at=at(9), rang_at=at(9))))
    assert seen(record) == {"one": "withdrawn other", "two": "ringing"}


def test_a_caller_who_has_left_rings_no_more_though_the_phone_has_not_fallen_silent_yet() -> None:
    record = going_on(waiting(phone("1001"), left_at=at(9), settling=True))
    assert seen(record) == {"one": "withdrawn other"}


@pytest.mark.parametrize(
    ("outcome", "result", "reason"),
    [
        (None, OfferResult.NO_ANSWER, "no_answer"),
        (None, OfferResult.BUSY, "busy"),
        (None, None, "other"),
        (Outcome.ABANDONED, OfferResult.CALLER_LEFT, "caller_left"),
        (Outcome.ABANDONED, OfferResult.ANSWERED, "caller_left"),
        (Outcome.ABANDONED, OfferResult.UNREACHABLE, "other"),
        (Outcome.TIMEOUT, OfferResult.ANSWERED, "other"),
        (Outcome.LOST, None, "other"),
        (Outcome.ANSWERED, None, "elsewhere"),
        (Outcome.ANSWERED, OfferResult.CANCELLED_ELSEWHERE, "elsewhere"),
        (Outcome.ABANDONED, OfferResult.CANCELLED_ELSEWHERE, "caller_left"),
        (Outcome.TIMEOUT, OfferResult.CALLER_LEFT, "other"),
        (Outcome.KEY_EXIT, OfferResult.CALLER_LEFT, "other"),
        (Outcome.REDIRECTED, OfferResult.CALLER_LEFT, "other"),
        (Outcome.WITHDRAWN, OfferResult.CALLER_LEFT, "other"),
        (Outcome.ENDED_BY_PBX, OfferResult.CALLER_LEFT, "other"),
        (Outcome.TIMEOUT, OfferResult.NO_ANSWER, "no_answer"),
    ],
)
def test_why_it_was_withdrawn(outcome: Outcome | None, result: OfferResult | None, reason: str) -> None:
    mine = over("1002", result)
    if result is OfferResult.ANSWERED:
        mine = lifted("1002", 9)
    record = call(visit(outcome, agent="Agent 1001", offers=(lifted("1001", 10), mine)))
    if outcome is None:
        record = going_on(waiting(mine))
    assert seen(record)["two"] == f"withdrawn {reason}"


@pytest.mark.parametrize("result", [None, OfferResult.CANCELLED_ELSEWHERE])
def test_of_an_answer_that_nobody_heard_no_desk_is_told_that_it_was_a_colleagues(result: OfferResult | None) -> None:
    unheard = visit(agent="", offers=(over("1001", result), over("1002", result)))
    assert seen(call(unheard)) == {"one": "withdrawn other", "two": "withdrawn other"}
    assert seen(call(replace(unheard, agent=None)))["one"] == "withdrawn other"


def test_of_an_answer_that_nobody_heard_only_who_is_known_not_to_have_answered_is_told_of_a_colleague() -> None:
    named = visit(agent="Agent 1001", offers=(over("1001", None), over("1002", None)))
    assert seen(call(named)) == {"one": "withdrawn other", "two": "withdrawn elsewhere"}
    told = visit(agent="", offers=(over("1001", OfferResult.ANSWERED), over("1002", OfferResult.CANCELLED_ELSEWHERE)))
    assert seen(call(told)) == {"one": "ended", "two": "withdrawn elsewhere"}


def test_a_phone_that_was_cancelled_while_another_was_lifted_is_told_so_before_the_outcome() -> None:
    record = going_on(waiting(lifted("1001", 8), over("1002", OfferResult.CANCELLED_ELSEWHERE)))
    assert seen(record) == {"one": "ringing", "two": "withdrawn elsewhere"}


def test_two_phones_of_one_desk_are_one_pop() -> None:
    assert seen(going_on(waiting(phone("1001"), phone("1009")))) == {"one": "ringing"}
    assert seen(going_on(waiting(phone("1001"), over("1009", OfferResult.BUSY)))) == {"one": "ringing"}
    assert seen(going_on(waiting(over("1001", OfferResult.BUSY), phone("1009")))) == {"one": "ringing"}
    answered = visit(agent="Agent 1001", hung_up_by=None, offers=(lifted("1001", 10), over("1009", None)))
    assert seen(going_on(answered)) == {"one": "talking"}
    twice = waiting(over("1001", OfferResult.BUSY), over("1009", OfferResult.NO_ANSWER))
    assert seen(going_on(twice)) == {"one": "withdrawn no_answer"}


def test_a_phone_rung_again_in_the_same_visit_rings() -> None:
    assert seen(going_on(waiting(over("1001", OfferResult.NO_ANSWER), phone("1001")))) == {"one": "ringing"}


def test_the_newest_visit_counts_where_it_says_something() -> None:
    first = visit(Outcome.TIMEOUT, offers=(over("1001", OfferResult.NO_ANSWER), over("1002", OfferResult.NO_ANSWER)))
    record = going_on(first, replace(waiting(phone("1001")), ordinal=2))
    assert seen(record) == {"one": "ringing 1", "two": "withdrawn no_answer"}


def test_the_talk_is_over_when_somebody_hung_up_the_call_ended_or_he_waits_again() -> None:
    talk = visit(agent="Agent 1001", hung_up_by=None, offers=(lifted("1001", 10),))
    assert seen(going_on(talk)) == {"one": "talking"}
    assert seen(going_on(replace(talk, hung_up_by=Party.AGENT))) == {"one": "ended"}
    assert seen(call(talk)) == {"one": "ended"}
    assert seen(going_on(talk, replace(waiting(), ordinal=2))) == {"one": "ended"}


def test_of_two_who_lifted_the_named_agent_talks() -> None:
    talk = visit(agent="Agent 1001", hung_up_by=None, offers=(lifted("1001", 8), lifted("1002", 10)))
    assert seen(going_on(talk)) == {"one": "talking", "two": "withdrawn elsewhere"}
    assert seen(going_on(replace(talk, agent="x")))["two"] == "talking"


def test_who_picks_a_direct_call_up_talks_though_his_phone_never_rang() -> None:
    talk = visit(
        kind=Kind.DIRECT, queue="PJSIP/1002", agent="PJSIP/1001", hung_up_by=None, offers=(over("1002", None),)
    )
    assert seen(going_on(talk)) == {"one": "talking", "two": "withdrawn elsewhere"}
    assert seen(going_on(replace(talk, kind=Kind.QUEUE))) == {"two": "withdrawn elsewhere"}
    assert seen(going_on(replace(talk, agent="", offers=()))) == {}


def test_a_phone_that_answers_without_ringing_talks_at_once() -> None:
    talk = visit(agent="Agent 1001", hung_up_by=None, offers=(lifted("1001", 10, rang_at=None),))
    assert seen(going_on(talk)) == {"one": "talking"}


# --- the figures ---


def test_rings_and_waits_of_earlier_visits_are_carried_on() -> None:
    first = visit(Outcome.TIMEOUT, wait=seconds(20), alerted_at=at(1), caller_rings_heard=3)
    second = visit(Outcome.TIMEOUT, wait=seconds(5), ordinal=2)
    ringing = replace(waiting(phone()), ordinal=3)
    pop = pop_of(going_on(first, second, ringing), Standing(Phase.RINGING, None, 2))
    assert (pop.rings_before, pop.rings, pop.waited_before, pop.waited) == (3, None, seconds(25), None)
    answered = replace(visit(hung_up_by=None), ordinal=3)
    pop = pop_of(going_on(first, second, answered), Standing(Phase.TALKING, None, 2))
    assert (pop.rings, pop.waited, pop.ringing, pop.talk, pop.hung_up_by) == (5, seconds(10), seconds(6), None, None)


def test_what_was_before_the_last_talk_is_over() -> None:
    first = visit(Outcome.TIMEOUT, wait=seconds(20), alerted_at=at(1), caller_rings_heard=3)
    pop = pop_of(going_on(first, visit(ordinal=2), waiting(phone(), ordinal=3)), Standing(Phase.RINGING, None, 2))
    assert (pop.rings_before, pop.waited_before) == (0, seconds(0))


def test_rings_for_an_unknown_time_make_the_sum_unknown() -> None:
    first = visit(Outcome.LOST, wait=None, alerted_at=at(1), caller_rings_heard=None)
    pop = pop_of(going_on(first, waiting(phone(), ordinal=2)), Standing(Phase.RINGING, None, 1))
    assert (pop.rings_before, pop.waited_before) == (None, None)
    unknown = visit(caller_rings_heard=None)
    assert pop_of(call(unknown), Standing(Phase.ENDED, None, 0)).rings is None


def test_a_wait_of_which_only_the_least_is_known_is_not_told_as_if_it_were_known() -> None:
    lost = visit(Outcome.LOST, wait=seconds(7), alerted_at=at(1), offers=(over("1001", None),))
    assert pop_of(call(lost), Standing(Phase.WITHDRAWN, Reason.OTHER, 0)).waited is None
    again = pop_of(going_on(lost, waiting(phone(), ordinal=2)), Standing(Phase.RINGING, None, 1))
    assert again.waited_before is None
    assert Shown(again, seconds(100), at(20)).waited(seconds(100)) is None


def test_who_ended_it_is_told_of_the_last_talk_and_of_none_before() -> None:
    record = call(visit(hung_up_by=None), visit(hung_up_by=None), hung_up_by=Party.PBX)
    assert pop_of(record, Standing(Phase.ENDED, None, 1)).hung_up_by is Party.PBX
    assert pop_of(record, Standing(Phase.ENDED, None, 0)).hung_up_by is None
    assert pop_of(record, Standing(Phase.WITHDRAWN, Reason.ELSEWHERE, 1)).hung_up_by is None


def test_a_visit_for_which_nothing_rang_has_no_ringing() -> None:
    pop = pop_of(call(visit(alerted_at=None, caller_rings_heard=None)), Standing(Phase.ENDED, None, 0))
    assert (pop.ringing, pop.rings) == (None, 0)


def test_the_newest_time_is_the_newest_wherever_it_stands() -> None:
    assert newest(going_on()) == at(1)
    assert newest(call()) == at(101)
    assert newest(going_on(waiting(phone("1001", rang_at=at(33))))) == at(33)
