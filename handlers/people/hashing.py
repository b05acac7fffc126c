"""Passwords into argon2id hashes and back into yes or no: in threads of their own, a few at a time.

One takes some 20 ms and 19 MiB (OWASP's second setting), outside of Python's lock: the event loop goes on meanwhile.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from telephony.people.passwords import prepared

AT_ONCE, WAITING = 2, 32
T = TypeVar("T")


class BusyError(Exception):
    """So many wait that one more would wait for too long."""


class Hasher:
    """Hashes and checks passwords.

    Args:
        time_cost, memory_kib: what guessing one costs, and so every sign-in.
        waiting: so many at most, those included that are being worked at.
    """

    def __init__(self, *, time_cost: int = 2, memory_kib: int = 19_456, waiting: int = WAITING) -> None:
        self._argon = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._most, self._waiting = waiting, 0

    async def hash(self, password: str) -> str:
        """As it is kept.

        Raises:
            BusyError: too many wait.
        """
        return await self._in_thread(lambda: self._argon.hash(prepared(password)))

    async def right(self, kept: str | None, password: str) -> bool:
        """Whether this is the password; where there is none (None), no, after the same work.

        Raises:
            BusyError: too many wait.
        """
        return await self._in_thread(lambda: self._verified(kept, prepared(password)))

    def outdated(self, kept: str) -> bool:
        """Whether it was hashed otherwise than is done now."""
        return self._argon.check_needs_rehash(kept)

    def close(self) -> None:
        """Nobody is waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verified(self, kept: str | None, password: str) -> bool:
        if kept is None:
            self._argon.hash(password)
            return False
        try:
            return self._argon.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._most:
            raise BusyError
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
