"""Who calls the branch, when, and what clerks and callers do: chance, from one seed. No I/O, no clock."""

import math
from collections.abc import Callable
from random import Random

from telephony.simulator import branch as places
from telephony.simulator.branch import Branch, Clerk
from telephony.simulator.dialplan import Dialplan
from telephony.simulator.pbx import Pbx
from telephony.simulator.people import Caller, Reaction, Then
from telephony.simulator.timeline import SECOND, Timeline

REGULARS = 40
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
TITLES = ("先生", "女士", "经理", "老师")
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "Robert'); DROP TABLE calls;--",
    "王小明\u202e\u2066",
    "{{7*7}} ${jndi:ldap://x}",
    "=cmd|' /C calc'!A0",
    "长" * 80,
)
"""Names that callers may give themselves; each has broken something somewhere."""
BREAKING_OUT = "1390000{:04d}\r\n\r\nEvent: Hangup\r\nUniqueid: pbx1-1.1"
PAUSES = ("休息", "培训", "整理资料")
TRAINING = "培训"
QUIETEST = 0.05
"""However quiet it is, this share of the usual calls comes."""


class Staff:
    """What phones do when they are called: `telephony.simulator.people.Staff`.

    Args:
        branch: how often what happens.
        rng: chance.

    Attributes:
        busy: whether somebody talks on a phone, or it rings; the PBX knows.
    """

    def __init__(self, branch: Branch, rng: Random) -> None:
        self._branch, self._rng = branch, rng
        self.busy: Callable[[str], bool] = lambda _: False
        self._clerks = {clerk.interface: clerk for clerk in branch.clerks}

    def reaction(self, interface: str) -> Reaction:
        """Chance, and who sits there."""
        rng, branch = self._rng, self._branch
        clerk = self._clerks.get(interface)
        setup = rng.uniform(0.03, 0.18)
        if clerk is None and self.busy(interface):
            return Reaction(then=Then.BUSY, setup=setup)
        least, most, usual = branch.answer
        after = rng.triangular(least, most, usual) * (clerk.pace if clerk else 1.2)
        chance = rng.random()
        for share, then in (
            (branch.dead, Then.SILENT),
            (branch.busy, Then.BUSY),
            (branch.rejects, Then.REJECTS),
            (branch.absent * (1 if clerk else 4), Then.RINGS),
        ):
            if chance < share:
                return Reaction(then=then, after=after / 2, setup=setup)
            chance -= share
        return self._answers(clerk, after, setup)

    def _answers(self, clerk: Clerk | None, after: float, setup: float) -> Reaction:
        rng, branch = self._rng, self._branch
        hangs_up = rng.uniform(branch.talk[0], branch.talk[1] / 2) if rng.random() < branch.agent_hangs_up else None
        holds = (rng.uniform(2, 5), rng.uniform(2, 6)) if rng.random() < branch.holds else None
        transfers = consults = None
        if clerk is not None and clerk.queues == (places.SUPPORT,):
            if rng.random() < branch.transfers:
                transfers = (rng.uniform(4, 7.5), places.TRADE_NUMBER)
            elif rng.random() < branch.consults:
                colleague = rng.choice([one.interface for one in branch.clerks if one is not clerk])
                consults = (rng.uniform(4, 7.5), colleague, rng.uniform(3, 6))
        # Whoever hands a caller over has not held him.
        holds = None if transfers or consults else holds
        return Reaction(
            then=Then.ANSWERS,
            after=after,
            setup=setup,
            talks_for=hangs_up,
            holds=holds,
            transfers=transfers,
            consults=consults,
        )


class Traffic:
    """Lets people call, have breaks, and be meddled with, from `begin` on.

    Args:
        pbx: where.
        dialplan: what becomes of a call there.
        branch: how often what happens.
        rng: chance.
        acquaintance: chance of its own for who calls again and again: two days that differ may have the same regulars.

    Attributes:
        calls: how many have called.
    """

    def __init__(
        self, pbx: Pbx, dialplan: Dialplan, branch: Branch, rng: Random, acquaintance: Random | None = None
    ) -> None:
        self._pbx, self._dialplan, self._branch, self._rng = pbx, dialplan, branch, rng
        self._began = pbx.timeline.now
        self._open = False
        self._regulars = [self._stranger(acquaintance or rng) for _ in range(REGULARS)]
        self.calls = 0

    def staff(self) -> None:
        """Everybody logs in."""
        for clerk in self._branch.clerks:
            for queue in clerk.queues:
                self._pbx.add_member(queue, clerk.interface, clerk.name, static=False)

    def begin(self) -> None:
        """The doors open."""
        timeline, branch = self._pbx.timeline, self._branch
        self._began, self._open = timeline.now, True
        timeline.after(0.5, self._arrival)
        timeline.after(branch.rush_first, self._rush)
        timeline.after(branch.changeover_every, self._changeover)
        for clerk in branch.clerks:
            timeline.after(self._rng.expovariate(1 / branch.pause_every), lambda clerk=clerk: self._break(clerk))  # type: ignore[misc]

    def end(self) -> None:
        """Nobody calls any more; who has called is served."""
        self._open = False

    # --- arrivals ---

    def rate(self, seconds: float) -> float:
        """Calls a second, so long after the beginning."""
        branch = self._branch
        wave = 1 + branch.swell * math.sin(2 * math.pi * seconds / branch.swell_every)
        since = seconds - branch.rush_first
        if since >= 0 and since % branch.rush_every < branch.rush_lasts:
            wave *= branch.rush
        return max(wave, QUIETEST) / branch.gap

    def _arrival(self) -> None:
        if not self._open:
            return
        since = (self._pbx.timeline.now - self._began) / SECOND
        self._pbx.timeline.after(self._rng.expovariate(self.rate(since)), self._arrival)
        call = self._dialplan.call(self._caller(), places.TRUNK)
        self.calls += 1
        self._meddle_with(call.channel.uniqueid)

    def _caller(self) -> Caller:
        rng, branch = self._rng, self._branch
        regular = rng.random() < branch.regulars
        number, name = rng.choice(self._regulars) if regular else self._stranger(rng)
        least, more = branch.patience
        patience = least + rng.expovariate(1 / more)
        dials, hostile = self._number(), rng.random() < branch.hostile_number
        keyed = dials == places.TRADE_NUMBER and rng.random() < branch.keyed
        return Caller(
            number=BREAKING_OUT.format(rng.randrange(10_000)) if hostile else number,
            name=name,
            dials=dials,
            patience=rng.uniform(1, 4) if rng.random() < branch.hurried else patience,
            talks_for=rng.triangular(*branch.talk),
            presses=(rng.uniform(2, 12), "0") if keyed else None,
        )

    def _number(self) -> str:
        rng, branch = self._rng, self._branch
        if rng.random() < branch.direct:
            return rng.choice((places.DESK_NUMBER, places.DESK_NUMBER, places.MANAGER_NUMBER))
        return places.TRADE_NUMBER if rng.random() < branch.trade else places.SUPPORT_NUMBER

    def _stranger(self, rng: Random) -> tuple[str, str]:
        """Somebody's number and name. Nobody has these: no mobile network is 1390000, no local number begins with 0."""
        branch = self._branch
        if rng.random() < branch.silent_number:
            return "anonymous", "Anonymous"
        digits = rng.randrange(10_000)
        number = f"1390000{digits:04d}" if rng.random() < 0.7 else f"03550{digits:04d}{rng.randrange(100):02d}"  # noqa: PLR2004
        if rng.random() < branch.hostile:
            return number, rng.choice(HOSTILE)
        named = rng.random() < branch.named
        return number, rng.choice(SURNAMES) + rng.choice(TITLES) if named else ""

    # --- what is done to them ---

    def _meddle_with(self, uniqueid: str) -> None:
        rng, branch, plan = self._rng, self._branch, self._dialplan
        chance, after = rng.random(), rng.uniform(1.5, 8)
        for share, act in (
            (branch.withdrawn, plan.withdraw),
            (branch.redirected, lambda call: plan.redirect(call, places.ELSEWHERE)),
            (branch.ended, plan.end),
            (branch.agent_ended, plan.end_agent),
        ):
            if chance < share:
                after += rng.uniform(5, 15) if act == plan.end_agent else 0

                def now(act: Callable[..., None] = act) -> None:
                    call = self._pbx.calls.get(uniqueid)
                    if call is not None and (call.waiting or call.talking):
                        act(call)

                self._pbx.timeline.after(after, now)
                return
            chance -= share

    # --- breaks ---

    def _break(self, clerk: Clerk) -> None:
        rng, branch = self._rng, self._branch
        lasts = rng.uniform(0.5, 1.5) * branch.pause_lasts
        self._pause(clerk, lasts, rng.choice(PAUSES))
        again = lasts + rng.expovariate(1 / branch.pause_every)
        self._pbx.timeline.after(again, lambda: self._break(clerk) if self._open else None)

    def _pause(self, clerk: Clerk, lasts: float, reason: str) -> None:
        pbx = self._pbx
        if not any(member.paused for member in pbx.members(clerk.interface)):
            pbx.pause(clerk.interface, paused=True, reason=reason)
            pbx.timeline.after(lasts, lambda: pbx.pause(clerk.interface, paused=False))

    def _rush(self) -> None:
        branch = self._branch
        for clerk in self._rng.sample(branch.clerks, branch.training):
            self._pause(clerk, branch.rush_lasts, TRAINING)
        self._pbx.timeline.after(branch.rush_every, self._rush)

    def _changeover(self) -> None:
        branch, pbx = self._branch, self._pbx
        desk = [clerk for clerk in branch.clerks if places.TRADE in clerk.queues]
        for clerk in desk:
            pbx.remove_member(places.TRADE, clerk.interface)

        def back() -> None:
            for clerk in desk:
                pbx.add_member(places.TRADE, clerk.interface, clerk.name, static=False)

        pbx.timeline.after(branch.changeover_lasts, back)
        pbx.timeline.after(branch.changeover_every, self._changeover)


def new_pbx(timeline: Timeline, systemname: str, branch: Branch, rng: Random) -> Pbx:
    """The branch's PBX, before anybody has logged in."""
    staff = Staff(branch, rng)
    phones = {clerk.interface: clerk.name for clerk in branch.clerks} | places.LINES
    pbx = Pbx(timeline, systemname, staff, rng, queues=places.queues(), phones=phones)
    pbx.late_completes, pbx.slips = branch.late_completes, branch.slips
    staff.busy = pbx.in_use
    return pbx
