"""A caller's stay in one queue: what is said when he joins and when he leaves, whatever the way. No I/O."""

from telephony.simulator.calls import Call
from telephony.simulator.ledger import Stay
from telephony.simulator.pbx import NONE, Pbx
from telephony.simulator.queues import Queue, Waiting
from telephony.simulator.timeline import SECOND

GONE = "gone"
"""What `queue` gives when nothing is left to do in the dialplan: he hung up, was ended, or has talked."""
MOVED = "moved"
"""The caller goes on elsewhere: by a key, a redirect or a transfer."""


class QueueVisit:
    """One caller in one queue.

    Attributes:
        stay: its place in the ledger.
        entry: his place in the queue.
        began: whole seconds since 1970.
    """

    def __init__(self, pbx: Pbx, call: Call, waited: Queue, seconds: float, priority: int) -> None:
        self.pbx, self.call, self.queue = pbx, call, waited
        self.stay = call.stay = Stay(call.channel.uniqueid, "queue", waited.name, pbx.timeline.now)
        pbx.stays.append(self.stay)
        expires = pbx.timeline.now + round(seconds * SECOND) if seconds else None
        self.entry = call.waiting = Waiting(call, self.stay, pbx.timeline.now, expires, priority)
        self.began = pbx.seconds

    def join(self) -> None:
        """He joins: the event, and the line."""
        caller, name = self.call.channel, self.queue.name
        self.queue.join(self.entry)
        place = [("Queue", name), ("Position", self.entry.first_position), ("Count", len(self.queue.waiting))]
        self.stay.joined = self.entry.joined = self.pbx.tell("QueueCallerJoin", "agent", caller.headers(), place)
        self.write(NONE, "ENTERQUEUE", "", caller.number, self.entry.first_position)

    def write(self, agent: str, event: str, *data: object) -> None:
        """One line of queue_log about him."""
        self.pbx.write(self.call.channel.uniqueid, self.queue.name, agent, event, *data)

    def leave(self) -> int:
        """He leaves, which is said once on every way; gives the moment."""
        position = self.queue.position(self.entry)
        self.queue.waiting.remove(self.entry)
        self.call.waiting = None
        place = [("Queue", self.queue.name), ("Position", position), ("Count", len(self.queue.waiting))]
        return self.pbx.tell("QueueCallerLeave", "agent", self.call.channel.headers(), place)

    @property
    def held(self) -> int:
        """Whole seconds waited, as Asterisk counts them: by the second hand."""
        return self.pbx.seconds - self.began

    def abandon(self, agent: str, event: str, *more: object) -> None:
        """What Asterisk calls abandoned: every way out but the answer and the key."""
        first, position = self.entry.first_position, self.queue.position(self.entry)
        told = [("Queue", self.queue.name), ("Position", position)]
        told += [("OriginalPosition", first), ("HoldTime", self.held)]
        self.queue.abandoned += 1
        self.pbx.tell("QueueCallerAbandon", "agent", self.call.channel.headers(), told)
        self.write(agent, event, position, first, self.held, *more)

    def until(self, when: int) -> int:
        """That moment, or the earlier one at which Queue() gives up."""
        expires = self.entry.expires
        return when if expires is None else min(when, expires)

    def interrupted(self) -> bool:
        """There is a reason to leave."""
        call, expires = self.call, self.entry.expires
        return (
            call.called_away
            or (expires is not None and self.pbx.timeline.now >= expires)
            or (self.queue.settings.leavewhenempty and not self.queue.members and not call.legs)
        )

    def exit(self) -> str | None:
        """Why he leaves now, after all that is said about it; None: he stays."""
        call = self.call
        if not self.interrupted():
            return None
        if call.gone or call.moved:
            return self._taken_away()
        if call.key:
            self.write(NONE, "EXITWITHKEY", call.key, self.queue.position(self.entry), *self._waited())
            self.stay.over("key_exit", self.leave())
            return MOVED
        if call.withdrawn:
            call.withdrawn = False
            return self._sent_away("WITHDRAW", "WITHDRAW", "withdrawn", "")
        if self.queue.settings.leavewhenempty and not self.queue.members:
            return self._sent_away("LEAVEEMPTY", "EXITEMPTY", "empty")
        return self._sent_away("TIMEOUT", "EXITWITHTIMEOUT", "timeout")

    def _waited(self) -> tuple[int, int]:
        return self.entry.first_position, self.held

    def _sent_away(self, status: str, event: str, outcome: str, *more: object) -> str:
        self.abandon(NONE, event, *more)
        self.stay.over(outcome, self.leave())
        return status

    def _taken_away(self, agent: str = NONE) -> str:
        call = self.call
        self.abandon(agent, "ABANDON")
        outcome = "abandoned" if call.hung_up else "ended_by_pbx" if call.ended else "redirected"
        left = self.leave()
        self.stay.over(outcome, call.hung_up or left)
        return GONE if call.gone else MOVED

    # --- one attempt ---
