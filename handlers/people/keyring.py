"""Sessions and tokens that were shown lately, so that not every request asks the database.

Each is asked for again every few seconds, all in one question: what was revoked by the command, or by another instance,
ends then; what is revoked by a page of ours ends at once. While the database is away, what was good when it last
answered stays good for half a day, so that an agent whose page is loaded anew goes on seeing his calls.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

from handlers.database import AWAY, trouble
from telephony.cases.keys import Known
from telephony.logs import Seldom

FRESH = 5.0
"""Seconds for which an answer is believed."""
KEPT = 180.0
"""Seconds after which what nobody shows any more is forgotten here."""
GRACE = 12 * 3600.0
"""Seconds for which an answer is believed while there is no newer one to be had."""
USED_EVERY = 60.0
"""Seconds between notes that something was used."""
MOST = 20_000
AT_ONCE = 500
LONGEST = 100
TOKEN = "tr_"  # noqa: S105 - what ours begin with, so that who finds one knows what it is


class Asks(Protocol):
    """Who knows: `telephony.cases.keys.Keys`."""

    async def known(self, hashes: Collection[bytes], /) -> Mapping[bytes, Known]:
        """Those that are good now."""
        ...

    async def used(self, hashes: Collection[bytes], /) -> None:
        """These were shown lately."""
        ...


def new_session() -> str:
    """The secret of a session: 256 bits."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """The secret of a token of the API."""
    return TOKEN + secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


@dataclass(slots=True)
class _Entry:
    known: Known
    at: float
    used: float
    noted: float | None = None


class Keyring:
    """What was shown lately, and whose it is.

    Args:
        asks: the database.
        clock: monotonic seconds.
        every: seconds between looks round.
    """

    def __init__(self, asks: Asks, clock: Callable[[], float], every: float = FRESH * 0.6) -> None:
        self._asks, self._clock, self._every = asks, clock, every
        self._entries: dict[bytes, _Entry] = {}
        self._ended = 0
        self._silent_at: float | None = None
        self._seldom = Seldom(FRESH * 12, clock)
        self._log = structlog.get_logger(__name__)

    def known(self, secret: str) -> Known | None:
        """Whose it is, as far as that is known without asking."""
        entry = self._entries.get(hash_of(secret))
        if entry is None or self._clock() - entry.at > GRACE:
            return None
        entry.used = self._clock()
        return entry.known

    async def look(self, secret: str) -> Known | None:
        """Whose it is; None when it is, or has become, nobody's.

        Raises:
            DatabaseUrlError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: it cannot be told.
        """
        if len(secret) > LONGEST:
            return None
        key, now = hash_of(secret), self._clock()
        entry = self._entries.get(key)
        if entry is not None and (now - entry.at < FRESH or self._silent(now)):
            return self.known(secret)
        ended = self._ended
        try:
            found = (await self._asks.known([key])).get(key)
        except AWAY:
            self._silent_at = self._clock()
            if (stale := self.known(secret)) is not None:
                return stale
            raise
        if found is None:
            self._entries.pop(key, None)
        elif ended == self._ended:  # else it may have ended while it was asked for
            self._put(key, found)
        return found

    def end(self, account: UUID) -> None:
        """Something of this account has changed or ended: nothing that was known of it is believed."""
        self._ended += 1
        for key in [key for key, entry in self._entries.items() if entry.known.account.id == account]:
            del self._entries[key]

    async def run(self) -> None:
        """Ask for all of them again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await self.refresh()

    async def refresh(self) -> None:
        """Ask once; what is good no more is forgotten."""
        now = self._clock()
        for key in [key for key, one in self._entries.items() if now - one.used > KEPT or now - one.at > GRACE]:
            del self._entries[key]
        if not self._entries:
            return
        try:
            asked, ended = list(self._entries), self._ended
            known = dict[bytes, Known]()
            for first in range(0, len(asked), AT_ONCE):  # whoever reads the line of a PBX has his turn between
                known |= await self._asks.known(asked[first : first + AT_ONCE])
            await self._note(known)
        except AWAY as error:
            self._silent_at = self._clock()
            self._failed(trouble(error))
            return
        except Exception:  # noqa: BLE001 - whatever it is, calls go on
            self._log.exception("sessions_not_looked_at")
            return
        for key in asked:
            if key not in known:
                self._entries.pop(key, None)
            elif key in self._entries and ended == self._ended:
                self._entries[key].known, self._entries[key].at = known[key], now

    async def _note(self, known: Collection[bytes]) -> None:
        now = self._clock()
        due = [
            key
            for key in known
            if (one := self._entries.get(key)) and (one.noted is None or (one.used > one.noted + USED_EVERY))
        ]
        if due:
            await self._asks.used(due)
            for key in due:
                if key in self._entries:
                    self._entries[key].noted = now

    def _silent(self, now: float) -> bool:
        """It did not answer a moment ago: who is known need not wait until it does not answer again."""
        return self._silent_at is not None and now - self._silent_at < FRESH

    def _put(self, key: bytes, found: Known) -> None:
        now, before = self._clock(), self._entries.pop(key, None)
        if len(self._entries) >= MOST:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = _Entry(found, now, now, before.noted if before else None)

    def _failed(self, error: str) -> None:
        if (untold := self._seldom.may("away")) is not None:
            self._log.warning("sessions_not_asked_for", error=error, untold=untold)
