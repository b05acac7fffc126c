"""What a list does to the customers that are known."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from telephony.customers.customer import MOST_SHARING, Customer, Details, Line
from telephony.customers.numbers import E164
from telephony.customers.planning import Plan, Planner
from telephony.customers.rows import Row
from telephony.customers.why import Refused, Why

A, B, C = (E164(one) for one in ("+8613800138000", "+862160000001", "+8613900139000"))
LI = Customer(UUID(int=1), Details("李雷", "changzhi", external_id="K1"), (Line(A),), 3)


def row(name: str, *numbers: E164, line: int = 2, shared: bool = False, **words: str) -> Row:
    return Row(line, Details(name, **words), tuple(Line(one, shared) for one in numbers))


def planned(known: list[Customer], *rows: Row, yours: str | None = None) -> Plan:
    ids: Iterator[UUID] = map(UUID, (f"00000000-0000-0000-0000-0000000001{n:02}" for n in range(99)))
    planner = Planner(known, lambda: next(ids), lambda branch: yours in (None, branch))
    for one in rows:
        planner.take(one)
    return planner.plan


def test_who_is_not_known_is_added_and_sent_again_told_nothing_new() -> None:
    rows = [row("韩梅梅", B), row("李雷", A, C, line=3)]
    plan = planned([], *rows, *rows)
    assert [one.details.name for one in plan.added.values()] == ["韩梅梅", "李雷"]
    assert (len(plan.changed), plan.unchanged, plan.refused) == (0, 2, [])
    assert planned(list(plan.added.values()), *rows) == Plan(unchanged=2)


def test_by_his_external_id_a_customer_gets_new_words_and_more_numbers_and_loses_nothing() -> None:
    plan = planned([LI], row("李蕾", B, external_id="K1", value_group="gold"))
    (after,) = plan.changed.values()
    assert after == Customer(LI.id, Details("李蕾", "changzhi", "gold", "", "K1"), (Line(A), Line(B)), 4)
    assert plan.before == {LI.id: LI}


def test_two_lines_of_one_customer_are_one_change() -> None:
    plan = planned([LI], row("李雷", A, note="x"), row("李雷", B, external_id="K1", line=3))
    (after,) = plan.changed.values()
    assert (after.version, after.details.note, len(after.lines)) == (4, "x", 2)
    plan = planned([], row("李雷", A), row("李雷", A, B, line=3))
    (after,) = plan.added.values()
    assert (after.version, len(after.lines), plan.changed) == (1, 2, {})


def test_without_an_external_id_name_branch_and_a_number_say_who_it_is() -> None:
    assert planned([LI], row("李雷", A, branch="changzhi")).unchanged == 1
    assert planned([LI], row("李雷", A, branch="shanghai")).refused == [Refused(2, "numbers", Why.OTHERS_NUMBER)]
    assert planned([LI], row("李雷", A, external_id="K2")).refused == [Refused(2, "numbers", Why.OTHERS_NUMBER)]
    unkeyed = replace(LI, details=replace(LI.details, external_id=""))
    (after,) = planned([unkeyed], row("李雷", A, external_id="K2")).changed.values()
    assert after.details.external_id == "K2"


def test_a_number_of_somebody_else_is_refused_unless_it_is_said_to_be_shared() -> None:
    assert planned([LI], row("李妈", A)).refused == [Refused(2, "numbers", Why.OTHERS_NUMBER)]
    plan = planned([LI], row("李妈", A, shared=True), row("李爸", A, line=3))
    assert (plan.shared, plan.refused) == ({A}, [])
    assert [one.lines for one in plan.added.values()] == [(Line(A, shared=True),)] * 2


def test_a_number_that_a_hundred_share_says_nothing_of_who_calls() -> None:
    staff = [Customer(UUID(int=n + 1), Details(f"员工{n}"), (Line(A, shared=True),)) for n in range(MOST_SHARING)]
    assert planned(staff, row("新人", A)).refused == [Refused(2, "numbers", Why.TOO_MANY_SHARE)]


def test_a_line_that_several_fit_is_refused() -> None:
    twins = [Customer(UUID(int=n), Details("李雷"), (Line(A, shared=True),)) for n in (1, 2)]
    assert planned(twins, row("李雷", A)).refused == [Refused(2, "", Why.SEVERAL_FIT)]


def test_the_external_id_of_one_who_was_merged_leads_to_whom_he_is_now() -> None:
    gone = Customer(UUID(int=2), Details("李 雷", external_id="K2"), (), 2, merged_into=LI.id)
    plan = planned([LI, gone], row("李雷", C, external_id="K2"))
    assert plan.changed[LI.id].details.external_id == "K1"
    assert plan.changed[LI.id].lines == (Line(A), Line(C))


def test_a_list_is_of_the_branches_of_whoever_brings_it() -> None:
    foreign = planned([LI], row("李雷", A, external_id="K1"), yours="shanghai")
    assert foreign.refused == [Refused(2, "", Why.NOT_YOUR_BRANCH)]
    moved = planned([LI], row("李雷", A, external_id="K1", branch="shanghai"), yours="changzhi")
    assert moved.refused == [Refused(2, "branch", Why.NOT_YOUR_BRANCH)]


def test_nobody_gets_more_numbers_than_can_be_kept() -> None:
    full = replace(LI, lines=tuple(Line(E164(f"+86139000000{n:02}")) for n in range(20)))
    assert planned([full], row("李雷", A, external_id="K1")).refused == [Refused(2, "numbers", Why.TOO_MANY_NUMBERS)]
