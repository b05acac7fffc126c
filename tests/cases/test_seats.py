"""At which desk somebody answered, and as whom he works on cases: his account, or whoever sits there without one."""

from __future__ import annotations

from uuid import UUID

import pytest

from telephony.cases.person import Person, Role, unbound
from telephony.cases.seats import NO_SEATS, Seat, Seats
from telephony.people import roles

HERE = Seat("1001", "一号座席", frozenset({"PJSIP/1001", "PJSIP/soft1"}), "pbx1")
ANY = Seat("1002", "", frozenset({"PJSIP/1002"}))
SEATS = Seats([HERE, ANY], ["pbx1", "pbx2"])
ZHANG = UUID(int=7)


@pytest.mark.parametrize(
    ("pbx", "agent", "interface", "seat"),
    [
        ("pbx1", "Agent 1001", "PJSIP/1001", HERE),
        ("pbx1", "whoever", "PJSIP/soft1", HERE),
        ("pbx2", "Agent 1001", "PJSIP/1001", None),
        ("pbx2", "whoever", "PJSIP/1002", ANY),
        ("pbx1", "1001", "PJSIP/9999", None),
        ("pbx1", "1001", "", HERE),
        ("pbx1", "PJSIP/1001", "", HERE),
        ("pbx2", "1001", "", None),
        ("pbx1", "Agent 1001", "", None),
    ],
)
def test_the_phone_tells_the_desk_and_the_name_only_where_nobody_saw_the_phone(
    pbx: str, agent: str, interface: str, seat: Seat | None
) -> None:
    assert SEATS.of(pbx, agent, interface) == seat


def test_of_who_has_no_account_the_desk_is_the_owner_and_without_desk_the_name_on_that_pbx() -> None:
    assert SEATS.owner("pbx1", "Agent 1001", "PJSIP/1001") == Person("agent:1001", "一号座席")
    assert SEATS.owner("pbx2", "Agent 1002", "PJSIP/1002") == Person("agent:1002", "1002")
    assert SEATS.owner("pbx2", "Agent 1001", "PJSIP/1001") == Person("agent:pbx2/Agent 1001", "Agent 1001")
    assert NO_SEATS.owner("pbx1", "a" * 300, "") == unbound("pbx1", "a" * 300)
    assert len(unbound("pbx1", "a" * 300).id) == 200


def test_an_account_goes_by_what_was_answered_at_its_desk_on_its_pbx_and_by_nothing_else() -> None:
    worker = SEATS.worker(roles.Person("zhang", Role.AGENT, frozenset({"north"}), "张敏", "1001", id=ZHANG))
    assert (worker, worker.branches) == (Person(str(ZHANG), "张敏"), {"north"})
    assert worker.ids == {
        str(ZHANG), "agent:1001", "agent:pbx1/1001", "agent:pbx1/PJSIP/1001", "agent:pbx1/PJSIP/soft1",
    }  # fmt: skip
    assert SEATS.also("1002") == {
        "agent:1002", "agent:pbx1/1002", "agent:pbx1/PJSIP/1002", "agent:pbx2/1002", "agent:pbx2/PJSIP/1002",
    }  # fmt: skip
    for desk in (None, "gone"):
        assert SEATS.worker(roles.Person("zhang", Role.AGENT, desk=desk, id=ZHANG)).also == frozenset()
    assert SEATS.worker(roles.Person("qian", Role.QUALITY, desk="1001", id=ZHANG)).also == frozenset()


def test_who_has_no_account_works_under_a_name_that_no_account_has() -> None:
    assert SEATS.worker(roles.Person("zhao", Role.SUPERVISOR)) == Person("supervisor:zhao", "zhao", Role.SUPERVISOR)
    sitter = SEATS.sitter("1001")
    assert (sitter, sitter.branches, sitter.also) == (Person("agent:1001", "一号座席"), frozenset(), SEATS.also("1001"))
    assert SEATS.sitter("1002").name == "1002"


def test_what_somebody_sees_is_of_his_branches_or_his() -> None:
    north = Person("u1", "张敏", also=frozenset({"agent:1001"}), branches=frozenset({"north"}))
    assert [north.works_in(one) for one in ("north", "south", "")] == [True, False, False]
    assert [north.sees("south", whose) for whose in ([], ["u2"], ["u1"], ["u2", "agent:1001"])] == [
        False, False, True, True,
    ]  # fmt: skip
    assert Person("u1", "").sees("", [])
