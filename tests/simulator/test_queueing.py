"""What no recording has: clerks who come and go in the middle of something."""

from telephony.calls.record import OfferResult, Outcome
from telephony.simulator.people import Caller
from tests.simulator.bench import C1, Story, play
from tests.simulator.conversation import events_of
from tests.simulator.following import follow
from tests.simulator.stories import REJECTS, agent, answers, one


def test_whoever_logs_out_before_his_turn_is_not_called() -> None:
    played = play(
        one(
            "4003",
            agent("1001", REJECTS, serves="linear"),
            agent("1002", answers(1), serves="linear"),
            hangs_up_after=1.5,
            meddling=((0.5, lambda pbx, *_: pbx.remove_member("linear", "PJSIP/1002")),),
        )
    )
    (visit,) = follow(played).visits
    assert visit.outcome is Outcome.ABANDONED
    assert [(offer.interface, offer.result) for offer in visit.offers] == [("PJSIP/1001", OfferResult.NO_ANSWER)]


def test_whoever_logs_in_while_he_talks_is_not_called_until_he_has_done() -> None:
    second_caller = Caller(number="02160000002", dials="4013", hangs_up_after=9)
    story = Story(
        ((0, Caller(number=C1, dials="4001", hangs_up_after=6)), (2, second_caller)),
        (agent("1001", answers(1), serves="support"),),
        ((1.5, lambda pbx, *_: pbx.add_member("sales", "PJSIP/1001", "Agent 1001", static=False)),),
    )
    first, second = follow(play(story)).visits
    assert (first.outcome, second.outcome) == (Outcome.ANSWERED, Outcome.ANSWERED)
    assert first.left_at is not None
    assert first.talk is not None
    assert second.offers[0].called_at >= first.left_at + first.talk


def test_a_pause_is_told_and_written_and_nobody_is_called_in_it() -> None:
    played = play(
        one(
            "4001",
            agent("1001", answers(1), serves="support"),
            hangs_up_after=2,
            meddling=((0, lambda pbx, *_: pbx.pause("PJSIP/1001", paused=True, reason="休息")),),
        )
    )
    (visit,) = follow(played).visits
    assert visit.offers == ()
    told = [one for one in events_of(played.ami) if one["Event"] == "QueueMemberPause"]
    assert [(one["Paused"], one["PausedReason"]) for one in told] == [("1", "休息")]
    assert [line.split("|", 1)[1] for _, line in played.log if "PAUSE" in line] == [
        "NONE|NONE|PJSIP/1001|PAUSEALL|",
        "NONE|support|Agent 1001|PAUSE|休息",
    ]
