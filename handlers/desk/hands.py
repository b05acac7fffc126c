"""What we do on one PBX for its agents, over the accounts for actions; each gives one word of what became of it."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom

from telephony.ami.acting import Acting, Answer, Result
from telephony.ami.settings import AmiSettings, SystemClock
from telephony.config import Pbx
from telephony.configdesk import Desk

LONG = timedelta(days=36_500)
SLACK = timedelta(seconds=5)
"""The PBX tells what became of a call so much later than the phone stopped ringing."""
OFF = Answer(Result.BAD, "there is no account for it in the configuration")


@dataclass(slots=True)
class Hands:
    """The accounts for actions of one PBX.

    Attributes:
        acting: for queues; None: there is none. calling: for calls, likewise.
        context: the only one in which numbers are looked up. rings: for so long the agent's own phone.
    """

    pbx: str
    acting: Acting | None = None
    calling: Acting | None = None
    context: str = ""
    rings: timedelta = timedelta(seconds=20)

    async def run(self) -> None:
        """Keep both lines up, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for one in (self.acting, self.calling):
                if one is not None:
                    tasks.create_task(one.run(), name=f"acts on {self.pbx}")

    async def sign_in(self, phone: str, agent: str, queues: Collection[str]) -> Answer:
        """Into these queues, all or none that are new: what was begun and refused is taken back."""
        begun: list[str] = []
        answer = OFF
        for queue in queues:
            answer = await self._act("QueueAdd", Queue=queue, Interface=phone, MemberName=agent, Paused="false")
            if not answer.done:
                for other in begun:
                    await self._act("QueueRemove", Queue=other, Interface=phone)
                break
            begun.append(queue)
        return answer

    async def sign_out(self, phone: str, queues: Collection[str]) -> Answer:
        """Out of these queues; of what was refused the first is told."""
        answers = [await self._act("QueueRemove", Queue=queue, Interface=phone) for queue in queues]
        return next((one for one in answers if not one.done), answers[0] if answers else OFF)

    async def pause(self, phone: str, reason: str) -> Answer:
        """In all his queues."""
        return await self._act("QueuePause", Interface=phone, Paused="true", Reason=reason)

    async def ready(self, phone: str) -> Answer:
        """In all his queues."""
        return await self._act("QueuePause", Interface=phone, Paused="false")

    async def call(self, phone: str, number: str) -> Answer:
        """First the agent's phone, then the number, in the one context; gives whether he took it off the hook."""
        if self.calling is None:
            return OFF
        headers = {
            "Channel": phone,
            "Context": self.context,
            "Exten": number,
            "Priority": "1",
            "Timeout": str(int(self.rings.total_seconds() * 1000)),
            "CallerID": number,  # what his phone shows while it rings
        }
        return await self.calling.originate(headers, self.rings + SLACK)

    async def _act(self, action: str, /, **headers: str) -> Answer:
        return OFF if self.acting is None else await self.acting.act(action, **headers)


def hands_of(pbx: Pbx, desk: Desk, clock: SystemClock) -> Hands:
    """By the configuration of one PBX."""

    def line(username: str | None, secret: str, *, events: bool) -> Acting | None:
        if username is None:
            return None
        settings = AmiSettings(
            host=pbx.host,
            port=pbx.port,
            username=username,
            secret=secret,
            systemname=pbx.name if pbx.strict else None,
            strict=pbx.strict,
            tls=pbx.tls,
            tls_ca=pbx.tls_ca,
            ping_every=timedelta(seconds=pbx.ping_seconds),
            booted_within=LONG,  # it may not be told
            events=events,
            buffer_messages=1_000,
        )
        return Acting(settings, clock=clock, rng=SystemRandom(), within=timedelta(seconds=desk.action_seconds))

    return Hands(
        pbx.name,
        line(pbx.actions_username, pbx.actions_secret.get_secret_value(), events=False),
        line(pbx.click_to_call_username, pbx.click_to_call_secret.get_secret_value(), events=True),
        pbx.click_to_call_context or "",
        timedelta(seconds=desk.ring_seconds),
    )
