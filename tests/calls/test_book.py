"""What is kept of a PBX: found again, closed once, forgotten in the end."""

from uuid import UUID

from telephony.calls.book import Rules, party
from telephony.calls.effects import CaseOpened
from telephony.calls.facts import HangupSide, Interface, QueueResult, Uniqueid
from telephony.calls.record import Outcome, Party, call_id, case_id
from tests.support.story import START, TRUNK, Story

WITH_LOG = Rules(pbx="pbx1", trunks=frozenset({Interface(TRUNK)}), queue_log=True)


def test_the_id_of_a_call_is_the_same_whoever_derives_it() -> None:
    story = Story().arrives("pbx1-1700000000.1")
    assert story.call.id == call_id("pbx1", "pbx1-1700000000.1")
    assert story.call.case == case_id(story.call.id)
    assert story.told(CaseOpened)[0].call.id == story.call.id
    assert call_id("pbx2", "1.1") != call_id("pbx1", "1.1")


def test_ids_never_change_between_versions() -> None:
    assert call_id("pbx1", "1700000000.1") == UUID("7fdd8d3c-e485-5002-956d-192c6aca7afb")


def test_a_case_is_opened_with_what_is_known_of_the_caller() -> None:
    story = Story().arrives("C", caller_number="0211", exten="4001")
    (opened,) = story.told(CaseOpened)
    assert (opened.call.caller, opened.call.dialled, opened.call.arrived_at) == ("0211", "4001", START)


def test_an_explained_call_is_forgotten_at_once() -> None:
    story = Story().arrives("C").joins("support").at(3).hangs_up().given_up().gone()
    assert set(story.memory()) == {"ended", "alarms"}


def test_an_exited_call_is_kept_a_minute_for_its_explanation() -> None:
    story = Story(WITH_LOG).arrives("C").joins("support").at(3).given_up().gone().passes(8)
    assert story.outcomes == [Outcome.EXITED]
    story.passes(67)
    assert "calls" in story.memory()
    assert "calls" not in story.passes(68).memory()
    assert story.logs(QueueResult.TIMEOUT).outcomes == [Outcome.EXITED]


def test_of_two_boots_the_older_call_is_forgotten_without_the_younger_that_bears_its_name() -> None:
    story = Story(WITH_LOG).line_restored(booted=-9).listing().arrives("C").joins("support").at(5).line_lost()
    story.at(9).line_restored(booted=8).listing().arrives("C").joins("support").passes(90)
    assert story.outcomes == [Outcome.LOST, None]
    story.hangs_up().given_up().logs(QueueResult.ABANDONED).gone()
    assert story.outcomes == [Outcome.LOST, Outcome.ABANDONED]
    assert story.ends_well().memory() == {}


def test_of_a_dropped_call_nothing_is_kept_and_of_another_everything() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(3).talks_with("A").appears("B", linked="C").rings("B")
    story.arrives("D").joins("support").rings("E").at(4).answers("E").leaves().connects("E").bridged(
        "D", "E", bridge="b2"
    )
    book = story.tracker.book
    book.drop(book.calls[Uniqueid("C")])
    assert set(book.legs) == set().union(*book.bridges.values()) == {"D", "E"}
    assert (set(book.calls), set(book.offers), set(book.partners)) == ({"D"}, {"E"}, {"E"})
    assert story.at(9).hangs_up("D").gone("D").gone("E").ends_well().memory() == {}


def test_a_refusal_that_only_the_log_tells_is_awaited_once() -> None:
    story = Story(WITH_LOG).arrives("C").appears("A").gone().at(1).gone("A").at(2).passes(7)
    assert len(story.ended) == 1


def test_a_call_with_a_lost_visit_was_ended_by_nobody_known() -> None:
    story = Story().arrives("C").joins("support").at(3).hangs_up().stops()
    assert (story.outcomes, story.call.hung_up_by) == ([Outcome.LOST], None)


def test_whose_wish_a_request_was() -> None:
    assert party(HangupSide.FAR_END, Party.AGENT) is Party.AGENT
    assert party(HangupSide.PBX, Party.AGENT) is Party.PBX
