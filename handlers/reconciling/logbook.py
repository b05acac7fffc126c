"""What queue_log has told of one PBX and nobody has compared yet; where in the journal it stands."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from telephony.calls.facts import Moment
from telephony.queuelog.boots import Boots
from telephony.queuelog.doubtful import Doubtful
from telephony.queuelog.grammar import Entry, talked
from telephony.queuelog.reading import Read
from telephony.queuelog.stays import Stay, Stays, TalkEnd

LIMIT = 200_000
PIECES = 50_000
GRACE = timedelta(seconds=10)
"""So long after its line was read, the end of a talk may follow, and the tracker may still think about it."""
COMPARED_KEPT = timedelta(minutes=15)
WORTH_READING_AGAIN = timedelta(hours=1)
"""Who has waited for longer is no reason for a restart to read all of that again."""
BEFORE_READING = "it is from before queue_log was read first"
SECOND = timedelta(seconds=1)
TALK_ENDS = {"COMPLETEAGENT": TalkEnd.AGENT, "COMPLETECALLER": TalkEnd.CALLER}


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines that were read at once.

    Attributes:
        position: where the journal has them.
        read_at: when that was.
        last: the time of the last one.
        before: up to when the lines before these came in order; None: nothing is known of them.
    """

    position: int
    read_at: timedelta
    last: datetime
    before: datetime | None


class Logbook:
    """Fed with everything that is read, live or out of the journal.

    Args:
        limit: of stays that wait to be compared; beyond it the oldest is given up.

    Attributes:
        waiting: stays that ended and are still to be compared, by the order in which they did.
        compared: those of the last quarter of an hour that were; also needed to tell who is who.
        covers: from this second on the log is known without a hole; None: not yet.
        newest: the time of the newest line.
        boots: how the lives of the PBX ended.
        begins: what is told of before then is not believed; None: all may be.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.waiting: dict[int, Stay] = {}
        self.compared: deque[Stay] = deque()
        self.covers: datetime | None = None
        self.newest: datetime | None = None
        self.begins: datetime | None = None
        self.boots = Boots()
        self._doubtful = Doubtful()
        self._limit = limit
        self._stays = Stays(limit)
        self._numbers = 0
        self._talks: dict[tuple[str, str], int] = {}
        self._given_up = 0
        self._pieces: deque[Piece] = deque(maxlen=PIECES)
        self._looks: deque[tuple[timedelta, datetime | None]] = deque()

    def feed(self, read: Read, at: Moment, position: int) -> None:
        """Some lines. `position`: of their record in the journal; 0: nowhere."""
        before = self._doubtful.newest
        for line in read.lines:
            self._doubtful.feed(line)
            if isinstance(line, Entry):
                self.boots.feed(line, self._stays)
                self._stays.feed(line)
                self._part(line)
                self.newest = line.at  # a forged line may be of any year: the next one tells better
                self.covers = self.covers or line.at
        if self.newest is not None:
            self._pieces.append(Piece(position, at.mono, self.newest, before))

    def _part(self, entry: Entry) -> None:
        """The end of a talk, of a stay that was taken out before."""
        number = self._talks.get((entry.queue, entry.callid))
        told = None if number is None else talked(entry)
        if number is not None and told is not None:
            ended_by = TALK_ENDS.get(entry.event, TalkEnd.TRANSFER)
            self.waiting[number] = replace(self.waiting[number], talked=told[1], ended_by=ended_by)

    @property
    def known(self) -> list[Stay]:
        """All who waited lately, but for those that wait to be compared: to tell who is who."""
        return [*self.compared, *self._stays.known]

    @property
    def given_up(self) -> int:
        """So many stays could not be kept until they were compared."""
        return self._given_up + self._stays.dropped

    def hole(self) -> None:
        """Lines are missing before those that come next."""
        self.covers = None

    def take_ended(self, now: timedelta) -> None:
        """Put those that ended, and were read long enough ago, among those that wait to be compared."""
        read = [piece.last for piece in self._pieces if now - piece.read_at >= GRACE]
        for stay in self._stays.ended(read[-1] + SECOND) if read else ():
            self._numbers += 1
            self.waiting[self._numbers] = stay
            if stay.agent and stay.talked is None:
                for uniqueid in {stay.uniqueid, stay.left_as} - {""}:
                    self._talks[stay.queue, uniqueid] = self._numbers
        while len(self.waiting) > self._limit:
            self._forget(next(iter(self.waiting)))
            self._given_up += 1
        open_ = [stay.joined_at for stay in self._stays.open]
        worth = [at for at in open_ if self.newest is not None and at >= self.newest - WORTH_READING_AGAIN]
        self._looks.append((now, min(worth, default=None)))
        self._forget_pieces(now)

    def later(self, numbers: Collection[int]) -> None:
        """These are to be looked at again, but after the others."""
        for number in numbers:
            self.waiting[number] = self.waiting.pop(number)

    def done(self, numbers: Collection[int]) -> None:
        """These were compared."""
        self.compared.extend(self._forget(number) for number in numbers)
        while self.compared and self.newest and self.compared[0].joined_at < self.newest - COMPARED_KEPT:
            self.compared.popleft()

    def _forget(self, number: int) -> Stay:
        stay = self.waiting.pop(number)
        for uniqueid in (stay.uniqueid, stay.left_as):
            if self._talks.get((stay.queue, uniqueid)) == number:
                del self._talks[stay.queue, uniqueid]
        return stay

    def give_up(self, number: int) -> Stay:
        """It cannot be compared."""
        self._given_up += 1
        return self._forget(number)

    def why_doubtful(self, stay: Stay, /) -> str:
        """Why a stay may be forged, or lack a line; empty: it need not."""
        if self.begins is not None and stay.joined_at < self.begins:
            return BEFORE_READING
        return self._doubtful.why(stay)

    def go_on_from(self, newest: datetime | None) -> None:
        """Before anything is fed: up to then an earlier process read lines in order; None: it is not known."""
        self._doubtful = Doubtful(newest)

    @property
    def in_order_to(self) -> datetime | None:
        """For `go_on_from`: up to when the lines before those at `needed_from` came in order."""
        return (self._pieces[0].before if self._pieces else self._doubtful.newest) or self.begins

    @property
    def needed_from(self) -> int | None:
        """From where on in the journal a restart must read again, as of the last look; None: nothing was read since."""
        return self._pieces[0].position if self._pieces else None

    def _forget_pieces(self, now: timedelta) -> None:
        """Forget where those lines stand of which all is compared."""
        # What ended and was not taken out was open when last looked at before, or began after that.
        while len(self._looks) > 1 and self._looks[1][0] <= now - GRACE:
            self._looks.popleft()
        looked, open_ = self._looks[0]
        first = min([*([open_] if open_ else []), *(stay.joined_at for stay in self.waiting.values())], default=None)
        while self._pieces and self._pieces[0].read_at <= min(looked, now - GRACE):
            if first is not None and self._pieces[0].last >= first:
                return
            self._pieces.popleft()
