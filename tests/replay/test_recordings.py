"""What a real Asterisk said, in full, against what SIPp saw: outcomes, offers, rings, talks, waits, who hung up.

Expected is what docs/definitions.md says; where the author of a story read it otherwise (truth.json, "outcomes"), the
difference is said here.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from telephony.calls.effects import CallEnded, CaseOpened, Irregular, OfferEnded, VisitEnded, VisitEntered
from telephony.calls.facts import Interface, LinkRestored, SnapshotTaken
from telephony.calls.record import (
    CallRecord,
    Direction,
    Kind,
    OfferRecord,
    OfferResult,
    Outcome,
    Party,
    Quality,
    VisitRecord,
)
from tests.support.replay import RECORDINGS, Replayed, facts_of, replay
from tests.support.story import memory

WHOLE = {path.parent.name for path in RECORDINGS.glob("*/expected.json")}  # test_handovers.py has these
NAMES = sorted({path.parent.name for path in RECORDINGS.glob("*/truth.json")} - WHOLE)
O = Outcome  # noqa: E741
EXPECTED: dict[str, list[Outcome]] = {
    "abandoned_announcement": [O.ABANDONED],
    "abandoned_ringing": [O.ABANDONED],
    "abandoned_waiting": [O.ABANDONED],
    "agent_busy": [O.ANSWERED],
    "agent_ends_by_ami": [O.ANSWERED],
    "agent_never_rings": [O.ANSWERED],
    "agent_rejects": [O.ANSWERED],
    "answered": [O.ANSWERED],
    "answered_agent_hangs_up": [O.ANSWERED],
    "answered_announcement": [O.ANSWERED],
    "answered_unanswered_call": [O.ANSWERED],
    "attended_transfer": [O.ANSWERED],  # a consultation is no visit: the talk goes on with another agent
    "blind_transfer": [O.ANSWERED, O.ANSWERED],
    "blind_transfer_to_phone": [O.ANSWERED, O.ANSWERED],
    "blonde_transfer": [O.ANSWERED, O.ANSWERED],
    "click_to_call": [],
    "connected_late": [O.ABANDONED, O.ANSWERED],  # of whom already talks by way of a queue, its log tells
    "direct_abandoned": [O.ABANDONED],
    "direct_agent_hangs_up": [O.ANSWERED],
    "direct_answered": [O.ANSWERED],
    "direct_busy": [O.BUSY],
    "direct_by_local": [O.ANSWERED],
    "direct_ended_by_ami": [O.ENDED_BY_PBX],
    "direct_ended_by_limit": [O.ENDED_BY_PBX],
    "direct_redirected": [O.REDIRECTED],
    "direct_connected_late": [O.ANSWERED, O.ABANDONED],
    "direct_greeted": [O.ANSWERED],
    "direct_never_rang": [O.UNREACHABLE],  # a leg that never rings is unreachable
    "direct_no_answer": [O.TIMEOUT],
    "direct_one_after_the_other": [O.ANSWERED],
    "direct_rejected": [O.TIMEOUT],  # it rang: reached, and not busy
    "direct_then_queue": [O.TIMEOUT, O.ANSWERED],
    "direct_two_at_once": [O.ANSWERED],
    "direct_unplugged": [O.UNREACHABLE],
    "ended_by_ami": [O.ENDED_BY_PBX],
    "ended_by_limit": [O.ENDED_BY_PBX],
    "hold": [O.ANSWERED],
    "hostile": [O.ABANDONED],
    "hostile_forged": [O.ABANDONED],
    "hostile_raw": [],  # everything said of him is in quarantine
    "internal": [],
    "key_exit": [O.KEY_EXIT],
    "killed": [O.LOST, O.ANSWERED],  # who talked when the PBX died had been answered
    "leave_empty": [O.EMPTY],
    "linear": [O.ANSWERED],
    "local_caller": [O.ANSWERED],  # one visit, in the queue: the Local channel rings nobody itself
    "local_caller_abandons": [O.ABANDONED],
    "local_caller_optimized": [O.ANSWERED],
    "local_member": [O.ANSWERED],
    "local_member_abandoned": [O.ABANDONED],
    "local_member_optimized": [O.ANSWERED],
    "long_name": [O.ABANDONED],
    "long_name_cut": [O.ABANDONED],
    "outbound": [],
    "parked": [O.REDIRECTED],
    "paused_member": [O.ANSWERED],
    "queue_not_answered_call": [O.ABANDONED],
    "redirected": [O.REDIRECTED],
    "redirected_ringing": [O.REDIRECTED],
    "refused_empty": [O.REFUSED_EMPTY],
    "refused_full": [O.ABANDONED, O.REFUSED_FULL],
    "ring_all": [O.ANSWERED],
    "shutdown": [O.LOST, O.LOST],
    "timeout": [O.TIMEOUT],
    "timeout_ringing": [O.TIMEOUT],
    "timeout_untold": [O.TIMEOUT],
    "two_callers_one_agent": [O.ANSWERED, O.ANSWERED],
    "two_visits": [O.TIMEOUT, O.ANSWERED],
    "two_visits_same_queue": [O.TIMEOUT, O.TIMEOUT],
    "withdrawn": [O.WITHDRAWN],
    "wrapped": [O.ANSWERED],
}
UNKNOWABLE_BY_AMI = {"ended_by_ami", "ended_by_limit", "redirected", "redirected_ringing", "timeout_untold"}
"""AMI alone cannot tell why these ended: `exited` without a queue_log."""
BREAKS = {"killed"}
LATE = {"connected_late", "direct_connected_late"}

R = OfferResult
OFFERS: dict[str, list[tuple[str, OfferResult | None, int | None]]] = {
    "abandoned_announcement": [("1001", R.ANSWERED, 1)],
    "abandoned_ringing": [("1001", R.CALLER_LEFT, 1)],
    "agent_busy": [("1001", R.BUSY, 0), ("1002", R.ANSWERED, 1)],
    "agent_never_rings": [("1001", R.UNREACHABLE, 0), ("1002", R.ANSWERED, 1)],
    "agent_rejects": [("1001", R.NO_ANSWER, 1), ("1002", R.ANSWERED, 1)],
    "answered": [("1001", R.ANSWERED, 1)],
    "blind_transfer": [("1001", R.ANSWERED, 1), ("1002", R.ANSWERED, 1)],
    "blind_transfer_to_phone": [("1001", R.ANSWERED, 1), ("1002", R.ANSWERED, 1)],
    "direct_abandoned": [("1001", R.CALLER_LEFT, 1)],
    "direct_busy": [("1001", R.BUSY, 0)],
    "direct_by_local": [("1001", R.ANSWERED, 1)],
    "direct_ended_by_ami": [("1001", R.CALLER_LEFT, 1)],
    "direct_redirected": [("1001", R.CALLER_LEFT, 1)],
    "local_caller": [("1001", R.ANSWERED, 1)],
    "local_caller_abandons": [("1001", R.CALLER_LEFT, 1)],
    "local_caller_optimized": [("1001", R.ANSWERED, 1)],
    "direct_never_rang": [("1001", R.UNREACHABLE, 0)],
    "direct_no_answer": [("1001", R.NO_ANSWER, 1)],
    "direct_one_after_the_other": [("1001", R.NO_ANSWER, 1), ("1002", R.ANSWERED, 1)],
    "direct_rejected": [("1001", R.NO_ANSWER, 1)],
    "direct_two_at_once": [("1001", R.CANCELLED_ELSEWHERE, 1), ("1002", R.ANSWERED, 1)],
    "direct_unplugged": [("1039", R.UNREACHABLE, 0)],
    "key_exit": [("1001", R.CALLER_LEFT, 1)],
    "leave_empty": [("1001", R.BUSY, 0), ("1001", R.BUSY, 0)],
    "linear": [("1001", R.NO_ANSWER, 1), ("1002", R.ANSWERED, 1)],
    "local_member": [("1001", R.ANSWERED, 1)],
    "local_member_abandoned": [("1001", R.CALLER_LEFT, 1)],
    "local_member_optimized": [("1001", R.ANSWERED, 1)],
    "paused_member": [("1002", R.ANSWERED, 1)],
    "redirected_ringing": [("1001", R.CALLER_LEFT, 1)],
    "ring_all": [("1003", R.CANCELLED_ELSEWHERE, 1), ("1002", R.ANSWERED, 1), ("1001", R.CANCELLED_ELSEWHERE, 1)],
    "shutdown": [("1001", None, 1)],  # he did not leave
    "direct_connected_late": [("1001", R.ANSWERED, None), ("1002", R.CALLER_LEFT, None)],
    "timeout_ringing": [("1001", R.NO_ANSWER, 1)],
    "two_callers_one_agent": [("1001", R.ANSWERED, 1), ("1001", R.ANSWERED, 1)],
    "two_visits_same_queue": [("1001", R.NO_ANSWER, 1), ("1001", R.NO_ANSWER, 1)],
}
P = Party
HUNG_UP: dict[str, list[Party | None]] = {
    "agent_ends_by_ami": [P.PBX],
    "answered_agent_hangs_up": [P.AGENT],
    "direct_agent_hangs_up": [P.AGENT],
    "click_to_call": [P.AGENT],
    "internal": [P.CALLER],
    "outbound": [P.AGENT],
    "direct_busy": [P.PBX],
    "direct_ended_by_ami": [P.PBX],
    "direct_ended_by_limit": [P.PBX],
    "direct_redirected": [P.PBX],
    "direct_never_rang": [P.PBX],
    "direct_no_answer": [P.PBX],
    "direct_rejected": [P.PBX],
    "direct_unplugged": [P.PBX],
    "ended_by_ami": [P.PBX],
    "ended_by_limit": [P.PBX],
    "key_exit": [P.PBX],
    "leave_empty": [P.PBX],
    "redirected": [P.PBX],
    "redirected_ringing": [P.PBX],
    "refused_empty": [P.PBX],
    "refused_full": [P.CALLER, P.PBX],
    "timeout": [P.PBX],
    "timeout_ringing": [P.PBX],
    "timeout_untold": [P.PBX],
    "two_visits_same_queue": [P.PBX],
    "withdrawn": [P.PBX],
    "killed": [None, None],
    "shutdown": [None, None],
}
"""Who ended each call, in the order of arrival; the caller where nothing is said."""
DIRECTION = {"click_to_call": Direction.OUTBOUND, "outbound": Direction.OUTBOUND, "internal": Direction.INTERNAL}

both = pytest.mark.parametrize("with_log", [True, False], ids=["with_log", "ami_only"])
every = pytest.mark.parametrize("name", NAMES)


@cache
def played(name: str, *, with_log: bool = True) -> Replayed:
    return replay(name, with_log=with_log, reborn=name in BREAKS)


@cache
def truth(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((RECORDINGS / name / "truth.json").read_text())
    return loaded


def told(replayed: Replayed, kind: type[Any]) -> list[Any]:
    return [effect for effect in replayed.effects if isinstance(effect, kind)]


@pytest.mark.parametrize("name", sorted({*NAMES, *EXPECTED}))
def test_every_recording_has_its_expected_outcome_written_here(name: str) -> None:
    assert name in EXPECTED
    assert name in NAMES


@pytest.mark.parametrize("cut", [1, 7])
@every
def test_how_the_stream_is_cut_changes_nothing(name: str, cut: int) -> None:
    assert facts_of(name, cut=cut) == facts_of(name)


@both
@every
def test_the_outcomes_are_those_of_the_definitions(name: str, with_log: bool) -> None:
    expected = list(EXPECTED[name])
    if not with_log and name in UNKNOWABLE_BY_AMI:
        expected = [Outcome.EXITED]
    assert [visit.outcome for visit in played(name, with_log=with_log).visits] == expected


@both
@every
def test_everything_is_counted_once_and_forgotten(name: str, with_log: bool) -> None:
    replayed = played(name, with_log=with_log)
    ended = Counter(effect.call.id for effect in told(replayed, CallEnded))
    assert ended == {call.id: 1 for call in replayed.calls}
    opened = Counter(effect.call.id for effect in told(replayed, CaseOpened))
    assert opened == {call.id: 1 for call in replayed.calls if call.direction is Direction.INBOUND}
    assert {call.direction for call in replayed.calls} <= {DIRECTION.get(name, Direction.INBOUND)}
    assert len(told(replayed, VisitEntered)) == len(told(replayed, VisitEnded))
    legs = Counter(effect.offer.leg for effect in told(replayed, OfferEnded))
    assert legs == {offer.leg: 1 for visit in replayed.visits for offer in visit.offers}
    irregular = [effect.what for effect in told(replayed, Irregular)]
    assert irregular == (["link_lost"] if name in BREAKS else [])
    assert replayed.tracker is not None
    if name != "hostile_raw":
        assert memory(replayed.tracker) == {}


@both
@pytest.mark.parametrize("name", sorted(OFFERS))
def test_the_offers_are_what_the_phones_did(name: str, with_log: bool) -> None:
    offers = [offer for visit in played(name, with_log=with_log).visits for offer in visit.offers]
    assert [(phone(offer), offer.result, offer.rings) for offer in offers] == OFFERS[name]


@both
@every
def test_who_hung_up_is_told_from_the_hang_up(name: str, with_log: bool) -> None:
    calls = played(name, with_log=with_log).calls
    assert [call.hung_up_by for call in calls] == HUNG_UP.get(name, [Party.CALLER] * len(calls))


@every
def test_what_was_seen_live_says_so(name: str) -> None:
    partial = name in LATE or name in BREAKS or name == "shutdown"
    lived = {visit.quality for visit in played(name).visits if visit.outcome is not Outcome.ANSWERED or not partial}
    assert lived <= ({Quality.PARTIAL} if partial else {Quality.LIVE})


# --- against SIPp -----------------------------------------------------------------------------------------------------


def when(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def phone(offer: OfferRecord) -> str:
    """`PJSIP/1001`, `Local/1001@agents/n`: 1001."""
    return offer.interface.partition("/")[2].partition("@")[0]


@dataclass(frozen=True)
class Difference:
    name: str
    what: str
    ours: timedelta
    theirs: timedelta

    @property
    def length(self) -> timedelta:
        return abs(self.ours - self.theirs)


def differences(name: str) -> Iterator[Difference]:
    """Every duration that both we and SIPp saw."""
    if name in LATE or name in BREAKS or name == "hostile_raw":
        return
    visits = played(name).visits
    offers = sorted((o for visit in visits for o in visit.offers), key=lambda offer: (phone(offer), offer.called_at))
    rung = sorted(truth(name)["phones"], key=lambda leg: (leg["party"], leg["invited_at"]))
    rung = [leg for leg in rung if leg["party"] in {phone(offer) for offer in offers}]
    if Direction.INBOUND in {call.direction for call in played(name).calls}:
        for offer, leg in zip(offers, rung, strict=name not in {"attended_transfer", "direct_unplugged"}):
            yield from ringing(name, offer, leg)
    for call, caller in zip(played(name).calls, in_order(name), strict=True):
        if call.direction is Direction.INBOUND and len(call.visits) == 1:
            yield from waiting(name, call.visits[0], caller)
            yield from talking(name, call)


def in_order(name: str) -> list[dict[str, Any]]:
    parties = truth(name)["callers"] or [None]
    callers = sorted(parties, key=lambda caller: caller["invited_at"] if caller else "")
    numbers = {call.caller: n for n, call in enumerate(played(name).calls)}
    return sorted(callers, key=lambda caller: numbers.get(caller["party"], 0) if caller else 0)


def ringing(name: str, offer: OfferRecord, leg: dict[str, Any]) -> Iterator[Difference]:
    if leg["alerting_seconds"] is None:
        assert offer.rings == 0
        assert offer.alerting == timedelta()
        return
    assert offer.alerting is not None
    if name == "blonde_transfer" and phone(offer) == "1002":
        return  # for him it rings from the transfer on
    yield Difference(name, "alerting", offer.alerting, timedelta(seconds=leg["alerting_seconds"]))
    invited, rang = when(leg["invited_at"]), when(leg["rang_at"])
    assert offer.setup is not None
    assert invited is not None
    assert rang is not None
    yield Difference(name, "setup", offer.setup, rang - invited)


def waiting(name: str, visit: VisitRecord, caller: dict[str, Any]) -> Iterator[Difference]:
    """From the call's answer (queue) or the first phone's INVITE (direct) to the phone's answer or his hang-up."""
    phones = [leg for leg in truth(name)["phones"] if leg["answered_at"]]
    if visit.kind is Kind.DIRECT:
        begin = when(min((leg["invited_at"] for leg in truth(name)["phones"]), default=None))
    else:
        begin = when(caller["answered_at"] or caller["invited_at"])
        begin = when(caller["invited_at"]) if name == "answered_unanswered_call" else begin
    end = None
    if visit.outcome is Outcome.ANSWERED and len(phones) == 1 and name != "answered_announcement":
        end = when(phones[0]["answered_at"])
    if visit.outcome is Outcome.ABANDONED and caller["ended_by"] == "self":
        end = when(caller["ended_at"])
    if begin is not None and end is not None and visit.wait is not None:
        yield Difference(name, "wait", visit.wait, end - begin)


def talking(name: str, call: CallRecord) -> Iterator[Difference]:
    legs = [leg for leg in truth(name)["phones"] if leg["talk_seconds"] is not None]
    (visit,) = call.visits
    if visit.talk is not None and len(legs) == 1 and name != "answered_announcement":
        yield Difference(name, "talk", visit.talk, timedelta(seconds=legs[0]["talk_seconds"]))


@every
def test_no_duration_differs_from_sipps_by_more_than_400_ms(name: str) -> None:
    assert [one for one in differences(name) if one.length > timedelta(milliseconds=400)] == []


def test_half_of_the_durations_differ_from_sipps_by_less_than_100_ms() -> None:
    lengths = [one.length.total_seconds() for name in NAMES for one in differences(name)]
    assert len(lengths) > 150
    assert median(lengths) < 0.1


# --- single stories ---------------------------------------------------------------------------------------------------


def test_the_talk_of_a_transferred_caller_is_summed_over_his_agents() -> None:
    (visit,) = played("attended_transfer").visits
    assert visit.talk is not None
    assert timedelta(seconds=2.5) < visit.talk < timedelta(seconds=3)


def test_a_transfer_to_a_ringing_phone_begins_a_visit_when_it_is_made() -> None:
    first, second = played("blonde_transfer").visits
    assert (second.kind, second.queue, second.caller_rings) == (Kind.DIRECT, "PJSIP/1002", 1)
    assert first.talk is not None
    assert second.wait is not None
    assert second.talk is not None
    assert abs(second.wait - timedelta(seconds=2.793)) < timedelta(milliseconds=50)
    assert abs(first.talk - timedelta(seconds=0.8)) < timedelta(milliseconds=50)
    assert abs(second.talk - timedelta(seconds=4.18)) < timedelta(milliseconds=50)
    assert (first.hung_up_by, second.hung_up_by) == (None, Party.CALLER)


def test_the_hold_is_part_of_the_talk() -> None:
    (visit,) = played("hold").visits
    assert visit.hold is not None
    assert visit.talk is not None
    assert abs(visit.hold - timedelta(seconds=1)) < timedelta(milliseconds=50)
    assert abs(visit.talk - timedelta(seconds=3)) < timedelta(milliseconds=50)


def test_the_announcement_to_the_agent_belongs_to_the_wait() -> None:
    (visit,) = played("answered_announcement").visits
    assert visit.wait is not None
    assert abs(visit.wait - timedelta(seconds=4.3)) < timedelta(milliseconds=50)


def test_a_hostile_number_only_quarantines_its_own_messages() -> None:
    replayed = played("hostile")
    (call,) = replayed.calls
    assert len(replayed.quarantined) == 2
    assert "\n" not in call.caller
    assert "\r" not in call.caller


def test_where_nobody_cleans_the_number_nothing_of_the_caller_is_believed() -> None:
    replayed = played("hostile_raw")
    assert len(replayed.quarantined) > 30
    assert replayed.calls == []


def test_times_of_one_visit_are_in_order() -> None:
    for name in NAMES:
        for visit in played(name).visits:
            moments = [visit.joined_at, visit.alerted_at, visit.left_at]
            assert all(a <= b for a, b in pairwise([m for m in moments if m is not None])), name


def test_the_first_facts_of_a_recording_are_the_link_and_the_listing() -> None:
    for name in NAMES:
        link, listing = facts_of(name)[0][:2]
        assert isinstance(link, LinkRestored)
        assert isinstance(listing, SnapshotTaken)
        assert Interface("") not in {member.interface for member in listing.members or ()}
