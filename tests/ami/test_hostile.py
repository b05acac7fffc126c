"""What a caller can put into his number, his name or what he dials never becomes a fact of his making.

docs/decisions/hostile-headers.md is the argument; here it is attacked. The widest text that a caller can choose has
79 bytes (Asterisk cuts there); most tests here give him far more.
"""

from itertools import product

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from telephony.ami.codec import Codec, Kind, Message, Quarantined
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON
from tests.support.wire import SYSTEM, channel, event, lines, opening, queue_entry

CALLERS = ["CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Exten"]
WIDEST = 79
FORGED = event("Hold")[:-4].decode()
HEAD = "\r\n".join(f"{name}: {value}" for name, value in opening("Hold"))

# Text that knows the protocol: breaks, names of headers, and pieces of forged events.
NAMES = [
    "Event", "Privilege", "Timestamp", "SystemName", "Channel", "ChannelState", "CallerIDNum", "CallerIDName", "Wait",
    "ConnectedLineNum", "ConnectedLineName", "Language", "Uniqueid", "Linkedid", "SwapUniqueid", "ChanVariable",
    "ActionID", "Queue", "UserEvent", "Result", "DialString", "Response", "Position",
]  # fmt: skip
pieces = st.one_of(
    st.sampled_from(["\r\n", "\r\n\r\n", "\r", "\n", ": ", "|", "\0", "\x85", "\u2028", "\udcff", FORGED, HEAD]),
    st.sampled_from(NAMES).map(lambda name: f"\r\n{name}: "),
    st.sampled_from(NAMES).map(lambda name: f"\r\n{name}: 1"),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
hostile = st.lists(pieces, max_size=12).map("".join)


def codec(*, strict: bool = True) -> Codec:
    return Codec(ACTED_UPON, systemname=SYSTEM, strict=strict, listed=LISTED, banner=False)


def shapes(header: str, text: str) -> list[bytes]:
    """Real messages that carry `text` in `header`, about a caller and about the leg that is called for him."""
    wide = {header: text}
    named = header if header.startswith(("Caller", "Connected")) else "CallerIDNum"
    return [
        event("Newchannel", **wide),
        event("Newstate", **wide),
        event("Hold", **wide),
        lines(*opening("BridgeEnter"), ("BridgeUniqueid", "b-1"), ("BridgeNumChannels", "1"), *channel(**wide)),
        event("QueueCallerJoin", ("Queue", "support"), ("Position", "1"), ("Count", "1"), **wide),
        event("Hangup", ("Cause", "16"), ("Cause-txt", "Normal Clearing"), **wide),
        event("UserEvent", ("UserEvent", "QueueResult"), ("Queue", "support"), ("Result", "FULL"), **wide),
        lines(*opening("DialBegin"), *channel("Dest", **wide), ("DialString", "1001")),
        lines(*opening("DialEnd"), *channel(**wide), *channel("Dest", **wide), ("DialStatus", "BUSY")),
        lines(
            *opening("AgentCalled"), *channel(), *channel("Dest", **wide), ("Queue", "support"),
            ("Interface", "PJSIP/1001"), ("MemberName", "Agent 1001"),
        ),
        lines(("Event", "CoreShowChannel"), ("ActionID", "a-1"), *channel(**wide), ("Application", "Dial"),
              ("ApplicationData", "1001"), ("Duration", "00:00:01"), ("BridgeId", "")),
        queue_entry(**{named: text}),
    ]  # fmt: skip


@given(text=hostile, header=st.sampled_from(CALLERS), warm=st.booleans(), strict=st.booleans())
@example("1\r\nSwapUniqueid: pbx1-1.2", "CallerIDNum", True, True)
@example("\r\n\r\nResponse: \r\n", "CallerIDNum", False, False)
@example("1\r\n\r\nEvent: Hold\r\nPrivilege: call,all\r\nTimestamp: 1700000000.000001\r\n", "CallerIDNum", False, True)
@example("\r\n\r\nEvent: QueueEntry\r\nQueue: x\r\nChannel: c\r\nUniqueid: 1.1\r\nWait: 9", "CallerIDNum", False, True)
def test_hostile_text_arrives_as_that_text_or_not_at_all(text: str, header: str, warm: bool, strict: bool) -> None:
    assume(len(text) <= WIDEST or "Privilege: " not in text)  # see the proof of length below
    under_test = codec(strict=strict)
    if warm:
        for message in shapes(header, "1"):
            under_test.feed(message)
    for message in shapes(header, text):
        for item in under_test.feed(message):
            # An answer answers what was asked under its ActionID, which no caller knows: `line` sees to that.
            if isinstance(item, Message) and item.kind is Kind.RESPONSE:
                assert item.action_id in text
            elif isinstance(item, Message):
                assert item.raw == message[:-4]
                assert "\r\n".join(f"{name}: {value}" for name, value in item.headers.items()) == text_of(message)
                assert text in item.headers.values() or text == ""


def text_of(message: bytes) -> str:
    return message[:-4].decode("utf-8", "surrogateescape")


@given(text=hostile)
@example("1\r\n\r\nEvent: Shutdown\r\nPrivilege: a,all\r\nShutdown: ")
@example("\r\n\r\nResponse: ")
def test_what_a_caller_dialled_can_be_cut_short_and_nothing_else(text: str) -> None:
    """DialString ends its message, so nothing behind it can show the cut; the rest of the text is still nobody's."""
    assume(len(text) <= WIDEST or "Privilege: " not in text)
    dial = lines(*opening("DialBegin"), *channel("Dest"), ("DialString", text))
    show = lines(
        ("Event", "CoreShowChannel"), ("ActionID", "a-1"), *channel(), ("Application", "Dial"),
        ("ApplicationData", text), ("Duration", "00:00:01"), ("BridgeId", ""),
    )  # fmt: skip
    told = [item for item in codec().feed(dial + show) if isinstance(item, Message)]
    for item in told:
        if item.event == "DialBegin":
            assert item.headers["DialString"] == f"{text}\r\n\r\n".partition("\r\n\r\n")[0]
        elif item.kind is Kind.RESPONSE:
            # An answer to nothing that was asked: the line quarantines it, for no caller can guess an ActionID of ours.
            assert item.action_id in text
        else:
            assert item.raw == show[:-4]
            assert item.headers["ApplicationData"] == text


def test_a_forged_event_that_would_be_believed_is_longer_than_a_caller_can_be() -> None:
    """The shortest text that makes an event, for every event and whatever Asterisk writes behind the caller's value."""
    shortest = {name: min(costs(name)) for name in ACTED_UPON}
    assert min(shortest.values()) > WIDEST, shortest


def costs(name: str) -> list[int]:
    """Lengths of forgeries of one event that the codec believes, each as short as its kind can be."""
    mandatory = sorted(ACTED_UPON[name] - {"Event"})
    found = []
    head = [("Event", name), ("Privilege", "a,all"), ("Timestamp", "1700000000.000001"), ("SystemName", SYSTEM)]
    tails: list[list[tuple[str, str]]] = [[], *(channel(prefix)[at:] for prefix in ("", "Dest") for at in range(1, 14))]
    for tail, block in product(tails, (False, True)):
        told = {pair[0] for pair in tail}
        prefix = "Dest" if any(pair[0].startswith("Dest") for pair in tail) else ""
        before = [(n, "") for n, _ in channel(prefix)][: 14 - len(tail)] if tail and block else []
        rest = [(n, "") for n in mandatory if n not in told and n not in dict(before)]
        forged = "\r\n\r\n" + "\r\n".join(f"{n}: {v}" for n, v in [*head, *rest, *before])
        message = f"Event: Newchannel\r\nCallerIDNum: {forged}\r\n" + lines(*tail).decode()
        items = codec().feed(message.encode())
        if any(isinstance(item, Message) and item.event == name for item in items):
            found.append(len(forged))
    return found or [10**6]


@pytest.mark.parametrize("strict", [True, False])
def test_what_a_real_pbx_sent_for_a_hostile_number(strict: bool) -> None:
    """Percent-encoded CR LF in a SIP user part really comes out so; Asterisk 22.10 cut after 79 bytes."""
    number = "8\r\n\r\nEvent: Hold\r\nPrivilege: call,all\r\nTimestamp: 1\r\nUniqueid: 1"
    for message in shapes("CallerIDNum", number):
        for item in codec(strict=strict).feed(message):
            assert isinstance(item, Quarantined) or "8" not in item.headers.values()


def test_a_forged_entry_of_a_listing_lacks_what_stands_before_the_number() -> None:
    """The real entry's tail lends it the right ActionID, so the ActionID alone proves nothing."""
    forged = "8\r\n\r\nEvent: QueueEntry\r\nQueue: x\r\nPosition: 1\r\nChannel: c\r\nUniqueid: 1.1"
    assert len(forged) <= WIDEST
    items = codec().feed(queue_entry(CallerIDNum=forged))
    assert [type(item) for item in items] == [Quarantined, Quarantined]
    believed = codec().feed(queue_entry(CallerIDNum=forged + "\r\nCallerIDNum: "))
    assert [type(item) for item in believed] == [Quarantined, Message]
    assert len(forged) - 1 + len("\r\nCallerIDNum: ") > WIDEST
