"""Bytes to messages: whole, byte by byte, and with a tail."""

from collections.abc import Callable, Iterator

import pytest

from telephony.ami.codec import (
    MAX_BANNER,
    MAX_NAMES,
    OTHERS,
    Banner,
    Codec,
    Item,
    Kind,
    Message,
    Quarantined,
    StreamBroken,
)
from telephony.ami.layout import MAX_LEARNED
from tests.support.wire import ACTED_UPON, BANNER, LISTED, SYSTEM, channel, event, lines, opening, queue_entry


def make(**changes: object) -> Codec:
    usual: dict[str, object] = {"systemname": SYSTEM, "listed": LISTED, "user_events": ["QueueResult"]}
    return Codec(ACTED_UPON, **(usual | changes))  # type: ignore[arg-type]


def whole(codec: Codec, data: bytes) -> list[Item]:
    return codec.feed(data)


def byte_by_byte(codec: Codec, data: bytes) -> list[Item]:
    return [item for at in range(len(data)) for item in codec.feed(data[at : at + 1])]


def with_a_tail(codec: Codec, data: bytes) -> list[Item]:
    cut = len(data) * 2 // 3
    return [*codec.feed(data[:cut]), *codec.feed(data[cut:] + b"Event: Newch")]


@pytest.fixture(params=[whole, byte_by_byte, with_a_tail])
def feed(request: pytest.FixtureRequest) -> Callable[..., list[Item]]:
    """Feed a stream that begins with the banner, give what comes after it."""

    def feeding(data: bytes, **changes: object) -> list[Item]:
        codec = make(**changes)
        banner, *rest = request.param(codec, BANNER + data)
        assert banner == Banner("11.0.0")
        return rest

    return feeding


def only(items: list[Item]) -> Message:
    [item] = items
    assert isinstance(item, Message), item
    return item


def refused(items: list[Item]) -> str:
    [item] = items
    assert isinstance(item, Quarantined), item
    return item.reason


def test_an_event_that_is_acted_upon_comes_with_all_its_headers(feed: Callable[..., list[Item]]) -> None:
    message = only(feed(event("Newchannel", CallerIDName="张三")))
    assert (message.kind, message.event, message.action_id) == (Kind.EVENT, "Newchannel", "")
    assert not message.is_list_item
    assert message.headers["CallerIDName"] == "张三"
    assert message.headers["AccountCode"] == ""
    assert list(message.headers)[:4] == ["Event", "Privilege", "Timestamp", "SystemName"]


def test_the_second_event_of_a_layout_is_told_like_the_first() -> None:
    codec = make(banner=False)
    first, second = codec.feed(event("Newchannel", Exten="1") + event("Newchannel", Exten="2"))
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert first.headers | {"Exten": "2"} == second.headers
    assert second.headers is second.headers
    assert list(first.headers) == list(second.headers)
    again = make(banner=False).feed(event("Newchannel", Exten="2"))
    assert again == [second]
    assert {again[0], second} == {second}
    assert first != second
    assert first != "first"


def test_a_learned_layout_refuses_what_an_unknown_one_refuses() -> None:
    codec = make(banner=False)
    codec.feed(event("Newchannel"))
    for bad in (
        event("Newchannel", CallerIDNum="\a"),
        event("Newchannel").replace(b"pbx1\r\nChannel", b"pbx2\r\nChannel"),
        event("Newchannel").replace(b"1700000000.000001", b"1700000000"),
        event("Newchannel").replace(b"call,all", b"call\xff,all"),
    ):
        assert refused(codec.feed(bad))


def test_bytes_that_are_no_utf8_come_back_as_they_were(feed: Callable[..., list[Item]]) -> None:
    message = only(feed(event("Newchannel", CallerIDName="\udcff\udc80")))
    assert message.headers["CallerIDName"].encode("utf-8", "surrogateescape") == b"\xff\x80"


def test_events_that_nobody_acts_upon_are_only_counted(feed: Callable[..., list[Item]]) -> None:
    assert feed(event("VarSet") + event("Newexten", CallerIDNum="\a\r\nEvent: Hold")) == []
    codec = make(banner=False)
    codec.feed(event("VarSet") * 3 + event("Hold") + event("Hold", Uniqueid="\a"))
    assert codec.seen == {"VarSet": 3, "Hold": 2}


def test_an_event_with_a_response_header_is_an_event(feed: Callable[..., list[Item]]) -> None:
    originate = lines(*opening("OriginateResponse"), ("ActionID", "x"), ("Response", "Failure"))
    assert feed(originate) == []


def test_user_events_of_others_are_only_counted(feed: Callable[..., list[Item]]) -> None:
    theirs = lines(*opening("UserEvent", "user,all"), ("UserEvent", "Foo"), ("A", "b"), ("A", "c"))
    ours = event("UserEvent", ("UserEvent", "QueueResult"), ("Queue", "support"), ("Result", "FULL"))
    assert only(feed(theirs + ours)).headers["Result"] == "FULL"
    assert refused(feed(theirs, user_events=None)) == "a single-valued header twice"


def test_answers_and_listings(feed: Callable[..., list[Item]]) -> None:
    start = lines(("Response", "Success"), ("ActionID", "a-1"), ("EventList", "start"), ("Message", "will follow"))
    end = lines(("Event", "QueueStatusComplete"), ("ActionID", "a-1"), ("EventList", "Complete"), ("ListItems", "1"))
    answer, entry, last = feed(start + queue_entry() + end)
    assert isinstance(answer, Message)
    assert isinstance(entry, Message)
    assert isinstance(last, Message)
    assert (answer.kind, answer.succeeded, answer.opens_list, answer.ends_list) == (Kind.RESPONSE, True, True, False)
    assert (entry.kind, entry.event, entry.is_list_item, entry.ends_list) == (Kind.LISTED, "QueueEntry", True, False)
    assert (last.ends_list, last.succeeded, last.opens_list) == (True, False, False)
    assert {answer.action_id, entry.action_id, last.action_id} == {"a-1"}
    assert not only(feed(lines(("Response", "Error"), ("Message", "Permission denied")))).succeeded


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lines(("Event", "Newchannel"), *channel()), "opens otherwise"),
        (lines(("Event", "Newchannel")), "opens otherwise"),
        (lines(*opening("Newchannel")[:2], *channel()), "opens otherwise"),
        (lines(*opening("Newchannel")[:3], *channel()), "opens otherwise"),
        (lines(*opening("Newchannel")[:3], ("SystemName", "pbx11"), *channel()), "opens otherwise"),
        (lines(*opening("Newchannel", "call"), *channel()), "opens otherwise"),
        (lines(*opening("Newchannel"), *channel(), ("Timestamp", "1700000000.000001")), "twice"),
        (event("Newchannel", ("Uniqueid", "1.1")), "twice"),
        (event("Newchannel", AccountCode="a\tb"), "control byte"),
        (event("Newchannel", AccountCode="a\rb"), "control byte"),
        (event("Newchannel", AccountCode="a\nb"), "control byte"),
        (event("Newchannel", AccountCode="a\0b"), "control byte"),
        (event("Newchannel", AccountCode="a\x7fb"), "control byte"),
        (event("Newchannel", AccountCode="x\r\nnonsense"), "without a colon"),
        (event("Newchannel", ("", "y")), "header name"),
        (event("Newchannel", ("Foo bar", "y")), "header name"),
        (event("Newchannel", AccountCode="x\r\nFoo: y"), "foreign around"),
        (event("Newchannel", CallerIDNum="1\r\nChanVariable: y"), "foreign around"),
        (event("QueueCallerJoin", ("Queue", "support")), "without Position"),
        (lines(*opening("Hold"), *channel()[1:], ("Channel", "x")), "foreign around"),
        (lines(*opening("Hold"), *channel()[:-2], ("Channel2", "x")), "without Linkedid, Uniqueid"),
        (lines(*opening("DialBegin"), *channel("Dest"), ("DialString", "9"), ("Foo", "x")), "foreign after DialString"),
        (b"\r\nCallerIDName: x\r\n\r\n", "neither"),
        (b"\r\n\r\n", "neither"),
        (b"event: Hold\r\n\r\n", "neither"),
        (b"Event: \r\nPrivilege: call,all\r\n\r\n", "without a name"),
        (b"Event: A b\r\n\r\n", "without a name"),
        (b"Event: QueueEntry\r\n\r\n", "without ActionID, Channel"),
        (b"Event: Other\r\n\r\n", "without ActionID"),
        (queue_entry(CallerIDNum="1\r\nWait: 2"), "twice"),
        (queue_entry(CallerIDName="a\tb"), "control byte"),
        (lines(("Response", "Success"), ("Response", "Success")), "twice"),
    ],
)
def test_a_message_that_breaks_a_rule_is_quarantined_whole(
    feed: Callable[..., list[Item]], data: bytes, reason: str
) -> None:
    items = feed(data)
    assert reason in refused(items)
    [item] = items
    assert isinstance(item, Quarantined)
    assert item.raw == data[:-4]


def test_variables_of_channels_may_repeat_and_are_left_out() -> None:
    variables = [("ChanVariable", "A=1"), ("ChanVariable", "B=2")]
    for message in make(banner=False).feed(event("Newchannel", *variables) * 2):
        assert isinstance(message, Message)
        assert "ChanVariable" not in message.headers
        assert b"ChanVariable: B=2" in message.raw


def test_debug_headers_in_the_opening_are_tolerated(feed: Callable[..., list[Item]]) -> None:
    debug = [("SequenceNumber", "66"), ("File", "manager_channels.c"), ("Line", "806"), ("Func", "channel_snapshot")]
    head = opening("Newchannel")
    assert only(feed(lines(*head[:3], *debug, head[3], *channel()))).headers["Line"] == "806"
    assert "opens otherwise" in refused(feed(lines(*head[:3], *debug[:2], head[3], *channel())))


@pytest.mark.parametrize("missing", [(), (2,), (3,), (2, 3)])
def test_when_not_strict_stamp_and_name_may_be_missing(
    feed: Callable[..., list[Item]], missing: tuple[int, ...]
) -> None:
    head = [pair for at, pair in enumerate(opening("Newchannel")) if at not in missing]
    assert only(feed(lines(*head, *channel()), strict=False))
    assert only(feed(lines(*head, *channel()), strict=False, systemname=None))


@pytest.mark.parametrize("bad", [("Timestamp", "1"), ("SystemName", "pbx2"), ("SystemName", "pbx1x")])
def test_when_not_strict_a_wrong_stamp_or_name_is_still_refused(
    feed: Callable[..., list[Item]], bad: tuple[str, str]
) -> None:
    head = [bad if name == bad[0] else (name, value) for name, value in opening("Newchannel")]
    assert "opens otherwise" in refused(feed(lines(*head, *channel()), strict=False))
    late = lines(*opening("Newchannel")[:2], *channel(), bad)
    assert "opening elsewhere" in refused(feed(late, strict=False))


def test_fully_booted_may_come_without_stamp_and_name(feed: Callable[..., list[Item]]) -> None:
    """Seen: at login the short form, at boot the long one."""
    short = lines(("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", "7"), ("Status", "Fully Booted"))
    stamped = lines(*opening("FullyBooted", "system,all"), ("Status", "Fully Booted"), ("Uptime", "0"))
    assert len([item for item in feed(short + stamped) if isinstance(item, Message)]) == 2
    assert refused(feed(short, unstamped=()))


def test_the_short_fully_booted_is_believed_only_as_the_first_event(feed: Callable[..., list[Item]]) -> None:
    short = lines(("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted"))
    assert "opens otherwise" in refused(feed(event("VarSet") + short))
    assert [type(item) for item in feed(short + short)] == [Message, Quarantined]


def test_strict_without_a_name_is_a_mistake() -> None:
    for name in (None, ""):
        with pytest.raises(ValueError, match="systemname"):
            make(systemname=name)


def test_so_many_names_of_events_are_told_apart_and_no_more() -> None:
    codec = make(banner=False)
    for number in range(MAX_NAMES + 5):
        codec.feed(event(f"E{number}"))
    assert len(codec.seen) == MAX_NAMES + 1
    assert codec.seen[OTHERS.decode()] == 5


def test_more_layouts_than_are_learned_still_pass() -> None:
    codec = make(banner=False)
    for number in range(MAX_LEARNED + 2):
        only(codec.feed(event("Newchannel", (f"New{number}", "x"))))
        only(codec.feed(event("Newchannel", (f"New{number}", "x"))))


# --- what breaks the stream -------------------------------------------------------------------------------------------


def pieces(data: bytes) -> Iterator[list[bytes]]:
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\n", b"Asterisk Call Manager/\r\n", b"x" * (MAX_BANNER + 2)]
)
def test_what_does_not_begin_like_a_manager_is_none(first: bytes) -> None:
    for parts in pieces(first):
        codec = make()
        assert "no Asterisk manager" in until_broken(codec, parts)[1]
        with pytest.raises(StreamBroken, match="no Asterisk manager"):
            codec.feed(b"")


def test_a_message_beyond_the_limit_breaks_the_stream_and_both_numbers_are_said() -> None:
    limit = len(event("Hold")) - 4
    fits = (b"Event: VarSet\r\nPrivilege: a,all\r\nValue: ").ljust(limit, b"x")
    for end in (b"\r\n\r\n", b""):
        for parts in pieces(event("Hold") + fits + b"\r\n\r\n" + fits + b"1234" + end):
            told, reason = until_broken(make(max_message=limit, banner=False), parts)
            assert len(told) == 1
            assert (
                f"bytes of one message; the limit is {limit}" in reason or f"a message of {limit + 4} bytes" in reason
            )


def until_broken(codec: Codec, parts: list[bytes]) -> tuple[list[Item], str]:
    told: list[Item] = []
    for part in parts:
        try:
            told += codec.feed(part)
        except StreamBroken as broken:
            return told + broken.before, str(broken)
    raise AssertionError("the stream did not break")


def test_too_many_lines_break_the_stream() -> None:
    codec = make(max_headers=20, banner=False)
    only(codec.feed(event("Newchannel", ("A", "1"), ("B", "2"))))
    with pytest.raises(StreamBroken, match="21 lines; the limit is 20"):
        codec.feed(event("Newchannel", ("A", "1"), ("B", "2"), ("C", "3")))
