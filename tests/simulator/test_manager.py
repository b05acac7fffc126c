"""A session of the manager interface: who gets in, and what the product asks for."""

import hashlib
import re

import pytest

from telephony.ami.snapshot import NOBODY
from telephony.simulator.manager import MAX_ACTION, ManagerSession
from telephony.simulator.people import Caller
from telephony.simulator.timeline import SECOND
from tests.simulator.bench import ACCOUNT, C1, START, Played, Story, play
from tests.simulator.stories import RINGS, agent, answers
from tests.support.replay import RECORDINGS


def idle() -> ManagerSession:
    return session_of(play(Story(((0, Caller(number=C1, dials="4007")),))))


def session_of(played: Played) -> ManagerSession:
    return ManagerSession(played.pbx, ACCOUNT, "4711")


def said(session: ManagerSession, *lines: str) -> str:
    return session.feed("\r\n".join((*lines, "", "")).encode()).decode()


LOGIN = ("Action: Login", "ActionID: 1", f"Username: {ACCOUNT.username}")


def test_the_secret_opens_and_the_first_event_says_that_the_pbx_is_up() -> None:
    session = idle()
    answer = said(session, *LOGIN, f"Secret: {ACCOUNT.secret}")
    assert answer.startswith(
        "Response: Success\r\nActionID: 1\r\nMessage: Authentication accepted\r\n\r\nEvent: FullyBooted"
    )
    assert session.logged_in


def test_the_first_event_is_that_of_the_real_one_and_tells_since_when_the_pbx_is_up() -> None:
    told = said(idle(), *LOGIN, f"Secret: {ACCOUNT.secret}")
    recorded = (RECORDINGS / "answered" / "ami.bin").read_text()
    assert names(told, "FullyBooted") == names(recorded, "FullyBooted")
    played = play(Story(((12.4, Caller(number=C1, dials="4007")),)))
    up = (played.pbx.timeline.now - START) // SECOND
    assert up > 11
    told = said(session_of(played), *LOGIN, f"Secret: {ACCOUNT.secret}")
    assert f"\r\nUptime: {up}\r\nLastReload: {up}\r\n" in told


def test_a_challenge_keeps_the_secret_off_the_wire() -> None:
    session = idle()
    assert "Challenge: 4711\r\n" in said(session, "Action: Challenge", "AuthType: MD5")
    key = hashlib.md5(f"4711{ACCOUNT.secret}".encode()).hexdigest()
    assert "accepted" in said(session, *LOGIN, "AuthType: MD5", f"Key: {key}")


@pytest.mark.parametrize(
    "proof",
    [
        ("Secret: wrong",),
        (),
        ("AuthType: MD5", "Key: " + hashlib.md5(b"4711change-me").hexdigest()),  # without a challenge
    ],
)
def test_whoever_does_not_know_the_secret_is_let_go(proof: tuple[str, ...]) -> None:
    session = idle()
    assert "Authentication failed" in said(session, *LOGIN, *proof)
    assert session.over
    assert not session.logged_in
    assert session.feed(b"Action: Ping\r\n\r\n") == b""


def test_before_the_login_nothing_is_told() -> None:
    assert "Permission denied" in said(idle(), "Action: QueueStatus")


def logged_in(played: Played | None = None) -> ManagerSession:
    session = session_of(played) if played else idle()
    said(session, *LOGIN, f"Secret: {ACCOUNT.secret}")
    return session


@pytest.mark.parametrize("action", ["Ping", "CoreSettings", "CoreStatus", "ListCommands", "Events"])
def test_what_the_product_asks_for_is_answered(action: str) -> None:
    assert said(logged_in(), f"Action: {action}", "ActionID: 7").startswith("Response: Success\r\nActionID: 7\r\n")


def test_what_nobody_knows_is_an_error() -> None:
    answer = said(logged_in(), "Action: Originate", "ActionID: 7")
    assert answer == "Response: Error\r\nActionID: 7\r\nMessage: Invalid/unknown command\r\n\r\n"


def test_whoever_logs_off_is_let_go() -> None:
    session = logged_in()
    assert said(session, "Action: Logoff").startswith("Response: Goodbye")
    assert session.over


def test_however_the_bytes_are_cut_the_answers_are_the_same() -> None:
    session = idle()
    data = b"Action: Login\r\nUsername: threerings\r\nSecret: change-me\r\n\r\nAction: Ping\r\n\r\n"
    answers_ = b"".join(session.feed(data[at : at + 1]) for at in range(len(data)))
    assert answers_.count(b"Response: Success") == 2


def test_whoever_says_too_much_is_let_go() -> None:
    session = idle()
    session.feed(b"x" * (MAX_ACTION + 1))
    assert session.over


def waiting(at: float = 2.5) -> ManagerSession:
    """One waits, one rings, one talks; listed at that moment."""
    listed: list[ManagerSession] = []
    story = Story(
        (
            (0, Caller(number=C1, dials="4001", hangs_up_after=5)),
            (0.001, Caller(number="02160000002", dials="4013", hangs_up_after=6)),
            (0.002, Caller(number="02160000003", dials="4003", hangs_up_after=6)),
        ),
        (agent("1001", answers(1), serves="sales"), agent("1002", RINGS, serves="linear")),
        ((at, lambda pbx, *_: listed.append(frozen(pbx))),),
    )
    play(story)
    return listed[0]


class Frozen(ManagerSession):
    """What it was answered at one moment."""

    queues = channels = light = devices = ""


def frozen(pbx: object) -> Frozen:
    session = Frozen(pbx, ACCOUNT, "4711")  # type: ignore[arg-type]
    said(session, *LOGIN, f"Secret: {ACCOUNT.secret}")
    session.queues = said(session, "Action: QueueStatus", "ActionID: queues")
    session.light = said(session, "Action: QueueStatus", "ActionID: queues", f"Member: {NOBODY}")
    session.channels = said(session, "Action: CoreShowChannels", "ActionID: channels")
    session.devices = said(session, "Action: DeviceStateList", "ActionID: devices")
    return session


def names(listing: str, event: str) -> list[str]:
    """The header names of the first entry of this kind."""
    for part in listing.replace("\r\n", "\n").split("\n\n"):
        if part.startswith(f"Event: {event}\n"):
            return [line.partition(":")[0] for line in part.split("\n")]
    raise LookupError(event)


@pytest.mark.parametrize("event", ["QueueParams", "QueueEntry", "QueueMember", "QueueStatusComplete"])
def test_queue_status_has_the_headers_of_the_real_one_in_their_order(event: str) -> None:
    recorded = (RECORDINGS / "connected_late" / "ami.bin").read_text()
    session = waiting()
    assert isinstance(session, Frozen)
    assert names(session.queues, event) == names(recorded, event)


@pytest.mark.parametrize("event", ["CoreShowChannel", "CoreShowChannelsComplete"])
def test_core_show_channels_has_the_headers_of_the_real_one_in_their_order(event: str) -> None:
    recorded = (RECORDINGS / "connected_late" / "ami.bin").read_text()
    session = waiting()
    assert isinstance(session, Frozen)
    assert names(session.channels, event) == names(recorded, event)


def test_the_devices_are_listed_as_by_the_real_one_and_who_rings_or_talks_is_in_use() -> None:
    session = waiting()
    assert isinstance(session, Frozen)
    assert names(session.devices, "DeviceStateChange") == ["Event", "ActionID", "Device", "State"]
    assert names(session.devices, "DeviceStateListComplete") == ["Event", "ActionID", "EventList", "ListItems"]
    states = dict(re.findall("\r\nDevice: (.*)\r\nState: (.*)\r\n", session.devices))
    assert [phone for phone, state in states.items() if state == "INUSE"] == ["PJSIP/1001", "PJSIP/1002"]
    assert states["PJSIP/1040"] == "NOT_INUSE"


@pytest.mark.parametrize("at", [1.5, 2.5])
def test_a_listing_tells_how_long_somebody_waits_and_how_long_a_channel_lives(at: float) -> None:
    session = waiting(at)
    assert isinstance(session, Frozen)
    seconds = int(at)
    assert re.findall("\r\nWait: (.*)\r\n", session.queues) == [str(seconds)] * 2
    assert re.findall("\r\nDuration: (.*)\r\n", session.channels) == [f"00:00:0{seconds}"] * 5


def test_a_filter_for_nobody_leaves_the_callers() -> None:
    session = waiting()
    assert isinstance(session, Frozen)
    assert session.queues.count("Event: QueueMember\r\n") == 2
    assert "Event: QueueMember\r\n" not in session.light
    assert session.light.count("Event: QueueEntry\r\n") == session.queues.count("Event: QueueEntry\r\n") == 2
    assert session.channels.count("Event: CoreShowChannel\r\n") == 5


def test_a_pong_has_the_pbxs_clock() -> None:
    played = play(Story(((0, Caller(number=C1, dials="4007")),)))
    told = said(logged_in(played), "Action: Ping")
    assert f"Timestamp: {played.pbx.timeline.now // SECOND}." in told
