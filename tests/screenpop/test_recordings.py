"""What a real PBX said, seen from the desks: recordings through codec, tracker and board."""

from datetime import timedelta

import pytest

from telephony.calls.effects import SaveCall
from telephony.screenpop.board import Popped
from tests.screenpop.desks import Watch
from tests.support.replay import replay

SEEN = {
    "ring_all": {
        "1001": ["ringing", "withdrawn elsewhere"],
        "1002": ["ringing", "talking", "ended"],
        "1003": ["ringing", "withdrawn elsewhere"],
    },
    "linear": {"1001": ["ringing", "withdrawn no_answer"], "1002": ["ringing", "talking", "ended"]},
    "agent_rejects": {"1001": ["ringing", "withdrawn no_answer"], "1002": ["ringing", "talking", "ended"]},
    "agent_busy": {"1002": ["ringing", "talking", "ended"]},
    "abandoned_ringing": {"1001": ["ringing", "withdrawn other", "withdrawn caller_left"]},
    "abandoned_announcement": {"1001": ["ringing", "withdrawn caller_left"]},
    "answered_announcement": {"1001": ["ringing", "talking", "ended"]},
    "answered_agent_hangs_up": {"1001": ["ringing", "talking", "ended"]},
    "timeout_ringing": {"1001": ["ringing", "withdrawn no_answer"]},
    "two_visits_same_queue": {"1001": ["ringing", "withdrawn no_answer", "ringing", "withdrawn no_answer"]},
    "two_callers_one_agent": {"1001": ["ringing", "talking", "ended", "gone", "ringing", "talking", "ended"]},
    "blind_transfer": {"1001": ["ringing", "talking", "ended"], "1002": ["ringing", "talking", "ended"]},
    "blonde_transfer": {"1001": ["ringing", "talking", "ended"], "1002": ["ringing", "talking", "ended"]},
    "attended_transfer": {"1001": ["ringing", "talking", "ended"]},
    "local_member": {"1001": ["ringing", "talking", "ended"]},
    "local_member_optimized": {"1001": ["ringing", "talking", "ended"]},
    "direct_answered": {"1001": ["ringing", "talking", "ended"]},
    "direct_abandoned": {"1001": ["ringing", "withdrawn caller_left"]},
    "direct_busy": {},
    "direct_never_rang": {},
    "direct_no_answer": {"1001": ["ringing", "withdrawn no_answer"]},
    "direct_one_after_the_other": {
        "1001": ["ringing", "withdrawn no_answer"],
        "1002": ["ringing", "talking", "ended"],
    },
    "direct_two_at_once": {"1001": ["ringing", "withdrawn elsewhere"], "1002": ["ringing", "talking", "ended"]},
    "redirected_ringing": {"1001": ["ringing", "withdrawn other"]},
    "click_to_call": {},
    "internal": {},
    "outbound": {},
    "shutdown": {"1001": ["ringing", "withdrawn other"]},
}


def watched(name: str) -> Watch:
    watch = Watch()
    for effect in replay(name).effects:
        if isinstance(effect, SaveCall):
            watch.follow(effect.call, after=0.001)
    return watch


@pytest.mark.parametrize("name", sorted(SEEN))
def test_each_desk_sees_what_its_phone_did(name: str) -> None:
    seen: dict[str, list[str]] = {}
    for change in watched(name).changes:
        words = (
            [change.shown.pop.phase.value, change.shown.pop.reason and change.shown.pop.reason.value]
            if isinstance(change, Popped)
            else ["gone"]
        )
        text = " ".join(filter(None, words))
        told = seen.setdefault(change.desk, [])
        if told[-1:] != [text]:
            told.append(text)
    assert seen == SEEN[name]


def test_the_rings_of_earlier_visits_count_and_the_waits_are_summed() -> None:
    watch = watched("two_visits_same_queue")
    again = next(popped.shown for popped in watch.popped if popped.shown.pop.ordinal == 2)
    assert again.pop.rings_before == 1
    waited = again.waited(again.since)
    assert waited is not None
    assert abs(waited - timedelta(seconds=5)) < timedelta(milliseconds=100)
    assert again.ringing(again.since) == timedelta()


def test_who_is_handed_on_waits_and_hears_rings_anew() -> None:
    watch = watched("blind_transfer")
    second = watch.shown("1002")
    assert (second.pop.queue, second.pop.rings_before, second.pop.rings) == ("sales", 0, 1)
    waited = second.waited(second.since)
    assert waited is not None
    assert abs(waited - timedelta(seconds=1)) < timedelta(milliseconds=100)
