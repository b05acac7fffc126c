"""The queue_log of a PBX on another host, as it comes from there: in the place of `telephony.queuelog.tail`."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import structlog

from telephony.logs import Seldom
from telephony.queuelog.grammar import Quarantined
from telephony.queuelog.place import Piece, Place
from telephony.queuelog.shipping.parcel import Parcel
from telephony.queuelog.tail import TOLD_EVERY, Sink

SILENT_AFTER = timedelta(seconds=15)
"""A sender says something every 5 s; one that did not for so long is gone."""
SHOWN = 200
_NAME = re.compile(r"([0-9]{1,20}) ([\x21-\x7e]{1,200})")


@dataclass(frozen=True, slots=True)
class SenderName:
    """One process that sends.

    Attributes:
        began: nanoseconds since 1970, by its host's clock.
        where: host and file, printable ASCII.
    """

    began: int
    where: str

    @classmethod
    def load(cls, text: str) -> Self | None:
        """What `str` gave; None for anything else."""
        found = _NAME.fullmatch(text)
        return None if found is None else cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.began} {self.where}"

    def succeeds(self, other: "SenderName") -> bool:
        """The same file, by a younger process: that one has been started anew."""
        return self.where == other.where and self.began > other.began


class Shipped:
    """What comes of one PBX.

    Args:
        pbx: its name.
        now: our monotonic clock.

    Attributes:
        lines: taken so far, quarantined ones included.
        quarantined: lines that did not fit, cut ones included.
        gaps: how often, as the sender says, lines are missing or may be.
        lost_bytes: what is surely missing, at least.
        read_at: when the last line was taken; None before the first.
        heard_at: when a sender was last heard; None before.
    """

    def __init__(self, pbx: str, now: Callable[[], timedelta]) -> None:
        self.lines = self.quarantined = self.gaps = self.lost_bytes = 0
        self.read_at: timedelta | None = None
        self.heard_at: timedelta | None = None
        self._now = now
        self._sink: Sink | None = None
        self._sender: SenderName | None = None
        self._unreadable = ""
        self._begun = False
        self._seldom = Seldom(TOLD_EVERY, time.monotonic)
        self._log = structlog.get_logger().bind(pbx=pbx)

    def begin_at(self, _place: Place) -> None:
        """It is known where to go on: he who sends is told it, by what the follower took last."""
        self._begun = True

    async def run(self, sink: Sink) -> None:
        """Take what comes until cancelled; `sink` gets it in its order."""
        self._sink = sink
        try:
            await asyncio.Event().wait()
        finally:
            self._sink = None

    # --- what is now ---

    @property
    def taking(self) -> bool:
        """Somebody is there for what comes."""
        return self._sink is not None

    @property
    def age(self) -> timedelta | None:
        """Since a sender was last heard; None: never."""
        return None if self.heard_at is None else self._now() - self.heard_at

    @property
    def readable(self) -> bool:
        """A sender is heard, and reads the file."""
        return not self.trouble

    @property
    def trouble(self) -> str:
        """Why nothing comes; empty while it does."""
        age = self.age
        if age is None:
            return "no sender was heard yet; on the PBX's host: threerings ship-queue-log"
        if age > SILENT_AFTER:
            return f"its sender was last heard {age.total_seconds():.0f} s ago"
        if self._unreadable:
            return f"its sender cannot read it: {self._unreadable}"
        return "" if self._begun else "its sender has not told yet where it begins"

    # --- what comes ---

    def hear(self, sender: SenderName, unreadable: str) -> str:
        """A sender says something; whom he is in the way of, empty when of nobody.

        Args:
            sender: who.
            unreadable: why he cannot read the file; empty when he can.
        """
        other, age = self._sender, self.age
        stays = age is not None and age <= SILENT_AFTER
        if other is not None and stays and other != sender and not sender.succeeds(other):
            return other.where
        if other != sender:
            self._log.info("queue_log_sender", sender=sender.where)
        if unreadable and unreadable != self._unreadable:
            self._log.warning("queue_log_unreadable", sender=sender.where, reason=unreadable)
        self._sender, self.heard_at, self._unreadable = sender, self._now(), unreadable
        return ""

    def take(self, parcel: Parcel, refused: Sequence[Quarantined]) -> None:
        """The next lines. Before, `taking` was asked.

        Args:
            parcel: what stands right behind all that came before.
            refused: those of its lines that do not fit the grammar.
        """
        if self._sink is None:
            raise RuntimeError("nobody takes it")
        piece = parcel.piece
        self._begun = True
        self._count(piece, refused)
        if parcel.gaps:
            self.gaps += parcel.gaps
            self.lost_bytes += parcel.lost_bytes
            before = None if parcel.before is None else str(parcel.before.dump(), "ascii")
            self._log.error(
                "queue_log_gap",
                bytes_at_least=parcel.lost_bytes,
                behind=before,
                goes_on_before=str(piece.after.dump(), "ascii"),
                remedy="keep rotated files beside queue_log, for longer than sender or service are ever away",
            )
        self._sink(piece)

    def _count(self, piece: Piece, refused: Sequence[Quarantined]) -> None:
        if piece.lines:
            self.lines += len(piece.lines)
            self.read_at = self._now()
        self.quarantined += len(refused)
        for line in refused:
            untold = self._seldom.may("quarantined")
            if untold is not None:
                shown = repr(line.raw[:SHOWN])
                self._log.warning("queue_log_line_quarantined", reason=line.reason, line=shown, untold_before=untold)
