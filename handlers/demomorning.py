"""What the demo's branch did before anybody looked: simulated in no time, and measured as every call is.

The bytes of the simulated PBX go through codec, translation and tracker; nothing about a call is made up beside them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from handlers.build import rules_of
from telephony.ami.codec import Codec, Kind, Message
from telephony.ami.snapshot import LISTED, Listing
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED, moment, translate
from telephony.calls.effects import Effect, SaveCall
from telephony.calls.facts import Fact, Moment, TimePassed
from telephony.calls.record import CallRecord
from telephony.calls.tracker import Tracker
from telephony.config import Config, Pbx
from telephony.simulator import branch as places
from telephony.simulator.branch import Branch
from telephony.simulator.dialplan import Dialplan
from telephony.simulator.manager import Account, ManagerSession
from telephony.simulator.timeline import SECOND, Timeline
from telephony.simulator.traffic import Traffic, new_pbx

LASTS = timedelta(hours=2)
"""So much of today, where today is that old already."""
LAST_CALL = timedelta(minutes=2)
"""Nobody calls any more so long before the end; who has called is served until then."""
MICROSECOND = timedelta(microseconds=1)
LATER = (timedelta(seconds=10), timedelta(minutes=5))
"""When everything that the tracker is patient about has been decided."""


def earlier_today(config: Config, until: datetime, seed: int) -> list[CallRecord]:
    """The calls that began and ended today, within the last hours before `until`; takes some seconds.

    Args:
        config: of the demo; it has one PBX.
        until: aware.
        seed: of the day; with that of the PBX that goes on from there, the same people call again.
    """
    pbx = config.pbx[0]
    midnight = until.astimezone(config.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    began = max(until - LASTS, midnight)
    if until - began < 2 * LAST_CALL:
        return []
    tracker = Tracker(rules_of(config, pbx.model_copy(update={"queue_log": None})))
    newest: dict[object, CallRecord] = {}
    for effects in _followed(_bytes(pbx, began, until, seed), pbx, tracker):
        for effect in effects:
            if isinstance(effect, SaveCall):
                newest[effect.call.id] = effect.call
    return [call for call in newest.values() if call.ended_at is not None and call.ended_at < until]


def _bytes(pbx: Pbx, began: datetime, until: datetime, seed: int) -> Iterator[tuple[int, bytes]]:
    """What the PBX says, and when, in microseconds since 1970."""
    timeline, rng, branch = Timeline((began - EPOCH) // MICROSECOND), Random(seed), Branch()  # noqa: S311 - no secret
    simulated = new_pbx(timeline, pbx.name, branch, rng)
    traffic = Traffic(simulated, Dialplan(simulated, places.extensions(), places.keys()), branch, rng)
    account = Account(pbx.username, pbx.secret.get_secret_value())
    session = ManagerSession(simulated, account, "")
    said: list[tuple[int, bytes]] = [(timeline.now, session.greeting)]
    login = f"Action: Login\r\nUsername: {account.username}\r\nSecret: {account.secret}\r\n\r\n"
    said.append((timeline.now, session.feed(login.encode())))
    traffic.staff()
    for action in ("QueueStatus", "CoreShowChannels"):
        request = f"Action: {action}\r\nActionID: {action}\r\n\r\n"
        said.append((timeline.now, session.feed(request.encode())))
    simulated.listeners.append(lambda data: said.append((timeline.now, data)))
    traffic.begin()
    for end in (until - LAST_CALL, until):
        while timeline.now < (end - EPOCH) // MICROSECOND:
            timeline.advance(timeline.now + SECOND)
            yield from said
            said.clear()
        traffic.end()


def _followed(said: Iterator[tuple[int, bytes]], pbx: Pbx, tracker: Tracker) -> Iterator[list[Effect]]:
    """What the tracker decides about it."""
    codec = Codec(ACTED_UPON, systemname=pbx.name, listed=LISTED, unstamped=UNSTAMPED, user_events=["QueueResult"])
    listing = Listing(Moment(EPOCH, timedelta()), "QueueStatus", "CoreShowChannels")
    last = Moment(EPOCH, timedelta())
    for microseconds, data in said:
        read = timedelta(microseconds=microseconds)
        for item in codec.feed(data):
            if isinstance(item, Message) and (fact := _fact(item, read, listing)) is not None:
                last = fact.at
                yield tracker.apply(fact)
    for later in LATER:
        yield tracker.apply(TimePassed(Moment(last.wall + later, last.mono + later)))


def _fact(item: Message, read: timedelta, listing: Listing) -> Fact | None:
    if item.kind is Kind.EVENT:
        at = moment(item.headers, read, timedelta())
        # Monotonic time is that of the PBX's clock: nothing is on its way for any time.
        return translate(item.event, item.headers, Moment(at.wall, at.wall - EPOCH, stamped=at.stamped))
    if item.kind is Kind.LISTED:
        listing.add(item.event, item.headers)
        if item.ends_list and listing.completed(item.action_id):
            return listing.taken(Moment(EPOCH + read, read))
    return None
