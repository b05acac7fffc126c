"""The lines of queue_log, put together to stays: who waited where, from when to when, and how that ended. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import TypeAlias

from telephony.calls.facts import QueueResult
from telephony.queuelog.grammar import NOBODY, Entry, result_of, talked, waited

LIMIT = 200_000
"""Stays kept: so many open ones, and so many ended ones."""
EARLY_LIMIT = 1_000
"""Talks whose end was read before their beginning."""
A_SECOND = timedelta(seconds=1)
"""queue_log has whole seconds: two lines about one moment may differ by so much."""
REFUSALS = frozenset({QueueResult.FULL, QueueResult.JOIN_EMPTY})

ENTRY_UNSEEN = "the line of his joining was not seen"
OTHER_ID = "left under another id than he joined with"
END_UNSEEN = "he joined again before the line of his leaving"
PBX_BEGAN = "the PBX began anew"
TOO_MANY = "too many stays without an end"


class TalkEnd(StrEnum):
    """What ended the talk with an agent."""

    AGENT = "agent"
    CALLER = "caller"
    TRANSFER = "transfer"


_TALK_ENDS = {"COMPLETEAGENT": TalkEnd.AGENT, "COMPLETECALLER": TalkEnd.CALLER}


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay in one queue, or a refusal: then nobody joined, and all happened at once.

    Attributes:
        queue: its name.
        uniqueid: under which he joined; where that was not seen, under which he left.
        caller: his number as the PBX held it: hostile text; None when the line of his joining was not seen.
        joined_at: to the second; where his joining was not seen, leaving minus wait.
        left_at: None: not yet, or nobody wrote it.
        word: how it ended; None like `left_at`.
        waited: whole seconds, as the line says; None where it says nothing.
        agent: who took him; empty when nobody did.
        leg: Uniqueid of that agent's leg.
        announced_to: who heard the announcement while he gave up; his leaving is then noticed late.
        talked: whole seconds; None: not over, or nobody wrote it.
        ended_by: who, or what, ended the talk.
        rang: how often a phone rang in vain.
        left_as: under which id he left, where it is another one: a transfer had put him into another channel.
        cut: it ended, and nobody knows when and how.
        doubt: what is not sure about it, in words; empty: nothing.
    """

    queue: str
    uniqueid: str
    caller: str | None
    joined_at: datetime
    left_at: datetime | None = None
    word: QueueResult | None = None
    waited: timedelta | None = None
    agent: str = ""
    leg: str = ""
    announced_to: str = ""
    talked: timedelta | None = None
    ended_by: TalkEnd | None = None
    rang: int = 0
    left_as: str = ""
    cut: bool = False
    doubt: str = ""

    @property
    def refused(self) -> bool:
        """He was not let in."""
        return self.word in REFUSALS


Key: TypeAlias = tuple[str, str]
"""Queue and Uniqueid."""


class Stays:
    """Fed with all lines in the order of the file.

    Args:
        limit: of open stays, beyond which the oldest is given up as `cut`; and of ended ones that nobody takes out,
            beyond which the oldest is dropped.

    Attributes:
        dropped: so many were.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.dropped = 0
        self._limit = limit
        self._numbers = count()
        self._open: dict[int, Stay] = {}
        self._over: dict[int, tuple[datetime, Stay]] = {}
        # By what a line names: who waits, who talks, who left and was not seen to join, whose stay another's end was,
        # who had no codec in common with his agent.
        self._waiting: dict[Key, list[int]] = {}
        self._talking: dict[Key, int] = {}
        self._unseen: dict[Key, int] = {}
        self._lent: dict[Key, int] = {}
        self._incompatible: dict[Key, int] = {}
        self._early: dict[Key, Entry] = {}

    @property
    def open(self) -> tuple[Stay, ...]:
        """Those who wait still, in the order of joining."""
        return tuple(self._open.values())

    @property
    def known(self) -> list[Stay]:
        """These, and those that ended and were not taken out."""
        return [*self._open.values(), *(stay for _, stay in self._over.values())]

    def ended(self, before: datetime) -> list[Stay]:
        """Take out those that ended before then, in the order in which their ends were read.

        What is written later about a talk finds them no more.
        """
        return [self._take(number) for number in [n for n, (at, _) in self._over.items() if at < before]]

    def feed(self, entry: Entry) -> None:
        """The next line."""
        word = result_of(entry)
        if word in REFUSALS:
            self._put(entry.at, next(self._numbers), _ended(Stay(entry.queue, entry.callid, None, entry.at), entry))
        elif word is not None:
            self._leave(entry)
        elif talked(entry) is not None:
            self._part(entry)
        elif entry.event == "ENTERQUEUE":
            self._join(entry)
        elif entry.event == "RINGNOANSWER":
            for number in self._waiting.get((entry.queue, entry.callid), ())[:1]:
                self._open[number] = replace(self._open[number], rang=self._open[number].rang + 1)
        elif entry.event == "QUEUESTART":
            for number in list(self._open):
                self._cut(number, entry.at, PBX_BEGAN)
            for known in (self._talking, self._unseen, self._lent, self._incompatible, self._early):
                known.clear()

    # --- joining and leaving ---

    def _join(self, entry: Entry) -> None:
        key, caller = (entry.queue, entry.callid), entry.data[1]
        known = self._unseen.pop(key, None)
        if known is not None:
            at, stay = self._over[known]
            if _near(at, entry.at) and _near(stay.joined_at, entry.at):  # two lines of one second, in the wrong order
                self._over[known] = at, replace(stay, caller=caller, joined_at=entry.at, doubt="")
                return
        self._incompatible.pop(key, None)
        number = next(self._numbers)
        self._open[number] = Stay(entry.queue, entry.callid, caller, entry.at)
        self._waiting.setdefault(key, []).append(number)
        if len(self._open) > self._limit:
            self._cut(next(iter(self._open)), entry.at, TOO_MANY)

    def _leave(self, entry: Entry) -> None:
        key, wait = (entry.queue, entry.callid), waited(entry)
        joined = None if wait is None else entry.at - wait
        if entry.event == "ABANDON" and self._has_ended(key, entry.at):
            return
        number, stay = self._of_his_own(key, entry.at, joined) or self._of_another_id(key, joined) or (None, None)
        if number is None or stay is None:
            number = next(self._numbers)
            stay = Stay(entry.queue, entry.callid, None, joined or entry.at, doubt=ENTRY_UNSEEN)
            self._unseen[key] = number
        self._forget_open(number, stay)
        if entry.event == "SYSCOMPAT":
            self._incompatible[key] = number
        elif entry.event == "CONNECT":
            self._talking[key] = self._talking[stay.queue, stay.uniqueid] = number
        self._put(entry.at, number, _ended(stay, entry))
        early = self._early.pop(key, None)
        if early is not None and _near(early.at, entry.at):
            self._part(early)

    def _has_ended(self, key: Key, at: datetime) -> bool:
        """SYSCOMPAT told it: of a channel that has ended as well the PBX then writes ABANDON, too."""
        number = self._incompatible.pop(key, None)
        return number is not None and _near(self._over[number][0], at)

    def _of_his_own(self, key: Key, at: datetime, joined: datetime | None) -> tuple[int, Stay] | None:
        """The stay under this id that began then. Those that he began before are over, and nobody saw their end."""
        numbers = self._waiting.get(key, [])
        fitting = [number for number in numbers if _near(self._open[number].joined_at, joined, 2 * A_SECOND)]
        if not fitting:
            return self._given_back(key, joined)
        stay = self._open[fitting[0]]
        for earlier in numbers[: numbers.index(fitting[0])]:
            self._cut(earlier, at, END_UNSEEN)
        return fitting[0], stay

    def _of_another_id(self, key: Key, joined: datetime | None) -> tuple[int, Stay] | None:
        """The only stay in this queue that began then: a transfer has put another channel into its place."""
        if joined is None:
            return None
        fitting = [
            number
            for number, stay in self._open.items()
            if stay.queue == key[0] and stay.uniqueid != key[1] and _near(stay.joined_at, joined)
        ]
        if len(fitting) != 1:
            return None
        stay = self._open[fitting[0]]
        self._lent[stay.queue, stay.uniqueid] = fitting[0]
        return fitting[0], replace(stay, left_as=key[1], doubt=OTHER_ID)

    def _given_back(self, key: Key, joined: datetime | None) -> tuple[int, Stay] | None:
        """He leaves, though another was taken for him: that one had a stay of his own, and was not seen to join."""
        number = self._lent.get(key)
        if number is None or not _near(self._over[number][1].joined_at, joined, 2 * A_SECOND):
            return None
        at, wrong = self._over[number]
        own = Stay(wrong.queue, wrong.uniqueid, wrong.caller, wrong.joined_at, rang=wrong.rang)
        joined_then = at - (wrong.waited or timedelta())
        other = replace(wrong, uniqueid=wrong.left_as, caller=None, joined_at=joined_then, left_as="", rang=0)
        self._take(number)
        again = next(self._numbers)
        self._put(at, again, replace(other, doubt=ENTRY_UNSEEN))
        if other.word is QueueResult.CONNECTED and other.talked is None:
            self._talking[other.queue, other.uniqueid] = again
        return next(self._numbers), own

    def _cut(self, number: int, at: datetime, why: str) -> None:
        stay = self._open[number]
        self._forget_open(number, stay)
        self._put(at, number, replace(stay, cut=True, doubt=why))

    # --- talks ---

    def _part(self, entry: Entry) -> None:
        """A talk is over."""
        key, told = (entry.queue, entry.callid), talked(entry)
        number = self._talking.get(key)
        if number is None:
            number = self._talk_under_another_id(entry)
        if number is None:
            if len(self._early) >= EARLY_LIMIT:
                del self._early[next(iter(self._early))]
            self._early[key] = entry
            return
        at, stay = self._over[number]
        self._forget_talk(number, stay)
        ended_by = _TALK_ENDS.get(entry.event, TalkEnd.TRANSFER)
        self._over[number] = at, replace(stay, talked=told[1] if told else None, ended_by=ended_by)

    def _talk_under_another_id(self, entry: Entry) -> int | None:
        """The only talk of this agent that began then, after such a wait."""
        told = talked(entry)
        fitting = {
            number
            for number in self._talking.values()
            if told is not None
            and (stay := self._over[number][1]).queue == entry.queue
            and stay.agent == entry.agent
            and stay.waited == told[0]
            and _near(self._over[number][0], entry.at - told[1])
        }
        return fitting.pop() if len(fitting) == 1 else None

    # --- keeping ---

    def _put(self, at: datetime, number: int, stay: Stay) -> None:
        self._over[number] = at, stay
        if len(self._over) > self._limit:
            self._take(next(iter(self._over)))
            self.dropped += 1

    def _take(self, number: int) -> Stay:
        _, stay = self._over.pop(number)
        self._forget_talk(number, stay)
        for known in (self._unseen, self._lent, self._incompatible):
            if known.get((stay.queue, stay.uniqueid)) == number:
                del known[stay.queue, stay.uniqueid]
        return stay

    def _forget_open(self, number: int, stay: Stay) -> None:
        self._open.pop(number, None)
        key = stay.queue, stay.uniqueid
        rest = [waiting for waiting in self._waiting.get(key, ()) if waiting != number]
        if rest:
            self._waiting[key] = rest
        else:
            self._waiting.pop(key, None)

    def _forget_talk(self, number: int, stay: Stay) -> None:
        for uniqueid in {stay.uniqueid, stay.left_as}:
            if self._talking.get((stay.queue, uniqueid)) == number:
                del self._talking[stay.queue, uniqueid]


def _ended(stay: Stay, entry: Entry) -> Stay:
    word = result_of(entry)
    connected, with_agent = word is QueueResult.CONNECTED, entry.agent != NOBODY
    return replace(
        stay,
        left_at=entry.at,
        word=word,
        waited=timedelta() if word in REFUSALS else waited(entry),
        agent=entry.agent if connected else "",
        leg=entry.data[1] if connected else "",
        announced_to=entry.agent if with_agent and word is QueueResult.ABANDONED else "",
    )


def _near(one: datetime, other: datetime | None, most: timedelta = A_SECOND) -> bool:
    """They may be the same; nothing speaks against what is not known."""
    return other is None or abs(one - other) <= most
