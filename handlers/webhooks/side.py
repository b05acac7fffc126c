"""Webhooks, put together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.webhooks.delivering import Deliverer, Deliveries
from handlers.webhooks.pops import MOST, Listener, Pops
from telephony.cases.outbox import Outbox
from telephony.cases.turns import Turns
from telephony.config import Config
from telephony.configwebhooks import POP, Webhook
from telephony.webhooks.sender import Receiver, Sender
from telephony.webhooks.signing import key_of


@dataclass(frozen=True, slots=True)
class WebhookSide:
    """Everything that tells others."""

    deliveries: Deliveries
    pops: Pops
    turns: Turns

    async def run(self) -> None:
        """Tell them, until cancelled. Only for who follows the PBXs: two would tell everything twice."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.deliveries.run(), name="deliveries")
            tasks.create_task(self.pops.run(), name="pops")

    async def close(self) -> None:
        """After `run`."""
        await self.turns.close()


def receiver_of(one: Webhook) -> Receiver:
    """What the configuration says of a receiver."""
    return Receiver(one.name, one.url.get_secret_value(), key_of(one.secret.get_secret_value()), one.private)


def webhook_side(
    config: Config, database: str, now: Callable[[], datetime], clock: Callable[[], timedelta]
) -> WebhookSide:
    """All receivers of the configuration.

    Args:
        config: checked.
        database: its address.
        now: the wall clock.
        clock: the other.
    """
    turns = Turns(database, "webhooks", connections=2)
    outbox = Outbox(turns)
    deliverers, listeners = [], []
    for one in config.webhook:
        deliverer = Deliverer(
            one.name,
            one.wants,
            timedelta(hours=one.give_up_hours),
            outbox=outbox,
            sender=Sender(receiver_of(one)),
            now=now,
        )
        deliverers.append(deliverer)
        if one.wants(POP):
            listeners.append(_listener(one, deliverer))
    return WebhookSide(Deliveries(deliverers, outbox, now), Pops(listeners, now, clock), turns)


def _listener(one: Webhook, deliverer: Deliverer) -> Listener:
    def dropped() -> None:
        deliverer.dropped += 1

    # A sender of its own: a pop does not wait behind what is told in order.
    return Listener(Sender(receiver_of(one)), one.caller, deliverer.attempts, dropped, asyncio.Queue(MOST))
