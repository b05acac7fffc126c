"""How long to wait before the next try: pure, jittered, bounded."""

from collections.abc import Iterator
from random import Random


def delays(first: float, cap: float, rng: Random) -> Iterator[float]:
    """Endless growing delays in seconds.

    The n-th is drawn evenly from the upper half of `min(cap, first * 2**n)`: long enough to give the other side rest,
    and spread so that many clients do not return in step.

    Args:
        first: ceiling of the first delay, seconds, above zero.
        cap: ceiling of every delay, seconds, at least `first`.
        rng: the source of jitter; a seeded one makes a test exact.

    Raises:
        ValueError: at the first `next`, when the ceilings make no sense.
    """
    if not 0 < first <= cap:
        raise ValueError(f"0 < first <= cap must hold, not first={first}, cap={cap}")
    ceiling = first
    while True:
        yield ceiling * (0.5 + rng.random() / 2)
        ceiling = min(cap, ceiling * 2)


class Backoff:
    """A series of delays that starts afresh after a success."""

    def __init__(self, first: float, cap: float, rng: Random) -> None:
        self._first = first
        self._cap = cap
        self._rng = rng
        self._delays = delays(first, cap, rng)

    def next(self) -> float:
        """Seconds to wait before the next try."""
        return next(self._delays)

    def reset(self) -> None:
        """It worked: the next failure starts from the first delay."""
        self._delays = delays(self._first, self._cap, self._rng)
