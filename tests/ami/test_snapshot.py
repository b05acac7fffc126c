"""Listings to one fact: who waits, who serves, which channels there are."""

from datetime import UTC, datetime, timedelta

import pytest

from telephony.ami.snapshot import Listing
from telephony.calls.facts import (
    Channel,
    Interface,
    LiveChannel,
    Member,
    MemberState,
    Moment,
    Phone,
    SnapshotTaken,
    WaitingCaller,
)

ASKED = Moment(datetime(2026, 3, 2, 9, 0, tzinfo=UTC), timedelta(seconds=5))
DONE = Moment(datetime(2026, 3, 2, 9, 0, 1, tzinfo=UTC), timedelta(seconds=6))
ENTRY = {"Queue": "support", "Channel": "PJSIP/trunk-0000002a", "Uniqueid": "1.1", "Wait": "7", "CallerIDNum": "0211"}
CHANNEL = {
    "Channel": "PJSIP/trunk-0000002a",
    "Uniqueid": "1.1",
    "Linkedid": "1.0",
    "ChannelState": "6",
    "Duration": "00:01:09",
    "Application": "Queue",
    "BridgeId": "",
    "CallerIDNum": "0211",
    "CallerIDName": r"\"Li\"",
    "Exten": "s",
    "Context": "queues",
}
MEMBER = {"Queue": "support", "Name": "Bob", "Location": "PJSIP/1001", "Status": "1", "Paused": "0"}


def full() -> Listing:
    return Listing(ASKED, "q-1", "c-1")


def test_a_full_listing_is_whole_when_both_of_its_lists_are() -> None:
    listing = full()
    assert not listing.completed("other")
    assert not listing.completed("c-1")
    assert listing.completed("q-1")
    assert Listing(ASKED, "q-1", None).completed("q-1")


def test_everything_listed_is_in_the_fact() -> None:
    listing = full()
    for event, headers in (
        ("QueueParams", {"Queue": "support", "Calls": "1"}),
        ("QueueMember", MEMBER),
        ("QueueEntry", ENTRY),
        ("CoreShowChannel", CHANNEL),
        ("QueueSummary", {"Queue": "never"}),
    ):
        listing.add(event, headers)
    who = Channel("1.1", "1.0", "PJSIP/trunk", "0211", '"Li"', "s", "queues")  # type: ignore[arg-type]
    assert listing.taken(DONE) == SnapshotTaken(
        at=DONE,
        asked_at=ASKED,
        queues=("support",),  # type: ignore[arg-type]
        waiting=(WaitingCaller("support", who, timedelta(seconds=7)),),  # type: ignore[arg-type]
        members=(Member("support", "PJSIP/1001", "Bob", MemberState.READY),),  # type: ignore[arg-type]
        channels=(LiveChannel(who, None, up=True, lived=timedelta(seconds=69), application="Queue"),),
    )


def test_the_devices_are_a_third_list_and_without_it_nothing_is_told_of_phones() -> None:
    listing = Listing(ASKED, "q-1", "c-1", "d-1")
    listing.add("DeviceStateChange", {"Device": "PJSIP/8001", "State": "UNAVAILABLE"})
    listing.add("DeviceStateChange", {"Device": "PJSIP/8002", "State": "RINGINUSE"})
    assert [listing.completed(one) for one in ("q-1", "c-1", "d-1")] == [False, False, True]
    assert listing.taken(DONE).phones == (
        Phone(Interface("PJSIP/8001"), reachable=False),
        Phone(Interface("PJSIP/8002"), reachable=True),
    )
    unasked = full()
    unasked.add("DeviceStateChange", {"Device": "PJSIP/8001", "State": "UNAVAILABLE"})
    assert unasked.taken(DONE).phones is None


def test_a_pbx_that_does_not_list_devices_is_listed_without() -> None:
    listing = Listing(ASKED, "q-1", "c-1", "d-1")
    listing.add("DeviceStateChange", {"Device": "PJSIP/8001", "State": "UNAVAILABLE"})
    assert [listing.dispensable(one) for one in ("q-1", "c-1", "d-1")] == [False, False, True]
    listing.completed("d-1")
    assert listing.taken(DONE).phones is None
    assert not full().dispensable("q-1")


def test_a_light_listing_says_nothing_of_agents_and_channels() -> None:
    listing = Listing(ASKED, "q-1", None)
    listing.add("QueueEntry", ENTRY)
    taken = listing.taken(DONE)
    assert (taken.members, taken.channels) == (None, None)


def test_a_waiting_caller_is_known_by_himself_where_no_channel_is_listed() -> None:
    listing = Listing(ASKED, "q-1", None)
    listing.add("QueueEntry", ENTRY | {"CallerIDName": r"\"raw\""})
    listing.add("QueueEntry", {key: ENTRY[key] for key in ("Queue", "Channel", "Uniqueid", "Wait")})
    named, nameless = (waiting.channel for waiting in listing.taken(DONE).waiting)
    assert named == Channel("1.1", "1.1", "PJSIP/trunk", "0211", r"\"raw\"")  # type: ignore[arg-type]
    assert nameless == Channel("1.1", "1.1", "PJSIP/trunk")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "length"),
    [("0", 0), ("7", 7), ("86400", 86400), ("", 0), ("-1", 0), ("x", 0), ("٧", 0), ("999999999", 0)],
)
def test_whole_seconds_or_none(text: str, length: int) -> None:
    listing = Listing(ASKED, "q-1", None)
    listing.add("QueueEntry", ENTRY | {"Wait": text})
    assert listing.taken(DONE).waiting[0].waited == timedelta(seconds=length)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("00:00:00", 0),
        ("01:02:03", 3723),
        ("100:00:00", 360000),
        ("", 0),
        ("x", 0),
        ("99999999:99999999:99999999:99999999", 0),
        ("00:00", 0),
        ("٠٠:٠٠:٠٧", 0),
    ],
)
def test_how_long_a_channel_lived(text: str, length: int) -> None:
    listing = full()
    listing.add("CoreShowChannel", CHANNEL | {"Duration": text, "ChannelState": "4", "BridgeId": "b"})
    (live,) = listing.taken(DONE).channels or ()
    assert (live.lived, live.up, live.bridge) == (timedelta(seconds=length), False, "b")
