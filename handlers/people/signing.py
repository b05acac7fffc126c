"""Signing in by name and password: the same work and the same answer whether the name is known or not."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import structlog

from handlers.admission import Failures, network
from handlers.people.hashing import BusyError, Hasher
from handlers.people.keyring import Keyring, hash_of, new_session
from handlers.people.trail import Trail
from telephony.cases.accounts import Account, Accounts
from telephony.cases.keys import Keys, Terms
from telephony.people.audit import Kind, Verb
from telephony.people.names import key_of
from telephony.people.passwords import LONGEST, Weakness, weakness

OF_ACCOUNT, OF_ACCOUNT_WITHIN = 10, 300.0
"""So many wrong passwords for one name within so many seconds, and it has to wait, even with the right one."""
OF_ADDRESS, OF_ADDRESS_WITHIN = 60, 300.0
"""The same for one address: behind a proxy all have one, and a whole branch signs in at half past eight."""


NAMES = 100_000
"""So many names are remembered: to have one forgotten takes more tries than all addresses of a town may make."""


class Refusal(StrEnum):
    """Why somebody is not let in."""

    WRONG = "wrong"
    TOO_MANY = "too_many"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Visit:
    """Where somebody comes from: the address, and what his browser calls itself."""

    remote: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """He is in. `secret`: what his browser shows from now on."""

    secret: str
    account: Account

    def __repr__(self) -> str:
        return f"SignedIn({self.account.login})"


class SignIn:
    """Lets people in and out. Its methods raise as `Pool.turn` does when the database is away.

    Args:
        accounts, keys: the tables.
        keyring: what was shown lately.
        hasher: of passwords.
        trail: where it is written down.
        lasts: how long a session does.
        clock: monotonic seconds.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it is put together from
        self,
        accounts: Accounts,
        keys: Keys,
        keyring: Keyring,
        hasher: Hasher,
        trail: Trail,
        lasts: Terms,
        clock: Callable[[], float],
    ) -> None:
        self._accounts, self._keys, self._keyring, self._hasher = accounts, keys, keyring, hasher
        self._trail, self._lasts = trail, lasts
        self._of_account = Failures(clock, OF_ACCOUNT, OF_ACCOUNT_WITHIN, NAMES)
        self._of_address = Failures(clock, OF_ADDRESS, OF_ADDRESS_WITHIN)
        self._log = structlog.get_logger(__name__)

    async def sign_in(self, name: str, password: str, visit: Visit) -> SignedIn | Refusal:
        """Open a session."""
        found = await self._checked(name, password, visit)
        if isinstance(found, Refusal):
            return found
        secret = new_session()
        entry = self._trail.entry(found.login, Verb.SIGNED_IN, Kind.USER, found.login, remote=visit.remote)
        await self._keys.open_session(
            hash_of(secret), found.id, self._lasts, visit.user_agent, visit.remote, entry
        )  # fmt: skip
        return SignedIn(secret, found)

    async def sign_out(self, secret: str, visit: Visit) -> None:
        """End the session, here and everywhere that its secret may have got to."""
        known = await self._keyring.look(secret)
        if known is not None:
            login = known.account.login
            entry = self._trail.entry(login, Verb.SIGNED_OUT, Kind.USER, login, remote=visit.remote)
            await self._keys.end_session(hash_of(secret), entry)
            self._keyring.end(known.account.id)

    async def change(self, secret: str, old: str, new: str, visit: Visit) -> Refusal | Weakness | None:
        """His own password, by who knows the old one; his other sessions end. None: it is done."""
        known = await self._keyring.look(secret)
        if known is None:
            return Refusal.WRONG
        account = known.account
        weak = weakness(new, account.login, account.terms.title)
        if weak is not None:
            return weak
        found = await self._checked(account.login, old, visit)
        if isinstance(found, Refusal):
            return found
        if old == new:
            return Weakness.PLAIN
        entry = self._trail.entry(account.login, Verb.PASSWORD_CHANGED, Kind.USER, account.login, remote=visit.remote)
        await self._accounts.set_password(
            account.id, await self._hasher.hash(new), entry, must_change=False, kept=hash_of(secret)
        )
        self._keyring.end(account.id)
        return None

    def ended(self, account: UUID) -> None:
        """Something about this account was changed."""
        self._keyring.end(account)

    async def _checked(self, name: str, password: str, visit: Visit) -> Account | Refusal:
        """The account whose password this is. A try counts before it is looked at, so that many at once do, too."""
        key, address = f"account {key_of(name)}", network(visit.remote)
        if self._of_account.too_many(key) or self._of_address.too_many(address):
            self._log.warning("sign_in_locked", remote=visit.remote)
            return Refusal.TOO_MANY
        self._of_account.add(key)
        self._of_address.add(address)
        try:
            account = await self._accounts.find(name)
            kept = None if account is None or account.disabled_at is not None else account.password_hash
            right = len(password) <= LONGEST and await self._hasher.right(kept, password)
        except BusyError:
            self._forgive(key, address)
            return Refusal.BUSY
        except BaseException:
            self._forgive(key, address)
            raise
        if account is None or not right:
            self._refused(account, visit)
            return Refusal.WRONG
        self._forgive(key, address)
        if kept is not None and self._hasher.outdated(kept):
            await self._accounts.rehash(account.id, kept, await self._hasher.hash(password))
        return account

    def _forgive(self, key: str, address: str) -> None:
        self._of_account.take_back(key)
        self._of_address.take_back(address)

    def _refused(self, account: Account | None, visit: Visit) -> None:
        """Whose name was given is written down only if there is one of it: some people type their password there."""
        login = "" if account is None else account.login
        why = "no such name" if account is None else "disabled" if account.disabled_at is not None else "wrong password"
        self._log.warning("sign_in_refused", remote=visit.remote, login=login, why=why)
        kind = Kind.USER if login else Kind.NONE
        self._trail.note(self._trail.entry("", Verb.SIGN_IN_REFUSED, kind, login, remote=visit.remote, detail=why))
