"""Lists of cases: whose, which, how far; nothing twice and nothing left out, whatever is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from telephony.calls.record import CallRecord, Outcome
from telephony.cases.callbacks import NoSuchWork
from telephony.cases.casebook import NoSuchCase
from telephony.cases.kinds import CaseKind, State
from telephony.cases.listing import MOST, After, Filter
from telephony.cases.model import Case
from telephony.cases.person import MACHINE, Person
from telephony.cases.rules import NotAllowed
from telephony.cases.steps import Offer, Take
from tests.db.casework import Office, doing, office
from tests.support.calls import call, visit
from tests.support.casework import LI, NOW, ZHANG, ZHAO, record

pytestmark = pytest.mark.db

MINE = Filter(owners=[ZHANG.id, *ZHANG.also])


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Office]:
    async with office(database) as opened:
        await opened.saved(*(one(number) for number in range(1, 8)))
        yield opened


def one(number: int) -> CallRecord:
    """A call a minute; every second to sales; each of a caller of his own."""
    queue = "sales" if number % 2 else "support"
    return call(
        visit(queue=queue), number=number, caller=f"0355{number:07}", arrived_at=NOW + timedelta(minutes=number)
    )


def id_of(number: int) -> UUID:
    found = one(number).case
    assert found is not None
    return found


def numbers(cases: Sequence[Case]) -> list[int]:
    return [int(case.number) for case in cases]


async def listed(desk: Office, which: Filter) -> list[int]:
    return numbers((await desk.lists.cases(MACHINE, which)).cases)


async def test_pages_go_on_where_the_one_before_ended_though_new_cases_come(desk: Office) -> None:
    found, after = list[int](), None
    for coming in range(20, 30):
        page = await desk.lists.cases(MACHINE, Filter(), after, limit=3)
        found += numbers(page.cases)
        await desk.saved(one(coming))
        if page.more is None:
            break
        after = After.of(page.more.token)
    assert found == [7, 6, 5, 4, 3, 2, 1]


async def test_mine_my_branchs_and_what_is_offered_to_me(desk: Office) -> None:
    assert await listed(desk, MINE) == [7, 6, 5, 4, 3, 2, 1]
    assert await listed(desk, Filter(branches=["changzhi"])) == [6, 4, 2]
    assert await listed(desk, Filter(branches=[])) == []
    await desk.book.change(id_of(3), record(), doing())
    await desk.book.change(id_of(3), Offer(LI), doing())
    assert await listed(desk, Filter(offered_to=[LI.id])) == [3]
    assert await listed(desk, replace(MINE, worked=True)) == [3]
    assert await listed(desk, Filter(states=[State.OPEN], kinds=[CaseKind.ENQUIRY, CaseKind.QUERY])) == [3]
    window = Filter(since=NOW + timedelta(minutes=2), until=NOW + timedelta(minutes=4))
    assert await listed(desk, window) == [3, 2]


async def test_what_is_overdue_longest_comes_first(desk: Office) -> None:
    for minutes, number in enumerate((5, 2, 4)):
        step = record(CaseKind.SUGGESTION if number == 2 else CaseKind.COMPLAINT)
        await desk.book.change(id_of(number), step, doing(minutes=minutes * 24 * 60))
    now = NOW + timedelta(days=40)
    page = await desk.lists.overdue(MACHINE, Filter(overdue_at=now), limit=2)
    assert numbers(page.cases) == [5, 4]
    assert page.more is not None
    rest = await desk.lists.overdue(MACHINE, Filter(overdue_at=now), page.more)
    assert (numbers(rest.cases), rest.more) == ([2], None)
    assert (await desk.lists.overdue(MACHINE, Filter(overdue_at=NOW))).cases == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("000004", [4]),
        ("03550000006", [6]),
        ("王先生", [3]),
        ("怎样", [3]),
        ("已说明流程", [3]),
        ("  开户 ", [3]),
        ("nobody", []),
        ("", []),
        ("%", []),
        ("_", []),
        ("' OR true --", []),
        ("\x00\udcff", []),
        ("x" * 100_000, []),
    ],
)
async def test_a_case_is_found_by_number_caller_name_and_words(desk: Office, text: str, found: list[int]) -> None:
    await desk.book.change(id_of(3), record(), doing())
    assert numbers((await desk.lists.search(MACHINE, text, Filter())).cases) == found
    assert numbers((await desk.lists.search(MACHINE, text, Filter(branches=["nowhere"]))).cases) == []


async def test_a_case_is_found_by_whoever_else_called_about_it(desk: Office) -> None:
    await desk.book.change(id_of(3), record(), doing())
    await desk.book.join(id_of(3), one(6).id, doing())
    assert numbers((await desk.lists.search(MACHINE, "03550000006", Filter())).cases) == [6, 3]


async def test_call_backs_come_by_urgency_and_page_by_page(desk: Office) -> None:
    lost = [
        replace(one(number), visits=(replace(visit(Outcome.ABANDONED, queue="support")),), ended_at=NOW)
        for number in (11, 12, 13)
    ]
    await desk.saved(*(replace(each, arrived_at=NOW - timedelta(minutes=n), ended_at=NOW + timedelta(minutes=n))
                       for n, each in enumerate(lost)))  # fmt: skip
    first = await desk.lists.callbacks(MACHINE, ["changzhi"], limit=2)
    assert first.more is not None
    second = await desk.lists.callbacks(MACHINE, ["changzhi"], after=After.of(first.more.token), limit=2)
    assert [work.number[-2:] for work in (*first.work, *second.work)] == ["11", "12", "13"]
    assert second.more is None
    assert (await desk.lists.callbacks(MACHINE, ["jincheng"])).work == ()
    assert (
        len((await desk.lists.callbacks(MACHINE, None, overdue_at=NOW + timedelta(minutes=61, seconds=30))).work) == 2
    )


@pytest.mark.parametrize("token", ["", "x", "AAAA", "8J+YgA==", "2026-03-02T09:00:00 x", "\udcff", "MjAyNi0wMy0wMiAx"])
def test_a_token_that_is_none_of_ours_is_said(token: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        After.of(token)
    naive = After(NOW.replace(tzinfo=None), UUID(int=1)).token
    with pytest.raises(ValueError, match="no place"):
        After.of(naive)


async def test_a_page_has_its_limit_whatever_is_asked(desk: Office) -> None:
    assert len((await desk.lists.cases(MACHINE, Filter(), limit=-5)).cases) == 1
    assert len((await desk.lists.cases(MACHINE, Filter(), limit=MOST * 100)).cases) == 7
    assert (await desk.lists.cases(MACHINE, Filter(owners=[ZHAO.id]))).more is None


async def test_nobody_sees_or_changes_what_is_of_another_branch_unless_it_is_his(desk: Office) -> None:
    north = replace(ZHAO, branches=frozenset({"changzhi"}))
    stranger = replace(LI, branches=frozenset({"changzhi"}))
    hers = replace(ZHANG, branches=frozenset())
    nobody = replace(LI, branches=frozenset())
    gone = replace(one(11), visits=(visit(Outcome.ABANDONED, queue="sales"),), ended_at=NOW)
    await desk.saved(gone)
    [work] = (await desk.lists.callbacks(MACHINE, None)).work
    foreign = id_of(3)

    async def sees(by: Person) -> list[int]:
        found = await desk.lists.search(by, "0000", Filter())
        assert found.cases == ()
        return numbers((await desk.lists.cases(by, Filter())).cases)

    assert await sees(north) == await sees(stranger) == [6, 4, 2]
    assert (await sees(hers), await sees(nobody)) == ([7, 6, 5, 4, 3, 2, 1], [])
    assert numbers((await desk.lists.cases(north, Filter(branches=["changzhi", "jincheng"]))).cases) == [6, 4, 2]
    assert (await desk.lists.search(north, "03550000003", Filter())).cases == ()
    assert (await desk.lists.overdue(north, Filter(overdue_at=NOW + timedelta(days=99)))).cases == ()
    assert (
        (await desk.lists.callbacks(north, None)).work == (await desk.lists.callbacks(north, ["jincheng"])).work == ()
    )
    assert (await desk.lists.callback_history(north, work.id), work.branch) == ((), "jincheng")
    assert await desk.work.claim_next(None, doing(north)) is None
    assert await desk.work.claim_next(["jincheng"], doing(north)) is None

    for by in (north, stranger):
        with pytest.raises(NoSuchCase):
            await desk.lists.whole(by, foreign)
        for attempt in (
            desk.book.change(foreign, Take(), doing(by)),
            desk.book.change(foreign, Take(), doing(by, version=99)),  # what is stale would tell it, too
            desk.book.join(foreign, one(2).id, doing(by)),
            desk.book.split(foreign, [], doing(by)),
            desk.book.merge(foreign, id_of(2), doing(by)),
            desk.book.merge(id_of(2), foreign, doing(by)),
        ):
            with pytest.raises(NoSuchCase):
                await attempt
        with pytest.raises(NoSuchCase, match="there is no call"):
            await desk.book.open("changzhi", doing(by), one(3).id)
        with pytest.raises(NotAllowed):
            await desk.book.open("jincheng", doing(by))
        with pytest.raises(NoSuchWork):
            await desk.work.claim(work.id, doing(by))

    with pytest.raises(NoSuchCase, match="there is no call"):
        await desk.book.join(id_of(2), one(3).id, doing(north))
    await desk.book.change(foreign, Offer(stranger), doing(ZHANG, key="offer"))
    assert (await sees(stranger), await sees(north)) == ([6, 4, 3, 2], [6, 4, 2])
    with pytest.raises(NoSuchCase):  # a key that somebody else used opens nothing
        await desk.book.change(foreign, Take(), doing(north, key="offer"))
