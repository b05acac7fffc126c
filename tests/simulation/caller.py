"""A caller from outside: his channel, and what the dialplan does with it, one stage after the other."""

from tests.simulation.appqueue import Stay
from tests.simulation.channel import Channel
from tests.simulation.dialling import Dialled
from tests.simulation.pbx import Actor, Going, Life, Pbx
from tests.simulation.ringing import Ring
from tests.simulation.story import MS, SECOND, Call, Story
from tests.simulation.truth import Call as CallTruth
from tests.simulation.truth import Visit

TRUNK = "PJSIP/callers"


class Caller(Actor):
    """One call.

    Attributes:
        hung: the stamp of his own wish to hang up. cut: somebody inside the PBX ended him. shut: the PBX is going down.
        stage: the number of the stage; what was posted for another one is not heard.
    """

    def __init__(self, pbx: Pbx, story: Story, plan: Call) -> None:
        super().__init__(pbx, story.seed * 7_919 + plan.number)
        self.plan, self.story = plan, story
        self.hung: int | None = None
        self.cut = self.shut = False
        self.stage = 0
        self.queue_options = 0

    def live(self) -> Life:
        """From the first ring of the trunk to the last hang-up."""
        self.clock = max(self.clock, self.pbx.now)
        plan = self.plan
        self.channel = self.pbx.channel(
            TRUNK, self.clock, number=plan.caller, name=plan.name, context="from-trunk", exten="4001", state=4
        )
        self.appears(self.channel)
        assert self.channel.born is not None
        self.truth = CallTruth(self.channel.uniqueid, self.pbx.boot, self.channel.born)
        self.pbx.truth.calls.append(self.truth)
        if plan.stages[0].queue:
            self.goes_up()
        for number, stage in enumerate(plan.stages):
            self.stage = number
            # Dials that follow each other sooner are one visit, and so one stage.
            dials_again = number and not stage.queue and not plan.stages[number - 1].queue
            resting = yield from self.rests(max(stage.pause, 3 * SECOND) if dials_again else stage.pause)
            if resting:
                break
            kind = Stay if stage.queue else Dialled
            went_on = yield from kind(self, stage, last=number == len(plan.stages) - 1).live()
            if not went_on:
                break
        else:
            yield from self.rests(plan.lingers)
        self.end()

    def rests(self, how_long: int) -> Going:
        """The dialplan does something else. True: the call is over."""
        until = self.clock + how_long
        if self.plan.hangs_up and how_long >= 20 * MS:
            self.pbx.post(self.clock + how_long // 2, self, ("hangup", self.stage))
        while self.clock < until:
            what, *about = yield until
            if what == "hangup" and about[0] == self.stage and self.hung is None:
                self.wants_to_hang_up()
                return True
            if what == "shutdown":
                self.shut = True
                return True
        return False

    # --- saying ---

    def say(self, name: str, privilege: str, headers: list[tuple[str, str]]) -> int:
        """An event, now."""
        stamp = self.tick()
        self.pbx.tell(stamp, name, privilege, headers)
        return stamp

    def later(self, name: str, headers: list[tuple[str, str]], most: int = 30 * MS) -> None:
        """An event that is not ordered with those of channels: it may come earlier or later than it belongs."""
        stamp = self.clock + self.rng.randrange(most)
        self.pbx.tell(stamp, name, "agent", headers)

    def log(self, queue: str, agent: str, what: str, *data: object) -> int:
        """A line of queue_log about this caller."""
        self.pbx.log(self.clock, self.channel.uniqueid, queue, agent, what, *data)
        return self.clock

    def member_status(self, ring: Ring, status: int) -> None:
        """Whoever is a member with that phone changes his state in all his queues."""
        for members in self.pbx.members.values():
            for member in members:
                if member.phone == ring.device and member.here:
                    self.later("QueueMemberStatus", member.headers(status), 2 * MS)

    # --- the channel ---

    def appears(self, channel: Channel) -> None:
        """It is created."""
        channel.note(self.say("Newchannel", "call", channel.headers()))

    def goes_up(self) -> None:
        """The dialplan, or an answer, picks up."""
        if self.channel.state != 6:
            self.channel.state = 6
            self.channel.note(self.say("Newstate", "call", self.channel.headers()))

    def does(self, application: str, data: str = "") -> None:
        """What CoreShowChannels says of it."""
        self.channel.application, self.channel.data = application, data
        self.channel.note(self.clock)

    def dies(self, channel: Channel, cause: int = 16) -> None:
        """It is gone."""
        if channel.died is None:
            text = {0: "Unknown", 17: "User busy", 21: "Call Rejected", 26: "Answered elsewhere"}
            more = [("Cause", str(cause)), ("Cause-txt", text.get(cause, "Normal Clearing"))]
            channel.died = self.say("Hangup", "call", [*channel.headers(), *more])

    def wants_to_hang_up(self) -> int:
        """He puts the receiver down."""
        self.hung = self.say("HangupRequest", "call", self.channel.headers())
        return self.hung

    def asked_to_end(self, cause: int = 16) -> None:
        """What the PBX says of every channel in the end."""
        self.say("SoftHangupRequest", "call", [*self.channel.headers(), ("Cause", str(cause))])

    def end(self) -> None:
        """The call is over."""
        if self.channel.died is None:
            self.asked_to_end(4 if self.shut else 16)
            self.dies(self.channel, 16)
        self.truth.ended = self.channel.died

    def is_leaving(self) -> bool:
        """He hung up, or was hung up."""
        return self.hung is not None or self.cut or self.shut

    def enters(self, visit: Visit) -> Visit:
        """He seeks somebody."""
        self.truth.visits.append(visit)
        return visit
