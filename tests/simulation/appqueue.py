"""app_queue, as far as a caller's stay in a queue goes: Queue() from asking to be let in to having left."""

from typing import TYPE_CHECKING

from tests.simulation.ringing import Ring
from tests.simulation.story import MS, QUEUES, SECOND, Phone, Stage
from tests.simulation.talking import Conversation
from tests.simulation.truth import Visit

if TYPE_CHECKING:
    from tests.simulation.caller import Caller
    from tests.simulation.pbx import Deciding, Going, Member, Note, Resting

ENDINGS = {"hangup", "ami", "shutdown", "redirect", "key", "park", "withdraw"}


class Stay:
    """One Queue().

    Attributes:
        rings: phones that are called for him now. tried: members called in this cycle.
        again: when the next cycle begins. called: phones called so far.
    """

    def __init__(self, caller: "Caller", stage: Stage, *, last: bool) -> None:
        self.caller, self.stage, self.last = caller, stage, last
        self.queue = QUEUES[stage.queue]
        self.rings: list[Ring] = []
        self.tried: set[str] = set()
        self.again = self.ring_until = 0
        self.called = 0
        self.put_off: Note | None = None

    # --- from the dialplan's point of view ---

    def live(self) -> "Going":
        """The whole of it. True: the dialplan goes on with the next stage."""
        caller, queue, pbx = self.caller, self.queue, self.caller.pbx
        caller.channel.context, caller.channel.exten = "threerings-queue", "s"
        caller.does("Queue")
        waiting = pbx.count(queue.name, caller.clock)
        if queue.most and waiting >= queue.most:
            return self.refused("FULL")
        if queue.when_empty and not pbx.serving(queue.name):
            return self.refused("JOINEMPTY")
        more = [("Queue", queue.name), ("Position", str(waiting + 1)), ("Count", str(waiting + 1))]
        joined = caller.say("QueueCallerJoin", "agent", [*caller.channel.headers(), *more])
        caller.log(queue.name, "NONE", "ENTERQUEUE", "", caller.channel.number, waiting + 1)
        self.visit = caller.enters(Visit("queue", queue.name, joined))
        self.gone: list[int] = []
        pbx.waiting[queue.name].append((caller.channel, joined, self.gone))
        if self.stage.interrupted:
            pbx.post(joined + self.stage.after, caller, (self.stage.interrupted, caller.stage))
        self.until, self.again = joined + self.stage.limit, caller.clock
        return (yield from self.waits())

    def refused(self, status: str) -> bool:
        """He is not let in: no queue event, no line but the dialplan's own."""
        caller, name = self.caller, self.queue.name
        stamp = caller.log(name, "NONE", status, "")
        told = caller.say("UserEvent", "user", self.result(status)) if self.stage.told else stamp
        outcome = "refused_full" if status == "FULL" else "refused_empty"
        visit = Visit("queue", name, told, told, outcome, decided=told, word=status, worded=stamp, told=self.stage.told)
        caller.enters(visit)
        return True

    def result(self, status: str) -> list[tuple[str, str]]:
        """The dialplan's own word."""
        more = [("UserEvent", "QueueResult"), ("Queue", self.queue.name), ("Result", status)]
        return [*self.caller.channel.headers(), *more]

    # --- waiting ---

    def waits(self) -> "Going":
        """Until something ends it."""
        caller = self.caller
        while True:
            if not self.rings and self.put_off is not None:
                return self.interrupted(str(self.put_off[0]))
            if not self.rings and self.queue.when_empty and not caller.pbx.serving(self.queue.name):
                return self.exits("LEAVEEMPTY", "EXITEMPTY", "empty")
            if not self.rings and caller.clock >= self.again:
                self.call_agents()
            note = yield min(self.until, self.ring_until if self.rings else max(self.again, caller.clock + MS))
            done = self.ended_by(note)
            if done is not None:
                return done
            if note[0] == "up" and self.is_ringing(note[1]):
                answered = yield from self.connects(note[1])  # type: ignore[arg-type]
                if answered is not None:
                    return answered

    def ended_by(self, note: "Note") -> bool | None:
        """What a note means while he waits; None: he still does."""
        what = note[0]
        if what in ENDINGS and (what == "shutdown" or note[1] == self.caller.stage):
            if what in {"park", "withdraw"} and self.rings:
                self.put_off = note
                return None
            return self.interrupted(str(what))
        if what == "time" and self.caller.clock >= self.until:
            self.give_up("NOANSWER", "no_answer")
            return self.exits("TIMEOUT", "EXITWITHTIMEOUT", "timeout")
        if what == "time" and self.rings and self.caller.clock >= self.ring_until:
            self.give_up("NOANSWER", "no_answer")
            self.again = self.caller.clock + self.queue.retry
            self.tried.clear()
        elif what == "ring" and self.is_ringing(note[1]):
            note[1].alert()  # type: ignore[attr-defined]
        elif what == "refuse" and self.is_ringing(note[1]):
            self.refusal(note[1])  # type: ignore[arg-type]
        return None

    def is_ringing(self, ring: object) -> bool:
        """Whether it is one of his."""
        return ring in self.rings

    def call_agents(self) -> None:
        """Whoever is next, by the queue's strategy."""
        caller, queue = self.caller, self.queue
        free = [member for member in caller.pbx.members[queue.name] if caller.pbx.can_take(member, caller.clock)]
        free = [member for member in free if member.interface not in self.tried]
        if queue.strategy != "ringall":
            del free[1:]
        for member in free:
            self.call(member)
        if self.rings:
            self.ring_until = caller.clock + queue.ring
        else:
            self.tried.clear()
            self.again = caller.clock + queue.retry

    def call(self, member: "Member") -> None:
        """One member; a leg that cannot be made is not spoken of."""
        phones = self.stage.phones
        phone: Phone = phones[min(self.called, len(phones) - 1)]
        self.called += 1
        self.tried.add(member.interface)
        if phone.does == "gone":
            return
        ring = Ring(self.caller, member.interface, member.name, phone, self.queue.name)
        self.rings.append(ring)
        self.visit.offers.append(ring.begin())

    def refusal(self, ring: Ring) -> None:
        """A phone says no: the next one in the same breath."""
        rang = (self.caller.clock - ring.begun) // SECOND * 1000
        ring.refuse(busy=ring.phone.does == "busy")
        ring.ends(ring.dial_end("NOANSWER"), ring.result)
        ring.rang_out(rang)
        self.caller.log(self.queue.name, ring.agent, "RINGNOANSWER", rang)
        ring.hang_up(17 if ring.result == "busy" else 21)
        self.rings.remove(ring)
        if not self.rings:
            self.call_agents()

    def give_up(self, status: str, result: str) -> None:
        """No phone may ring any longer."""
        for ring in self.rings:
            if status == "NOANSWER":
                milliseconds = self.queue.ring // MS
                ring.ends(ring.rang_out(milliseconds), result)
                self.caller.log(self.queue.name, ring.agent, "RINGNOANSWER", milliseconds)
            else:
                self.caller.log(self.queue.name, ring.agent, "RINGCANCELED", (self.caller.clock - ring.begun) // MS)
            ring.silence(status, result, twice=True)
        self.fallen, self.rings = self.rings, []
        if status == "NOANSWER":
            self.hang_up_phones()

    def hang_up_phones(self, cause: int = 0) -> None:
        """The legs that were given up end, some time after that was said."""
        for ring in self.fallen:
            ring.hang_up(cause)
        self.fallen = []

    # --- leaving ---

    def leaves(self, *, unserved: bool) -> int:
        """QueueCallerAbandon, if the queue gives him up, and QueueCallerLeave."""
        caller = self.caller
        if unserved:
            self.unserved()
        more = [("Queue", self.queue.name), ("Position", "1"), ("Count", "0")]
        stamp = caller.say("QueueCallerLeave", "agent", [*caller.channel.headers(), *more])
        self.gone.append(stamp)
        return stamp

    def unserved(self) -> None:
        """Not an abandonment, whatever its name says."""
        more = [("Queue", self.queue.name), ("Position", "1"), ("OriginalPosition", "1"), ("HoldTime", self.seconds())]
        self.caller.say("QueueCallerAbandon", "agent", [*self.caller.channel.headers(), *more])

    def seconds(self) -> str:
        """How long he has waited, as Asterisk counts."""
        return str(self.caller.clock // SECOND - self.visit.joined // SECOND)

    def closes(self, outcome: str, left: int, word: str, *data: object, agent: str = "NONE", decided: int = 0) -> None:
        """What his stay came to, and queue_log's line of it."""
        visit = self.visit
        visit.word, visit.worded = word, self.caller.log(self.queue.name, agent, word, *data)
        visit.outcome, visit.left, visit.decided = outcome, left, max(decided, self.caller.clock)

    def exits(self, status: str, word: str, outcome: str) -> bool:
        """The queue lets go of him; the dialplan goes on."""
        left = self.leaves(unserved=True)
        self.closes(outcome, left, word, 1, 1, self.seconds(), *([""] if word == "WITHDRAW" else []))
        if self.stage.told:
            self.visit.told = True
            self.visit.decided = self.caller.say("UserEvent", "user", self.result(status))
        return True

    def interrupted(self, what: str) -> bool:
        """He, somebody inside the PBX, or a key ends it."""
        match what:
            case "withdraw":
                return self.exits("WITHDRAW", "WITHDRAW", "withdrawn")
            case "park":
                return self.parked()
            case "key":
                return self.presses_a_key()
            case "redirect":
                return self.redirected()
            case _:
                self.ends_waiting(what)
                return False

    def ends_waiting(self, what: str) -> None:
        """His channel ends while he waits."""
        caller = self.caller
        if what == "hangup":
            caller.wants_to_hang_up()
        caller.shut = what == "shutdown"
        if caller.shut:
            caller.asked_to_end(4)
        self.give_up("NOANSWER" if caller.shut else "CANCEL", "caller_left")
        left = self.leaves(unserved=True)
        outcome = {"hangup": "abandoned", "ami": "ended_by_pbx", "shutdown": "lost"}[what]
        self.closes(outcome, left if caller.hung is None else caller.hung, "ABANDON", 1, 1, self.seconds())
        caller.end()
        self.hang_up_phones()

    def presses_a_key(self) -> bool:
        """He leaves by a key: the queue does not say that it gives him up."""
        caller = self.caller
        caller.channel.context, caller.channel.exten = "keys", "1"
        self.give_up("CANCEL", "caller_left")
        left = self.leaves(unserved=False)
        self.closes("key_exit", left, "EXITWITHKEY", 1, 1, 1, self.seconds())
        self.hang_up_phones()
        return True

    def redirected(self) -> bool:
        """AMI's Redirect: everything as if he had abandoned, but he lives."""
        caller = self.caller
        caller.channel.context, caller.channel.exten = "from-trunk", "7000"
        self.give_up("CANCEL", "caller_left")
        left = self.leaves(unserved=True)
        self.closes("redirected", left, "ABANDON", 1, 1, self.seconds())
        self.hang_up_phones()
        return True

    def parked(self) -> bool:
        """AMI's Park: a stand-in takes his place in the queue, and of him nobody says Leave."""
        caller = self.caller
        bridge, stand_in = caller.pbx.bridge_id(), caller.pbx.next_id(caller.clock)
        headers = [
            *caller.channel.headers("Parkee"), ("ParkerDialString", "PJSIP/callers"), ("Parkinglot", "default"),
            ("ParkingSpace", "701"), ("ParkingTimeout", "30"), ("ParkingDuration", "0"),
        ]  # fmt: skip
        parked = caller.say("ParkedCall", "call", headers)
        self.gone.append(parked)
        visit = self.visit
        visit.outcome, visit.left, visit.decided, visit.quiet = "redirected", parked, parked, True
        visit.word, visit.worded = "ABANDON", caller.clock
        caller.pbx.log(caller.clock, stand_in, self.queue.name, "NONE", "ABANDON", 1, 1, self.seconds())
        Conversation.alone_in(caller, bridge)
        return not self.last

    # --- an agent ---

    def connects(self, ring: Ring) -> "Deciding":
        """A phone is answered. None: he waits on."""
        caller = self.caller
        ring.answer(unsaid=self.stage.unsaid)
        self.rings.remove(ring)
        for _ in range(2):
            for loser in self.rings:
                loser.silence("CANCEL", "cancelled_elsewhere", twice=False)
        self.fallen, self.rings = self.rings, []
        self.hang_up_phones(26)
        yield from self.blocked(self.stage.announcement)
        if caller.is_leaving():
            self.too_late(ring)
            return False
        if self.stage.incompatible:
            self.has_no_codec(ring)
            return False
        left = self.leaves(unserved=False)
        yield from self.blocked(self.stage.gosub)
        more = [*ring.both(), *ring.names(), ("HoldTime", self.seconds()), ("RingTime", self.seconds())]
        connected = caller.say("AgentConnect", "agent", more)
        self.log_connect(ring)
        talk = Conversation(caller, self.stage, ring, self.visit, last=self.last)
        if caller.is_leaving():
            self.visit.outcome = "lost" if caller.shut else "abandoned" if caller.hung is not None else "ended_by_pbx"
            self.visit.left = left if caller.hung is None else caller.hung
            self.visit.decided = caller.clock
            talk.nobody_there()
            return False
        self.visit.left, self.visit.agent = connected, ring.agent
        return (yield from talk.live())

    def log_connect(self, ring: Ring) -> None:
        """queue_log's word."""
        agent, waited = ring.agent, self.seconds()
        self.visit.word = "CONNECT"
        self.visit.worded = self.caller.log(self.queue.name, agent, "CONNECT", waited, ring.leg.uniqueid, waited)

    def blocked(self, how_long: int) -> "Resting":
        """Something runs at the agent's side: the queue does not look at the caller meanwhile."""
        caller, until = self.caller, self.caller.clock + how_long
        while caller.clock < until:
            note = yield until
            if note[0] == "shutdown":
                caller.shut = True
                caller.asked_to_end(4)
                return
            if note[0] == "hangup" and note[1] == caller.stage and caller.hung is None:
                caller.wants_to_hang_up()
            elif note[0] == "ami" and note[1] == caller.stage:
                caller.cut = True

    def too_late(self, ring: Ring) -> None:
        """The caller had gone while the agent heard the announcement."""
        caller = self.caller
        self.unserved()
        ring.dial_end("NOANSWER")
        ring.hang_up()
        left = self.leaves(unserved=False)
        outcome = "lost" if caller.shut else "abandoned" if caller.hung is not None else "ended_by_pbx"
        end = left if caller.hung is None else caller.hung
        self.closes(outcome, end, "ABANDON", 1, 1, self.seconds(), agent=ring.agent)
        caller.end()

    def has_no_codec(self, ring: Ring) -> None:
        """Agent and caller have no common codec: the queue gives him up twice, and says so twice in its log."""
        caller = self.caller
        caller.log(self.queue.name, ring.agent, "SYSCOMPAT", "")
        worded = caller.clock
        self.unserved()
        ring.hang_up(16)
        left = self.leaves(unserved=True)
        self.closes("incompatible", left, "ABANDON", 1, 1, self.seconds())
        self.visit.word, self.visit.worded = "SYSCOMPAT", worded
        caller.end()
