"""No number of a person and no control character reaches the log."""

import io
import json
import logging
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from telephony import logs

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True)
def _defaults() -> object:
    yield
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(*, as_json: bool | None = None, out: io.StringIO | None = None, **values: object) -> str:
    stream = out or io.StringIO()
    logs.configure(stream, as_json=as_json)
    structlog.get_logger().info("call_arrived", **values)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("number", "masked"),
    [("+8613800138000", "+86*********00"), ("1001", "1001"), ("12345", "12345"), ("123456", "123*56"), ("", "")],
)
def test_a_number_keeps_its_first_three_and_last_two(number: str, masked: str) -> None:
    assert logs.mask_number(number) == masked
    assert json.loads(logged(caller=number))["caller"] == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call 13800138000 now", "call 138******00 now"),
        ("tel:+86 138 0013 8000", "tel:+86************00"),
        ("x-13800138000", "x-138******00"),
        ("PJSIP/13800138000-0000001a", "PJSIP/138******00-0000001a"),
        ("uniqueid 1700000000.123 stays", "uniqueid 1700000000.123 stays"),
        ("2026-03-02T09:00:00.123456Z", "2026-03-02T09:00:00.123456Z"),
        ("on 2026-11-22, then", "on 2026-11-22, then"),
        ("2026-11-22 10:05:59.000001+08:00 it was", "2026-11-22 10:05:59.000001+08:00 it was"),
        ("day 20261122", "day 202***22"),
        ("2026-13-22", "202*****22"),
        ("2026-11-22 3456", "202**********56"),
        ("2026-11-22T13800138000", "202*****22T138******00"),
        ("2026-11-22T10:00:00.13800138000", "2026-11-22T10:00:00.138******00"),
        ("2026-11-22T10:00:0013800138000", "2026-11-22T10:00:001********00"),
        ("2026-11-22T10:00:00+8613800138000", "2026-11-22T10:00:00+86*********00"),
        ("0351-2026-11-22", "035**********22"),
        ("9e0d8a4e-6c0e-5b0b-9c57-3a1c6f3a3333", "9e0d8a4e-6c0e-5b0b-9c57-3a1c6f3a3333"),
        ("PJSIP/1001-0000001a", "PJSIP/1001-0000001a"),
        ("010-12345678", "010*******78"),
        ("127.0.0.1:5038", "127.0.0.1:5038"),
        ("pbx1-1795307320.1 ended unheard", "pbx1-1795307320.1 ended unheard"),
        ("branch2-pbx10-1795307320.15", "branch2-pbx10-1795307320.15"),
        ("tel13800138000", "tel138******00"),
        ("pbx1 +86 138-0013-8000", "pbx1 +86************00"),
        ("(0351) 2345678", "(035********78"),
        ("123456", "123456"),
        (
            "no room: '/d/pbx1/20261122T10Z.12345678.sqlite3.damaged'",
            "no room: '/d/pbx1/20261122T10Z.12345678.sqlite3.damaged'",
        ),
        ("13800138T00Z.sqlite3", "138***38T00Z.sqlite3"),
        ("1380013800020261122T10Z.sqlite3", "138**************22T10Z.sqlite3"),
        ("20261122T10Z.sqlite313800138000", "202***22T10Z.sqlite313*******00"),
    ],
)
def test_what_looks_like_a_number_is_masked_wherever_it_stands(text: str, masked: str) -> None:
    assert logs.mask_text(text) == masked
    assert json.loads(logged(detail=text))["detail"] == masked


DAY, SECOND = "2026-11-22", "2026-11-22T10:00:00"
BEGUN = [
    f"{DAY}T",
    f"{DAY} ",
    f"{DAY}T1",
    f"{DAY} 10:",
    f"{SECOND[:-1]}",
    f"{SECOND}.",
    f"{SECOND}.123",
    f"{SECOND}+08:0",
]
BESIDE = st.sampled_from(
    [DAY, SECOND, *BEGUN, f"{SECOND}Z", "", " ", "-", "T", ":", ".", "+", "/", "1001 ", "\N{FULLWIDTH DIGIT ONE}"]
)
NUMBERS = st.from_regex(r"\+?[1-9][0-9]{6,14}|\+86 1[0-9]{2} [0-9]{4} [0-9]{4}|0[0-9]{3}-[0-9]{7}", fullmatch=True)


@given(before=st.lists(BESIDE, max_size=2), number=NUMBERS, behind=st.lists(BESIDE, max_size=2))
def test_beside_whatever_time_a_number_stands_it_is_masked(before: list[str], number: str, behind: list[str]) -> None:
    assert number not in logs.mask_text("".join([*before, number, *behind]))


@given(
    when=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.sampled_from([None, UTC, SHANGHAI])),  # noqa: DTZ001 - hypothesis wants them so
    blank=st.sampled_from("T "),
    before=st.sampled_from(["", "since ", "('", "at="]),
    behind=st.sampled_from(["", ",", " on", "')", " 40 calls"]),
)
def test_a_time_stays_as_it_is(when: datetime, blank: str, before: str, behind: str) -> None:
    text = f"{before}{when.isoformat(blank)}{behind}"
    assert logs.mask_text(text) == text
    assert logs.mask_text(f"{when.date()};") == f"{when.date()};"


def test_numbers_within_other_values_are_masked_too() -> None:
    entry = json.loads(
        logged(
            raw=b"CallerIDNum: 13800138000",
            error=ValueError("bad 13800138000"),
            headers={"caller": "13800138000", "x": ["13800138000"], "n": 5},
            pair=("13800138000", None),
            thing=type("Thing", (), {"__str__": lambda _self: "13800138000"})(),
            count=13800138000,
            ok=True,
        )
    )
    assert "13800138000" not in json.dumps({key: value for key, value in entry.items() if key != "count"})
    assert (entry["headers"]["n"], entry["ok"], entry["pair"][1]) == (5, True, None)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_caller_can_neither_begin_a_line_nor_move_the_cursor(as_json: bool) -> None:
    text = logged(as_json=as_json, name="a\n2026 [error] forged\r\x1b[2J\x00\u202e\u2028\udcff", **{"k\n": "v"})
    assert text.count("\n") == 1
    assert not set("\x1b\r\x00\u202e\u2028\udcff") & set(text.removesuffix("\n"))


def test_a_traceback_stays_readable_and_cannot_forge_an_entry() -> None:
    out = io.StringIO()
    logs.configure(out, as_json=False)
    try:
        int("a\nforged")
    except ValueError:
        structlog.get_logger().exception("broken")
    lines = out.getvalue().splitlines()
    assert "broken" in lines[0]
    assert all(line.startswith("| ") for line in lines[1:] if line)


def test_a_terminal_gets_columns_and_a_file_gets_json() -> None:
    assert "call_arrived" in logged(out=Terminal())
    assert json.loads(logged(queue="客户"))["queue"] == "客户"


def test_below_the_level_nothing_is_written() -> None:
    out = io.StringIO()
    logs.configure(out, level=logging.WARNING)
    structlog.get_logger().info("quiet")
    assert out.getvalue() == ""
    logs.configure()


def test_what_happens_often_is_told_seldom_and_how_often_it_was_not() -> None:
    now = [0.0]
    seldom = logs.Seldom(10, lambda: now[0], kinds=2)
    assert [seldom.may("a"), seldom.may("a"), seldom.may("a"), seldom.may("b")] == [0, None, None, 0]
    now[0] = 10.0
    assert [seldom.may("a"), seldom.may("a")] == [2, None]


def test_of_too_many_kinds_the_oldest_is_forgotten() -> None:
    seldom = logs.Seldom(10, lambda: 0.0, kinds=2)
    assert [seldom.may("a"), seldom.may("b"), seldom.may("c"), seldom.may("b"), seldom.may("a")] == [0, 0, 0, None, 0]


def test_files_and_places_are_named_whole() -> None:
    event = {
        "event": "x",
        "file": "20261122T10Z.sqlite3.damaged",
        "folder": "/var/lib/1234567890",
        "path": "/var/log/asterisk/queue_log-20261122",
        "behind": "b927123456780f",
        "goes_on_before": "1:2:3:4:b927123456780f",
        "instead_of": "b927123456780f",
        "said": "1234567890",
    }
    masked = logs.mask_numbers(None, "info", dict(event))
    assert {key for key in event if masked[key] != event[key]} == {"said"}
