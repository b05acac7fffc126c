"""What is to be told to receivers of webhooks: shared out of the outbox, told in order, parked when it cannot be."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from telephony.cases.rows import storable
from telephony.cases.turns import Turns

MOST = 100_000
"""So many events wait for one receiver; more are dropped, and counted."""
AT_ONCE = 500
KEPT = timedelta(days=30)
"""So long anything is kept at all."""
LISTED = 200
LONGEST_WHY = 200
Wants = Mapping[str, Callable[[str], bool]]
"""By the name of a receiver, whether it is told of a topic."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for one receiver.

    Attributes:
        at: when it happened. since: from when on its telling is tried. told: what of it.
        attempts: so many failed. why: the last. parked_at: from then on it waits for a person.
    """

    id: int
    webhook: str
    at: datetime
    since: datetime
    topic: str
    subject: UUID
    version: int
    told: Mapping[str, object]
    attempts: int
    why: str
    parked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shared:
    """What was shared out. `events`: so many left the outbox; `dropped`: by receiver, for whom too many wait."""

    events: int
    given: frozenset[str]
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one receiver. `oldest`: when the oldest that waits happened; None: none does."""

    waiting: int
    parked: int
    oldest: datetime | None


class Outbox:
    """The tables. All methods raise what `Turns.transaction` does.

    Args:
        turns: connections.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def share(self, wants: Wants, most: int = MOST) -> Shared:
        """Give some events to who wants them, in the order in which they happened; none is given twice."""
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_TAKE, AT_ONCE)
            waiting = {row["webhook"]: row["waiting"] for row in await connection.fetch(_WAITING)} if rows else {}
            given: list[tuple[str, Any]] = []
            dropped = dict.fromkeys(wants, 0)
            for row in rows:
                for name, wanted in wants.items():
                    if not wanted(row["topic"]):
                        continue
                    if waiting.get(name, 0) >= most:
                        dropped[name] += 1
                        continue
                    waiting[name] = waiting.get(name, 0) + 1
                    given.append((name, row))
            columns = ("at", "topic", "subject", "version", "told")
            values = [(storable(name), *(row[column] for column in columns)) for name, row in given]
            await connection.executemany(_GIVE, values)
        return Shared(len(rows), frozenset(name for name, _ in given), {one: n for one, n in dropped.items() if n})

    async def next(self, webhook: str, limit: int = 20) -> Sequence[Delivery]:
        """What is to be told to this receiver next, in order."""
        async with self._turns.transaction() as connection:
            return [_delivery(row) for row in await connection.fetch(_NEXT, storable(webhook), limit)]

    async def delivered(self, delivery: int) -> None:
        """It was taken."""
        async with self._turns.transaction() as connection:
            await connection.execute("DELETE FROM webhook_deliveries WHERE id = $1", delivery)

    async def failed(self, delivery: int, why: str, parked_at: datetime | None = None) -> None:
        """It was not; from `parked_at` on it waits for a person."""
        async with self._turns.transaction() as connection:
            await connection.execute(_FAILED, delivery, storable(why)[:LONGEST_WHY], parked_at)

    async def park_older(self, webhook: str, than: datetime, why: str, at: datetime) -> int:
        """Everything of this receiver that has been tried since before then waits for a person; how many."""
        async with self._turns.transaction() as connection:
            status = await connection.execute(_PARK, storable(webhook), than, storable(why)[:LONGEST_WHY], at)
        return int(status.rpartition(" ")[2])

    async def retry(self, webhook: str, at: datetime) -> int:
        """What is parked of this receiver is told again, where it stood in the order; how many."""
        async with self._turns.transaction() as connection:
            status = await connection.execute(_RETRY, storable(webhook), at)
        return int(status.rpartition(" ")[2])

    async def parked(self, webhook: str | None = None) -> Sequence[Delivery]:
        """What waits for a person, at most `LISTED`, first things first."""
        async with self._turns.transaction() as connection:
            return [_delivery(row) for row in await connection.fetch(_PARKED, webhook, LISTED)]

    async def standing(self) -> Mapping[str, Standing]:
        """How it stands with each receiver for whom anything is there."""
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_STANDING)
        return {row["webhook"]: Standing(row["waiting"], row["parked"], row["oldest"]) for row in rows}

    async def forget(self, now: datetime, known: Collection[str]) -> int:
        """Forget what is too old, whoever it is for; how many of them were for receivers that there are."""
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_FORGET, now - KEPT)
        return sum(row["webhook"] in known for row in rows)


def _delivery(row: Any) -> Delivery:  # noqa: ANN401 - the driver knows no types
    return Delivery(
        row["id"], row["webhook"], row["at"], row["since"], row["topic"], row["subject"], row["version"],
        json.loads(row["told"]), row["attempts"], row["why"], row["parked_at"],
    )  # fmt: skip


_TAKE: LiteralString = """
WITH taken AS (
    DELETE FROM outbox WHERE serial IN (SELECT serial FROM outbox ORDER BY serial LIMIT $1) RETURNING *)
SELECT * FROM taken ORDER BY serial
"""

_WAITING: LiteralString = """
SELECT webhook, count(*) AS waiting FROM webhook_deliveries WHERE parked_at IS NULL GROUP BY webhook
"""

_GIVE: LiteralString = """
INSERT INTO webhook_deliveries (webhook, at, since, topic, subject, version, told)
VALUES ($1, $2, $2, $3, $4, $5, $6::jsonb)
"""

_NEXT: LiteralString = """
SELECT * FROM webhook_deliveries WHERE webhook = $1 AND parked_at IS NULL ORDER BY id LIMIT $2
"""

_FAILED: LiteralString = """
UPDATE webhook_deliveries SET attempts = attempts + 1, why = $2, parked_at = $3 WHERE id = $1
"""

_PARK: LiteralString = """
UPDATE webhook_deliveries SET why = $3, parked_at = $4 WHERE webhook = $1 AND parked_at IS NULL AND since < $2
"""

_RETRY: LiteralString = """
UPDATE webhook_deliveries SET attempts = 0, parked_at = NULL, since = $2
WHERE webhook = $1 AND parked_at IS NOT NULL
"""

_PARKED: LiteralString = """
SELECT * FROM webhook_deliveries WHERE parked_at IS NOT NULL AND ($1::text IS NULL OR webhook = $1)
ORDER BY webhook, id LIMIT $2
"""

_STANDING: LiteralString = """
SELECT webhook, count(*) FILTER (WHERE parked_at IS NULL) AS waiting,
    count(*) FILTER (WHERE parked_at IS NOT NULL) AS parked, min(at) FILTER (WHERE parked_at IS NULL) AS oldest
FROM webhook_deliveries GROUP BY webhook
"""

_FORGET: LiteralString = "DELETE FROM webhook_deliveries WHERE since < $1 RETURNING webhook"
