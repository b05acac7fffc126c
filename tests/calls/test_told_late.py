"""Asterisk's threads tell in turn, but not in the order of causes: what a busy PBX tells late means the same."""

from telephony.calls import facts
from telephony.calls.book import Rules
from telephony.calls.effects import OfferEnded, TalkEnded
from telephony.calls.facts import DialResult, Interface, Member, MemberState, QueueName, Uniqueid
from telephony.calls.record import Kind, OfferResult, Outcome, Party
from tests.support.story import Story, seconds

SALES = QueueName("sales")


def joins_halves(story: Story, first: str = "L1", second: str = "L2") -> Story:
    """A Local channel: what L2 does in the dialplan is done for whoever called L1."""
    story.appears(first).appears(second)
    return story.tell(facts.LocalJoined(story.now, Uniqueid(first), Uniqueid(second)))


def dial_answered(story: Story, leg: str, caller: str) -> Story:
    """`caller`'s dial is answered, by this channel."""
    return story.tell(facts.DialEnded(story.now, Uniqueid(leg), DialResult.ANSWERED, Uniqueid(caller)))


def told_picked_up(story: Story, picker: str, target: str) -> Story:
    return story.tell(facts.PickedUp(story.now, Uniqueid(picker), Uniqueid(target)))


def blindly(story: Story, transferer: str, who: str) -> Story:
    return story.tell(facts.Transferred(story.now, "blind", Uniqueid(transferer), Uniqueid(who), succeeded=True))


def offers_of(story: Story, n: int = 0) -> list[tuple[str, OfferResult | None, float | None]]:
    return [
        (offer.agent, offer.result, offer.alerting.total_seconds() if offer.alerting is not None else None)
        for offer in story.visits[n].offers
    ]


# --- the dialplan behind a Local channel is faster --------------------------------------------------------------------


def behind_a_local_member() -> Story:
    """The member is Local/…: its dialplan rings A before the queue says whom it has called."""
    return joins_halves(Story().arrives("C").joins("support")).dials("A", "L2").rings("A").calls("L1")


def test_the_phone_that_rang_before_the_queue_named_its_agent_rings_for_that_offer() -> None:
    story = behind_a_local_member().at(3).answers("A").answers("L1").leaves().connects("L1")
    story.bridged("L2", "A", bridge="b2").bridged("C", "L1").at(9)
    blindly(story, "A", "L2").unbridged("L2", "A", bridge="b2").gone("A")
    story.tell(facts.CallerJoined(story.now, SALES, story.channel("L2"))).at(12).hangs_up().gone().gone("L1")
    story.gone("L2").passes(40)
    assert offers_of(story) == [("Agent L1", OfferResult.ANSWERED, 3.0)]
    assert (story.visits[0].talk, story.visits[0].hung_up_by) == (seconds(9 - 3), None)
    assert [(visit.queue, visit.kind) for visit in story.visits] == [("support", Kind.QUEUE), ("sales", Kind.QUEUE)]
    assert story.ends_well().memory() == {}


def test_a_phone_behind_two_local_channels_is_found_too() -> None:
    story = joins_halves(joins_halves(Story().arrives("C").joins("support")), "M1", "M2")
    story.dials("A", "M2").rings("A").dials("M1", "L2").calls("L1")
    assert set(story.tracker.book.offers) >= {"L1", "M1", "A"}
    assert story.visit.offers[0].rang_at is not None


def test_a_detour_whose_phone_rang_before_it_was_dialled_is_a_direct_visit() -> None:
    story = joins_halves(Story().arrives("C")).dials("A", "L2").rings("A").dials("L1", "C").at(4)
    story.answers("A").answers("L1").bridged("L2", "A", bridge="b2").bridged("C", "L1").at(9).hangs_up().gone()
    assert (story.visit.kind, story.visit.queue, story.visit.wait) == (Kind.DIRECT, "PJSIP/A", seconds(4))
    assert story.ends_well().memory() == {}


def test_a_detour_that_is_told_twice_is_one() -> None:
    story = joins_halves(Story().arrives("C")).dials("L1", "C").dials("L1", "C").dials("A", "L2").rings("A").at(4)
    story.answers("A").answers("L1").bridged("L2", "A", bridge="b2").bridged("C", "L1").at(9).hangs_up().gone()
    assert [visit.queue for visit in story.visits] == ["PJSIP/A"]


# --- a pick-up is told by the picker's thread -------------------------------------------------------------------------


def colleague(story: Story, name: str = "D") -> Story:
    """He dials *8 at his own phone."""
    channel = story.make(name)
    return story.tell(facts.ChannelAppeared(story.now, channel, incoming=True))


def rung() -> Story:
    lines = Rules(pbx="pbx1", trunks=frozenset({Interface("PJSIP/trunk")}), lines={Interface("PJSIP/D"): "Desk D"})
    story = Story(lines).arrives("C").joins("support").calls("A").rings("A")
    return colleague(story.at(2))


def test_the_queue_connects_whom_it_has_not_called_he_has_picked_up() -> None:
    story = rung().leaves()
    story.tell(
        facts.AgentConnected(
            story.now, QueueName("support"), Uniqueid("C"), Uniqueid("D"), Interface("PJSIP/A"), "Agent A"
        )
    )
    story.bridged("C", "D")
    told_picked_up(story.at(2.3), "D", "A").gone("A").at(7).hangs_up().gone().gone("D")
    assert (story.visit.agent, story.visit.wait, story.visit.talk) == ("Desk D", seconds(2), seconds(5))
    assert offers_of(story) == [("Agent A", OfferResult.CANCELLED_ELSEWHERE, 2.0)]
    assert len(story.told(OfferEnded)) == 1
    assert story.ends_well().memory() == {}


def test_a_dial_answered_by_whom_it_has_not_dialled_was_picked_up() -> None:
    story = joins_halves(Story().arrives("C").joins("support")).calls("L1").dials("A", "L2").rings("A")
    story.tell(
        facts.MemberChanged(
            story.now, Member(SALES, Interface("PJSIP/D"), "Dora", MemberState.READY, Interface("PJSIP/D"))
        )
    )
    dial_answered(colleague(story.at(2)), "D", "L2").answers("L1").leaves().connects("L1")
    dial_answered(story, "L1", "C").bridged("C", "L1").bridged("L2", "D", bridge="b2")
    told_picked_up(story.at(2.3), "D", "A").gone("A").at(6).hangs_up("D")
    assert story.visit.agent == "Dora"
    assert offers_of(story) == [("Agent L1", OfferResult.CANCELLED_ELSEWHERE, 2.0)]
    assert story.visit.offers[0].answered_at is None


def test_of_two_phones_that_rang_neither_answered_when_a_third_picks_up() -> None:
    story = colleague(Story().arrives("C").dials("A").dials("B").rings("A", "B").at(2))
    dial_answered(story, "D", "C")
    assert offers_of(story) == [("PJSIP/A", None, None), ("PJSIP/B", None, None)]  # which of them, is told later
    told_picked_up(story, "D", "A").gone("A").at(2.1).silent("B").bridged("C", "D").at(5).hangs_up().gone()
    assert story.visit.agent == "PJSIP/D"
    assert offers_of(story) == [
        ("PJSIP/A", OfferResult.CANCELLED_ELSEWHERE, 2.0),
        ("PJSIP/B", OfferResult.CANCELLED_ELSEWHERE, 2.1),
    ]


def test_whoever_was_dialled_has_picked_up_nothing() -> None:
    story = Story().arrives("C").joins("support").calls("A").rings("A").at(2)
    dial_answered(story, "A", "C")
    assert story.visit.offers[0].result is OfferResult.ANSWERED
    dial_answered(story, "unknown", "C")
    dial_answered(colleague(story), "D", "unknown")
    dial_answered(story, "D", "C")  # of no phone that rings still
    story.leaves().connects("A").bridged("C", "A")
    assert story.visit.agent == "Agent A"


# --- a transfer is told by the transferer's thread --------------------------------------------------------------------


def talking_behind_a_local_channel() -> Story:
    story = joins_halves(Story().arrives("C").joins("support")).calls("L1").dials("A", "L2").rings("A").at(3)
    story.answers("A").answers("L1").leaves().connects("L1").bridged("L2", "A", bridge="b2")
    return story.bridged("C", "L1").at(8).unbridged("L2", "A", bridge="b2")


def test_who_waits_already_when_the_transfer_is_told_waits_since_he_joined() -> None:
    story = talking_behind_a_local_channel().tell()
    story.tell(facts.CallerJoined(story.now, SALES, story.channel("L2")))
    joins_halves(story, "M1", "M2").tell(
        facts.AgentCalled(
            story.now, SALES, Uniqueid("L2"), story.channel("M1"), Interface("Local/B@agents/n"), "Agent B"
        )
    )
    story.dials("M1", "L2").dials("B", "M2").at(8.2).rings("B").at(8.4)
    blindly(story, "A", "L2").gone("A").at(10).answers("B").answers("M1")
    story.queue = "sales"
    story.leaves("L2").connects("M1", "L2").bridged("M2", "B", bridge="b3").bridged("L2", "M1", bridge="b4")
    story.at(15).hangs_up().gone()
    first, second = story.visits
    assert (first.talk, first.hung_up_by) == (seconds(5), None)
    assert (second.kind, second.queue, second.wait, second.talk) == (Kind.QUEUE, "sales", seconds(2), seconds(5))
    assert offers_of(story, 0) == [("Agent L1", OfferResult.ANSWERED, 3.0)]
    assert offers_of(story, 1) == [("Agent B", OfferResult.ANSWERED, 1.8)]
    assert story.ends_well().memory() == {}


def test_a_phone_that_rings_already_when_the_transfer_to_it_is_told_rings_for_the_customer() -> None:
    story = talking_behind_a_local_channel().dials("B", "L2").rings("B").at(8.1)
    blindly(story, "A", "L2").gone("A").at(10).answers("B").bridged("L2", "B", bridge="b3").at(15).hangs_up().gone()
    second = story.visits[1]
    assert (second.kind, second.queue, second.talk) == (Kind.DIRECT, "PJSIP/B", seconds(5))
    assert [offer.result for offer in second.offers] == [OfferResult.ANSWERED]


def test_nobody_hung_up_on_whom_a_transfer_told_late_sent_to_another_queue() -> None:
    story = Story().arrives("C").joins("support").talks_with("A").at(8).unbridged("C", "A").gone("A").joins("sales")
    assert story.told(TalkEnded)[0].visit.hung_up_by is Party.PBX
    blindly(story, "A", "C")
    assert [(visit.queue, visit.hung_up_by) for visit in story.visits] == [("support", None), ("sales", None)]


def test_the_agents_channel_that_waited_may_be_gone_when_its_transfer_is_told() -> None:
    story = Story().arrives("C").joins("support").talks_with("A").at(4)
    story.tell(facts.ChannelAppeared(story.now, story.make("A2"), incoming=True))
    story.tell(facts.CallerJoined(story.now, SALES, story.channel("A2")))
    story.queue = "sales"
    story.calls("B", "A2").rings("B").at(8).unbridged("C", "A").gone("A").gone("A2").at(8.1)
    told = facts.Transferred(story.now, "attended", Uniqueid("A"), Uniqueid("C"), succeeded=True, place=Uniqueid("A2"))
    story.tell(told).at(10).answers("B").leaves("C").connects("B", "C").bridged("C", "B").at(14).hangs_up().gone()
    first, second = story.visits
    assert (first.outcome, first.hung_up_by) == (Outcome.ANSWERED, None)
    assert (second.queue, second.outcome, second.agent, second.talk) == (
        "sales", Outcome.ANSWERED, "Agent B", seconds(4)
    )  # fmt: skip
    assert story.ends_well().memory() == {}


def test_what_is_told_of_a_channel_long_gone_is_of_nobody() -> None:
    story = Story().arrives("C").joins("support").talks_with("A").at(8).unbridged("C", "A").gone("A").joins("sales")
    story.at(12)
    blindly(story, "A", "B")
    assert story.visits[0].hung_up_by is Party.PBX
    assert story.irregular == []


def test_a_call_that_is_dropped_leaves_no_channel_behind() -> None:
    story = Story().arrives("C").joins("support").talks_with("A").at(8).unbridged("C", "A").gone("A")
    assert story.memory()["departed"] == 1
    book = story.tracker.book
    book.drop(book.calls[Uniqueid("C")])
    assert "departed" not in story.memory()
