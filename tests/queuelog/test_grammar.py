"""What a line of queue_log may look like, and what it tells."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.calls.facts import Moment, QueueName, QueueResult, QueueResultLogged, Uniqueid
from telephony.queuelog.grammar import Entry, Quarantined, parse, to_fact, waited
from telephony.queuelog.place import MAX_LINE
from telephony.queuelog.reading import read

RECORDINGS = sorted((Path(__file__).parents[1] / "replay").glob("*/queue_log"))
UID = "pbx1-1700000000.1"
READ = timedelta(seconds=5)


def line(agent: str, event: str, *data: str, callid: str = UID, queue: str = "support") -> bytes:
    return "|".join(["1700000000", callid, queue, agent, event, *data]).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("raw", "result"),
    [
        (line("NONE", "ABANDON", "1", "1", "2"), QueueResult.ABANDONED),
        (line("Agent 1001", "ABANDON", "1", "1", "2"), QueueResult.ABANDONED),  # while the agent was told who calls
        (line("NONE", "EXITWITHTIMEOUT", "1", "1", "4"), QueueResult.TIMEOUT),
        (line("NONE", "EXITWITHKEY", "1", "1", "1", "2"), QueueResult.KEY),
        (line("NONE", "EXITEMPTY", "1", "2", "2"), QueueResult.LEAVE_EMPTY),
        (line("NONE", "WITHDRAW", "1", "1", "2", ""), QueueResult.WITHDRAWN),
        (line("Agent 1001", "SYSCOMPAT", ""), QueueResult.INCOMPATIBLE),
        (line("Agent 1001", "CONNECT", "7", "pbx1-1700000001.2", "3"), QueueResult.CONNECTED),
        (line("NONE", "FULL", ""), QueueResult.FULL),
        (line("NONE", "JOINEMPTY", ""), QueueResult.JOIN_EMPTY),
        (line("NONE", "JOINUNAVAIL", ""), QueueResult.JOIN_EMPTY),
    ],
)
def test_the_end_of_a_stay_is_a_fact(raw: bytes, result: QueueResult) -> None:
    entry = parse(raw)
    assert isinstance(entry, Entry), entry
    at = Moment(datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), READ)
    agent = "Agent 1001" if result is QueueResult.CONNECTED else ""
    leg = entry.data[1] if agent else ""
    assert to_fact(entry, READ) == QueueResultLogged(
        at, QueueName("support"), Uniqueid(UID), result, agent, waited(entry), leg
    )


@pytest.mark.parametrize(
    "raw",
    [
        line("NONE", "ENTERQUEUE", "", "02112345678", "1"),
        line("NONE", "ENTERQUEUE", "", "02112345678", "1", "Li Ming"),  # log-caller-id-name
        line("NONE", "ENTERQUEUE", "", "02112345678", "1", ""),
        line("NONE", "ENTERQUEUE", "", "8|9", "1"),
        line("NONE", "ENTERQUEUE", "", "8\udcff", "1", queue="客服"),
        line("Agent 张三", "RINGNOANSWER", "15000"),
        line("Agent \udcff", "COMPLETECALLER", "1", "2", "3"),
        line("Agent 1001", "ATTENDEDTRANSFER", "BRIDGE", "b-1", "1", "2", "1"),
        line("Agent 1001", "ATTENDEDTRANSFER", "LINK", "PJSIP/1-1", "PJSIP/2-2", "1", "2", "1"),
        line("Agent 1001", "BLINDTRANSFER", "4013", "from-phones", "1", "1", "1"),
        line("PJSIP/1001", "ADDMEMBER", "PAUSED", callid="MANAGER"),
        line("NONE", "QUEUESTART", "", callid="NONE", queue="NONE"),
        line("NONE", "SURVEY", "5", "good"),
    ],
)
def test_other_lines_fit_and_tell_nothing(raw: bytes) -> None:
    entry = parse(raw)
    assert isinstance(entry, Entry), entry
    assert to_fact(entry, READ) is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "bars"),
        (b"1700000000|x|support|NONE|ABANDON", "bars"),
        (line("NONE", "ABANDON", "1", "1", "2").replace(b"1700000000", b"17e8"), "no time"),
        (line("NONE", "ABANDON", "1", "1"), "do not fit"),
        (line("NONE", "ABANDON", "1", "1", "2", "3"), "do not fit"),
        (line("NONE", "ABANDON", "1", "1", "-2"), "do not fit"),
        (line("NONE", "ABANDON", "1", "1", "٢"), "do not fit"),
        (line("NONE", "ABANDON", "1", "1", "2\r"), "control"),
        (line("NONE", "ENTERQUEUE", "", "8\x00", "1"), "control"),
        (line("NONE", "ENTERQUEUE", "", "8|x", "1"), "do not fit"),
        (line("NONE", "ENTERQUEUE", "", "8|9|7", "1"), "do not fit"),
        (line("NONE", "ENTERQUEUE", "", "8|9", "1", "Li Ming"), "do not fit"),
        (line("NONE", "ABANDON", "1", "1", "2", callid="\udcff.1"), "no clean text"),
        (line("NONE", "ABANDON", "1", "1", "2", queue="sup\udcff"), "no clean text"),
        (line("NONE", "SURVEY", "5", callid="1.1\x85"), "no clean text"),
        (line("Agent 1001", "CONNECT", "7", "x\udcff", "3"), "no clean text"),
        (line("Agent 1001", "EXITWITHTIMEOUT", "1", "1", "2"), "with an agent"),
        (line("NONE", "CONNECT", "7", "x", "3"), "with no agent"),
        (line("NONE", "ABANDON", "1", "1", "2", callid="NONE"), "without a call"),
        (line("NONE", "ABANDON", "1", "1", "2", queue="NONE"), "without a call"),
        (line("Bob|x", "CONNECT", "7", UID, "3"), "no event"),
        (line("Bob|X", "CONNECT", "7", UID, "3"), "no event"),
        (line("Bob|PAUSE", "CONNECT", "7", UID, "3"), "do not fit"),
        (line("NONE|ABANDON|1|1|1", "CONNECT", "7", UID, "3"), "do not fit"),
        (line("NONE|FULL|", "CONNECT", "7", UID, "3"), "do not fit"),
        (line("NONE", "DID", "1" * MAX_LINE), "bytes or more"),
    ],
)
def test_what_does_not_fit_is_quarantined(raw: bytes, reason: str) -> None:
    entry = parse(raw)
    assert isinstance(entry, Quarantined), entry
    assert reason in entry.reason
    assert entry.raw == raw


def test_lines_are_understood_one_by_one_and_keep_their_order() -> None:
    lines = [line("NONE", "ENTERQUEUE", "", "5", "1"), b"nonsense", line("NONE", "ABANDON", "1", "1", "2"), b""]
    understood = read(lines, READ)
    assert [entry.event for entry in understood.entries] == ["ENTERQUEUE", "ABANDON"]
    assert [entry.raw for entry in understood.quarantined] == [b"nonsense", b""]
    assert list(understood.facts) == [to_fact(understood.entries[1], READ)]


@pytest.mark.parametrize("log", RECORDINGS, ids=lambda log: log.parent.name)
def test_every_line_of_a_real_pbx_fits_save_where_a_caller_broke_one(log: Path) -> None:
    lines = log.read_bytes().removesuffix(b"\n").split(b"\n") if log.stat().st_size else []
    refused = [entry for entry in map(parse, lines) if isinstance(entry, Quarantined)]
    assert bool(refused) == (log.parent.name == "hostile_raw"), refused


PARTS = st.one_of(st.text(max_size=9), st.sampled_from(["NONE", "ABANDON", "FULL", "CONNECT", "1", "", UID, "support"]))


@given(name=st.lists(PARTS, min_size=2, max_size=8).map("|".join), event=st.sampled_from(["CONNECT", "COMPLETEAGENT"]))
def test_no_bar_in_a_members_name_makes_a_fact_of_another_kind(name: str, event: str) -> None:
    entry = parse(line(name, event, "7", "8", "9"))
    assert isinstance(entry, Quarantined) or to_fact(entry, READ) is None


@given(st.binary(max_size=80))
def test_any_bytes_are_an_entry_or_quarantined(raw: bytes) -> None:
    entry = parse(raw)
    assert isinstance(entry, Quarantined) or entry.event.isupper()
