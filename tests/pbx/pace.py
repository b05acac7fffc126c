"""How late the machine lets a thread run that is due: by that and more, the PBX does late what a phone asks for."""

from __future__ import annotations

import threading
import time
from typing import Self

BEAT = 0.005
HOPS = 4
"""So many threads of the PBX, each due once the one before has run, bring the answer of a phone to the caller."""


class Pace:
    """`with Pace() as pace`: a thread of its own that wants to run every 5 ms, and sees when it does."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def late(self) -> float:
        """Seconds by which the PBX may rightly be later than SIPp, so far; some hundredths on a quiet machine."""
        return HOPS * self.worst

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic() + BEAT
        while not self._over.wait(BEAT):
            now = time.monotonic()
            self.worst = max(self.worst, now - due)
            due = now + BEAT
