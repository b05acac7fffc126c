"""Tells receivers what stands in the outbox: each in order and at least once, and none because another is slow."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Protocol

import structlog

from handlers.database import AWAY, trouble
from telephony.backoff import Backoff
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.outbox import Delivery, Outbox, Standing
from telephony.metrics import WebhookGauges
from telephony.webhooks.deciding import Fate, fate
from telephony.webhooks.sender import Answer
from telephony.webhooks.signing import Event, event_id

EVERY = 1.0
"""Seconds between two looks when nothing happens."""
AGAIN_FIRST, AGAIN_CAP = 1.0, 300.0
"""Seconds between two attempts at a receiver that fails."""
COUNT_EVERY = timedelta(seconds=15)
FORGET_EVERY = timedelta(hours=1)
TOO_LONG = "tried for too long"
Pause = Callable[[float], Awaitable[None]]
log = structlog.get_logger(__name__)


class Sends(Protocol):
    """`telephony.webhooks.sender.Sender`."""

    async def send(self, event: Event, at: datetime, /) -> Answer:
        """One attempt."""
        ...

    async def close(self) -> None:
        """Let its connection go."""
        ...


class Deliverer:
    """One receiver.

    Args:
        name: of the receiver.
        wants: whether it is told of a topic.
        longest: so long an event is tried.
        outbox: what it has still to be told.
        sender: tells it.
        now: the wall clock.
        pause: waits so many seconds.
    """

    def __init__(  # noqa: PLR0913 - what it is put together from
        self,
        name: str,
        wants: Callable[[str], bool],
        longest: timedelta,
        *,
        outbox: Outbox,
        sender: Sends,
        now: Callable[[], datetime],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.name, self.wants = name, wants
        self.attempts: Counter[str] = Counter({one.value: 0 for one in Fate})
        self.dropped = 0
        self._longest, self._outbox, self._sender, self._now, self._pause = longest, outbox, sender, now, pause
        self._backoff = Backoff(AGAIN_FIRST, AGAIN_CAP, SystemRandom())
        self._told = False

    async def run(self) -> None:
        """Tell what there is, until cancelled."""
        try:
            await forever(self.once, self._pause)
        finally:
            await self._sender.close()

    async def once(self) -> float:
        """Tell what waits now, in order, up to the first that is not taken; so many seconds to wait then."""
        waiting = await self._outbox.next(self.name)
        for one in waiting:
            if not await self._tell(one):
                return self._backoff.next()
        return 0.0 if waiting else EVERY

    async def _tell(self, one: Delivery) -> bool:
        """Whether the next has its turn."""
        data = {"id": str(one.subject), "version": one.version, **one.told}
        event = Event(event_id(one.topic, one.subject, one.version), one.topic, one.at, data)
        at = self._now()
        answer = await self._sender.send(event, at)
        what = fate(answer.status, one.attempts + 1, at - one.since, self._longest)
        self.attempts[what.value] += 1
        if what is Fate.DELIVERED:
            await self._outbox.delivered(one.id)
            self._backoff, self._told = Backoff(AGAIN_FIRST, AGAIN_CAP, SystemRandom()), False
            return True
        await self._outbox.failed(one.id, answer.why, at if what is Fate.PARKED else None)
        if what is Fate.PARKED and at - one.since >= self._longest:  # the others have waited as long for the same
            parked = await self._outbox.park_older(self.name, at - self._longest, TOO_LONG, at)
            log.error("webhook_parked", webhook=self.name, events=parked + 1, why=answer.why, remedy=self._remedy())
        elif what is Fate.PARKED:
            log.error("webhook_parked", webhook=self.name, events=1, why=answer.why, remedy=self._remedy())
            return True
        self._tell_once(answer.why)
        return False

    def _tell_once(self, why: str) -> None:
        if not self._told:
            log.warning("webhook_not_taken", webhook=self.name, why=why, remedy="none: tried again")
        self._told = True

    def _remedy(self) -> str:
        return f"when it is mended: threerings webhooks retry {self.name}"


class Deliveries:
    """All receivers.

    Args:
        deliverers: one each.
        outbox: what happens.
        now: the wall clock.
        pause: waits so many seconds.
    """

    def __init__(
        self,
        deliverers: Sequence[Deliverer],
        outbox: Outbox,
        now: Callable[[], datetime],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._deliverers = {one.name: one for one in deliverers}
        self._outbox, self._now, self._pause = outbox, now, pause
        self._standing: Mapping[str, Standing] | None = None
        self._count_at = self._forget_at = now()

    async def run(self) -> None:
        """Share out what happens and tell it, until cancelled; without receivers there is nothing to do."""
        if not self._deliverers:
            await self._tidy()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(forever(self.once, self._pause), name="outbox")
            for one in self._deliverers.values():
                tasks.create_task(one.run(), name=f"webhook {one.name}")

    async def _tidy(self) -> None:
        """What is there for receivers that were taken out of the configuration is forgotten in time, too."""
        try:
            await self._outbox.forget(self._now(), ())
        except (DatabaseUrlError, *AWAY) as error:
            log.info("webhooks_not_tidied", error=trouble(error))
        except Exception:  # a connection that is cut at the wrong moment says many things
            log.exception("webhooks_not_tidied")

    async def once(self) -> float:
        """Share out what has happened; so many seconds to wait then."""
        shared = await self._outbox.share({name: one.wants for name, one in self._deliverers.items()})
        for name, count in shared.dropped.items():
            self._deliverers[name].dropped += count
        now = self._now()
        if self._standing is None or not timedelta() <= now - self._count_at < COUNT_EVERY:
            self._standing, self._count_at = await self._outbox.standing(), now
        if not timedelta() <= now - self._forget_at < FORGET_EVERY:
            self._forget_at = now
            await self._outbox.forget(now, self._deliverers)
        return 0.0 if shared.events else EVERY

    def gauges(self) -> Mapping[str, WebhookGauges]:
        """As counted last."""
        return {name: self._gauges(one) for name, one in self._deliverers.items()}

    def _gauges(self, one: Deliverer) -> WebhookGauges:
        if self._standing is None:
            return WebhookGauges(None, None, None, one.attempts, one.dropped)
        found = self._standing.get(one.name, Standing(0, 0, None))
        oldest = 0.0 if found.oldest is None else max(0.0, (self._now() - found.oldest).total_seconds())
        return WebhookGauges(found.waiting, found.parked, oldest, one.attempts, one.dropped)


async def forever(once: Callable[[], Awaitable[float]], pause: Pause) -> None:
    """Do it again and again, until cancelled; while the database is away, or something is wrong, less often."""
    backoff, told = Backoff(0.5, 30.0, SystemRandom()), False
    while True:
        try:
            seconds = await once()
        except AWAY as error:
            if not told:
                log.warning("webhooks_wait", error=trouble(error), remedy="none: they go on when the database answers")
            seconds, told = backoff.next(), True
        except Exception:  # whatever it is, calls are followed and saved
            log.exception("webhooks_failed", remedy="none: tried again")
            seconds = backoff.next()
        else:
            backoff, told = Backoff(0.5, 30.0, SystemRandom()), False
        await pause(seconds)
