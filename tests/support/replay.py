"""A recorded conversation of a real PBX, played through codec, translation and tracker as if it were live."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from telephony.ami.codec import Banner, Codec, Kind, Message, Quarantined
from telephony.ami.snapshot import LISTED, Listing
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED, moment, translate
from telephony.calls.book import Rules
from telephony.calls.effects import CallEnded, Effect, Irregular, SaveCall
from telephony.calls.facts import (
    Fact,
    Interface,
    LinkLost,
    LinkRestored,
    Moment,
    QueueResultLogged,
    SnapshotTaken,
    TimePassed,
)
from telephony.calls.record import CallRecord, VisitRecord
from telephony.calls.tracker import Tracker
from telephony.queuelog.grammar import Entry, parse, to_fact

RECORDINGS = Path(__file__).parent.parent / "replay"
SILENCE = tuple(timedelta(seconds=after) for after in (1, 2, 3, 6, 12, 90, 3600, 7200))


@dataclass
class Replayed:
    """What came of a recording."""

    effects: list[Effect] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    tracker: Tracker | None = None

    @property
    def calls(self) -> list[CallRecord]:
        """The newest state of each call, in the order of arrival."""
        newest = {effect.call.id: effect.call for effect in self.effects if isinstance(effect, SaveCall)}
        return sorted(newest.values(), key=lambda call: call.arrived_at)

    @property
    def visits(self) -> list[VisitRecord]:
        """All visits of all calls."""
        return [visit for call in self.calls for visit in call.visits]

    @property
    def irregular(self) -> list[Irregular]:
        """What no rule allowed."""
        return [effect for effect in self.effects if isinstance(effect, Irregular)]

    @property
    def ended(self) -> list[CallRecord]:
        """Calls counted as ended."""
        return [effect.call for effect in self.effects if isinstance(effect, CallEnded)]


def facts_of(name: str, systemname: str | None = None, *, cut: int = 4096) -> tuple[list[Fact], list[Quarantined]]:
    """The facts of a recording's AMI stream, fed in pieces of `cut` bytes."""
    codec = Codec(ACTED_UPON, systemname=systemname, strict=systemname is not None, listed=LISTED, unstamped=UNSTAMPED)
    told: list[Fact] = []
    bad: list[Quarantined] = []
    listing: Listing | None = None
    items = items_of(name, codec, cut)
    now = first_stamp([item for item, _ in items])
    for item, read in items:
        now = read or now
        if isinstance(item, Quarantined):
            bad.append(item)
        if isinstance(item, Banner | Quarantined):
            continue
        if item.kind is Kind.RESPONSE:
            if item.opens_list and listing is None:
                listing = Listing(now, item.action_id, "channels")
        elif item.kind is Kind.LISTED and listing is not None:
            listing.add(item.event, item.headers)
            if item.ends_list and listing.completed(item.action_id):
                told.append(listing.taken(now))
                listing = None
        elif item.kind is Kind.EVENT:
            at = moment(item.headers, timedelta(), now.wall - EPOCH)
            now = Moment(at.wall, at.wall - EPOCH) if at.stamped else now
            fact = translate(item.event, item.headers, now)
            if fact is not None:
                told.append(fact)
    return told, bad


Items = list[tuple[Banner | Quarantined | Message, Moment | None]]


def items_of(name: str, codec: Codec, cut: int) -> Items:
    """What the codec makes of a recording, each with the moment of its reading where the PBX stamped nothing."""
    raw = next((RECORDINGS / name).glob("ami*.bin")).read_bytes()
    times = RECORDINGS / name / "ami.times"
    if not times.exists():
        return [(item, None) for start in range(0, len(raw), cut) for item in codec.feed(raw[start : start + cut])]
    items: Items = []
    for line in times.read_text().splitlines():
        seconds, length = line.split()
        read = timedelta(seconds=float(seconds))
        piece, raw = raw[: int(length)], raw[int(length) :]
        items += [(item, Moment(EPOCH + read, read, stamped=False)) for item in codec.feed(piece)]
    return items


def first_stamp(items: list[Banner | Quarantined | Message]) -> Moment:
    """When the first stamped event happened, to the second: what came before it was then, too."""
    stamps = (item.headers["Timestamp"] for item in items if isinstance(item, Message) and "Timestamp" in item.headers)
    since = timedelta(seconds=int(next(stamps, "0.0").split(".")[0]))
    return Moment(EPOCH + since, since)


def log_of(name: str) -> list[QueueResultLogged]:
    """The final lines of a recording's queue_log; each is read half a second after the end of its second."""
    told = []
    for line in (RECORDINGS / name / "queue_log").read_bytes().splitlines():
        entry = parse(line)
        if isinstance(entry, Entry):
            fact = to_fact(entry, entry.at - EPOCH + timedelta(seconds=1.5))
            told += [fact] if fact else []
    return told


def interleaved(facts: list[Fact], log: list[QueueResultLogged]) -> Iterator[Fact]:
    """Both witnesses by our clock."""
    waiting = list(log)
    for fact in facts:
        while waiting and waiting[0].at.mono < fact.at.mono:
            yield waiting.pop(0)
        yield fact
    yield from waiting


def replay(
    name: str,
    *,
    with_log: bool = True,
    rules: Rules | None = None,
    reborn: bool = False,
    reorder: Callable[[list[Fact]], list[Fact]] | None = None,
) -> Replayed:
    """Play a recording to its end and some hours beyond.

    Args:
        name: of the recording.
        with_log: queue_log is read as well.
        rules: instead of those that fit the bench.
        reborn: after the end the line breaks, and a new run of the PBX is found, with nobody in it.
        reorder: gives the facts of AMI in another order.
    """
    told, bad = facts_of(name)
    told = reorder(told) if reorder else told
    log = log_of(name) if with_log else []
    trunks = frozenset({Interface("PJSIP/callers"), Interface("PJSIP/trunk")})
    tracker = Tracker(rules or Rules(pbx="pbx1", queue_log=with_log, trunks=trunks))
    result = Replayed(facts=told, quarantined=bad, tracker=tracker)
    if not any(isinstance(fact, LinkRestored) for fact in told):
        result.effects += tracker.apply(LinkRestored(told[0].at, None))
    last = told[0].at
    for fact in interleaved(told, log):
        result.effects += tracker.apply(fact)
        last = fact.at
    if reborn:
        result.effects += tracker.apply(LinkLost(last, "the line broke"))
        last = Moment(last.wall + timedelta(minutes=1), last.mono + timedelta(minutes=1))
        result.effects += tracker.apply(LinkRestored(last, last.wall))
        result.effects += tracker.apply(SnapshotTaken(last, last, (), (), (), ()))
    for later in SILENCE:
        result.effects += tracker.apply(TimePassed(Moment(last.wall + later, last.mono + later)))
    return result
