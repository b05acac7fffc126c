"""Dial(): the dialplan rings phones for a caller outside of any queue; all of a round at once, round after round."""

from typing import TYPE_CHECKING

from tests.simulation.ringing import Ring
from tests.simulation.story import OFFICES, SECOND, Phone, Stage
from tests.simulation.talking import Conversation
from tests.simulation.truth import Visit

if TYPE_CHECKING:
    from tests.simulation.caller import Caller
    from tests.simulation.pbx import Going, Note


class Dialled:
    """One or more Dial()s that follow each other so soon that they are one visit."""

    def __init__(self, caller: "Caller", stage: Stage, *, last: bool) -> None:
        self.caller, self.stage, self.last = caller, stage, last
        self.rings: list[Ring] = []
        self.visit: Visit | None = None
        self.called = 0
        self.silent = 0

    def live(self) -> "Going":
        """The whole of it. True: the dialplan goes on with the next stage."""
        caller = self.caller
        caller.channel.context, caller.channel.exten = "from-trunk", "5101"
        for phones in self.stage.rounds:
            caller.does("Dial", "&".join(phones) + f",{self.stage.limit // SECOND}")
            self.call(phones)
            until = caller.clock + self.stage.limit
            while self.rings:
                note = yield until
                if note[0] == "up" and note[1] in self.rings:
                    return (yield from self.answered(note[1]))
                done = self.ended_by(note, until)
                if done is not None:
                    return done
        self.unanswered()
        return True

    def call(self, interfaces: tuple[str, ...]) -> None:
        """A round."""
        caller = self.caller
        for interface in interfaces:
            phone: Phone = self.stage.phones[min(self.called, len(self.stage.phones) - 1)]
            self.called += 1
            if phone.does == "gone":
                continue
            ring = Ring(caller, interface, OFFICES[interface], phone)
            self.rings.append(ring)
            offer = ring.begin()
            if self.visit is None:
                self.visit = caller.enters(Visit("direct", OFFICES[interface], offer.called))
                if self.stage.interrupted:
                    at = offer.called + self.stage.after
                    caller.pbx.post(at, caller, (self.stage.interrupted, caller.stage))
            self.visit.offers.append(offer)

    def ended_by(self, note: "Note", until: int) -> bool | None:
        """What a note means while phones ring; None: they ring on."""
        what = note[0]
        if what == "ring" and note[1] in self.rings:
            note[1].alert()
        elif what == "refuse" and note[1] in self.rings:
            self.refusal(note[1])
        elif what == "time" and self.caller.clock >= until:
            for ring in self.rings:
                self.silent = ring.silence("NOANSWER", "no_answer", twice=False)
            self.hang_up_phones(0)
        elif what == "shutdown" or (what in {"hangup", "ami", "redirect"} and note[1] == self.caller.stage):
            return self.interrupted(str(what))
        return None

    def refusal(self, ring: Ring) -> None:
        """A phone says no."""
        busy = ring.phone.does == "busy"
        ring.refuse(busy=busy)
        self.silent = ring.dial_end("BUSY" if busy else "NOANSWER")
        ring.ends(self.silent, ring.result)
        ring.hang_up(17 if busy else 21)
        self.rings.remove(ring)

    def hang_up_phones(self, cause: int) -> None:
        """All that still rang."""
        for ring in self.rings:
            ring.hang_up(cause)
        self.rings = []

    def unanswered(self) -> None:
        """Nobody did."""
        visit = self.visit
        if visit is None or visit.outcome:
            return
        results = {offer.result for offer in visit.offers}
        found = [("no_answer", "timeout"), ("busy", "busy"), ("unreachable", "unreachable")]
        visit.outcome = next(outcome for result, outcome in found if result in results)
        visit.left = self.silent
        visit.decided = self.caller.clock

    def interrupted(self, what: str) -> bool:
        """He hangs up, or somebody inside the PBX ends him or takes him away."""
        caller, visit = self.caller, self.visit
        assert visit is not None
        if what == "hangup":
            caller.wants_to_hang_up()
        caller.shut = what == "shutdown"
        if caller.shut:
            caller.asked_to_end(4)
        if what == "redirect":
            caller.channel.exten = "7000"
        for ring in self.rings:
            self.silent = ring.silence("CANCEL", "caller_left", twice=False)
        ends = {"hangup": "abandoned", "ami": "ended_by_pbx", "redirect": "redirected", "shutdown": "lost"}
        visit.outcome = ends[what]
        visit.left = caller.hung if caller.hung is not None else self.silent
        if what != "redirect":
            caller.asked_to_end()
        self.hang_up_phones(16)
        visit.decided = caller.clock
        if what == "redirect":
            caller.goes_up()
            return True
        caller.dies(caller.channel, 127)
        caller.end()
        return False

    def answered(self, ring: Ring) -> "Going":
        """Somebody does."""
        assert self.visit is not None
        self.rings.remove(ring)
        ring.answer(unsaid=True)
        for loser in self.rings:
            loser.silence("CANCEL", "cancelled_elsewhere", twice=False)
        ring.dial_end("ANSWER")
        self.caller.goes_up()
        self.hang_up_phones(26)
        self.visit.agent = ring.agent
        return (yield from Conversation(self.caller, self.stage, ring, self.visit, last=self.last).live())
