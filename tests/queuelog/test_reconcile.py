"""The ledger against queue_log: what differs, what only seems to, and whom to believe."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.calls.facts import QueueResult
from telephony.calls.record import CallRecord, Direction, Kind, OfferRecord, Outcome, Quality, VisitRecord, call_id
from telephony.queuelog.boots import BootEnd
from telephony.queuelog.matching import LedgerVisit, match, of
from telephony.queuelog.reconcile import Better, Difference, Kinds, compare
from telephony.queuelog.stays import ENTRY_UNSEEN, PBX_BEGAN, Stay
from tests.queuelog.written import RECORDINGS, at, stays_in
from tests.support.replay import replay


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def visit(
    joined: float | None = 0, wait: float | None = 5, outcome: Outcome | None = Outcome.ABANDONED, **more: Any
) -> LedgerVisit:
    refused = outcome in {Outcome.REFUSED_FULL, Outcome.REFUSED_EMPTY}
    known: dict[str, Any] = {
        "call": call_id("pbx1", "a"),
        "ordinal": 1,
        "uniqueid": "a",
        "queue": "support",
        "caller": "5551",
        "arrived_at": at(joined or 0),
        "joined_at": None if refused or joined is None else at(joined),
        "left_at": None if joined is None or wait is None else at(joined + wait),
        "outcome": outcome,
        "settling": False,
        "wait": timedelta() if refused else None if wait is None else seconds(wait),
        "agent": "Ann" if outcome is Outcome.ANSWERED else "",
        "quality": Quality.LIVE,
        "reason": "",
    }
    return LedgerVisit(**(known | more))


def stay(joined: int = 0, wait: int = 5, word: QueueResult | None = QueueResult.ABANDONED, **more: Any) -> Stay:
    known: dict[str, Any] = {
        "queue": "support",
        "uniqueid": "a",
        "caller": "5551",
        "joined_at": at(joined),
        "left_at": at(joined + wait) if word else None,
        "word": word,
        "waited": seconds(wait) if word else None,
        "agent": "Ann" if word is QueueResult.CONNECTED else "",
    }
    return Stay(**(known | more))


ANSWERED: dict[str, Any] = {"outcome": Outcome.ANSWERED}
CONNECTED: dict[str, Any] = {"word": QueueResult.CONNECTED}


def told(differences: list[Difference]) -> list[tuple[Kinds, Better]]:
    return [(one.kind, one.better) for one in differences]


# --- the same ---


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome.ANSWERED, QueueResult.CONNECTED),
        (Outcome.ABANDONED, QueueResult.ABANDONED),
        (Outcome.TIMEOUT, QueueResult.TIMEOUT),
        (Outcome.KEY_EXIT, QueueResult.KEY),
        (Outcome.EMPTY, QueueResult.LEAVE_EMPTY),
        (Outcome.WITHDRAWN, QueueResult.WITHDRAWN),
        (Outcome.INCOMPATIBLE, QueueResult.INCOMPATIBLE),
        (Outcome.REFUSED_FULL, QueueResult.FULL),
        (Outcome.REFUSED_EMPTY, QueueResult.JOIN_EMPTY),
        # two enumerated classes, each proved from the wire, and their rare sisters
        (Outcome.ABANDONED, QueueResult.CONNECTED),
        (Outcome.REDIRECTED, QueueResult.ABANDONED),
        (Outcome.ENDED_BY_PBX, QueueResult.ABANDONED),
        (Outcome.ENDED_BY_PBX, QueueResult.CONNECTED),
    ],
)
def test_what_means_the_same_is_no_difference(outcome: Outcome, word: QueueResult) -> None:
    theirs = stay(word=word)
    assert compare([visit(outcome=outcome)], [replace(theirs, waited=timedelta()) if theirs.refused else theirs]) == []


@pytest.mark.parametrize(
    ("outcome", "reason", "word"),
    [
        (Outcome.EXITED, "phone answered, nobody was bridged", QueueResult.CONNECTED),
        (Outcome.LOST, "the PBX was shut down", QueueResult.ABANDONED),
        (Outcome.LOST, "the PBX was shut down", QueueResult.TIMEOUT),
        (Outcome.LOST, "the PBX restarted", QueueResult.ABANDONED),
    ],
)
def test_where_the_wire_proves_more_than_queue_log_it_is_no_difference(
    outcome: Outcome, reason: str, word: QueueResult
) -> None:
    assert compare([visit(outcome=outcome, reason=reason)], [stay(word=word)]) == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (visit(outcome=None, wait=None), stay()),
        (visit(outcome=None, settling=True), stay()),
        (visit(settling=True), stay()),
        (visit(), stay(word=None)),
        (visit(outcome=Outcome.LOST), stay(word=None, cut=True, doubt=PBX_BEGAN)),
    ],
)
def test_who_has_not_ended_for_both_is_not_compared_yet(ours: LedgerVisit, theirs: Stay) -> None:
    assert compare([ours], [theirs]) == []


@pytest.mark.parametrize("alone", [visit(outcome=None, wait=None), visit(settling=True)])
def test_who_waits_in_the_ledger_alone_may_still_be_written(alone: LedgerVisit) -> None:
    assert compare([alone], []) == []


def test_who_waits_in_queue_log_alone_may_still_be_heard() -> None:
    assert compare([], [stay(word=None)]) == []


def test_calls_that_are_not_inbound_have_stays_and_no_visits() -> None:
    assert compare([], [stay()], others={"a"}) == []


# --- missing and extra ---


@pytest.mark.parametrize(
    ("alone", "better", "why"),
    [
        (stay(), Better.QUEUE_LOG, "queue_log says abandoned"),
        (stay(word=QueueResult.FULL), Better.QUEUE_LOG, "queue_log says full"),
        (stay(word=None, cut=True, doubt=PBX_BEGAN), Better.QUEUE_LOG, "nobody knows how it ended"),
        (stay(doubt=ENTRY_UNSEEN), Better.NOBODY, ENTRY_UNSEEN),
    ],
)
def test_a_stay_the_ledger_does_not_have_is_missing(alone: Stay, better: Better, why: str) -> None:
    [one] = compare([], [alone])
    assert (one.kind, one.visit, one.stay, one.better, one.began_at) == (Kinds.MISSING, None, alone, better, at(0))
    assert why in one.why


@pytest.mark.parametrize(
    ("alone", "better"),
    [
        (visit(), Better.LEDGER),
        (visit(quality=Quality.APPROXIMATE), Better.LEDGER),
        (visit(quality=Quality.PARTIAL), Better.NOBODY),
        (visit(outcome=Outcome.LOST), Better.NOBODY),
        (visit(outcome=Outcome.REFUSED_FULL), Better.LEDGER),
    ],
)
def test_a_visit_queue_log_does_not_have_is_extra(alone: LedgerVisit, better: Better) -> None:
    [one] = compare([alone], [])
    assert (one.kind, one.visit, one.stay, one.better, one.began_at) == (Kinds.EXTRA, alone, None, better, at(0))
    assert ("dialplan" in one.why) == alone.refused


HEARD_IN_PART = visit(10.6, 4, quality=Quality.PARTIAL, ordinal=2)


@pytest.mark.parametrize("theirs", [stay(10, 4), stay(11, 4)], ids=["fits the one", "fits the other"])
def test_of_two_visits_that_tell_the_same_the_one_that_was_heard_stays(theirs: Stay) -> None:
    [told] = compare([visit(10.2, 4, Outcome.TIMEOUT), HEARD_IN_PART], [replace(theirs, word=QueueResult.TIMEOUT)])
    assert (told.kind, told.visit, told.better) == (Kinds.EXTRA, HEARD_IN_PART, Better.QUEUE_LOG)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(visit(10.6, 4, ordinal=2), id="heard as well"),
        pytest.param(replace(HEARD_IN_PART, queue="sales"), id="another queue"),
        pytest.param(replace(HEARD_IN_PART, call=call_id("pbx1", "b")), id="another call"),
        pytest.param(visit(14, 4, quality=Quality.RECONSTRUCTED, ordinal=2), id="afterwards"),
        pytest.param(visit(None, None, quality=Quality.PARTIAL, ordinal=2), id="nobody knows when"),
        pytest.param(visit(10.6, None, None, quality=Quality.PARTIAL, ordinal=2), id="he still waits"),
    ],
)
def test_what_may_be_another_visit_stays(other: LedgerVisit) -> None:
    told = compare([visit(10.2, 4), other], [stay(10, 4)])
    assert Better.QUEUE_LOG not in {one.better for one in told if one.kind is Kinds.EXTRA}


# --- outcome ---


@pytest.mark.parametrize(
    ("ours", "theirs", "better"),
    [
        (visit(outcome=Outcome.LOST), stay(), Better.QUEUE_LOG),
        (visit(outcome=Outcome.LOST, reason="the PBX restarted"), stay(word=QueueResult.TIMEOUT), Better.QUEUE_LOG),
        (visit(outcome=Outcome.EXITED), stay(**CONNECTED), Better.QUEUE_LOG),
        (visit(outcome=Outcome.EXITED), stay(word=QueueResult.LEAVE_EMPTY), Better.QUEUE_LOG),
        (visit(outcome=Outcome.TIMEOUT, quality=Quality.PARTIAL), stay(), Better.QUEUE_LOG),
        (visit(outcome=Outcome.ABANDONED, quality=Quality.RECONSTRUCTED), stay(word=QueueResult.KEY), Better.QUEUE_LOG),
        (visit(outcome=Outcome.KEY_EXIT), stay(word=QueueResult.TIMEOUT), Better.LEDGER),
        (visit(outcome=Outcome.TIMEOUT, quality=Quality.APPROXIMATE), stay(), Better.LEDGER),
        (visit(**ANSWERED), stay(), Better.LEDGER),
    ],
)
def test_another_outcome_is_a_difference_and_only_one(ours: LedgerVisit, theirs: Stay, better: Better) -> None:
    assert told(compare([replace(ours, wait=seconds(99))], [theirs])) == [(Kinds.OUTCOME, better)]


# --- wait ---


@pytest.mark.parametrize("off", [-1.5, -0.9, 0, 0.9, 1.5])
def test_whole_seconds_explain_a_wait_that_is_a_second_off(off: float) -> None:
    assert compare([visit(wait=5 + off)], [stay()]) == []


@pytest.mark.parametrize("off", [-1.6, 1.6])
@pytest.mark.parametrize(
    ("quality", "better"),
    [
        (Quality.LIVE, Better.LEDGER),
        (Quality.PARTIAL, Better.QUEUE_LOG),
        (Quality.RECONSTRUCTED, Better.QUEUE_LOG),
        (Quality.APPROXIMATE, Better.NOBODY),
    ],
)
def test_a_wait_further_off_is_a_difference(off: float, quality: Quality, better: Better) -> None:
    assert told(compare([visit(wait=5 + off, quality=quality)], [stay()])) == [(Kinds.WAIT, better)]


def test_a_wait_that_only_queue_log_knows_is_a_difference() -> None:
    [one] = compare([visit(wait=None, quality=Quality.PARTIAL, **ANSWERED)], [stay(**CONNECTED)])
    assert (one.kind, one.better, one.why) == (
        Kinds.WAIT,
        Better.QUEUE_LOG,
        "the ledger does not know how long; queue_log says 5 s",
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "differences"),
    [
        (visit(wait=1), stay(announced_to="Ann"), 0),
        (visit(wait=9), stay(announced_to="Ann"), 1),
        (visit(wait=1), stay(**CONNECTED), 0),
        (visit(wait=9), stay(**CONNECTED), 1),
        (visit(wait=None, quality=Quality.PARTIAL), stay(announced_to="Ann"), 1),
    ],
)
def test_who_had_hung_up_before_the_queue_noticed_it_waited_less(
    ours: LedgerVisit, theirs: Stay, differences: int
) -> None:
    assert told(compare([ours], [theirs])) == [(Kinds.WAIT, one.better) for one in compare([ours], [theirs])]
    assert len(compare([ours], [theirs])) == differences


def test_the_wait_of_who_is_lost_is_a_lower_bound_and_not_compared() -> None:
    lost = visit(wait=1, outcome=Outcome.LOST, reason="the PBX restarted")
    assert compare([lost], [stay()]) == []


def test_where_queue_log_says_no_wait_none_is_compared() -> None:
    ours, theirs = visit(outcome=Outcome.INCOMPATIBLE), stay(word=QueueResult.INCOMPATIBLE, waited=None)
    assert compare([ours], [theirs]) == []


# --- agent ---


@pytest.mark.parametrize(
    ("ours", "theirs", "better"),
    [
        (visit(agent="", quality=Quality.PARTIAL, **ANSWERED), stay(**CONNECTED), Better.QUEUE_LOG),
        (visit(agent="Bob", **ANSWERED), stay(**CONNECTED), Better.LEDGER),
        (visit(agent="Bob", quality=Quality.RECONSTRUCTED, **ANSWERED), stay(**CONNECTED), Better.QUEUE_LOG),
    ],
)
def test_another_agent_is_a_difference(ours: LedgerVisit, theirs: Stay, better: Better) -> None:
    assert told(compare([ours], [theirs])) == [(Kinds.AGENT, better)]


def test_a_name_that_a_database_cannot_keep_is_the_same_name() -> None:
    assert compare([visit(agent="B\ufffdb", **ANSWERED)], [stay(agent="B\udcffb", **CONNECTED)]) == []


def test_wait_and_agent_may_both_differ() -> None:
    ours = visit(agent="Bob", wait=9, **ANSWERED)
    assert {one.kind for one in compare([ours], [stay(**CONNECTED)])} == {Kinds.WAIT, Kinds.AGENT}


# --- how the PBX ended


LOST = visit(wait=3, outcome=Outcome.LOST, reason="the PBX restarted", quality=Quality.PARTIAL)


@pytest.mark.parametrize(
    ("ends", "differs"),
    [
        pytest.param([], False, id="it has not ended"),
        pytest.param([BootEnd(at(6), at(20), died=False)], False, id="perhaps in order"),
        pytest.param([BootEnd(at(6), at(20), died=True)], True, id="it died"),
        pytest.param([BootEnd(at(9), at(20), died=False)], True, id="in order, and he had left before"),
        pytest.param([BootEnd(at(-9), at(-1), died=True), BootEnd(at(6), at(20), died=False)], False, id="later"),
    ],
)
def test_who_gave_up_before_the_pbx_died_is_not_lost(ends: list[BootEnd], differs: bool) -> None:
    found = compare([LOST], [stay()], ends=ends)
    assert [(one.kind, one.better) for one in found] == ([(Kinds.OUTCOME, Better.QUEUE_LOG)] if differs else [])


# --- who is who ---


def test_a_caller_who_came_back_is_matched_in_his_order() -> None:
    visits = [visit(0.9, 4, Outcome.TIMEOUT), visit(5.1, 2, ordinal=2)]
    stays = [stay(5, 2), stay(0, 4, QueueResult.TIMEOUT)]
    assert compare(visits, stays) == []


def test_when_one_of_two_is_missing_it_is_the_one_further_away() -> None:
    [one] = compare([visit(1.8, 2)], [stay(0, 1), stay(1, 2)])
    assert (one.kind, one.began_at) == (Kinds.MISSING, at(0))
    [one] = compare([visit(0.2, 1), visit(1.8, 2, ordinal=2)], [stay(1, 2)])
    assert (one.kind, one.began_at) == (Kinds.EXTRA, at(0.2))


@pytest.mark.parametrize(
    ("quality", "kinds"), [(Quality.PARTIAL, {Kinds.WAIT}), (Quality.LIVE, {Kinds.EXTRA, Kinds.MISSING})]
)
def test_whom_the_ledger_found_waiting_is_known_by_his_end(quality: Quality, kinds: set[Kinds]) -> None:
    found = visit(8, 2, quality=quality)
    assert {one.kind for one in compare([found], [stay(0, 10)])} == kinds


def test_equal_ids_of_two_boots_are_two_callers() -> None:
    differences = compare([visit(0, 5)], [stay(3600, 5)])
    assert told(differences) == [(Kinds.EXTRA, Better.LEDGER), (Kinds.MISSING, Better.QUEUE_LOG)]


def test_the_same_id_in_another_queue_is_another_visit() -> None:
    assert len(compare([visit(queue="sales")], [stay()])) == 2


def test_who_was_refused_is_matched_somewhere_in_his_call() -> None:
    ours = visit(0, 0, Outcome.REFUSED_FULL)
    assert compare([ours], [stay(600, 0, QueueResult.FULL)]) == []
    assert told(compare([ours], [stay(600, 0, QueueResult.JOIN_EMPTY)])) == [(Kinds.OUTCOME, Better.LEDGER)]


def test_who_left_under_another_id_is_found_under_either() -> None:
    assert compare([visit(uniqueid="a")], [stay(left_as="b")]) == []
    assert compare([visit(uniqueid="b", wait=6.4)], [stay(left_as="b")]) == []


def test_under_another_id_queue_beginning_and_wait_prove_who_he_is() -> None:
    assert compare([visit(0.5, 5.5, uniqueid="b")], [stay()]) == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (visit(0, 5, uniqueid="b", queue="sales"), stay()),
        (visit(1.1, 5, uniqueid="b"), stay()),
        (visit(0, 6.1, uniqueid="b"), stay()),
        (visit(0, None, uniqueid="b", quality=Quality.PARTIAL), stay()),
        (visit(0, 5, uniqueid="b", outcome=Outcome.INCOMPATIBLE), stay(word=QueueResult.INCOMPATIBLE, waited=None)),
        (visit(0, 0, uniqueid="b", outcome=Outcome.REFUSED_FULL), stay(wait=0)),
        (visit(0, 0, uniqueid="b"), stay(0, 0, QueueResult.FULL)),
    ],
)
def test_less_proves_nothing(ours: LedgerVisit, theirs: Stay) -> None:
    assert {one.kind for one in compare([ours], [theirs])} == {Kinds.EXTRA, Kinds.MISSING}


def test_two_who_fit_prove_nothing() -> None:
    assert len(compare([visit(uniqueid="b")], [stay(), stay(uniqueid="c")])) == 3
    assert len(compare([visit(uniqueid="b"), visit(uniqueid="d")], [stay()])) == 3


# --- agents who ask, and who pick up ---

PHONES = frozenset({"1001"})


def test_an_agent_who_asked_a_queue_for_somebody_is_no_customer() -> None:
    asking = stay(2, 5, QueueResult.CONNECTED, uniqueid="z", caller="1001")
    assert compare([visit(phones=PHONES)], [stay(), asking]) == []
    assert told(compare([visit()], [stay(), asking])) == [(Kinds.MISSING, Better.QUEUE_LOG)]


ASKED = stay(0, 9, QueueResult.CONNECTED, caller="1001")


def test_who_was_put_into_the_agents_place_waited_from_then_on() -> None:
    assert compare([visit(6.2, 2.9, phones=PHONES, **ANSWERED)], [ASKED]) == []
    assert compare([visit(1.2, 7.9, phones=PHONES, **ANSWERED)], [ASKED]) == []
    assert compare([visit(6.2, 2.9, phones=PHONES, uniqueid="b", **ANSWERED)], [replace(ASKED, left_as="b")]) == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (visit(6.2, 2.9, **ANSWERED), ASKED),  # nobody's phone has that number
        (visit(6.2, 2.9, phones=PHONES, caller="1001", **ANSWERED), ASKED),  # he is the agent himself
        (visit(6.2, 20, phones=PHONES, **ANSWERED), ASKED),  # he left at another time
        (visit(6.2, 2.9, phones=PHONES, **ANSWERED), replace(ASKED, joined_at=at(9), left_at=at(9))),
        (visit(6.2, None, phones=PHONES, **ANSWERED), ASKED),
    ],
)
def test_without_proof_nobody_was_put_into_anybodys_place(ours: LedgerVisit, theirs: Stay) -> None:
    assert Kinds.EXTRA in {one.kind for one in compare([ours], [theirs])}


def test_who_picks_up_a_ringing_phone_is_not_the_one_queue_log_names() -> None:
    picked = visit(agent="Bob", rung=frozenset({"Ann"}), **ANSWERED)
    assert compare([picked], [stay(**CONNECTED)]) == []
    both = replace(picked, rung=frozenset({"Ann", "Bob"}))
    assert told(compare([both], [stay(**CONNECTED)])) == [(Kinds.AGENT, Better.LEDGER)]
    unknown = replace(picked, agent="")
    assert told(compare([unknown], [stay(**CONNECTED)])) == [(Kinds.AGENT, Better.QUEUE_LOG)]


# --- all of it ---


def test_a_damaged_queue_log_is_believed_in_nothing() -> None:
    differences = compare([visit(outcome=Outcome.LOST)], [stay(), stay(50, uniqueid="z")], damaged=True)
    assert {one.better for one in differences} == {Better.NOBODY}
    assert all("damaged" in one.why for one in differences)


def test_differences_are_told_in_the_order_of_time() -> None:
    differences = compare([visit(30, uniqueid="x"), visit(10, 0, Outcome.REFUSED_FULL)], [stay(20, uniqueid="y")])
    assert [one.began_at for one in differences] == [at(10), at(20), at(30)]


def test_only_queue_visits_of_a_call_are_compared() -> None:
    visits = (
        VisitRecord(1, "a", Kind.DIRECT, "front", at(0), outcome=Outcome.BUSY),
        VisitRecord(
            2,
            "a",
            Kind.QUEUE,
            "support",
            at(3),
            at(8),
            Outcome.LOST,
            wait=seconds(5),
            reason="why",
            offers=(OfferRecord("Ann", "Local/1001@phones/n", "l", at(4)), OfferRecord("Bob", "odd", "m", at(4))),
        ),
        VisitRecord(3, "a", Kind.QUEUE, "full", None, outcome=Outcome.REFUSED_FULL),
    )
    call = CallRecord(
        call_id("pbx1", "a"), "pbx1", "a", "a", Direction.INBOUND, "5551", "", "4001", at(0), visits=visits
    )
    lost, refused = of(call)
    assert (lost.ordinal, lost.caller, lost.agent, lost.reason, lost.began_at) == (2, "5551", "", "why", at(3))
    assert (sorted(lost.rung), sorted(lost.phones)) == (["Ann", "Bob"], ["1001"])
    assert (refused.ordinal, refused.refused, refused.ended, refused.began_at) == (3, True, True, at(0))


EXPLAINED = {
    # Who waited when we came is known since then, who already talked not at all: queue_log knows more.
    "connected_late": [
        (Kinds.MISSING, Better.QUEUE_LOG),
        (Kinds.WAIT, Better.QUEUE_LOG),
        (Kinds.WAIT, Better.QUEUE_LOG),
    ],
    # His number breaks the line of his joining, and his AMI events are quarantined.
    "hostile_raw": [(Kinds.MISSING, Better.NOBODY)],
}


@pytest.mark.parametrize("log", RECORDINGS, ids=lambda log: log.parent.name)
def test_a_real_pbx_and_its_queue_log_agree(log: Path) -> None:
    calls = replay(log.parent.name).calls
    visits = [one for call in calls for one in of(call)]
    others = {call.uniqueid for call in calls if call.direction is not Direction.INBOUND}
    differences = compare(visits, stays_in(log), others=others)
    assert told(differences) == EXPLAINED.get(log.parent.name, [])


NAMES = st.sampled_from("ab")
STAYS = st.builds(
    stay,
    joined=st.integers(0, 9),
    wait=st.integers(0, 3),
    word=st.sampled_from([QueueResult.ABANDONED, QueueResult.CONNECTED, QueueResult.FULL]),
    uniqueid=NAMES,
    left_as=st.sampled_from(["", "a", "b"]),
)
VISITS = st.builds(
    visit,
    joined=st.floats(0, 9),
    wait=st.floats(0, 3),
    outcome=st.sampled_from([Outcome.ABANDONED, Outcome.ANSWERED, Outcome.REFUSED_FULL]),
    uniqueid=NAMES,
)


@given(st.lists(VISITS, max_size=6), st.lists(STAYS, max_size=6))
def test_everyone_is_matched_once_or_alone(visits: list[LedgerVisit], stays: list[Stay]) -> None:
    pairs, only_ours, only_theirs = match(visits, stays)
    assert sorted(map(id, [*only_ours, *(one for one, _ in pairs)])) == sorted(map(id, visits))
    assert sorted(map(id, [*only_theirs, *(one for _, one in pairs)])) == sorted(map(id, stays))
    assert all(one.queue == two.queue and one.refused == two.refused for one, two in pairs)
