"""The simulator against the recordings of the real PBX, exit kind by exit kind: it cannot drift."""

from functools import cache

import pytest

from telephony.calls.record import Outcome
from tests.replay.test_recordings import EXPECTED, HUNG_UP, NAMES, OFFERS, UNKNOWABLE_BY_AMI, P, phone
from tests.simulator.bench import Played, play
from tests.simulator.conversation import Said, conversation, instants, log_lines, log_numbers, noise, threads
from tests.simulator.following import follow
from tests.simulator.stories import NOT_PLAYED, STORIES
from tests.support.replay import RECORDINGS

NOT_SIMULATED = {
    Outcome.INCOMPATIBLE: "no recording: the phones of the bench share all codecs",
    Outcome.LOST: "the PBX dies or is shut down; the demo's ends with the demo",
}
NOT_SAID = frozenset({"DTMFBegin", "DTMFEnd"})
"""Events of these recordings that the simulator does not produce; nobody acts upon them."""

every = pytest.mark.parametrize("name", sorted(STORIES))


@cache
def played(name: str) -> Played:
    return play(STORIES[name])


@cache
def recorded(name: str) -> bytes:
    return (RECORDINGS / name / "ami.bin").read_bytes()


@cache
def our_log(name: str) -> str:
    return "\n".join(line for _, line in played(name).log)


@cache
def their_log(name: str) -> str:
    return (RECORDINGS / name / "queue_log").read_text()


def both(name: str) -> tuple[list[Said], list[Said]]:
    return conversation(played(name).ami, our_log(name)), conversation(recorded(name), their_log(name))


@every
def test_every_story_has_its_recording(name: str) -> None:
    assert name in NAMES


def test_every_recording_is_played_or_has_a_reason_why_not() -> None:
    assert set(NAMES) == {*STORIES, *NOT_PLAYED}
    assert not set(STORIES) & set(NOT_PLAYED)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_story_or_a_reason_why_not(outcome: Outcome) -> None:
    told = {one for name in STORIES for one in EXPECTED[name]}
    told |= {Outcome.EXITED for name in STORIES if name in UNKNOWABLE_BY_AMI}
    assert (outcome in told) != (outcome in NOT_SIMULATED)


@every
def test_the_same_is_said_at_the_same_instants(name: str) -> None:
    ours, theirs = map(instants, both(name))
    for number, (said, heard) in enumerate(zip(ours, theirs, strict=False)):
        assert said == heard, f"instant {number}"
    assert len(ours) == len(theirs)


@every
def test_each_thread_says_it_in_the_same_order(name: str) -> None:
    ours, theirs = both(name)
    assert threads(ours) == threads(theirs)


@every
def test_whole_seconds_differ_by_no_more_than_one(name: str) -> None:
    ours, theirs = ([said.times for said in told if said.times] for told in both(name))
    for said, heard in zip(ours, theirs, strict=True):
        assert all(abs(a - b) <= 1 or abs(a - b) == 1000 for a, b in zip(said, heard, strict=True))


@every
def test_nothing_that_nobody_acts_upon_is_said_but_what_the_pbx_says_too(name: str) -> None:
    assert noise(played(name).ami) <= noise(recorded(name))
    assert noise(recorded(name)) - noise(played(name).ami) <= NOT_SAID


@every
def test_queue_log_has_the_same_lines(name: str) -> None:
    ours, theirs = our_log(name), their_log(name)
    assert log_lines(ours) == log_lines(theirs)
    for (event, said), (_, heard) in zip(log_numbers(ours), log_numbers(theirs), strict=True):
        tolerance = 30 if event == "RINGCANCELED" else 1
        assert all(abs(a - b) <= tolerance for a, b in zip(said, heard, strict=True)), (event, said, heard)


@pytest.mark.parametrize("with_log", [True, False], ids=["with_log", "ami_only"])
@every
def test_the_product_makes_of_it_what_it_makes_of_the_recording(name: str, with_log: bool) -> None:
    followed = follow(played(name), with_log=with_log)
    expected = EXPECTED[name] if with_log or name not in UNKNOWABLE_BY_AMI else [Outcome.EXITED]
    assert [visit.outcome for visit in followed.visits] == expected
    assert followed.quarantined == []
    assert [call.hung_up_by for call in followed.calls] == HUNG_UP.get(name, [P.CALLER] * len(followed.calls))
    if name in OFFERS:
        offers = [offer for visit in followed.visits for offer in visit.offers]
        assert [(phone(offer), offer.result, offer.rings) for offer in offers] == OFFERS[name]
