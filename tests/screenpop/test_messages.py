"""The wire format, both ways."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.calls.record import Outcome, Party
from telephony.customers.lookup import Found, Known
from telephony.screenpop import messages
from telephony.screenpop.messages import BadMessage, Do, Hello, Seen, Turn, Writer, harmless
from telephony.screenpop.pop import EarlierCall, EarlierCase, History, Knowledge, Shown, Who
from telephony.screenpop.standing import pop_of, standings
from tests.screenpop.desks import LIMITS, QUEUES, desk
from tests.screenpop.test_standing import going_on, lifted, phone, waiting
from tests.support.calls import at, call, visit

WRITER = Writer(QUEUES, LIMITS)
NOW = timedelta(seconds=100)
ID = UUID(int=7)


def shown(record: Any, history: History | None = None) -> Shown:
    standing = standings(record, lambda _: ["me"])["me"]
    return Shown(pop_of(record, standing), NOW, at(10), history or History())


def written(text: str) -> Any:
    return json.loads(text)


def test_a_ringing_call_counts_on_while_it_is_not_sent() -> None:
    record = going_on(waiting(phone(), joined_at=at(2)))
    told = written(WRITER.call(12, shown(record), NOW + timedelta(seconds=1.5)))
    assert (told["type"], told["seq"]) == ("call", 12)
    assert told["call"] == {
        "id": str(record.id),
        "phase": "ringing",
        "reason": None,
        "caller": "+8613800138000",
        "caller_name": "Li Lei",
        "dialled": "4001",
        "queue": "support",
        "queue_title": "客户咨询",
        "kind": "queue",
        "greeting": "您好，…",
        "case": {"id": str(record.case), "number": None},
        "waited_seconds": 9.5,
        "ringing_seconds": 7.5,
        "rings_before": 0,
        "rings": None,
        "talking_seconds": None,
        "hung_up_by": None,
        "earlier": {"state": "asking", "reason": None, "total": None, "more": False, "calls": []},
        "crm": None,
        "customer": {"state": "asking", "more": False, "customers": []},
    }


def test_customers_are_told_as_harmless_text_with_the_title_of_their_branch() -> None:
    known = Known("<b>李\u202e雷", "north", "", "K1", UUID(int=5)), Known("x" * 999, "elsewhere")
    history = History(Knowledge.KNOWN, who=Who(Knowledge.KNOWN, Found(known, more=True)))
    writer = Writer(QUEUES, LIMITS, {"north": "北方营业部"})
    told = written(writer.earlier(shown(going_on(waiting(phone())), history)))["customer"]
    assert told == {
        "state": "known",
        "more": True,
        "customers": [
            {
                "id": str(UUID(int=5)), "name": "<b>李\ufffd雷", "branch": "north", "branch_title": "北方营业部",
                "value_group": None, "external_id": "K1",
            },
            {
                "id": None, "name": "x" * 128, "branch": "elsewhere", "branch_title": None, "value_group": None,
                "external_id": None,
            },
        ],
    }  # fmt: skip


def test_a_talk_counts_on_and_its_wait_does_not() -> None:
    record = going_on(visit(agent="Agent 1001", hung_up_by=None, offers=(lifted("1001", 10),)))
    told = written(WRITER.call(1, shown(record), NOW + timedelta(seconds=3)))["call"]
    assert (told["waited_seconds"], told["ringing_seconds"], told["rings"], told["talking_seconds"]) == (10, 6, 2, 3)


def test_an_ended_talk_has_its_length() -> None:
    told = written(WRITER.call(1, shown(call(visit(queue="x"))), NOW + timedelta(hours=3)))["call"]
    assert (told["phase"], told["talking_seconds"], told["hung_up_by"]) == ("ended", 60, Party.CALLER)
    assert (told["queue_title"], told["greeting"]) == (None, None)


def test_what_is_withdrawn_counts_no_more() -> None:
    record = going_on(waiting(phone(ended_at=at(10)), joined_at=at(2)))
    told = written(WRITER.call(1, shown(record), NOW + timedelta(hours=3)))["call"]
    assert (told["reason"], told["waited_seconds"], told["ringing_seconds"]) == ("other", 8, 6)
    unknown = call(visit(Outcome.LOST, wait=None, offers=(phone(),)))
    assert written(WRITER.call(1, shown(unknown), NOW))["call"]["waited_seconds"] is None


def test_the_welcome_tells_everything() -> None:
    record = going_on(waiting(phone()))
    told = written(WRITER.welcome(desk("1001"), [shown(record)], NOW, up=False))
    assert (told["type"], told["v"], told["agent"]) == ("welcome", 1, {"name": "1001", "title": "Agent 1001"})
    asked = {"rings": 3, "ring_seconds": 5, "long_talk_seconds": 300, "beat_seconds": 10, "closing": None}
    assert told["limits"] == asked
    assert told["pbx"] == {"up": False}
    assert [one["id"] for one in told["calls"]] == [str(record.id)]


def test_a_history_is_told_with_the_number_of_the_case() -> None:
    full = EarlierCall(
        ID, datetime(2026, 3, 1, 8, tzinfo=UTC), "support", Outcome.ANSWERED, "张\u202e敏", timedelta(seconds=1.23456),
        None, EarlierCase(ID, "000123", "complaint", "open", "<i>"),
    )  # fmt: skip
    bare = EarlierCall(ID, at(0), None, None, None, None, None, None)
    bare_case = EarlierCall(ID, at(0), None, None, None, None, None, EarlierCase(ID, None, None))
    history = History(Knowledge.KNOWN, 100, more=True, calls=(full, bare, bare_case), number="000124")
    told = written(WRITER.earlier(shown(call(visit()), history)))
    assert told["case"]["number"] == "000124"
    assert (told["earlier"]["state"], told["earlier"]["total"], told["earlier"]["more"]) == ("known", 100, True)
    assert told["earlier"]["calls"][0] == {
        "id": str(ID),
        "arrived_at": "2026-03-01T08:00:00.000000Z",
        "queue": "support",
        "queue_title": "客户咨询",
        "outcome": "answered",
        "agent": "张\ufffd敏",
        "wait_seconds": 1.235,
        "talk_seconds": None,
        "case": {"id": str(ID), "number": "000123", "kind": "complaint", "state": "open", "owner": "<i>"},
    }
    assert told["earlier"]["calls"][1]["case"] is None
    assert told["earlier"]["calls"][2]["case"]["kind"] is None


def test_without_a_database_the_history_says_so() -> None:
    told = written(WRITER.earlier(shown(call(visit(), case=None), History(Knowledge.UNAVAILABLE))))
    assert (told["earlier"]["state"], told["earlier"]["reason"], told["case"]) == ("unavailable", "database", None)


def test_the_small_ones() -> None:
    assert written(messages.gone(ID)) == {"type": "gone", "call": str(ID)}
    assert written(messages.pbx(up=True)) == {"type": "pbx", "up": True}
    assert written(messages.bye("slow")) == {"type": "bye", "reason": "slow"}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("a\x00b\x1b[2Jc\x7f", "a\ufffdb\ufffd[2Jc\ufffd"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("\u2028\u2029\u200b", "\ufffd\ufffd\ufffd"),
        ("\ud800", "\ufffd"),
        ("长治\u3000营业部", "长治\u3000营业部"),
        ("x" * 500, "x" * 128),
    ],
)
def test_what_callers_write_is_harmless_text(text: str, clean: str) -> None:
    assert harmless(text) == clean


@given(st.text(st.characters()))
def test_whatever_a_caller_writes_makes_one_message(text: str) -> None:
    record = going_on(waiting(phone()), caller=text, caller_name=text, dialled=text)
    message = WRITER.call(1, shown(record), NOW)
    assert "\n" not in message
    assert written(message.encode().decode())["call"]["caller"] == harmless(text)


# --- what clients send ---


def test_hello_seen_and_turn_are_read() -> None:
    hello = messages.read('{"type":"hello","v":1,"token":"secret","more":1}')
    assert hello == Hello("secret")
    assert "secret" not in repr(hello)
    assert messages.read('{"type":"seen","seq":12}') == Seen(12)
    assert messages.read('{"type":"turn","page":0}') == Turn(0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no_json"),
        ("[" * 5000, "no_json"),
        ("1" * 5000, "no_json"),
        ("null", "bad_message"),
        ('{"type":"hello","v":2,"token":""}', "version"),
        ('{"type":"hello","v":true,"token":""}', "version"),
        ('{"type":"hello","v":"1","token":""}', "bad_message"),
        ('{"type":"seen","seq":true}', "bad_message"),
        ('{"type":"seen","seq":1.0}', "bad_message"),
        ('{"type":"seen","seq":-1}', "bad_message"),
        ('{"type":"turn","page":true}', "bad_message"),
        ('{"type":"turn","page":-1}', "bad_message"),
        ('{"type":"turn","page":10000}', "bad_message"),
        ('{"type":"bye"}', "bad_message"),
    ],
)
def test_anything_else_is_none_of_ours(text: str, why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        messages.read(text)


@given(st.text() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_nothing_else_is_ever_raised(text: str) -> None:
    with pytest.raises(BadMessage):
        messages.read(text)


def test_where_another_program_knows_the_call_its_address_is_filled_in_and_encoded() -> None:
    writer = Writer(QUEUES, LIMITS, crm="https://crm.example/{queue}?case={case_id}&call={call_id}&n={dialled}")
    record = going_on(waiting(phone(), joined_at=at(2), queue="a/b&c"), dialled="400#1")
    told = written(writer.call(1, shown(record), NOW))["call"]["crm"]
    assert told == f"https://crm.example/a%2Fb%26c?case={record.case}&call={record.id}&n=400%231"
    without = going_on(waiting(phone(), joined_at=at(2), queue="q"), case=None, dialled="")
    assert "?case=&call=" in written(writer.call(1, shown(without), NOW))["call"]["crm"]


def test_a_wish_is_read_and_its_number_stands_in_no_repr() -> None:
    said = '{"type":"do","id":3,"wish":"sign_in","phone":"PJSIP/1001","queues":["support","sales"]}'
    assert messages.read(said) == Do(3, "sign_in", "PJSIP/1001", ("support", "sales"))
    called = messages.read('{"type":"do","id":4,"wish":"call","number":"13800000000"}')
    assert called == Do(4, "call", number="13800000000")
    assert repr(called) == "Do('call', …)"


@pytest.mark.parametrize(
    "more",
    [
        '"id":0,"wish":"ready"',
        '"id":true,"wish":"ready"',
        '"id":1,"wish":5',
        '"id":1,"wish":"ready","queues":"support"',
        '"id":1,"wish":"ready","queues":[5]',
        '"id":1,"wish":"pause","reason":null',
        '"id":1,"wish":"pause","reason":"' + "x" * 129 + '"',
        '"id":1,"wish":"sign_in","queues":[' + ",".join(['"q"'] * 100) + "]",
    ],
)
def test_a_wish_of_another_shape_is_none(more: str) -> None:
    with pytest.raises(BadMessage):
        messages.read(f'{{"type":"do",{more}}}')


def test_what_an_agent_does_and_what_became_of_his_wish_are_told() -> None:
    assert json.loads(messages.desk({"doing": "ready"})) == {"type": "desk", "desk": {"doing": "ready"}}
    assert json.loads(messages.did(3, "refused", "a\u202eb")) == {
        "type": "did", "id": 3, "why": "refused", "said": "a\ufffdb",
    }  # fmt: skip
