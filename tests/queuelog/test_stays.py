"""Lines put together to stays: one caller in many queues, under many ids, through transfers and deaths of the PBX."""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.calls.facts import QueueResult
from telephony.queuelog import stays as words
from telephony.queuelog.grammar import Entry
from telephony.queuelog.reading import read
from telephony.queuelog.stays import Stay, Stays, TalkEnd
from tests.queuelog.written import (
    END_OF_TIME,
    RECORDINGS,
    abandons,
    at,
    completes,
    connects,
    entry,
    joins,
    stays_in,
    stays_of,
)


def seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


def test_a_stay_is_put_together_from_its_lines() -> None:
    [stay] = stays_of(
        joins(0), entry(3, "RINGNOANSWER", 3000, agent="Bob"), connects(7, 7), completes(19, 7, 12, how="AGENT")
    )
    assert stay == Stay(
        queue="support",
        uniqueid="a",
        caller="5551",
        joined_at=at(0),
        left_at=at(7),
        word=QueueResult.CONNECTED,
        waited=seconds(7),
        agent="Ann",
        leg="leg",
        talked=seconds(12),
        ended_by=TalkEnd.AGENT,
        rang=1,
    )


def test_who_waits_still_has_no_end() -> None:
    stays = Stays()
    stays.feed(joins(0))
    [stay] = stays.open
    assert (stay.left_at, stay.word, stay.waited, stay.cut, stay.refused) == (None, None, None, False, False)
    assert stays.ended(END_OF_TIME) == []


def test_what_is_no_end_of_a_stay_changes_nothing() -> None:
    [stay] = stays_of(joins(0), entry(1, "CONFIGRELOAD"), entry(1, "RINGNOANSWER", 1, who="b"), entry(2, "SURVEY", "5"))
    assert stay == Stay("support", "a", "5551", at(0))


@pytest.mark.parametrize("event", ["FULL", "JOINEMPTY", "JOINUNAVAIL"])
def test_who_was_refused_never_joined_even_while_he_waits_elsewhere(event: str) -> None:
    waiting, refused = stays_of(joins(0), entry(4, event))
    assert waiting.word is None
    assert refused.refused
    assert (refused.joined_at, refused.left_at, refused.waited) == (at(4), at(4), timedelta())


def test_one_caller_may_visit_many_queues_and_one_queue_often() -> None:
    told = stays_of(
        joins(0),
        entry(4, "EXITWITHTIMEOUT", 1, 1, 4),
        joins(4, queue="sales"),
        entry(6, "EXITWITHKEY", 1, 1, 1, 2, queue="sales"),
        joins(6),
        abandons(9, 3),
    )
    assert [(stay.queue, stay.word) for stay in told] == [
        ("support", QueueResult.TIMEOUT),
        ("sales", QueueResult.KEY),
        ("support", QueueResult.ABANDONED),
    ]


def test_an_end_whose_beginning_was_not_seen_tells_it_by_the_wait() -> None:
    told = stays_of(abandons(9, 3), entry(12, "SYSCOMPAT", who="b", agent="Ann"))
    assert [(stay.caller, stay.joined_at, stay.doubt) for stay in told] == [
        (None, at(6), words.ENTRY_UNSEEN),
        (None, at(12), words.ENTRY_UNSEEN),
    ]
    assert told[1].waited is None


def test_two_lines_of_one_second_may_stand_in_the_wrong_order() -> None:
    [stay] = stays_of(abandons(0, 0), joins(0))
    assert (stay.caller, stay.word, stay.doubt) == ("5551", QueueResult.ABANDONED, "")
    [stay] = stays_of(joins(0), completes(2, 2, 0), connects(2, 2))
    assert (stay.talked, stay.ended_by) == (timedelta(), TalkEnd.CALLER)


def test_a_line_of_joining_long_after_an_end_is_another_stay() -> None:
    told = stays_of(abandons(9, 3), joins(10))
    assert [(stay.caller, stay.word) for stay in told] == [(None, QueueResult.ABANDONED), ("5551", None)]
    told = stays_of(joins(0), completes(2, 2, 9), connects(20, 20))
    assert [stay.talked for stay in told] == [None]


def test_who_joins_again_before_he_was_seen_to_leave_had_left() -> None:
    told = stays_of(joins(0), joins(10), abandons(15, 5))
    assert [(stay.cut, stay.doubt, stay.word) for stay in told] == [
        (True, words.END_UNSEEN, None),
        (False, "", QueueResult.ABANDONED),
    ]


def test_who_joins_again_in_the_second_of_leaving_is_two_stays_whatever_their_lines_order() -> None:
    told = stays_of(joins(0), joins(10), abandons(10, 10), abandons(15, 5))
    assert [(stay.joined_at, stay.left_at, stay.cut) for stay in told] == [
        (at(0), at(10), False),
        (at(10), at(15), False),
    ]


def test_an_end_that_does_not_fit_his_stay_is_not_believed_to_be_its_end() -> None:
    told = stays_of(joins(0), abandons(60, 1), abandons(70, 70))
    assert [(stay.joined_at, stay.waited, stay.doubt) for stay in told] == [
        (at(0), seconds(70), ""),
        (at(59), seconds(1), words.ENTRY_UNSEEN),
    ]


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("BLINDTRANSFER", ("4013", "from-phones", 2, 5, 1)),
        ("TRANSFER", ("4013", "from-phones", 2, 5, 1)),
        ("ATTENDEDTRANSFER", ("BRIDGE", "b-1", 2, 5, 1)),
        ("ATTENDEDTRANSFER", ("LINK", "PJSIP/1-1", "PJSIP/2-2", 2, 5, 1)),
    ],
)
def test_a_transfer_ends_the_talk_and_he_may_wait_again(event: str, data: tuple[object, ...]) -> None:
    first, second = stays_of(
        joins(0),
        connects(2, 2),
        entry(7, event, *data, agent="Ann"),
        joins(7, queue="sales"),
        abandons(9, 2, queue="sales"),
    )
    assert (first.talked, first.ended_by) == (seconds(5), TalkEnd.TRANSFER)
    assert (second.queue, second.word) == ("sales", QueueResult.ABANDONED)


def test_who_gave_up_while_the_agent_was_spoken_to_is_said_so() -> None:
    [stay] = stays_of(joins(0), abandons(4, 4, agent="Ann"))
    assert (stay.agent, stay.announced_to) == ("", "Ann")


# --- other ids ---


def test_a_channel_that_took_a_waiting_ones_place_ends_its_stay_when_queue_and_wait_prove_it() -> None:
    [stay] = stays_of(joins(0), connects(7, 8, who="b"), completes(10, 8, 3, who="b"))
    assert (stay.uniqueid, stay.left_as, stay.caller, stay.doubt) == ("a", "b", "5551", words.OTHER_ID)
    assert (stay.joined_at, stay.talked) == (at(0), seconds(3))


@pytest.mark.parametrize(
    "others",
    [
        [joins(1, "c")],  # two began then
        [abandons(3, 3)],  # nobody waits any more
    ],
)
def test_nobody_is_paired_without_proof(others: list[Entry]) -> None:
    told = stays_of(joins(0), *others, connects(7, 7, who="b"))
    assert [stay.doubt for stay in told if stay.uniqueid == "b"] == [words.ENTRY_UNSEEN]
    assert [stay.left_as for stay in told] == [""] * len(told)


@pytest.mark.parametrize("other", [joins(0, queue="sales"), joins(3)])
def test_another_queue_or_another_beginning_is_no_proof(other: Entry) -> None:
    told = stays_of(other, connects(7, 7, who="b"))
    assert sorted(stay.word is None for stay in told) == [False, True]


def test_without_a_wait_nothing_is_proved() -> None:
    told = stays_of(joins(0), entry(7, "SYSCOMPAT", who="b", agent="Ann"))
    assert [stay.word for stay in told] == [None, QueueResult.INCOMPATIBLE]


@pytest.mark.parametrize("over", [[], [completes(9, 7, 2, who="b")]])
def test_who_leaves_himself_later_was_not_the_one_whose_place_was_taken(over: list[Entry]) -> None:
    rang = entry(3, "RINGNOANSWER", 3000, agent="Bob")
    told = stays_of(joins(0), rang, connects(7, 7, who="b"), *over, abandons(30, 30), completes(40, 7, 33, who="b"))
    by_id = {stay.uniqueid: stay for stay in told}
    assert (by_id["a"].word, by_id["a"].caller, by_id["a"].rang) == (QueueResult.ABANDONED, "5551", 1)
    assert (by_id["b"].word, by_id["b"].doubt) == (QueueResult.CONNECTED, words.ENTRY_UNSEEN)
    assert by_id["b"].talked == seconds(2 if over else 33)


def test_what_does_not_fit_gives_nothing_back() -> None:
    told = stays_of(joins(0), connects(7, 7, who="b"), abandons(30, 9))
    assert [(stay.uniqueid, stay.left_as) for stay in told] == [("a", "b"), ("a", "")]


def test_a_talk_may_end_under_a_third_id() -> None:
    [stay] = stays_of(joins(0), connects(1, 1), completes(4, 1, 3, who="c"))
    assert (stay.talked, stay.ended_by) == (seconds(3), TalkEnd.CALLER)


@pytest.mark.parametrize(
    "end",
    [
        completes(4, 1, 3, who="c", agent="Bob"),
        completes(4, 2, 3, who="c"),
        completes(4, 1, 1, who="c"),
        entry(4, "COMPLETECALLER", 1, 3, 1, who="c", agent="Ann", queue="sales"),
    ],
)
def test_a_talk_of_another_agent_wait_or_length_is_another_talk(end: Entry) -> None:
    [stay] = stays_of(joins(0), connects(1, 1), end)
    assert stay.talked is None


def test_of_two_talks_that_fit_none_is_chosen() -> None:
    told = stays_of(joins(0), joins(0, "b"), connects(1, 1), connects(1, 1, "b"), completes(4, 1, 3, who="c"))
    assert [stay.talked for stay in told] == [None, None]


# --- two ends ---


def no_codec(second: int) -> Entry:
    return entry(second, "SYSCOMPAT", agent="Ann")


def test_who_had_no_codec_in_common_is_not_told_to_have_given_up_as_well() -> None:
    [stay] = stays_of(joins(0), no_codec(5), abandons(5, 5))
    assert (stay.word, stay.left_at, stay.doubt) == (QueueResult.INCOMPATIBLE, at(5), "")


def test_whoever_gives_up_later_has_waited_again() -> None:
    told = stays_of(joins(0), no_codec(5), joins(5), abandons(6, 1))
    assert [(stay.word, stay.joined_at) for stay in told] == [
        (QueueResult.INCOMPATIBLE, at(0)),
        (QueueResult.ABANDONED, at(5)),
    ]


def test_a_second_end_that_is_read_when_the_first_is_taken_is_another_s() -> None:
    stays = Stays()
    for one in (joins(0), no_codec(5)):
        stays.feed(one)
    assert len(stays.ended(END_OF_TIME)) == 1
    stays.feed(abandons(5, 5))
    assert [stay.doubt for stay in stays.ended(END_OF_TIME)] == [words.ENTRY_UNSEEN]


# --- the PBX, and memory ---


def test_a_new_boot_ends_what_was_open_nobody_knows_how() -> None:
    talked_to, waited = stays_of(joins(0), connects(1, 1), joins(2, "b"), entry(60, "QUEUESTART"), completes(63, 1, 62))
    assert (waited.cut, waited.doubt, waited.left_at) == (True, words.PBX_BEGAN, None)
    assert (talked_to.cut, talked_to.talked) == (False, None)


def test_equal_ids_of_two_boots_never_meet() -> None:
    told = stays_of(joins(0), entry(60, "QUEUESTART"), joins(61), abandons(64, 3))
    assert [(stay.joined_at, stay.cut, stay.left_at) for stay in told] == [(at(0), True, None), (at(61), False, at(64))]


def test_only_what_ended_before_is_taken_and_only_once() -> None:
    stays = Stays()
    for one in [joins(0), connects(2, 2), joins(3, "b"), abandons(9, 6, "b")]:
        stays.feed(one)
    assert [stay.uniqueid for stay in stays.ended(at(9))] == ["a"]
    assert [stay.uniqueid for stay in stays.ended(at(10))] == ["b"]
    stays.feed(completes(20, 2, 18))  # too late, and nobody's
    assert stays.ended(END_OF_TIME) == []


def test_memory_has_a_limit_and_what_it_costs_is_told() -> None:
    stays = Stays(limit=2)
    for number in range(5):
        stays.feed(joins(number, f"open{number}"))
    assert [stay.uniqueid for stay in stays.open] == ["open3", "open4"]
    assert stays.dropped == 1
    assert [(stay.uniqueid, stay.cut, stay.doubt) for stay in stays.ended(END_OF_TIME)] == [
        ("open1", True, words.TOO_MANY),
        ("open2", True, words.TOO_MANY),
    ]


def test_ends_of_talks_nobody_began_are_kept_up_to_a_limit() -> None:
    stays = Stays()
    for number in range(words.EARLY_LIMIT + 5):
        stays.feed(completes(1, 1, 0, who=f"x{number}"))
    assert len(stays._early) == words.EARLY_LIMIT


# --- all of it ---

ENDS = {"CONNECT", "ABANDON", "EXITWITHTIMEOUT", "EXITWITHKEY", "EXITEMPTY", "WITHDRAW", "SYSCOMPAT"}


@pytest.mark.parametrize("log", RECORDINGS, ids=lambda log: log.parent.name)
def test_every_stay_of_a_real_pbx_has_one_end(log: Path) -> None:
    stays = stays_in(log)
    fields = [line.split("|") for line in log.read_text("utf-8", "replace").splitlines() if line.count("|") > 4]
    events = Counter(line[4] for line in fields)
    joined = Counter((line[2], line[1]) for line in fields if line[4] == "ENTERQUEUE")
    left = Counter((line[2], line[1]) for line in fields if line[4] in ENDS)
    broken = log.parent.name == "hostile_raw"  # the line of joining is quarantined
    refused = events["FULL"] + events["JOINEMPTY"]
    assert len(stays) == joined.total() + refused
    assert sum(stay.word is None for stay in stays) == joined.total() - left.total()
    others = (left - joined).total()  # put into the place of a waiting one
    assert [stay.doubt for stay in stays if stay.doubt] == [words.ENTRY_UNSEEN if broken else words.OTHER_ID] * (
        1 if broken else others
    )
    talks = events["COMPLETEAGENT"] + events["COMPLETECALLER"] + events["BLINDTRANSFER"] + events["ATTENDEDTRANSFER"]
    assert sum(stay.talked is not None for stay in stays) == talks
    assert all((stay.caller is None) == (stay.refused or broken) for stay in stays)


@st.composite
def days(draw: st.DrawFn) -> list[tuple[int, int, int, bool]]:
    """Callers: whose id, when they join, how long they wait, whether they are answered."""
    callers = st.tuples(st.integers(0, 3), st.integers(0, 60), st.integers(0, 20), st.booleans())
    return draw(st.lists(callers, max_size=12))


@given(days())
def test_whoever_joins_and_leaves_under_his_own_id_is_one_stay_with_his_own_end(
    callers: list[tuple[int, int, int, bool]],
) -> None:
    lines = []
    expected: list[tuple[str, datetime, datetime, bool]] = []
    free = dict.fromkeys(range(4), -1)
    for who, start, wait, answered in sorted(callers, key=lambda caller: caller[1]):
        if start <= free[who]:
            continue
        free[who] = start + wait
        end = connects(start + wait, wait, str(who)) if answered else abandons(start + wait, wait, str(who))
        lines += [joins(start, str(who), caller=str(len(expected))), end]
        expected.append((str(len(expected)), at(start), at(start + wait), answered))
    lines.sort(key=lambda line: line.at)
    told = [
        (stay.caller, stay.joined_at, stay.left_at, stay.word is QueueResult.CONNECTED) for stay in stays_of(*lines)
    ]
    assert sorted(told, key=str) == sorted(expected, key=str)


def test_where_the_caller_s_name_is_written_too_the_stay_is_the_same() -> None:
    """As Asterisk 22.10 wrote it with `log-caller-id-name = yes`; the name was `Li | Ming`."""
    written = [
        b"1795352101|pbx1-1795352101.0|support|NONE|ENTERQUEUE||02160000001|1|Li _ Ming",
        "1795352101|pbx1-1795352101.2|support|NONE|ENTERQUEUE||02160000002|2|李明".encode(),
        b"1795352101|pbx1-1795352101.4|support|NONE|ENTERQUEUE||02160000003|3|",
        b"1795352103|pbx1-1795352101.0|support|NONE|EXITWITHTIMEOUT|1|1|2",
        b"1795352103|pbx1-1795352101.4|support|NONE|EXITWITHTIMEOUT|3|3|2",
        b"1795352103|pbx1-1795352101.2|support|NONE|EXITWITHTIMEOUT|1|2|2",
    ]
    found = stays_of(*read(written, timedelta()).entries)
    assert sorted((str(stay.caller), stay.word, stay.doubt) for stay in found) == [
        (f"0216000000{number}", QueueResult.TIMEOUT, "") for number in (1, 2, 3)
    ]
