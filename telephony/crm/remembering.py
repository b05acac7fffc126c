"""What a CRM answered a moment ago, and whether it is worth asking at all. Pure: time is handed in."""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Answers for a while, at most so many; of more, the one that was asked for longest ago goes.

    Args:
        most: so many.
        lasts: so long each.
    """

    def __init__(self, most: int, lasts: timedelta) -> None:
        self._most, self._lasts = most, lasts
        self._kept: OrderedDict[K, tuple[V, timedelta]] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def get(self, key: K, now: timedelta) -> V | None:
        """What was answered; None: nothing, or too long ago."""
        found = self._kept.get(key)
        if found is None:
            return None
        if now - found[1] >= self._lasts:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, now: timedelta) -> None:
        """This is the answer now."""
        self._kept[key] = (value, now)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Breaker:
    """Who failed so often in a row is left alone for a while, and then asked once whether he is back.

    Args:
        failures: so many in a row.
        rest: so long.
    """

    def __init__(self, failures: int, rest: timedelta) -> None:
        self._failures, self._rest = failures, rest
        self._failed = 0
        self._until: timedelta | None = None

    @property
    def is_broken(self) -> bool:
        """He is left alone, or about to be asked whether he is back."""
        return self._until is not None

    def may(self, now: timedelta) -> bool:
        """Whether to ask him; when his rest is over, one who asks does so for all others."""
        if self._until is None:
            return True
        if now < self._until:
            return False
        self._until = now + self._rest
        return True

    def went(self, now: timedelta, *, well: bool) -> None:
        """How it went."""
        if well:
            self._failed, self._until = 0, None
            return
        self._failed += 1
        if self._failed >= self._failures:
            self._until = now + self._rest
