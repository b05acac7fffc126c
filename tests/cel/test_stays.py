"""What Asterisk 22.10 wrote about calls to phones, put together: who called, which phones, how it ended, how long."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telephony.calls.record import Outcome, Party
from telephony.cel.grammar import Entry, Event
from telephony.cel.reading import read
from telephony.cel.stays import Stay, Stays

RECORDED = Path(__file__).parent / "recorded"
EVER = datetime.max.replace(tzinfo=UTC)
TRUNKS = {"PJSIP/callers", "PJSIP/trunk"}
CALLER, AGENT = Party.CALLER, Party.AGENT
ROOT, PHONE = ("1.0", "PJSIP/callers-00000000"), ("1.1", "PJSIP/1001-00000001")


def stays_of(name: str) -> list[Stay]:
    stays = Stays(TRUNKS)
    for entry in read((RECORDED / f"{name}.csv").read_bytes().split(b"\n")[:-1]).entries:
        stays.feed(entry)
    return stays.ended(EVER)


@pytest.mark.parametrize(
    ("name", "outcome", "wait", "agent", "hung_up_by"),
    [
        ("direct_answered", Outcome.ANSWERED, 2.1, "PJSIP/1001", CALLER),
        ("direct_agent_hangs_up", Outcome.ANSWERED, 1.5, "PJSIP/1001", AGENT),
        ("direct_by_local", Outcome.ANSWERED, 2.2, "PJSIP/1001", CALLER),
        ("direct_two_at_once", Outcome.ANSWERED, 2.0, "PJSIP/1002", CALLER),
        ("direct_one_after_the_other", Outcome.ANSWERED, 4.8, "PJSIP/1002", CALLER),
        ("direct_forwarded_302", Outcome.ANSWERED, 2.9, "PJSIP/1002", CALLER),
        ("direct_picked_up", Outcome.ANSWERED, 3.2, "PJSIP/1003", CALLER),
        ("blind_transfer_to_phone", Outcome.ANSWERED, 1.0, "PJSIP/1002", CALLER),
        ("direct_abandoned", Outcome.ABANDONED, 3.1, "", CALLER),
        ("direct_no_answer", Outcome.TIMEOUT, 3.9, "", None),
        ("direct_never_rang", Outcome.TIMEOUT, 3.0, "", None),
        ("direct_unplugged", Outcome.TIMEOUT, 4.1, "", None),
        ("direct_rejected", Outcome.TIMEOUT, 1.0, "", None),
        ("direct_busy", Outcome.BUSY, 0.1, "", None),
        ("direct_ended_by_ami", Outcome.ENDED_BY_PBX, 1.1, "", None),
        ("direct_ended_by_limit", Outcome.ENDED_BY_PBX, 3.3, "", None),
        ("direct_redirected", Outcome.REDIRECTED, 1.0, "", None),
        ("direct_then_queue", Outcome.EXITED, 3.1, "", CALLER),
    ],
)
def test_a_recorded_call_ended_as_sipp_saw_it(
    name: str, outcome: Outcome, wait: float, agent: str, hung_up_by: Party | None
) -> None:
    (stay,) = stays_of(name)
    assert (stay.outcome, stay.agent, stay.hung_up_by) == (outcome, agent, hung_up_by)
    assert (stay.left_at - stay.began_at).total_seconds() == pytest.approx(wait, abs=0.06)
    assert (stay.caller, stay.interface) == ("02160000001", "PJSIP/callers")
    assert (stay.talk is not None) == (outcome is Outcome.ANSWERED)
    assert stay.talk_ended_by == (hung_up_by if outcome is Outcome.ANSWERED else None)


@pytest.mark.parametrize(
    "name", ["outbound", "click_to_call", "local_caller", "local_member", "attended_transfer", "hostile", "hostile_raw"]
)
def test_no_phone_was_rung_for_him_outside_a_queue(name: str) -> None:
    assert stays_of(name) == []


def test_a_phone_that_calls_a_colleague_is_told_with_where_it_came_in() -> None:
    (stay,) = stays_of("internal")
    assert (stay.interface, stay.context) == ("PJSIP/1001", "from-phones")


# --- told by hand -----------------------------------------------------------------------------------------------------


def at(seconds: float) -> datetime:
    return datetime(2026, 11, 22, 10, tzinfo=UTC) + timedelta(seconds=seconds)


def tell(*lines: str, limit: int = 50_000) -> Stays:
    """Lines like `1 APP_START root Dial` or `2.5 HANGUP root source=… dialled=…`."""
    stays = Stays(TRUNKS, limit)
    for entry in entries(*lines):
        stays.feed(entry)
    return stays


def entries(*lines: str) -> Iterator[Entry]:
    names = {"root": ROOT, "phone": PHONE}
    for line in lines:
        seconds, event, who, *more = line.split()
        uniqueid, channel = names.get(who) or (who.partition("=")[0], who.partition("=")[2])
        linkedid = ROOT[0] if uniqueid.startswith("1.") else uniqueid
        told = dict(one.split("=", 1) for one in more if "=" in one)
        app = next((one for one in more if "=" not in one), "")
        bridge, source, dialled = (told.get(name, "") for name in ("bridge", "source", "dialled"))
        known = uniqueid, linkedid, channel
        yield Entry(at(float(seconds)), Event(event), *known, app=app, bridge=bridge, source=source, dialled=dialled)


BEGINS = ("0 CHAN_START root", "1 APP_START root Dial", "1 CHAN_START phone")


def test_until_his_channel_ends_nothing_is_told() -> None:
    stays = tell(*BEGINS, "4 APP_END root Dial")
    assert stays.ended(EVER) == []
    assert stays.open_since == at(0)


def test_nothing_is_told_before_it_is_asked_for() -> None:
    stays = tell(*BEGINS, f"4 HANGUP root source={ROOT[1]} dialled=CANCEL")
    assert stays.ended(at(4)) == []
    assert [stay.outcome for stay in stays.ended(at(4.1))] == [Outcome.ABANDONED]
    assert (stays.ended(EVER), stays.open_since) == ([], None)


def test_of_who_was_first_seen_in_the_middle_that_is_told_which_was_seen() -> None:
    (stay,) = tell(*BEGINS[1:], "4 APP_END root Dial", "4 HANGUP root dialled=NOANSWER").ended(EVER)
    assert (stay.outcome, stay.arrived_at) == (Outcome.TIMEOUT, at(1))
    assert tell("4 HANGUP root dialled=NOANSWER", "1 CHAN_START phone").ended(EVER) == []


def test_dials_that_follow_each_other_at_once_are_one_stay_and_later_ones_another() -> None:
    first = (*BEGINS, "3 HANGUP phone", "3 APP_END root Dial")
    again = "{} APP_START root Dial", "{} CHAN_START 1.2=PJSIP/1002-00000002"
    over = "9 APP_END root Dial", "9 HANGUP root dialled=NOANSWER"
    (one,) = tell(*first, *(line.format(4) for line in again), *over).ended(EVER)
    assert (one.phones, one.began_at, one.left_at) == (("PJSIP/1001", "PJSIP/1002"), at(1), at(9))
    earlier, later = tell(*first, *(line.format(6) for line in again), *over).ended(EVER)
    assert (earlier.outcome, earlier.left_at, later.outcome) == (Outcome.EXITED, at(3), Outcome.TIMEOUT)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("CHANUNAVAIL", Outcome.UNREACHABLE),
        ("CONGESTION", Outcome.UNREACHABLE),
        ("ANSWER", Outcome.EXITED),
        ("DONTCALL", Outcome.EXITED),
    ],
)
def test_dial_says_why_nobody_spoke_with_him(word: str, outcome: Outcome) -> None:
    (stay,) = tell(*BEGINS, "4 APP_END root Dial", f"4 HANGUP root dialled={word}").ended(EVER)
    assert stay.outcome is outcome


def test_that_the_last_of_several_phones_was_busy_does_not_say_what_the_first_did() -> None:
    one = (*BEGINS, "3 HANGUP phone", "3 CHAN_START 1.2=PJSIP/1002-00000002", "4 APP_END root Dial")
    (stay,) = tell(*one, "4 HANGUP root dialled=BUSY").ended(EVER)
    assert stay.outcome is Outcome.EXITED


ANSWERED = (*BEGINS, "3 ANSWER phone AppDial", "3 BRIDGE_ENTER phone AppDial bridge=b", "3 BRIDGE_ENTER root bridge=b")


def test_he_has_talked_until_one_of_both_left_and_a_consultation_in_between_is_part_of_it() -> None:
    consults = "4 BRIDGE_EXIT phone bridge=b", "5 BRIDGE_ENTER phone bridge=b", "6 BRIDGE_EXIT phone bridge=b"
    end = "6.4 BRIDGE_EXIT root bridge=b", "6.4 APP_END root Dial", f"6.4 HANGUP root source={PHONE[1]} dialled=ANSWER"
    (stay,) = tell(*ANSWERED, *consults, *end).ended(EVER)
    assert (stay.talk, stay.talk_ended_by) == (timedelta(seconds=3), AGENT)


def test_how_long_he_talked_is_not_told_when_he_was_parked_in_between() -> None:
    lot = "5 BRIDGE_ENTER root bridge=lot", "6 BRIDGE_ENTER 1.9=x bridge=lot", "8 BRIDGE_EXIT root bridge=lot"
    parked = "5 BRIDGE_EXIT root bridge=b", *lot
    (stay,) = tell(*ANSWERED, *parked, "9 HANGUP root dialled=ANSWER").ended(EVER)
    assert (stay.outcome, stay.talk, stay.talk_ended_by) == (Outcome.ANSWERED, None, None)


def test_whom_the_far_half_of_a_local_channel_rang_is_not_guessed_when_two_answered() -> None:
    local = "1.2=Local/7@ctx-00000001;1"
    more = "1 CHAN_START 1.3=PJSIP/1002-00000002", f"1 CHAN_START {local}", "3 ANSWER phone", "3 ANSWER 1.3=x"
    seats = f"3 BRIDGE_ENTER {local} bridge=b", "3 BRIDGE_ENTER root bridge=b"
    (stay,) = tell(*BEGINS, *more, *seats, "5 HANGUP root").ended(EVER)
    assert (stay.phones, stay.agent) == (("PJSIP/1001", "PJSIP/1002"), "")


def test_a_channel_that_is_used_again_after_a_restart_of_the_pbx_is_another_call() -> None:
    over = "4 HANGUP root dialled=NOANSWER"
    stays = tell(*BEGINS, over, *(re.sub(r"^\d", "9", line) for line in BEGINS), "12 HANGUP root dialled=BUSY")
    assert [stay.outcome for stay in stays.ended(EVER)] == [Outcome.TIMEOUT, Outcome.BUSY]


def test_of_more_than_can_be_kept_the_oldest_is_given_up_and_counted() -> None:
    calls = [f"{n} CHAN_START {n}=PJSIP/callers-0000000{n}" for n in range(2, 6)]
    assert tell(*calls, limit=3).dropped == 1
    ended = [f"9 HANGUP {n}=x" for n in range(2, 6)]
    stays = Stays(limit=2)
    for begins, ends in zip(entries(*calls), entries(*ended), strict=True):
        stays.feed(begins)
        stays.feed(ends)
    assert stays.dropped
    seats = [f"3 BRIDGE_ENTER {n}=x bridge={n}" for n in range(6)]
    assert tell(*seats, limit=2).ended(EVER) == []
    many = [f"1 CHAN_START 1.{n}=PJSIP/1001-0000{n:04}" for n in range(2, 300)]
    (stay,) = tell(*BEGINS, *many, "3 HANGUP root dialled=NOANSWER").ended(EVER)
    assert stay.phones == ("PJSIP/1001",)
