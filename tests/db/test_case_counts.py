"""What is counted of cases, what is due, and what cases give to the measures; on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from functools import partial

import pytest

from handlers.casework import CaseWatch, Casework
from handlers.measuring import Measuring, Question, Surroundings
from telephony.calls.record import Outcome
from telephony.cases.callback import Tried
from telephony.cases.counts import Counts
from telephony.cases.firstasked import Looked
from telephony.cases.kinds import CaseKind
from telephony.cases.measured import snapshot
from telephony.cases.person import MACHINE
from telephony.config import Config
from telephony.standard.deadlines import Patience, reminders
from telephony.standard.intervals import Step, cut
from telephony.standard.measures_catalogue import BY_NAME
from telephony.standard.measures_table import Grouping, Selection, Terms
from tests.db.casework import Office, doing, office
from tests.support.calls import call, visit
from tests.support.casework import NOW, ZHAO, record
from tests.support.days import BRANCHES, SHANGHAI, TARGETS
from tests.support.measuring import Saver

pytestmark = pytest.mark.db

CALLS = [
    call(visit(queue=queue), number=number, arrived_at=NOW + timedelta(minutes=number), ended_at=NOW)
    for number, queue in enumerate(("support", "support", "sales", "sales"), 1)
]


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Office]:
    async with office(database) as opened:
        await opened.saved(*CALLS)
        yield opened


async def complained(desk: Office, number: int, about: str = "service_quality") -> None:
    case = CALLS[number - 1].case
    assert case is not None
    await desk.book.change(case, record(CaseKind.COMPLAINT, about=about), doing(ZHAO))


async def rate(url: str, grouping: Grouping, selection: Selection | None = None) -> dict[str | None, float | None]:
    around = Surroundings(partial(snapshot, url), Saver, dict, lambda: NOW + timedelta(days=2), lambda: 0.0)
    intervals = cut(NOW - timedelta(hours=1), NOW + timedelta(hours=1), Step.DAY, SHANGHAI, 100)
    question = Question(intervals, grouping, selection or Selection())
    answer = await Measuring(around, Terms(TARGETS, BRANCHES)).measure(question)
    return {group: BY_NAME["complaint_rate"].read(row[0]).value for group, row in answer.table.rows()}


async def test_complaints_about_the_service_are_a_share_of_the_calls_answered(desk: Office, database: str) -> None:
    """STD-COMPLAINT-RATE."""
    assert await rate(database, Grouping.ALL) == {None: 0.0}
    await complained(desk, 1)
    await complained(desk, 2, about="product")
    assert await rate(database, Grouping.ALL) == {None: 0.25}
    assert await rate(database, Grouping.QUEUE) == {"support": 0.5, "sales": 0.0}
    assert await rate(database, Grouping.BRANCH) == {"changzhi": 0.5, "jincheng": 0.0}
    assert await rate(database, Grouping.ALL, Selection(pbxs=frozenset({"pbx9"}))) == {None: None}


async def test_a_complaint_without_a_call_counts_with_its_branch_and_a_merged_one_once(
    desk: Office, database: str
) -> None:
    by_letter = await desk.book.open("jincheng", doing(ZHAO))
    await desk.book.change(by_letter.id, record(CaseKind.COMPLAINT), doing(ZHAO))
    assert await rate(database, Grouping.BRANCH) == {"changzhi": 0.0, "jincheng": 0.5}
    await complained(desk, 3)
    third = CALLS[2].case
    assert third is not None
    await desk.book.merge(by_letter.id, third, doing(ZHAO))
    assert await rate(database, Grouping.ALL) == {None: 0.25}


async def test_a_further_matter_of_a_call_counts_where_the_call_does(desk: Office, database: str) -> None:
    matter = await desk.book.open("changzhi", doing(ZHAO), CALLS[3].id)
    await desk.book.change(matter.id, record(CaseKind.COMPLAINT), doing(ZHAO))
    assert await rate(database, Grouping.QUEUE) == {"support": 0.0, "sales": 0.5}


async def test_an_attempt_that_was_written_down_counts_as_called_back(desk: Office, database: str) -> None:
    gone = call(visit(Outcome.ABANDONED), number=9, arrived_at=NOW, ended_at=NOW, caller="03552012345")
    await desk.saved(gone)
    [work] = (await desk.lists.callbacks(MACHINE, None)).work
    await desk.work.claim(work.id, doing(ZHAO, 10))
    await desk.work.tried(work.id, Tried.NO_ANSWER, "", doing(ZHAO, 20))
    async with snapshot(database) as taken:
        told = taken.reached(["03552012345", "nobody"], NOW, NOW + timedelta(hours=1))
        async with aclosing(told):
            found = [one async for some in told for one in some]
    assert found == [("03552012345", NOW + timedelta(minutes=20))]


async def test_what_there_is_to_do_is_counted_and_who_is_to_hear_of_it(desk: Office) -> None:
    counts = Counts(desk.turns)
    await complained(desk, 1)
    await desk.saved(call(visit(Outcome.ABANDONED), number=9, arrived_at=NOW, ended_at=NOW, caller="03552012345"))
    found = await counts.counted(NOW)
    assert (found.open[CaseKind.COMPLAINT], found.open[CaseKind.UNKNOWN], sum(found.overdue.values())) == (1, 0, 0)
    assert (found.callbacks, found.callbacks_overdue, found.waiting) == (1, 0, 0)
    later = await counts.counted(NOW + timedelta(days=30))
    assert (later.overdue[CaseKind.COMPLAINT], later.callbacks_overdue) == (1, 1)
    duties = await counts.duties(NOW + timedelta(days=30))
    assert [(one.subject.number, one.owner, one.branch) for one in duties] == [
        ("", None, "changzhi"),
        ("000001", "agent:pbx1/Agent 1001", "changzhi"),
    ]
    told = reminders(duties, NOW + timedelta(hours=1, minutes=30), Patience())
    assert [(one.duty.subject.number, one.to_owner, one.to_supervisor) for one in told] == [("", None, True)]


async def test_what_others_were_to_be_told_does_not_wait_for_ever(desk: Office) -> None:
    counts = Counts(desk.turns)
    await complained(desk, 1)
    await counts.forget_told(NOW + timedelta(days=6))
    assert await desk.sql("SELECT FROM outbox")
    await counts.forget_told(NOW + timedelta(days=8))
    assert not await desk.sql("SELECT FROM outbox")


async def test_the_service_makes_all_of_it_from_its_configuration(desk: Office, database: str) -> None:
    tree = {"branch": [{"name": "changzhi", "queues": ["support"]}]}
    casework = Casework(Config.model_validate(tree), database)
    await desk.store.save([call(visit(Outcome.ABANDONED), number=9, arrived_at=NOW, ended_at=NOW, caller="0355201")])
    watch = CaseWatch(casework.machine, casework.counts, lambda: NOW)
    assert await casework.machine.look(NOW) == Looked(1)
    [work] = (await casework.lists.callbacks(MACHINE, ["changzhi"])).work
    assert work.due_at == NOW + timedelta(hours=1)
    await casework.callbacks.claim(work.id, doing())
    assert (await casework.book.open("changzhi", doing())).owner is not None
    assert watch.gauges() is None
    await casework.close()
