"""The agents' wishes from their screens, and what they are told: glue between WebSocket and desks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial

import structlog

from handlers.database import AWAY
from handlers.desk.agentdesks import AgentDesks, Asked, Said
from handlers.websocket import Seated
from telephony.calls.deskwork import LEGAL, Why, Wish
from telephony.cases.connecting import DatabaseUrlError
from telephony.people.roles import Person
from telephony.screenpop import messages
from telephony.screenpop.messages import Do, harmless
from telephony.screenpop.screen import Screen

KNOWN = frozenset({*(wish.value for wish in Wish), "agree"})
PASSED = frozenset({None, Why.REFUSED, Why.NOT_SENT, Why.UNSURE})
"""What came of a wish that our own rules allowed."""
MOST = 256
"""So many wishes of all agents are under way at most."""
Audit = Callable[[str, str, str, str], None]
"""Person, address, desk, and what was done."""
AGREE = "agree"
"""The wish to call back who talks now."""
Agrees = Callable[[Seated, str], Awaitable[datetime | None]]
"""Promises a call back to the caller of a call that is shown on that desk; by when. None: it cannot be done."""


async def nobody_agrees(_seated: Seated, _call: str) -> datetime | None:
    """There is no casework."""
    return None


class AtScreens:
    """Takes wishes, and describes desks.

    Args:
        desks: who fulfils them.
        titles: of queues, by name.
        audit: is told what was done, and what was refused by a rule of ours.
    """

    def __init__(self, desks: AgentDesks, titles: Mapping[str, str | None], audit: Audit) -> None:
        self._desks, self._titles, self._audit = desks, titles, audit
        self._wishes: asyncio.Queue[tuple[Screen, Seated, str, Do]] = asyncio.Queue(MOST)
        self._under_way = 0
        self.agrees: Agrees = nobody_agrees
        self._log = structlog.get_logger(__name__)

    def seated(self, screen: Screen, seated: Seated, remote: str) -> None:
        """A screen was opened."""
        screen.describe = partial(self._described, seated.agent, seated.person)
        screen.wished = partial(self._wished, screen, seated, remote)
        screen.tell_desk()

    async def run(self) -> None:
        """Fulfil wishes until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._desks.run(), name="desks")
            while True:
                screen, seated, remote, wish = await self._wishes.get()
                tasks.create_task(self._fulfil(screen, seated, remote, wish), name="wish")

    def _wished(self, screen: Screen, seated: Seated, remote: str, wish: Do) -> None:
        if self._under_way >= MOST or wish.wish not in KNOWN:
            why = Why.NOT_SENT if wish.wish in KNOWN else Why.OFF
            screen.tell_did(messages.did(wish.id, why.value, ""))
            return
        self._under_way += 1
        self._wishes.put_nowait((screen, seated, remote, wish))

    async def _fulfil(self, screen: Screen, seated: Seated, remote: str, wish: Do) -> None:
        try:
            if wish.wish == AGREE:
                await self._agree(screen, seated, remote, wish)
            else:
                await self._act(screen, seated, remote, wish)
        except Exception:  # noqa: BLE001 - whatever it is, the other desks and all calls go on
            self._log.exception("wish_failed", wish=wish.wish)
            why = f"agree_{Why.UNSURE.value}" if wish.wish == AGREE else Why.UNSURE.value
            screen.tell_did(messages.did(wish.id, why, ""))
        finally:
            self._under_way -= 1

    async def _act(self, screen: Screen, seated: Seated, remote: str, wish: Do) -> None:
        asked = Asked(Wish(wish.wish), wish.phone, wish.queues, wish.reason, wish.number)
        said = await self._desks.wish(seated.agent, asked, seated.person)
        self._audit(seated.told, remote, seated.agent, _written_down(asked, said))
        screen.tell_did(messages.did(wish.id, None if said.why is None else said.why.value, said.said))
        screen.tell_desk()

    async def _agree(self, screen: Screen, seated: Seated, remote: str, wish: Do) -> None:
        """STD-FIVE-MIN: the talk is long, and the caller is promised to be called back."""
        why: Why | None = None
        due_at: datetime | None = None
        try:
            due_at = await self.agrees(seated, wish.call)
            why = Why.BAD_NUMBER if due_at is None else None
        except (DatabaseUrlError, *AWAY):
            why = Why.UNSURE
        self._audit(seated.told, remote, seated.agent, f"agreed a call back: {'done' if why is None else why.value}")
        screen.tell_did(messages.did(wish.id, None if why is None else f"agree_{why.value}", "", due_at))

    def _described(self, agent: str, person: Person | None) -> str:
        now, terms = self._desks.now(agent), self._desks.terms
        standing = now.standing
        queues, calls = self._desks.can(agent)
        return messages.desk(
            {
                "doing": standing.doing.value,
                "reason": harmless(standing.reason),
                "paused": standing.paused,
                "phone": harmless(standing.phone),
                "queues": [self._queue(queue) for queue in standing.queues],
                "left_seconds": None if now.left is None else round(now.left.total_seconds(), 1),
                "can": {"queues": queues, "call": calls},
                "wishes": sorted(wish.value for wish in LEGAL[standing.doing]),
                "phones": list(self._desks.posts[agent].phones),
                "choices": [self._queue(queue) for queue in self._desks.queues_of(agent, person)],
                "pauses": list(terms.pauses),
                "wrap_up": terms.wrap_up,
            }
        )

    def _queue(self, name: str) -> dict[str, str]:
        return {"name": harmless(name), "title": self._titles.get(name) or harmless(name)}


def _written_down(asked: Asked, said: Said) -> str:
    """For the trail: nothing that was typed and passed no rule, and no number that was called."""
    about: tuple[str, ...] = ()
    if said.why in PASSED:
        match asked.wish:
            case Wish.SIGN_IN:
                about = (asked.phone, *asked.queues)
            case Wish.PAUSE:
                about = (asked.reason,)
            case _:
                pass
    return f"{' '.join((asked.wish.value, *about))}: {'done' if said.why is None else said.why.value}"
