"""Whatever a PBX says, in whatever order: nothing raises, nothing is counted twice, nothing is kept for ever."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telephony.calls import facts
from telephony.calls.book import Rules
from telephony.calls.effects import (
    CallEnded,
    CaseOpened,
    OfferEnded,
    SaveCall,
    TalkEnded,
    VisitCorrected,
    VisitEnded,
    VisitEntered,
    VisitRefused,
)
from telephony.calls.facts import Fact, Interface
from telephony.calls.record import REFUSED, CallRecord, Direction, Outcome, Quality, VisitRecord
from tests.property.histories import ANYTHING, CALLS, histories, mentioned
from tests.support.story import TRUNK, Story, seconds

ZERO = timedelta()
ROUNDS = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RULES = st.builds(
    Rules,
    pbx=st.just("pbx1"),
    trunks=st.sampled_from([frozenset(), frozenset({Interface(TRUNK)})]),
    lines=st.sampled_from([{}, {Interface("PJSIP/9"): "office"}]),
    queue_log=st.booleans(),
    remembered=st.just(timedelta(hours=2)),
)


def play(rules: Rules, history: list[Fact]) -> Story:
    """All of it, and then everybody's end and two hours of silence."""
    story = Story(rules)
    for fact in history:
        story.now = fact.at
        story.tell(fact)
        assert story.balance() == {}, f"after {fact}"
        sound(story)
    if story.tracker.held is not None:
        story.listing()
    return ended(story, history)


def ended(story: Story, history: list[Fact]) -> Story:
    uniqueids = {*mentioned(history), *story.tracker.book.legs}
    for uniqueid in sorted(uniqueids):
        story.tell(facts.ChannelEnded(story.now, uniqueid, 16))
    for pause in (0.5, 1, 1, 2, 4, 8, 60, 7200, 7200):
        story.now = facts.Moment(story.now.wall + seconds(pause), story.now.mono + seconds(pause))
        story.tell(facts.TimePassed(story.now))
    return story


def sound(story: Story) -> None:
    """What the book keeps about channels, it keeps about channels that there are."""
    book = story.tracker.book
    for uniqueid in (*book.offers, *book.partners, *(u for seats in book.bridges.values() for u in seats)):
        assert uniqueid in book.legs
    assert all(seats for seats in book.bridges.values())
    for call in book.calls.values():
        assert all(book.legs[uniqueid].call is call for uniqueid in call.legs)
    assert all(not visit.outcome for visit in book.open)


def check_visit(visit: VisitRecord) -> None:
    """A record that contradicts itself could not be stored."""
    refused = visit.outcome in REFUSED
    assert refused == (visit.joined_at is None)
    assert visit.wait is None or visit.wait >= ZERO
    gap = visit.quality in {Quality.PARTIAL, Quality.RECONSTRUCTED}
    assert (visit.wait is None) <= (visit.outcome is None or (gap and visit.outcome is Outcome.ANSWERED))
    if visit.joined_at is not None and visit.left_at is not None and visit.wait is not None:
        assert visit.left_at - visit.joined_at == visit.wait
    if visit.outcome is Outcome.ANSWERED:
        assert visit.answered_at is not None
        assert visit.answered_at == visit.left_at
        assert gap or visit.hold is not None
        assert visit.hold is None or visit.talk is not None
        assert visit.talk is None or ZERO <= (visit.hold or ZERO) <= visit.talk
        assert visit.agent is not None
    else:
        assert (visit.answered_at, visit.talk, visit.hold, visit.agent, visit.hung_up_by) == (None,) * 5
    assert not (visit.settling and visit.outcome)
    assert visit.caller_rings is None or visit.caller_rings == visit.caller_rings_heard
    assert bool(visit.outcome) == bool(visit.reason)
    for offer in visit.offers:
        assert offer.alerting is None or offer.alerting >= ZERO
        assert (offer.rings is None) == (offer.alerting is None)
        assert (offer.rings == 0) == (offer.rings is not None and offer.rang_at is None)
        assert offer.ended_at is None or offer.ended_at >= offer.called_at
        assert offer.rang_at is None or offer.called_at <= offer.rang_at
        assert offer.answered_at is None or offer.answered_at == offer.ended_at


def check_story(story: Story) -> None:
    saved = {effect.call.id: effect.call for effect in story.told(SaveCall)}
    for effect in story.effects:
        call: CallRecord | None = getattr(effect, "call", None)
        if call is not None:
            assert [visit.ordinal for visit in call.visits] == list(range(1, len(call.visits) + 1))
            assert (call.case is not None) == (call.direction is Direction.INBOUND)
            assert call.ended_at is None or call.ended_at >= call.arrived_at
            for visit in call.visits:
                check_visit(visit)
    corrected = {effect.call.id for effect in story.told(VisitCorrected)}
    corrected |= {effect.call.id for effect in story.told(VisitRefused) if effect.call.ended_at is not None}
    for effect in story.told(CallEnded):
        assert effect.call.id in corrected or replace(effect.call, revision=0) == replace(
            saved[effect.call.id], revision=0
        )
    cases = Counter(effect.call.id for effect in story.told(CaseOpened))
    over = Counter(effect.call.id for effect in story.told(CallEnded))
    inbound = {call.id for call in saved.values() if call.direction is Direction.INBOUND}
    assert cases == dict.fromkeys(inbound, 1)
    assert over == dict.fromkeys(saved, 1)
    visits: Counter[tuple[UUID, int]] = Counter((e.call.id, e.visit.ordinal) for e in story.told(VisitEnded))
    visits.update((e.call.id, e.visit.ordinal) for e in story.told(VisitRefused))
    assert visits == {(call.id, visit.ordinal): 1 for call in saved.values() for visit in call.visits}
    assert all(effect.visit.outcome not in REFUSED for effect in story.told(VisitEnded))
    talks = Counter((e.call.id, e.visit.ordinal) for e in story.told(TalkEnded))
    answered = {(c.id, v.ordinal): 1 for c in saved.values() for v in c.visits if v.outcome is Outcome.ANSWERED}
    assert talks == answered
    offers = Counter(effect.offer.leg for effect in story.told(OfferEnded))
    made = Counter(offer.leg for call in saved.values() for visit in call.visits for offer in visit.offers)
    assert offers == made
    assert len(story.told(VisitEntered)) == len(story.told(VisitEnded))
    revisions: dict[UUID, int] = {}
    for effect in story.told(SaveCall):
        assert effect.call.revision > revisions.get(effect.call.id, 0)
        revisions[effect.call.id] = effect.call.revision


@given(RULES, histories(ANYTHING))
@ROUNDS
def test_whatever_happens_every_call_and_visit_ends_once_and_is_forgotten(rules: Rules, history: list[Fact]) -> None:
    story = play(rules, history)
    check_story(story)
    assert story.memory() == {}


def counted(story: Story) -> Counter[tuple[object, ...]]:
    """What moves the counters, without the states that go with it."""
    out: Counter[tuple[object, ...]] = Counter()
    for effect in story.effects:
        match effect:
            case CaseOpened(call) | CallEnded(call):
                out[type(effect).__name__, call.id] += 1
            case VisitEntered(visit):
                out["entered", visit.uniqueid, visit.queue, visit.kind] += 1
            case VisitEnded(call, visit) | VisitRefused(call, visit) | TalkEnded(call, visit):
                out[type(effect).__name__, call.id, visit.ordinal, visit.queue, visit.outcome] += 1
            case OfferEnded(queue, kind, offer):
                out["offer", queue, kind, offer.leg, offer.result, offer.rings] += 1
            case _:
                pass
    return out


def known(story: Story) -> dict[str, CallRecord]:
    """The last state of each call."""
    return {call.uniqueid: replace(call, revision=0) for call in story.calls_known}


@given(RULES, histories(ANYTHING), st.sets(st.integers(0, 150)))
@ROUNDS
def test_what_is_said_twice_counts_once(rules: Rules, history: list[Fact], twice: set[int]) -> None:
    # Lines of queue_log have no key of their own: who reads them reads each once. A second listing is a second proof.
    said = [
        fact
        for n, fact in enumerate(history)
        for _ in range(2 if n in twice and not isinstance(fact, facts.QueueResultLogged | facts.SnapshotTaken) else 1)
    ]
    once, more = play(rules, history), play(rules, said)
    assert counted(once) == counted(more)
    assert known(once) == known(more)


def closed(history: list[Fact]) -> list[Fact]:
    """And then everybody hangs up."""
    if not history:
        return []
    last = history[-1].at
    end = facts.Moment(last.wall + seconds(1), last.mono + seconds(1))
    return history + [facts.ChannelEnded(end, uniqueid, 16) for uniqueid in mentioned(history)]


@given(
    RULES,
    histories(CALLS, name="x", steps=False, most=20).map(closed),
    histories(CALLS, name="y", steps=False, most=20).map(closed),
)
@ROUNDS
def test_calls_that_have_nothing_in_common_change_nothing_of_each_other(
    rules: Rules, one: list[Fact], other: list[Fact]
) -> None:
    both = play(rules, sorted(one + other, key=lambda fact: fact.at.mono))
    apart = play(rules, one), play(rules, other)
    assert known(both) == known(apart[0]) | known(apart[1])
    assert counted(both) == counted(apart[0]) + counted(apart[1])
