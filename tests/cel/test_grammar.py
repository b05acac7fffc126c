"""Lines of our mapping: what fits is understood, what does not is put aside, and no caller makes one that fits."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.cel.grammar import MAX_LINE, Entry, Event, Quarantined, parse
from telephony.cel.reading import read

RECORDED = Path(__file__).parent / "recorded"
HEAD = b'1795343163.857845,%s,"pbx1-1.0","pbx1-1.0","PJSIP/callers-00000000","from-trunk","5101","0216","Dial",'
HUNG_UP = b'"{""hangupcause"":16,""hangupsource"":""PJSIP/callers-00000000"",""dialstatus"":""ANSWER""}"'


def quoted(text: str) -> str:
    """As CSV_QUOTE() does it."""
    return '"' + text.replace('"', '""') + '"'


def test_a_line_tells_when_to_whom_and_what_happened() -> None:
    at = datetime(2026, 11, 22, 10, 26, 3, 857845, UTC)
    known = at, "pbx1-1.0", "pbx1-1.0", "PJSIP/callers-00000000", "from-trunk", "5101", "0216", "Dial"
    started = parse(HEAD % b"APP_START" + b'""')
    assert isinstance(started, Entry)
    told = started.at, started.uniqueid, started.linkedid, started.channel, started.context, started.exten
    assert (*told, started.caller, started.app) == known
    assert started.event is Event.APP_START


def test_a_hangup_tells_who_wished_it_and_what_dial_had_said() -> None:
    ended = parse(HEAD % b"HANGUP" + HUNG_UP)
    assert isinstance(ended, Entry)
    assert (ended.cause, ended.source, ended.dialled) == (16, "PJSIP/callers-00000000", "ANSWER")


def test_a_seat_names_its_bridge() -> None:
    seated = parse(HEAD % b"BRIDGE_ENTER" + b'"{""bridge_id"":""7ea9"",""bridge_technology"":""simple_bridge""}"')
    assert isinstance(seated, Entry)
    assert seated.bridge == "7ea9"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "no line of our mapping"),
        (HEAD % b"APP_START", "no line of our mapping"),
        (HEAD % b"APP_START" + b'"",""', "no line of our mapping"),
        (HEAD % b"HANGUP" + b'""', "what HANGUP has besides does not fit"),
        (HEAD % b"HANGUP" + b'"[]"', "what HANGUP has besides does not fit"),
        (HEAD % b"HANGUP" + b'"{""hangupcause"":""16""}"', "what HANGUP has besides does not fit"),
        (HEAD % b"BRIDGE_EXIT" + b'"{""bridge_id"":""""}"', "what BRIDGE_EXIT has besides does not fit"),
        (HEAD % b"PARK_START" + b'""', "an event that is not asked for"),
        ((HEAD % b"APP_START" + b'""').replace(b"0216", b"02\r16"), "a control character"),
        ((HEAD % b"APP_START" + b'""').replace(b"1795343163.857845", b"2026-11-22 10:26:03"), "no line of our mapping"),
        ((HEAD % b"APP_START" + b'""').replace(b'"pbx1-1.0",', b'"pbx1-\xff.0",', 1), "no line of our mapping"),
        (b"x" * MAX_LINE, f"{MAX_LINE} bytes or more"),
    ],
)
def test_what_does_not_fit_is_put_aside_with_the_reason(line: bytes, reason: str) -> None:
    assert parse(line) == Quarantined(line, reason)


@given(st.text(max_size=300))
def test_whatever_a_caller_sends_as_his_number_no_piece_of_his_line_is_taken_for_another_one(number: str) -> None:
    line = (HEAD % b"HANGUP" + HUNG_UP).decode().replace('"0216"', quoted(number))
    pieces = line.encode("utf-8", "surrogatepass").split(b"\n")
    told = [one for one in map(parse, pieces) if isinstance(one, Entry)]
    assert [(one.uniqueid, one.caller) for one in told] in ([], [("pbx1-1.0", number)])


def test_a_number_that_forges_a_whole_line_makes_none() -> None:
    forged = "0216\n" + (HEAD % b"HANGUP" + HUNG_UP).decode() + "\n"
    line = (HEAD % b"CHAN_START" + b'""').decode().replace('"0216"', quoted(forged))
    told = read(line.encode().split(b"\n"))
    assert (told.entries, len(told.quarantined)) == ((), 3)


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.csv")), ids=lambda file: file.stem)
def test_what_asterisk_wrote_fits_but_for_the_lines_that_a_hostile_number_broke(file: Path) -> None:
    told = read(file.read_bytes().split(b"\n")[:-1])
    assert told.entries
    broken = [one for one in told.quarantined if b"0216" not in one.raw and b"pbx1-1.1" not in one.raw]
    assert {one.raw for one in broken} <= {b"\r", b"Event: Hangup\r"}
    assert not told.quarantined or file.stem.startswith("hostile")
