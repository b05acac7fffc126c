"""What the demo's branch did before it was looked at: simulated in no time, and measured as every call is.

What the simulated PBX says and writes goes through codec, grammar, translation and tracker; nothing about a call is
made up beside them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from handlers.build import rules_of
from telephony.ami.codec import Codec, Kind, Message
from telephony.ami.snapshot import LISTED, Listing
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED, moment, translate
from telephony.calls.effects import SaveCall
from telephony.calls.facts import Fact, Moment, TimePassed
from telephony.calls.record import CallRecord
from telephony.calls.tracker import Tracker
from telephony.config import Config, Pbx
from telephony.queuelog.grammar import Entry, parse, to_fact
from telephony.simulator import branch as places
from telephony.simulator.branch import Branch
from telephony.simulator.dialplan import Dialplan
from telephony.simulator.manager import Account, ManagerSession
from telephony.simulator.timeline import SECOND, Timeline
from telephony.simulator.traffic import Traffic, new_pbx

LASTS = timedelta(hours=2)
"""So much of today, where today is that old already."""
SHORTEST = timedelta(minutes=4)
"""A morning that would be shorter has no calls: nothing could be said of so few."""
LAST_CALL = timedelta(seconds=20)
"""Nobody calls any more so long before the end; whose call is not over by then is left out, and so called never: not
according to queue_log either."""
RUSH = timedelta(minutes=65)
"""So long before the end is the one rush of the morning: it lies in the middle of the lines, and long ago for `now`."""
QUIET_BEFORE = timedelta(minutes=35)
"""A morning that begins less long before the rush has none: the day would not be one on which the standard is kept."""
LOG_READ = timedelta(milliseconds=200)
"""A line of queue_log is read so long after it was written, as `telephony.queuelog.tail` does it."""
MICROSECOND = timedelta(microseconds=1)
LATER = (timedelta(seconds=10), timedelta(minutes=5))
"""When everything that the tracker is patient about has been decided."""


@dataclass(frozen=True, slots=True)
class Morning:
    """What there was.

    Attributes:
        calls: began and ended.
        log: the lines of queue_log, without their ends.
    """

    calls: tuple[CallRecord, ...] = ()
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seeds:
    """Of chance.

    Attributes:
        day: who calls when, and what happens.
        regulars: who calls again and again; with those of the PBX that goes on from there, they are the same people.
    """

    day: int
    regulars: int


def earlier_today(config: Config, until: datetime, seeds: Seeds) -> Morning:
    """What happened today within the last hours before `until`; takes some seconds.

    Args:
        config: of the demo; it has one PBX.
        until: aware.
        seeds: the same ones make the same morning.
    """
    pbx = config.pbx[0]
    midnight = until.astimezone(config.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    began = max(until - LASTS, midnight)
    if until - began < SHORTEST:
        return Morning()
    branch = Branch()
    rush = until - RUSH - began
    branch = replace(
        branch,
        rush_first=(rush if rush >= QUIET_BEFORE else 2 * LASTS).total_seconds(),
        rush_every=2 * LASTS.total_seconds(),
    )
    simulated = _Simulated(pbx, branch, began, until, seeds)
    ears = _Ears(pbx, Tracker(rules_of(config, pbx)))
    for now in simulated.seconds():
        ears.hear(simulated.said, now)
    for later in LATER:
        ears.wait(simulated.until + later)
    over = tuple(call for call in ears.newest.values() if call.ended_at is not None and call.ended_at < until)
    left_out = {call.id for call in ears.newest.values()} - {call.id for call in over}
    never = {name for call in ears.newest.values() if call.id in left_out for name in _channels(call)}
    return Morning(over, tuple(line for line in simulated.log if _callid(line) not in never))


def _channels(call: CallRecord) -> Iterator[str]:
    """Everybody in it whom a line of queue_log can name."""
    yield call.uniqueid
    for visit in call.visits:
        yield visit.uniqueid
        yield from (offer.leg for offer in visit.offers)


def _callid(line: str) -> str:
    entry = parse(line.encode())
    return entry.callid if isinstance(entry, Entry) else ""


class _Simulated:
    """The branch from the opening of its doors on.

    Attributes:
        until: since 1970, as every time here.
        said: with the time at which it is read: bytes of the manager interface, lines of queue_log.
        log: all these lines.
    """

    def __init__(self, pbx: Pbx, branch: Branch, began: datetime, until: datetime, seeds: Seeds) -> None:
        self.until = until - EPOCH
        self.said: list[tuple[timedelta, bytes | str]] = []
        self.log: list[str] = []
        self._timeline, rng = Timeline((began - EPOCH) // MICROSECOND), Random(seeds.day)  # noqa: S311 - no secret
        simulated = new_pbx(self._timeline, pbx.name, branch, rng)
        plan = Dialplan(simulated, places.extensions(), places.keys())
        self._traffic = Traffic(simulated, plan, branch, rng, Random(seeds.regulars))  # noqa: S311 - no secret
        account = Account(pbx.username, pbx.secret.get_secret_value())
        session = ManagerSession(simulated, account, "")
        simulated.log = self._write
        self._say(session.greeting)
        login = f"Action: Login\r\nUsername: {account.username}\r\nSecret: {account.secret}\r\n\r\n"
        self._say(session.feed(login.encode()))
        self._traffic.staff()
        for action in ("QueueStatus", "CoreShowChannels"):
            self._say(session.feed(f"Action: {action}\r\nActionID: {action}\r\n\r\n".encode()))
        simulated.listeners.append(self._say)

    def seconds(self) -> Iterator[timedelta]:
        """Let everything happen; gives the present instant once a second."""
        self._traffic.begin()
        for end in (self.until - LAST_CALL, self.until):
            while self._now < end:
                self._timeline.advance(self._timeline.now + SECOND)
                yield self._now
            self._traffic.end()

    @property
    def _now(self) -> timedelta:
        return self._timeline.now * MICROSECOND

    def _say(self, data: bytes) -> None:
        self.said.append((self._now, data))

    def _write(self, line: str) -> None:
        self.log.append(line)
        self.said.append((self._now + LOG_READ, line))


class _Ears:
    """What the product makes of it.

    Attributes:
        newest: the last word on each call.
    """

    def __init__(self, pbx: Pbx, tracker: Tracker) -> None:
        self.newest: dict[object, CallRecord] = {}
        self._tracker = tracker
        self._codec = Codec(
            ACTED_UPON, systemname=pbx.name, listed=LISTED, unstamped=UNSTAMPED, user_events=["QueueResult"]
        )
        self._listing = Listing(Moment(EPOCH, timedelta()), "QueueStatus", "CoreShowChannels")

    def hear(self, said: list[tuple[timedelta, bytes | str]], now: timedelta) -> None:
        """Take what was to be read by now out of it."""
        said.sort(key=lambda one: one[0])  # stable
        due = next((n for n, (when, _) in enumerate(said) if when > now), len(said))
        for when, data in said[:due]:
            for fact in self._read(data, when) if isinstance(data, str) else self._heard(data, when):
                self._apply(fact)
        del said[:due]
        self.wait(now)

    def wait(self, now: timedelta) -> None:
        """It is that late by now."""
        self._apply(TimePassed(Moment(EPOCH + now, now)))

    def _apply(self, fact: Fact) -> None:
        for effect in self._tracker.apply(fact):
            if isinstance(effect, SaveCall):
                self.newest[effect.call.id] = effect.call

    def _read(self, line: str, when: timedelta) -> Iterator[Fact]:
        entry = parse(line.encode())
        if isinstance(entry, Entry) and (fact := to_fact(entry, when)) is not None:
            yield fact

    def _heard(self, data: bytes, when: timedelta) -> Iterator[Fact]:
        for item in self._codec.feed(data):
            if isinstance(item, Message) and (fact := self._fact(item, when)) is not None:
                yield fact

    def _fact(self, item: Message, read: timedelta) -> Fact | None:
        if item.kind is Kind.EVENT:
            at = moment(item.headers, read, timedelta())
            # Monotonic time is that of the PBX's clock: nothing is on its way for any time.
            return translate(item.event, item.headers, Moment(at.wall, at.wall - EPOCH, stamped=at.stamped))
        if item.kind is Kind.LISTED:
            self._listing.add(item.event, item.headers)
            if item.ends_list and self._listing.completed(item.action_id):
                return self._listing.taken(Moment(EPOCH + read, read))
        return None
