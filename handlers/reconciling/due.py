"""When the ledger is to be held against queue_log: every minute, and soon after the PBX was not heard."""

from datetime import timedelta

from handlers.reconciling.neighbours import Followed

EVERY = timedelta(seconds=60)
AFTER_A_GAP = (timedelta(seconds=2), timedelta(seconds=15), timedelta(seconds=25))
"""So long after everything was listed again: what ended in the gap, what ended just before its end, what was late."""
WHEN_SETTLED = timedelta(seconds=2)
"""So long after of no call it is doubtful any more whether it goes on."""
AGAIN = timedelta(seconds=5)
"""After a round that the database did not answer."""


class Due:
    """Rounds of one PBX. All times are monotonic.

    Args:
        followed: who follows it.
    """

    def __init__(self, followed: Followed) -> None:
        self._followed = followed
        self._extra: list[timedelta] = []
        self._regular: timedelta | None = None
        self._gaps = 0
        self._synchronised = self._settled = False

    def is_due(self, now: timedelta) -> bool:
        """Whether a round is due: never while the PBX is not heard, for then nobody knows what goes on."""
        synchronised, settled = self._followed.synchronised, self._followed.settled
        gaps = self._followed.reading.unheard.gaps  # one may be over before anybody looked
        if synchronised and not (self._synchronised and gaps == self._gaps):
            self._extra, self._regular, self._gaps = [now + after for after in AFTER_A_GAP], None, gaps
        if settled and not self._settled:
            self._extra.append(now + WHEN_SETTLED)
        self._synchronised, self._settled = synchronised, settled
        due = [*self._extra, *([] if self._regular is None else [self._regular])]
        if not synchronised or not any(at <= now for at in due):
            return False
        self._extra = [at for at in self._extra if at > now]
        return True

    def begins(self, now: timedelta) -> None:
        """A round begins: the next regular one is a minute later, unless anything else is said."""
        self._regular = now + EVERY

    def more(self, now: timedelta) -> None:
        """It left something to do at once."""
        self._regular = now

    def fails(self, now: timedelta) -> None:
        """The database did not answer."""
        self._regular = now + AGAIN
