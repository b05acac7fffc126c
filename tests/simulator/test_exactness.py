"""What a tolerance would hide: a constant bias, a wrong clock, an order that is the rule. Recordings prove it."""

from collections import Counter
from functools import cache

import pytest

from telephony.simulator.timeline import SECOND
from tests.simulator.bench import Played, play
from tests.simulator.conversation import events_of
from tests.simulator.exactness import (
    Count,
    completions,
    completions_written,
    connections,
    connections_written,
    counts,
    removals,
    removed,
    ringing_order,
    serving,
)
from tests.simulator.stories import STORIES
from tests.support.replay import RECORDINGS

ATTEMPT_BEGAN_EARLIER = {"agent_rejects": 1}
"""RingTime counts from the first phone of an attempt: so many seconds before who answered was called."""
TOLD_LATER = {"linear": -1}
"""In this recording AgentComplete came just after the full second in which the talk had ended."""
AT_ONCE = 0.01 * SECOND
"""Within which everything of one instant has been said."""

every = pytest.mark.parametrize("name", sorted(STORIES))


@cache
def played(name: str) -> Played:
    return play(STORIES[name])


@cache
def recorded(name: str) -> bytes:
    return (RECORDINGS / name / "ami.bin").read_bytes()


def our_log(name: str) -> str:
    return "\n".join(line for _, line in played(name).log)


def their_log(name: str) -> str:
    return (RECORDINGS / name / "queue_log").read_text()


def biased(name: str, told: list[Count], late: int = 0) -> list[Count]:
    """Those that are not what the stamps say."""
    allowed = {"AgentConnect RingTime": ATTEMPT_BEGAN_EARLIER.get(name, 0), "AgentComplete TalkTime": late}
    return [one for one in told if one.said - one.clock != allowed.get(one.name, 0)]


@every
def test_seconds_are_counted_by_the_second_hand_exactly(name: str) -> None:
    assert biased(name, list(counts(recorded(name))), TOLD_LATER.get(name, 0)) == []
    assert biased(name, list(counts(played(name).ami))) == []


@every
def test_queue_log_and_events_say_the_same_of_who_was_put_through(name: str) -> None:
    for raw, log in ((recorded(name), their_log(name)), (played(name).ami, our_log(name))):
        assert connections(raw) == connections_written(log)
        assert completions(raw) == completions_written(log)


@every
def test_a_stamp_is_the_instant_at_which_it_is_said(name: str) -> None:
    for when, data in played(name).stream:
        for headers in events_of(data):
            stamp = round(float(headers["Timestamp"]) * SECOND)
            assert 0 <= stamp - when < AT_ONCE, headers
    assert all(int(line.split("|")[0]) == when // SECOND for when, line in played(name).log)


@every
def test_whoever_is_taken_out_of_a_queue_is_told_and_written(name: str) -> None:
    for raw, log in ((recorded(name), their_log(name)), (played(name).ami, our_log(name))):
        assert [one for one in removals(raw) if one[0] in serving(log)] == removed(log)
    told = [[*one] for one in events_of(played(name).ami) if one["Event"] == "QueueMemberRemoved"]
    theirs = [[*one] for one in events_of(recorded(name)) if one["Event"] == "QueueMemberRemoved"]
    assert all(one in theirs for one in told)


def test_a_phone_says_that_it_rings_before_its_caller_is_told_as_it_nearly_always_is() -> None:
    theirs = Counter(one for name in STORIES for one in ringing_order(recorded(name)))
    ours = Counter(one for name in STORIES for one in ringing_order(played(name).ami))
    assert set(theirs) == {(True, "5 Ringing"), (False, "0 Down")}
    assert theirs[True, "5 Ringing"] > 0.9 * theirs.total()
    assert set(ours) == {(True, "5 Ringing")}
    assert ours.total() == theirs.total()


@every
def test_a_members_last_call_is_when_his_last_talk_ended(name: str) -> None:
    ended: dict[str, int] = {}
    for headers in events_of(played(name).ami):
        if headers["Event"] == "AgentComplete":
            ended[headers["Interface"]] = int(float(headers["Timestamp"]))
        elif headers["Event"] == "QueueMemberStatus":
            assert int(headers["LastCall"]) == ended.get(headers["Interface"], 0), headers
