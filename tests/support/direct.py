"""Channel events told by hand, and a PBX whose direct visits are held against them."""

import asyncio
from collections.abc import Iterator
from typing import Any

from handlers.direct.witness import LIMIT, DirectWitness
from handlers.effects import Performer
from handlers.reading import Reading
from telephony.calls.book import Rules
from telephony.calls.facts import Interface, Moment
from telephony.calls.record import CallRecord, Kind, Outcome, VisitRecord, call_id
from telephony.cel.grammar import Entry, Event
from telephony.cel.reading import Read
from telephony.metrics import Labels, Measures
from tests.support.calls import call, visit
from tests.support.ledger import MemoryLedger
from tests.support.story import START, TRUNK, Story, moment, seconds

GAP = (100.0, 200.0)
"""Seconds in which the PBX was not heard."""
PHONE = "PJSIP/8001"
NAMED = "front-desk"


class Marks:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def mark(self, name: str, value: bytes, /) -> None:
        self.kept[name] = value


class Stage:
    """A PBX that is followed, its channel events, its ledger."""

    def __init__(self) -> None:
        lines = {Interface(PHONE): NAMED}
        self.story = Story(Rules(pbx="pbx1", trunks=frozenset({Interface(TRUNK)}), lines=lines))
        self.ledger, self.marks = MemoryLedger(), Marks()
        self.measures = Measures(Labels(("pbx1",), lines=(NAMED,)))
        self.performer = Performer("pbx1", self.ledger, self.measures)
        self.reading = Reading("pbx1", self.story.tracker, self.performer)
        self.reading.unheard.found(START - seconds(1000))
        self.reading.unheard.lost(START + seconds(GAP[0]))
        self.reading.unheard.found(START + seconds(GAP[1]))
        self.synchronised = self.settled = True
        self.recovering = False
        self.now = moment(0)
        self.witness = self.begins()

    def begins(self, limit: int = LIMIT) -> DirectWitness:
        """Another process of ours."""
        neighbours = self, self.performer, self.ledger, self.measures
        return DirectWitness("pbx1", *neighbours, lambda: self.now, asyncio.Lock(), self.marks, limit)

    def at(self, value: float) -> Moment:
        self.now = moment(value)
        return self.now

    def reads(self, *entries: Entry, at: float, position: int = 0) -> None:
        self.story.tracker.book.position = position
        self.witness.heard(Read(entries), moment(at))

    async def round(self, at: float) -> None:
        await self.witness.round(self.at(at))

    def counted(self, name: str, **labels: str) -> float:
        self.measures.refresh()
        found = self.measures.registry.get_sample_value(f"telephony_{name}", {"pbx": "pbx1", **labels})
        assert found is not None
        return found

    def only(self) -> tuple[CallRecord, VisitRecord]:
        (one,) = self.ledger.kept.values()
        (told,) = one.visits
        return one, told


def tells(
    who: str = "C",
    *,
    at: float = 120,
    wait: float = 5,
    says: str = "CANCEL",
    talk: float | None = None,
    came: str = TRUNK,
) -> Iterator[Entry]:
    """All events of a call to a phone: he hung up himself, after a wait or after a talk."""
    his, its = (who, who, f"{came}-00000001"), (f"{who}2", who, f"{PHONE}-00000002")
    known = {"context": "from-trunk", "exten": "5101", "caller": "02112345678"}

    def event(what: Event, whose: tuple[str, str, str], after: float, **more: Any) -> Entry:
        return Entry(START + seconds(at + after), what, *whose, **(known | more))

    yield event(Event.CHAN_START, his, -1)
    yield event(Event.APP_START, his, 0, app="Dial")
    yield event(Event.CHAN_START, its, 0)
    end = wait + (talk or 0)
    if talk is not None:
        yield event(Event.ANSWER, its, wait, app="AppDial")
        for whose in (its, his):
            yield event(Event.BRIDGE_ENTER, whose, wait, app="Dial", bridge="b")
        yield event(Event.BRIDGE_EXIT, his, end, app="Dial", bridge="b")
    yield event(Event.APP_END, his, end, app="Dial")
    yield event(Event.HANGUP, his, end, source=his[2] if says in {"CANCEL", "ANSWER"} else "", dialled=says)
    yield event(Event.HANGUP, its, end)


def known(outcome: Outcome, who: str = "C", joined: float = 120, wait: float | None = 5, **more: Any) -> CallRecord:
    """A call of one direct visit, as the database has it."""
    begin = START + seconds(joined)
    left, length = (None, None) if wait is None else (begin + seconds(wait), seconds(wait))
    told = {"kind": Kind.DIRECT, "queue": NAMED, "uniqueid": who, "joined_at": begin, "left_at": left, "wait": length}
    one = visit(outcome, **(told | more))
    return call(
        one, uniqueid=who, linkedid=who, id=call_id("pbx1", who), arrived_at=begin - seconds(1),
        ended_at=begin + seconds((wait or 0) + 1), hung_up_by=None,
    )  # fmt: skip
