"""A line on which we act: one action, one answer, or one clear word why there is none. Never that of the events.

    acting = Acting(settings, clock=SystemClock(), rng=Random())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(acting.run())
        ...
        answer = await acting.act("QueuePause", Interface="PJSIP/1001", Paused="true")

What was sent is never sent again: whether it was done is then told by the PBX's own state, which the line of the
events brings. So nothing waits here, either: what cannot be sent at once is not sent at all.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import Random

from telephony.ami.client import AmiClient, NotConnected
from telephony.ami.codec import Codec, Kind, Message
from telephony.ami.feed import Batch, LinkDown, LinkUp, RequestExpired
from telephony.ami.line import Fault
from telephony.ami.settings import AmiSettings, Clock

WITHIN = timedelta(seconds=2)
MOST = 64
"""So many actions of one PBX are under way at most."""
ORIGINATE_RESPONSE = "OriginateResponse"


class Result(StrEnum):
    """What became of an action; a label of metrics."""

    DONE = "done"
    REFUSED = "refused"
    """The PBX said no."""
    NOT_SENT = "not_sent"
    """There is no line, or too much is under way: it may be tried again."""
    BAD = "bad"
    """A value that cannot be said on this line."""
    UNSURE = "unsure"
    """It was sent, and no answer came: it may have been done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it, and the PBX's own words, or why there are none. `action_id`: empty when it was not sent."""

    result: Result
    said: str = ""
    action_id: str = ""

    @property
    def done(self) -> bool:
        """Whether the PBX said yes."""
        return self.result is Result.DONE


def answers_only(settings: AmiSettings) -> Codec:
    """Reads answers; of events the outcome of an Originate alone, should the account be told it."""
    rules = {ORIGINATE_RESPONSE: frozenset({"ActionID", "Response", "Reason"})}
    return Codec(rules, systemname=settings.systemname, strict=settings.strict)


class Acting:
    """The line of one account for actions.

    Args:
        settings: of this account.
        clock, rng: as `AmiClient`.
        within: an action has its answer by then.
        most: see `MOST`.
    """

    def __init__(
        self, settings: AmiSettings, *, clock: Clock, rng: Random, within: timedelta = WITHIN, most: int = MOST
    ) -> None:
        self._line = AmiClient(settings, clock=clock, rng=rng, codec=answers_only)
        self._within, self._most = within.total_seconds(), most
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._outcomes: dict[str, asyncio.Future[Answer]] = {}

    @property
    def connected(self) -> bool:
        """Whether an action could be sent now."""
        return self._line.connected

    @property
    def refused(self) -> bool:
        """Whether the PBX did not let this account in when it was tried last."""
        return not self._line.connected and self._line.failures[Fault.REFUSED] > 0

    @property
    def seen(self) -> Mapping[str, int]:
        """The events that it was told, by name; there should be none but those that it needs."""
        return self._line.seen

    async def run(self) -> None:
        """Keep the line up until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._line.run())
            tasks.create_task(self._hear())

    async def act(self, action: str, /, **headers: str) -> Answer:
        """Send it once, and wait for the answer; never raises, and never takes longer than `within`."""
        return await self._sent(action, headers)

    async def originate(self, headers: dict[str, str], within: timedelta) -> Answer:
        """Let a phone ring and lead it on, and wait up to `within` for whether it was answered.

        Args:
            headers: of Originate, but Async, which is always said.
            within: longer than the phone may ring.

        Returns:
            DONE: it was answered. REFUSED: it was not, `said` is Asterisk's reason. Others as of `act`.
        """
        begun = await self._sent("Originate", headers | {"Async": "true"}, outcome=True)
        if not begun.done:
            self._outcomes.pop(begun.action_id, None)
            return begun
        return await self._awaited(begun.action_id, self._outcomes, within.total_seconds())

    async def _sent(self, action: str, headers: dict[str, str], *, outcome: bool = False) -> Answer:
        if len(self._waiting) + len(self._outcomes) >= self._most:
            return Answer(Result.NOT_SENT, f"{self._most} actions are under way")
        try:
            action_id = self._line.request(action, **headers)
        except NotConnected:
            return Answer(Result.NOT_SENT, "there is no line to the PBX")
        except ValueError as error:
            return Answer(Result.BAD, str(error))
        loop = asyncio.get_running_loop()
        self._waiting[action_id] = loop.create_future()
        if outcome:
            self._outcomes[action_id] = loop.create_future()
        return await self._awaited(action_id, self._waiting, self._within)

    async def _awaited(self, action_id: str, among: dict[str, asyncio.Future[Answer]], seconds: float) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                return await among[action_id]
        except TimeoutError:
            return Answer(Result.UNSURE, f"the PBX did not answer within {seconds:g} s", action_id)
        finally:
            among.pop(action_id, None)

    # --- what the PBX says ---

    async def _hear(self) -> None:
        while True:
            for entry in await self._line.take():
                match entry:
                    case Batch():
                        for item in entry.items:
                            if isinstance(item, Message):
                                self._answered(item)
                    case LinkDown():
                        self._lost(entry.reason)
                    case LinkUp() | RequestExpired():
                        pass  # each has its own limit

    def _answered(self, message: Message) -> None:
        said = message.headers.get("Message", "")
        if message.kind is Kind.RESPONSE:
            result = Result.DONE if message.succeeded else Result.REFUSED
            _settle(self._waiting, Answer(result, said, message.action_id))
        elif message.event == ORIGINATE_RESPONSE:
            answered = message.headers["Response"] == "Success"
            reason = message.headers["Reason"]
            _settle(self._outcomes, Answer(Result.DONE if answered else Result.REFUSED, reason, message.action_id))

    def _lost(self, why: str) -> None:
        """What is under way may have been done: nobody will say."""
        for waiting in (self._waiting, self._outcomes):
            for action_id in waiting:
                _settle(waiting, Answer(Result.UNSURE, why, action_id))


def _settle(waiting: dict[str, asyncio.Future[Answer]], answer: Answer) -> None:
    future = waiting.get(answer.action_id)
    if future is not None and not future.done():
        future.set_result(answer)
