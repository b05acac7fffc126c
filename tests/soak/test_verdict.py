"""The judge itself: what is right passes, and each thing that may be wrong is seen."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.pbx.queue_log import parse
from tests.pbx.story import Witnessed
from tests.pbx.trace import Leg

from .faults import Incident
from .verdict import Facts, judge

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EPOCH = int(T0.timestamp())
CALLER, OFFICE = "0218001", "0218031"
KNOWN = {"inbound": 1, "cases": 1, "calls_with_a_case": 1, "without_its_case": 0, "doubled_calls": 0}
KNOWN |= {"open_calls": 0, "undecided_visits": 0}


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def caller(number: str = CALLER, *, ended: float | None = 8.0, dialled: str = "4001") -> Leg:
    leg = Leg(number, number, number, dialled, at(0), answered_at=at(0.05))
    if ended is not None:
        leg.ended_at, leg.ended_by = at(ended), "self"
    return leg


def ring(phone: str, *, answered: float | None, ended: float, number: str = CALLER) -> Leg:
    leg = Leg(phone, f"{number}-{phone}", number, phone, at(1), rang_at=at(1.1))
    leg.answered_at = None if answered is None else at(answered)
    leg.ended_at, leg.ended_by = at(ended), "other"
    return leg


def log(*lines: str) -> str:
    """`second|event…` of the visit of CALLER to `support`."""
    return "".join(
        f"{EPOCH + int(second)}|pbx1-1.1|support|{rest}\n"
        for second, _, rest in (line.partition("|") for line in lines)
    )


ANSWERED = log(
    f"0|NONE|ENTERQUEUE||{CALLER}|1", "4|Agent 1001|CONNECT|4|pbx1-1.2|3", "8|Agent 1001|COMPLETECALLER|4|4|1"
)


def witnessed() -> Witnessed:
    """One caller is answered after four seconds and hangs up after eight."""
    return Witnessed([caller()], [ring("1001", answered=4.0, ended=8.0)], parse(ANSWERED))


def call(**visit: Any) -> dict[str, Any]:
    offer = {"interface": "PJSIP/1001", "result": "answered", "uniqueid": "pbx1-1.2"}
    stay = {
        "uniqueid": "pbx1-1.1", "kind": "queue", "queue": "support", "outcome": "answered", "agent": "Agent 1001",
        "wait_seconds": 3.95, "quality": "live", "reason": "", "joined_at": at(0.05).isoformat(),
        "left_at": at(4).isoformat(), "offers": [offer],
    } | visit  # fmt: skip
    return {
        "uniqueid": "pbx1-1.1", "caller": CALLER, "direction": "inbound", "case": {"id": "a", "number": "000001"},
        "arrived_at": at(0).isoformat(), "visits": [stay],
    }  # fmt: skip


def incident(kind: str, began: float, mended: float) -> Incident:
    fault = Incident(1, kind, mended - began, EPOCH + began, EPOCH + mended)
    fault.consuming = fault.ready = 1.0
    return fault


def kinds(
    calls: list[dict[str, Any]],
    seen: Witnessed,
    *faults: Incident,
    direct: tuple[str, ...] = (),
    known: dict[str, int] | None = None,
    told: dict[str, str] | None = None,
) -> list[str]:
    judgement = judge(calls, Facts(seen, KNOWN | (known or {}), told or {}, direct), faults)
    return sorted(one.kind for one in judgement.differences)


def test_what_everybody_saw_alike_is_no_difference() -> None:
    assert kinds([call()], witnessed()) == []


@pytest.mark.parametrize(
    ("visit", "kind"),
    [
        ({"outcome": "abandoned"}, "outcome"),
        ({"outcome": "lost"}, "lost"),
        ({"agent": "Agent 1002"}, "agent"),
        ({"agent": ""}, "agent"),
        ({"wait_seconds": 5.6}, "wait"),
        ({"wait_seconds": None}, "wait"),
    ],
)
def test_whatever_is_told_otherwise_of_a_visit_is_a_difference(visit: dict[str, Any], kind: str) -> None:
    assert kinds([call(**visit)], witnessed()) == [kind]


def test_lost_is_wrong_where_queue_log_has_an_end_even_around_the_death_of_the_pbx() -> None:
    assert kinds([call(outcome="lost")], witnessed(), incident("PBX killed", 3, 5)) == ["lost"]


def test_who_waited_when_the_pbx_died_is_lost_and_nothing_else() -> None:
    died = Witnessed([caller()], [], parse(log(f"0|NONE|ENTERQUEUE||{CALLER}|1")))
    killed = incident("PBX killed", 3, 5)
    lost = call(outcome="lost", wait_seconds=3.0, agent=None, offers=[], left_at=None)

    assert kinds([lost], died, killed) == []
    assert kinds([lost], died) == ["outcome"]  # nobody killed it
    assert kinds([call(outcome="abandoned", offers=[], left_at=at(7).isoformat())], died, killed) == ["outcome"]
    assert kinds([call(outcome=None, offers=[], left_at=None)], died, killed) == ["open"]


def test_a_visit_that_is_not_exported_is_missing_and_so_is_its_call() -> None:
    assert kinds([], witnessed(), known={"inbound": 0, "cases": 0, "calls_with_a_case": 0}) == ["call", "missing"]
    without = call()
    without["visits"] = []
    assert kinds([without], witnessed()) == ["missing"]


def test_a_call_that_nobody_could_hear_from_its_first_to_its_last_moment_may_be_unknown() -> None:
    office = Witnessed(
        [caller(OFFICE, ended=6, dialled="5130")], [ring("1030", answered=2, ended=6, number=OFFICE)], []
    )

    assert kinds([], office, incident("service killed", -1, 9)) == []
    assert kinds([], office, incident("service killed", 3, 9)) == ["call"]  # it had heard him come
    assert kinds([], office, incident("database frozen", -1, 9)) == ["call"]  # that makes nobody deaf


def test_a_visit_more_than_there_was_is_extra() -> None:
    twice = call()
    twice["visits"].append(copy.deepcopy(twice["visits"][0]) | {"offers": []})

    assert kinds([twice], witnessed()) == ["extra"]


def test_a_call_a_case_an_offer_told_twice_are_each_seen() -> None:
    again = copy.deepcopy(call()) | {"visits": []}
    assert kinds([call(), again], witnessed()) == ["duplicate", "duplicate", "duplicate"]  # number, uniqueid, case

    offers = call()["visits"][0]["offers"]
    assert kinds([call(offers=offers + offers)], witnessed()) == ["duplicate", "duplicate"]  # leg, more than rang


def test_refused_callers_of_a_gap_have_no_number_and_are_not_one_caller() -> None:
    refused = [call(outcome="refused_full", kind="direct", offers=[]) | {"caller": "", "uniqueid": u} for u in "ab"]
    for n, one in enumerate(refused):
        one["case"] = {"id": str(n), "number": str(n)}
    assert kinds([*refused, call()], witnessed()) == []


@pytest.mark.parametrize("known", ["without_its_case", "doubled_calls"])
def test_what_postgresql_counts_wrong_is_a_difference(known: str) -> None:
    assert kinds([call()], witnessed(), known={known: 1}) == ["case"]
    assert kinds([call()], witnessed(), known={"cases": 2}) == ["case"]
    assert kinds([call()], witnessed(), known={"open_calls": 1}) == ["open"]


def test_the_case_that_the_dialplan_was_told_is_the_one_that_is_kept() -> None:
    assert kinds([call()], witnessed(), told={"pbx1-1.1": "a"}) == []
    assert kinds([call()], witnessed(), told={"pbx1-1.1": "b"}) == ["case"]
    assert kinds([call()], witnessed(), told={"pbx1-1.9": "c"}) == ["case"]


def test_connect_of_a_caller_who_had_left_is_abandoned_and_reconstructed_may_say_as_the_log_says() -> None:
    seen = Witnessed([caller(ended=3.9)], [ring("1001", answered=4.0, ended=4.01)], parse(ANSWERED))

    assert kinds([call(outcome="abandoned", agent=None)], seen) == []
    assert kinds([call()], seen) == ["outcome"]
    assert kinds([call(quality="reconstructed", wait_seconds=4.0)], seen) == []


def test_who_leaves_in_the_moment_of_the_answer_was_answered_or_not_as_the_pbx_saw_it() -> None:
    for left in (3.97, 4.03):
        seen = Witnessed([caller(ended=left)], [ring("1001", answered=4.0, ended=4.04)], parse(ANSWERED))
        assert kinds([call()], seen) == kinds([call(outcome="abandoned", agent=None)], seen) == []
        assert kinds([call(outcome="timeout", agent=None)], seen) == ["outcome"]
        assert kinds([call(wait_seconds=9.0)], seen) == ["wait"]


def test_whose_cancel_met_the_200_is_still_there_for_the_pbx() -> None:
    gone = caller(ended=1.0)
    gone.unheeded = True
    seen = Witnessed([gone], [ring("1001", answered=4.0, ended=9.0)], parse(ANSWERED))

    assert kinds([call()], seen) == []
    assert kinds([call(outcome="abandoned", agent=None)], seen) == ["outcome"]
    assert kinds([call(agent="Agent 1002")], seen) == ["agent"]


def test_a_connect_that_asterisk_lost_in_a_rotation_is_known_by_what_came_of_it() -> None:
    rotated = log(f"0|NONE|ENTERQUEUE||{CALLER}|1", "8|Agent 1001|COMPLETECALLER|4|4|1")
    seen = Witnessed([caller()], [ring("1001", answered=4.0, ended=8.0)], parse(rotated))

    assert kinds([call()], seen) == []
    assert kinds([call(agent="Agent 1002")], seen) == ["agent"]
    assert kinds([call(outcome="lost")], seen) == ["lost"]


def test_what_becomes_of_an_office_phones_call_is_seen_by_sipp() -> None:
    seen = Witnessed([caller(OFFICE, ended=6, dialled="5130")], [ring("1030", answered=2, ended=6, number=OFFICE)], [])
    told = call(kind="direct", queue="desk-1030", offers=[]) | {"caller": OFFICE}
    wrong = call(kind="direct", queue="desk-1030", outcome="abandoned", offers=[]) | {"caller": OFFICE}
    lost = call(kind="direct", queue="desk-1030", outcome="lost", offers=[]) | {"caller": OFFICE}

    assert kinds([told], seen, direct=("0218",)) == []
    assert kinds([wrong], seen, direct=("0218",)) == ["direct"]
    assert kinds([lost], seen, direct=("0218",)) == ["direct"]
    assert kinds([lost], seen, incident("line cut", 3, 4), direct=("0218",)) == []
    assert kinds([wrong], seen, incident("line cut", 3, 4), direct=("0218",)) == ["direct"]


def test_a_phone_that_refuses_one_who_had_left_was_not_what_ended_his_wait() -> None:
    """Seen on 22.10: his CANCEL is heeded 0.3 s late, and the dialplan calls the phone meanwhile."""
    told = {
        outcome: call(kind="direct", queue="desk-1030", outcome=outcome, offers=[]) | {"caller": OFFICE}
        for outcome in ("abandoned", "busy", "timeout")
    }
    for left, right in ((2.0, {"abandoned"}), (2.3, {"abandoned", "busy"}), (3.0, {"busy"}), (None, {"busy"})):
        phone = ring("1030", answered=None, ended=2.335, number=OFFICE)
        phone.refused_with = 486
        seen = Witnessed([caller(OFFICE, ended=left, dialled="5130")], [phone], [])

        assert {one for one, what in told.items() if kinds([what], seen, direct=("0218",)) == []} == right


def test_who_calls_a_queue_has_no_visit_to_a_phone_besides() -> None:
    told = call()
    told["visits"].append(told["visits"][0] | {"kind": "direct", "queue": "PJSIP/1001", "offers": []})

    assert kinds([told], witnessed(), direct=("0218031",)) == ["extra"]
