"""Asterisk's words to facts: names, states, units, and what may be missing."""

from datetime import UTC, datetime, timedelta

import pytest

from telephony.ami.translate import ACTED_UPON, TRANSLATIONS, interface_of, member, moment, translate, unescaped
from telephony.calls import facts
from telephony.calls.facts import Channel, DialResult, HangupSide, Member, MemberState, Moment, QueueResult

AT = Moment(datetime(2026, 3, 2, 9, 0, tzinfo=UTC), timedelta(seconds=5))
CALLER = {
    "Channel": "PJSIP/trunk-0000002a",
    "Uniqueid": "pbx1-1.1",
    "Linkedid": "pbx1-1.0",
    "CallerIDNum": "0211",
    "CallerIDName": "Li",
    "Exten": "4001",
    "Context": "from-trunk",
}
WHO = Channel("pbx1-1.1", "pbx1-1.0", "PJSIP/trunk", "0211", "Li", "4001", "from-trunk")  # type: ignore[arg-type]
PHONE = {"DestChannel": "PJSIP/1001-0000002b", "DestUniqueid": "pbx1-1.2", "DestLinkedid": "pbx1-1.0"}
LEG = Channel("pbx1-1.2", "pbx1-1.0", "PJSIP/1001")  # type: ignore[arg-type]
AGENT = {"Queue": "support", "MemberName": "Bob", "Interface": "PJSIP/1001"}


def told(event: str, **headers: str) -> facts.Fact | None:
    """The fact of an event of the caller's channel."""
    return translate(event, CALLER | headers, AT)


def test_everything_acted_upon_is_translated_and_nothing_else() -> None:
    assert TRANSLATIONS.keys() == ACTED_UPON.keys()
    assert translate("RTCPSent", CALLER, AT) is None


# --- names and times --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "interface"),
    [
        ("PJSIP/1001-0000002a", "PJSIP/1001"),
        ("PJSIP/north-office-0000002a", "PJSIP/north-office"),
        ("Local/7@agents-00000001;1", "Local/7@agents"),
        ("Local/7@agents-00000001;2", "Local/7@agents"),
        ("PJSIP/1001", "PJSIP/1001"),
        ("PJSIP/no-suffix", "PJSIP/no-suffix"),
        ("-0000002a", "-0000002a"),
        ("", ""),
    ],
)
def test_the_device_is_the_channels_name_without_its_number(name: str, interface: str) -> None:
    assert interface_of(name) == interface


def test_a_stamp_is_taken_to_the_microsecond() -> None:
    at = moment({"Timestamp": "1772442000.123456"}, timedelta(seconds=7), timedelta())
    assert at == Moment(datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC), timedelta(seconds=7), stamped=True)


@pytest.mark.parametrize("stamp", [None, "", "1772442000", "1772442000.12345", "١٧٧٢٤٤٢٠٠٠.123456", "1.000001\n", "x"])
def test_without_a_stamp_the_time_is_estimated_and_says_so(stamp: str | None) -> None:
    headers = {} if stamp is None else {"Timestamp": stamp}
    at = moment(headers, timedelta(seconds=7), timedelta(seconds=1772442000))
    assert at == Moment(datetime(2026, 3, 2, 9, 0, 7, tzinfo=UTC), timedelta(seconds=7), stamped=False)


def test_nobody_is_called_unknown_and_a_link_to_nothing_is_to_oneself() -> None:
    fact = told("Newchannel", ChannelState="4", CallerIDNum="<unknown>", CallerIDName="<unknown>", Linkedid="")
    assert isinstance(fact, facts.ChannelAppeared)
    assert (fact.channel.caller_number, fact.channel.caller_name) == ("", "")
    assert fact.channel.linkedid == "pbx1-1.1"


@pytest.mark.parametrize(
    ("escaped", "name"),
    [
        ("Li", "Li"),
        (r"\"Li\"", '"Li"'),
        (r"a\\b", r"a\b"),
        (r"a\\n", r"a\n"),
        (r"\a\b\f\n\r\t\v", "\a\b\f\n\r\t\v"),
        (r"\?", "?"),
        ("tail\\", "tail\\"),
    ],
)
def test_names_are_unescaped_once(escaped: str, name: str) -> None:
    assert unescaped(escaped) == name
    fact = told("NewCallerid", CallerIDName=escaped)
    assert isinstance(fact, facts.CallerIdentified)
    assert fact.channel.caller_name == name


# --- channels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "incoming"), [("4", True), ("0", False), ("3", False), ("5", False)])
def test_incoming_channels_are_born_ringing_the_pbx(state: str, incoming: bool) -> None:
    assert told("Newchannel", ChannelState=state) == facts.ChannelAppeared(AT, WHO, incoming=incoming)


def test_of_a_channels_states_two_tell_something() -> None:
    assert told("Newstate", ChannelState="5") == facts.ChannelAlerted(AT, WHO.uniqueid)
    assert told("Newstate", ChannelState="6") == facts.ChannelUp(AT, WHO.uniqueid)
    assert told("Newstate", ChannelState="4") is None


def test_a_rename_says_what_the_channel_stands_for_now() -> None:
    fact = told("Rename", Newname="PJSIP/1002-0000002c")
    assert fact == facts.ChannelRenamed(AT, WHO.uniqueid, facts.Interface("PJSIP/1002"))


def test_a_request_tells_the_far_end_from_the_pbx() -> None:
    who = WHO.uniqueid
    assert told("HangupRequest") == facts.HangupRequested(AT, who, HangupSide.FAR_END)
    assert told("HangupRequest", Cause="16") == facts.HangupRequested(AT, who, HangupSide.FAR_END)
    assert told("HangupRequest", Cause="17") == facts.HangupRequested(AT, who, HangupSide.FAR_END, busy=True)
    assert told("SoftHangupRequest", Cause="17") == facts.HangupRequested(AT, who, HangupSide.PBX)


@pytest.mark.parametrize(("cause", "number"), [("16", 16), ("0", 0), ("", 0), ("x", 0), ("-1", 0), ("9" * 5000, 0)])
def test_a_hangup_has_a_cause_or_none(cause: str, number: int) -> None:
    assert told("Hangup", Cause=cause) == facts.ChannelEnded(AT, WHO.uniqueid, number)


def test_hold_and_unhold_are_of_the_channel_that_does_it() -> None:
    assert told("Hold") == facts.Held(AT, WHO.uniqueid)
    assert told("Unhold") == facts.Unheld(AT, WHO.uniqueid)


# --- dialling and bridging --------------------------------------------------------------------------------------------


def test_a_dial_has_a_caller_unless_the_pbx_originated_it() -> None:
    assert told("DialBegin", **PHONE, DialString="1001") == facts.DialBegan(AT, WHO, LEG, "1001")
    assert translate("DialBegin", PHONE, AT) == facts.DialBegan(AT, None, LEG, "")
    assert translate("DialBegin", PHONE | {"Uniqueid": "1.1"}, AT) == facts.DialBegan(AT, None, LEG, "")


def test_trying_is_not_ringing() -> None:
    for status in ("RINGING", "PROGRESS"):
        assert told("DialState", **PHONE, DialStatus=status) == facts.ChannelAlerted(AT, LEG.uniqueid)
    assert told("DialState", **PHONE, DialStatus="PROCEEDING") is None


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("ANSWER", DialResult.ANSWERED),
        ("NOANSWER", DialResult.NO_ANSWER),
        ("BUSY", DialResult.BUSY),
        ("CANCEL", DialResult.CANCELLED),
        ("ABORT", DialResult.CANCELLED),
        ("CHANUNAVAIL", DialResult.UNREACHABLE),
        ("CONGESTION", DialResult.UNREACHABLE),
        ("CONTINUE", DialResult.UNREACHABLE),
    ],
)
def test_how_a_dial_ended(status: str, result: DialResult) -> None:
    assert told("DialEnd", **PHONE, DialStatus=status) == facts.DialEnded(AT, LEG.uniqueid, result, WHO.uniqueid)


def test_what_the_pbx_dialled_by_itself_nobody_dialled() -> None:
    assert translate("DialEnd", PHONE | {"DialStatus": "ANSWER"}, AT) == facts.DialEnded(
        AT, LEG.uniqueid, DialResult.ANSWERED, None
    )


def test_the_halves_of_a_local_channel_are_joined() -> None:
    fact = told("LocalBridge", LocalOneUniqueid="1.5", LocalTwoUniqueid="1.6")
    assert fact == facts.LocalJoined(AT, facts.Uniqueid("1.5"), facts.Uniqueid("1.6"))


def test_a_seat_in_a_bridge_may_be_anothers() -> None:
    bridge = facts.BridgeId("b")
    assert told("BridgeEnter", BridgeUniqueid="b") == facts.BridgeEntered(AT, bridge, WHO, None)
    swapped = told("BridgeEnter", BridgeUniqueid="b", SwapUniqueid="1.9")
    assert swapped == facts.BridgeEntered(AT, bridge, WHO, facts.Uniqueid("1.9"))
    assert told("BridgeLeave", BridgeUniqueid="b") == facts.BridgeLeft(AT, bridge, WHO.uniqueid)


@pytest.mark.parametrize(("result", "succeeded"), [("Success", True), ("Fail", False), ("Not Permitted", False)])
def test_transfers(result: str, succeeded: bool) -> None:
    agent, customer, target = facts.Uniqueid("1.2"), facts.Uniqueid("1.1"), facts.Uniqueid("1.3")
    blind = {"Result": result, "TransfererUniqueid": "1.2"}
    assert told("BlindTransfer", **blind) == facts.Transferred(AT, "blind", agent, None, succeeded)
    fact = told("BlindTransfer", **blind, TransfereeUniqueid="1.1")
    assert fact == facts.Transferred(AT, "blind", agent, customer, succeeded)
    attended = {"Result": result, "OrigTransfererUniqueid": "1.2"}
    assert told("AttendedTransfer", **attended) == facts.Transferred(AT, "attended", agent, None, succeeded)
    fact = told("AttendedTransfer", **attended, TransfereeUniqueid="1.1", TransferTargetUniqueid="1.3")
    assert fact == facts.Transferred(AT, "attended", agent, customer, succeeded, target)


def test_parking_and_picking_up() -> None:
    assert told("ParkedCall", ParkeeUniqueid="1.1") == facts.Parked(AT, facts.Uniqueid("1.1"))
    fact = told("Pickup", TargetUniqueid="1.2")
    assert fact == facts.PickedUp(AT, WHO.uniqueid, facts.Uniqueid("1.2"))


# --- queues -----------------------------------------------------------------------------------------------------------


def test_what_asterisk_calls_abandon_is_only_being_unserved() -> None:
    queue = facts.QueueName("support")
    assert told("QueueCallerJoin", Queue="support", Position="1") == facts.CallerJoined(AT, queue, WHO)
    assert told("QueueCallerAbandon", Queue="support") == facts.CallerUnserved(AT, queue, WHO.uniqueid)
    assert told("QueueCallerLeave", Queue="support") == facts.CallerLeft(AT, queue, WHO.uniqueid)


@pytest.mark.parametrize(("name", "member"), [("Bob", "Bob"), ("", "PJSIP/1001")])
def test_agents_are_named_or_else_known_by_their_interface(name: str, member: str) -> None:
    headers = {**AGENT, **PHONE, "MemberName": name}
    queue, interface = facts.QueueName("support"), facts.Interface("PJSIP/1001")
    assert told("AgentCalled", **headers) == facts.AgentCalled(AT, queue, WHO.uniqueid, LEG, interface, member)
    fact = told("AgentConnect", **headers)
    assert fact == facts.AgentConnected(AT, queue, WHO.uniqueid, LEG.uniqueid, interface, member)


def test_a_ring_without_answer_is_the_queues_giving_up() -> None:
    fact = told("AgentRingNoAnswer", **AGENT, **PHONE)
    assert fact == facts.AgentRangOut(AT, facts.QueueName("support"), WHO.uniqueid, LEG.uniqueid)


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("TIMEOUT", QueueResult.TIMEOUT),
        ("FULL", QueueResult.FULL),
        ("JOINEMPTY", QueueResult.JOIN_EMPTY),
        ("JOINUNAVAIL", QueueResult.JOIN_EMPTY),
        ("LEAVEEMPTY", QueueResult.LEAVE_EMPTY),
        ("LEAVEUNAVAIL", QueueResult.LEAVE_EMPTY),
        ("WITHDRAW", QueueResult.WITHDRAWN),
        ("CONTINUE", QueueResult.CONTINUED),
    ],
)
def test_the_dialplan_passes_the_queues_status_on(word: str, result: QueueResult) -> None:
    fact = told("UserEvent", UserEvent="QueueResult", Queue="support", Result=word)
    assert fact == facts.QueueResultTold(AT, facts.QueueName("support"), WHO, result)


@pytest.mark.parametrize(
    "headers",
    [
        {"UserEvent": "Other", "Queue": "support", "Result": "TIMEOUT"},
        {"UserEvent": "QueueResult", "Result": "TIMEOUT"},
        {"UserEvent": "QueueResult", "Queue": "support", "Result": ""},
        {"UserEvent": "QueueResult", "Queue": "support"},
        {"UserEvent": "QueueResult", "Queue": "support", "Result": "timeout"},
    ],
)
def test_other_user_events_are_somebody_elses(headers: dict[str, str]) -> None:
    assert told("UserEvent", **headers) is None


@pytest.mark.parametrize(
    ("status", "paused", "in_call", "state"),
    [
        ("1", "0", None, MemberState.READY),
        ("1", "0", "0", MemberState.READY),
        ("1", "0", "1", MemberState.TALKING),
        ("2", "0", None, MemberState.TALKING),
        ("3", "0", None, MemberState.TALKING),
        ("8", "0", None, MemberState.TALKING),
        ("6", "0", None, MemberState.RINGING),
        ("6", "0", "1", MemberState.RINGING),
        ("7", "0", None, MemberState.RINGING),
        ("0", "0", None, MemberState.UNAVAILABLE),
        ("4", "0", None, MemberState.UNAVAILABLE),
        ("5", "0", None, MemberState.UNAVAILABLE),
        ("99", "0", None, MemberState.UNAVAILABLE),
        ("1", "1", None, MemberState.PAUSED),
        ("2", "1", "1", MemberState.PAUSED),
    ],
)
@pytest.mark.parametrize("event", ["QueueMemberAdded", "QueueMemberStatus", "QueueMemberPause"])
def test_an_agent_is_in_exactly_one_state(
    event: str, status: str, paused: str, in_call: str | None, state: MemberState
) -> None:
    headers = AGENT | {"Status": status, "Paused": paused} | ({} if in_call is None else {"InCall": in_call})
    fact = translate(event, headers, AT)
    assert isinstance(fact, facts.MemberChanged)
    assert fact.member.state is state


def test_the_phone_behind_a_member_is_his_state_interface() -> None:
    headers = {"Queue": "s", "MemberName": "", "Interface": "Local/1@a/n", "Status": "1", "Paused": "0"}
    fact = translate("QueueMemberStatus", headers | {"StateInterface": "PJSIP/1001"}, AT)
    expected = Member("s", "Local/1@a/n", "Local/1@a/n", MemberState.READY, "PJSIP/1001")  # type: ignore[arg-type]
    assert fact == facts.MemberChanged(AT, expected)
    fact = translate("QueueMemberRemoved", headers, AT)
    assert fact == facts.MemberRemoved(AT, facts.QueueName("s"), facts.Interface("Local/1@a/n"))


# --- the PBX ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uptime", "ago"), [("100", 100), ("0", 0), ("", None), (None, None), ("x", None), ("9999999999", None)]
)
def test_when_the_pbx_started_is_told_by_its_uptime(uptime: str | None, ago: int | None) -> None:
    headers = {"Status": "Fully Booted"} | ({} if uptime is None else {"Uptime": uptime})
    booted = None if ago is None else AT.wall - timedelta(seconds=ago)
    assert translate("FullyBooted", headers, AT) == facts.LinkRestored(AT, booted)


def test_an_orderly_shutdown() -> None:
    assert translate("Shutdown", {"Shutdown": "Cleanly"}, AT) == facts.PbxStopping(AT)


@pytest.mark.parametrize(
    ("status", "paused", "in_call", "phone"),
    [
        ("1", "0", "0", MemberState.READY),
        ("1", "1", "0", MemberState.READY),
        ("2", "1", "1", MemberState.TALKING),
        ("5", "1", "0", MemberState.UNAVAILABLE),
        ("6", "0", "0", MemberState.RINGING),
        ("7", "0", "1", MemberState.TALKING),
        ("0", "0", "0", MemberState.READY),
        ("0", "1", "1", MemberState.TALKING),
        ("", "0", "0", MemberState.UNAVAILABLE),
    ],
)
def test_what_a_phone_does_is_told_of_one_who_is_paused_too(
    status: str, paused: str, in_call: str, phone: MemberState
) -> None:
    found = member({"Queue": "support", "Name": "A", "Status": status, "Paused": paused, "InCall": in_call})
    assert (found.phone or found.state, found.paused) == (phone, paused == "1")


@pytest.mark.parametrize(("told", "own"), [("12", 12), ("0", 0), ("", 0), ("-1", 0), ("1e3", 0), ("9999999", 0)])
def test_a_members_own_wrap_up_is_whole_seconds_and_what_is_none_is_none(told: str, own: int) -> None:
    assert member({"Queue": "q", "Name": "A", "Wrapuptime": told}).wrap_up == timedelta(seconds=own)


def test_a_reason_is_that_of_a_pause_that_lasts() -> None:
    headers = {"Queue": "q", "Name": "A", "PausedReason": "lunch"}
    assert [member(headers | {"Paused": paused}).reason for paused in ("1", "0")] == ["lunch", ""]


def test_the_end_of_a_talk_may_name_no_caller() -> None:
    headers = {"Queue": "support", "MemberName": "", "Interface": "PJSIP/1001"}
    queue, interface = facts.QueueName("support"), facts.Interface("PJSIP/1001")
    assert translate("AgentComplete", headers, AT) == facts.AgentCompleted(AT, queue, None, interface, "PJSIP/1001")
    told = translate("AgentComplete", headers | {"Uniqueid": "c", "MemberName": "A"}, AT)
    assert told == facts.AgentCompleted(AT, queue, facts.Uniqueid("c"), interface, "A")
