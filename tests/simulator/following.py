"""What the product makes of what the simulator says: codec, translation, queue_log's grammar, tracker."""

from datetime import timedelta

from telephony.ami.codec import Banner, Codec, Kind, Quarantined
from telephony.ami.snapshot import LISTED, Listing
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED, moment, translate
from telephony.calls.book import Rules
from telephony.calls.facts import Fact, Interface, Moment, TimePassed
from telephony.calls.tracker import Tracker
from telephony.queuelog.grammar import Entry, parse, to_fact
from tests.simulator.bench import Played
from tests.support.replay import SILENCE, Replayed

TICK = timedelta(milliseconds=100)


def facts_of(played: Played) -> tuple[list[Fact], list[Quarantined]]:
    """Of the AMI stream."""
    codec = Codec(ACTED_UPON, systemname="pbx1", listed=LISTED, unstamped=UNSTAMPED)
    told: list[Fact] = []
    bad: list[Quarantined] = []
    listing: Listing | None = None
    for when, data in played.stream:
        read = Moment(EPOCH + timedelta(microseconds=when), timedelta(microseconds=when), stamped=False)
        for item in codec.feed(data):
            if isinstance(item, Quarantined):
                bad.append(item)
            elif isinstance(item, Banner):
                pass
            elif item.kind is Kind.RESPONSE and item.opens_list and listing is None:
                listing = Listing(read, item.action_id, "channels")
            elif item.kind is Kind.LISTED and listing is not None:
                listing.add(item.event, item.headers)
                if item.ends_list and listing.completed(item.action_id):
                    told.append(listing.taken(read))
                    listing = None
            elif item.kind is Kind.EVENT:
                at = moment(item.headers, read.mono, timedelta())
                fact = translate(item.event, item.headers, Moment(at.wall, at.wall - EPOCH, stamped=at.stamped))
                told += [fact] if fact else []
    return told, bad


def log_of(played: Played) -> list[Fact]:
    """Of queue_log; each line is read 0.2 s after it was written."""
    told: list[Fact] = []
    for when, line in played.log:
        entry = parse(line.encode())
        assert isinstance(entry, Entry), line
        fact = to_fact(entry, timedelta(microseconds=when) + timedelta(seconds=0.2))
        told += [fact] if fact else []
    return told


def follow(played: Played, *, with_log: bool = True, trunk: str = "PJSIP/callers") -> Replayed:
    """All that came of it, as far as a few hours after the last word."""
    facts, bad = facts_of(played)
    tracker = Tracker(Rules(pbx="pbx1", queue_log=with_log, trunks=frozenset({Interface(trunk)})))
    result = Replayed(facts=facts, quarantined=bad, tracker=tracker)
    merged = sorted([*facts, *(log_of(played) if with_log else [])], key=lambda fact: fact.at.mono)
    last = merged[0].at
    for fact in merged:
        while fact.at.mono - last.mono > TICK:
            last = Moment(last.wall + TICK, last.mono + TICK)
            result.effects += tracker.apply(TimePassed(last))
        result.effects += tracker.apply(fact)
        last = Moment(EPOCH + fact.at.mono, fact.at.mono)
    for later in SILENCE:
        result.effects += tracker.apply(TimePassed(Moment(last.wall + later, last.mono + later)))
    return result
