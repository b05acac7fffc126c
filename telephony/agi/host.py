"""One script host, seen from the service: its process, its wire, and the conversations it holds."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import structlog

from telephony.agi.child import Child
from telephony.agi.codec import Environment
from telephony.agi.conversations import Conversation
from telephony.agi.replacing import Stage
from telephony.agi.scripts import Script
from telephony.agi.wire import Message, Wire, WireClosed, WireFull, pair

LAST_WORDS = 0.1
"""Seconds between asking a blocked host where it is and hearing what it says …"""
HEARINGS = 5
"""… so often at most, if it has said nothing yet: the machine may be busy. Its callers have gone on already."""
FINISHED = ("ok", "hung_up", "failed")
"""How a host ends conversations itself. What else it says of one is that it could not take it."""
MARGIN = 5.0
"""Seconds."""
ABANDONED_AT_ONCE = 50
"""Conversations given up before the loop gets its turn."""
STARVED = 5
"""So many times the silence is borne of a host that runs no script just then."""
MOST_ROUNDS = 32
"""A host that talks without end is heard enough."""


class Host:
    """From its start (`live`) to its end.

    Args:
        scripts: what it can run.
        longest: seconds of a conversation.
        ended: told (conversation, result, detail) when the host has finished a conversation; the socket is closed.
        abandoned: the same, when somebody else must finish it.
        refused: told (conversation, detail) when the host could not even begin with it.

    Attributes:
        stage: of its life.
        left: set once it takes no more calls.
        settled: set once it is ready, or will never be.
        faults: of its scripts, by name, as seen at import.
        conversations: by number.
        quiet: seconds, as counted by `judge`, that nothing was heard.
        age: the same, since it was started, or since it was ready.
        parked: scripts in it that never run again.
        given_up: its conversations are being ended, some at a time.
        reason: why it left: '' in good order, 'silent', 'died', 'exhausted'.
        detail: what is known about that, one line.
    """

    def __init__(
        self,
        scripts: Sequence[Script],
        longest: float,
        ended: Callable[[Conversation, str, str], None],
        abandoned: Callable[[Conversation, str, str], None],
        refused: Callable[[Conversation, str], None],
    ) -> None:
        self.stage = Stage.STARTING
        self.left, self.settled = asyncio.Event(), asyncio.Event()
        self.faults: Mapping[str, str] = {}
        self.conversations: dict[int, Conversation] = {}
        self.quiet = self.age = 0.0
        self.parked, self.given_up = 0, False
        self.reason = self.detail = ""
        self._scripts, self._longest = scripts, longest
        self._ended, self._abandoned, self._refused = ended, abandoned, refused
        self._wire: Wire | None = None
        self._heard_at_judging = self._ending = False
        self._log = structlog.get_logger(__name__)
        self._child = Child(lambda line: self._log.info("script_host_said", line=line))

    # --- life ---------------------------------------------------------------------------------------------------------
    async def live(self) -> None:
        """Run the process until it ends; cancelled: end it. Afterwards nothing of it is left."""
        try:
            await self._start()
            self._leave("died", await self._child.ended())
        except (OSError, ValueError, WireClosed, WireFull) as error:
            self._leave("died", f"cannot be started: {type(error).__name__}: {error}")
        finally:
            self.given_up = True
            self.hear()
            while self._abandon("host_lost", self.detail or "the service ends"):  # noqa: ASYNC110 - the loop's turn
                await asyncio.sleep(0)
            if self._wire is not None:
                self._wire.close()
            await self._child.reap()
            self.stage = Stage.GONE
            self.left.set()
            self.settled.set()

    def judge(self, passed: float, silence: float, start: float) -> None:
        """Hear what waits, then say whether it still lives.

        Args:
            passed: seconds that this process has watched since the last time; not those that it was stopped.
            silence: so many seconds of it are too many …
            start: … and so many until it is ready, whatever it says meanwhile: an import may print for ever.
        """
        self._heard_at_judging = False
        if self._ending:
            return
        self.hear()
        self.age += passed
        self.quiet = 0.0 if self._heard_at_judging else self.quiet + passed
        if self.stage is Stage.STARTING and self._child.runs and self.age > start:
            self._ending = True
            self._leave("died", f"was not ready within {start:g} s")
            self._child.kill()
        elif self.stage in (Stage.READY, Stage.DRAINING) and self.quiet > silence:
            self._silent(silence)

    def _silent(self, silence: float) -> None:
        """Where no script's code runs, none can be to blame: the machine is busy, and its callers may yet be served."""
        if self._child.running_call or self.quiet > silence * STARVED:
            self._blocked(silence)

    def drain(self) -> None:
        """Take no more calls, and end with the last one."""
        if self.stage in (Stage.STARTING, Stage.READY):
            self.stage = Stage.DRAINING
            self.left.set()
            self.quiet = 0.0
            self._let_go()

    def expire(self, result: str, detail: str) -> None:
        """Give up every conversation, and be gone."""
        self._abandon_all(result, detail)
        self._let_go()

    # --- calls --------------------------------------------------------------------------------------------------------
    @property
    def waiting(self) -> int:
        """Messages that it has not read."""
        return 0 if self._wire is None else self._wire.waiting

    def take(self, conversation: Conversation, environment: Environment) -> None:
        """Hand it a call. What it cannot begin with it refuses later, and from then on takes no more.

        Raises:
            WireFull, WireClosed: it cannot; nothing has happened.
            ValueError: the environment is too long to be handed on.
        """
        if self._wire is None:
            raise WireClosed
        message = {
            "do": "call",
            "id": conversation.number,
            "script": conversation.script,
            "values": dict(environment.values),
            "path": environment.script,
            "query": dict(environment.query),
            "arguments": len(environment.arguments),
        }
        self._wire.send(message, conversation.sock)
        self.conversations[conversation.number] = conversation

    def give_up(self, conversation: Conversation, result: str, detail: str) -> None:
        """Take a conversation out of its hands."""
        if self.conversations.pop(conversation.number, None) is None:
            return
        if self._wire is not None and not self._wire.forget(conversation.sock):
            self._tell({"do": "drop", "id": conversation.number})
        conversation.quiet()
        self._abandoned(conversation, result, detail)
        self._let_go()

    def hear(self) -> None:
        """Read what waits now, before somebody is judged by it."""
        rounds = MOST_ROUNDS
        while self._wire is not None and self._wire.read() and rounds:
            rounds -= 1

    # --- within -------------------------------------------------------------------------------------------------------
    async def _start(self) -> None:
        ours, theirs = pair()
        self._wire = Wire(ours, self._hear, self._lost)
        try:
            await self._child.start(theirs)
        finally:
            theirs.close()
        self._wire.open()
        scripts = [(script.name, str(script.file), script.function) for script in self._scripts]
        # A command may last a little longer than a conversation, so which of the two limits comes first is no luck.
        self._wire.send({"do": "load", "scripts": scripts, "longest": self._longest + MARGIN}, must=True)

    def _hear(self, message: Message, along: socket.socket | None) -> None:
        self._heard_at_judging = True
        self.quiet = 0.0
        if along is not None:
            along.close()
        match message:
            case {"is": "alive", "parked": int(parked)}:
                self.parked = parked
            case {"is": "ready", "faults": dict(faults)}:
                self.faults = faults
                self.age = 0.0
                if self.stage is Stage.STARTING:
                    self.stage = Stage.READY
                self.settled.set()
            case {"is": "started", "id": int(number)}:
                self._started(number)
            case {"is": "ended", "id": int(number), "result": str(result), "detail": str(detail)}:
                self._finished(number, result, detail)
            case {"is": "said", "script": str(script), "line": str(line)}:
                self._log.info("script_said", script=script, line=line)
            case {"is": "unsaid", "lines": int(lines)}:
                self._log.info("script_said_too_much", lines_dropped=lines)
            case _:
                pass

    def _started(self, number: int) -> None:
        conversation = self.conversations.get(number)
        if conversation is not None and not conversation.started:
            conversation.started, conversation.environment = True, None
            conversation.alarms[0].cancel()

    def _finished(self, number: int, result: str, detail: str) -> None:
        conversation = self.conversations.pop(number, None)
        if conversation is None:
            return
        conversation.quiet()
        if result in FINISHED:
            conversation.sock.close()
            self._ended(conversation, result, detail)
        else:
            # Having no conversations it would be everybody's first choice, for ever.
            self._leave("exhausted", detail)
            self._refused(conversation, detail)
        self._let_go()

    def _abandon_all(self, result: str, detail: str) -> None:
        """In slices: each takes the loop milliseconds."""
        self.given_up = True
        if self._abandon(result, detail):
            asyncio.get_running_loop().call_soon(self._abandon_all, result, detail)

    def _abandon(self, result: str, detail: str) -> bool:
        """Give up some conversations; whether there are more."""
        for conversation in list(islice(self.conversations.values(), ABANDONED_AT_ONCE)):
            self.give_up(conversation, result, detail)
        return bool(self.conversations)

    def _blocked(self, silence: float) -> None:
        """Give its callers back to the dialplan at once; then find out what it hangs in, and end it."""
        self._ending = True
        guilty = self.conversations.get(self._child.running_call)
        script = guilty.script if guilty is not None else ""
        who = f"script {script}" if script else "something in it"
        self._leave("silent", f"{who} has blocked the host for {silence:g} s")
        lost = len(self.conversations)
        if guilty is not None:
            self.give_up(guilty, "host_lost", "it has blocked its host")
        self._abandon_all("host_lost", self.detail)
        self._child.ask_where()
        asyncio.get_running_loop().call_later(LAST_WORDS, self._end_blocked, script, lost, HEARINGS)

    def _end_blocked(self, script: str, lost: int, hearings: int) -> None:
        if not self._child.runs:
            return
        where = self._child.where([script.file.parent for script in self._scripts])
        if not where and hearings > 1:
            later = asyncio.get_running_loop().call_later
            later(LAST_WORDS, self._end_blocked, script, lost, hearings - 1)
            return
        if lost:
            remedy = "let it wait in another way: a host runs many calls, and one that blocks stops them all"
            self._log.warning("script_host_blocked", script=script, where=where, callers_lost=lost, remedy=remedy)
        self._child.kill()

    def _lost(self) -> None:
        """Nobody is at the other end of the wire any more; what the process died of is known when it is reaped."""
        self.given_up = True
        if self.stage in (Stage.STARTING, Stage.READY):
            self.stage = Stage.DRAINING

    def _leave(self, reason: str, detail: str) -> None:
        if not self.left.is_set():
            self.reason, self.detail = reason, detail
            self.stage = Stage.DRAINING
            self.left.set()

    def _let_go(self) -> None:
        """When it drains and has nothing left to do, it may end; `judge` sees to it if it does not."""
        if self.stage is Stage.DRAINING and not self.conversations and self._wire is not None:
            self._wire.close()

    def _tell(self, message: Mapping[str, Any]) -> None:
        if self._wire is not None:
            with contextlib.suppress(WireFull, WireClosed):
                self._wire.send(message)
