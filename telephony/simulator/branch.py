"""The branch of the demo: who works there, which numbers it has, and how busy a day it is. Values only."""

from dataclasses import dataclass, field

from telephony.simulator.dialplan import Answer, Clean, Dial, Enter, Extensions, HangUp, Inbound, Wait
from telephony.simulator.queues import QueueSettings

SUPPORT, TRADE = "support", "trade"
SUPPORT_NUMBER, TRADE_NUMBER, DESK_NUMBER, MANAGER_NUMBER, ELSEWHERE = "4001", "4002", "8001", "8002", "4009"
TRUNK = "PJSIP/trunk"
DESK, MANAGER = "PJSIP/8001", "PJSIP/8002"


@dataclass(frozen=True, slots=True)
class Clerk:
    """Somebody who answers.

    Attributes:
        queues: that he serves, in the order of his rank in them.
        pace: how long his phone rings, against everybody's; 1 is usual.
    """

    name: str
    interface: str
    queues: tuple[str, ...]
    pace: float = 1.0


CLERKS = (
    Clerk("张敏", "PJSIP/1001", (SUPPORT,), 0.8),
    Clerk("李强", "PJSIP/1002", (SUPPORT,)),
    Clerk("王芳", "PJSIP/1003", (SUPPORT, TRADE), 0.9),
    Clerk("赵磊", "PJSIP/1004", (SUPPORT, TRADE), 1.2),
    Clerk("陈静", "PJSIP/1005", (SUPPORT,), 1.1),
    Clerk("刘洋", "PJSIP/1006", (TRADE,), 0.9),
    Clerk("杨帆", "PJSIP/1007", (TRADE,)),
    Clerk("周婷", "PJSIP/1008", (SUPPORT, TRADE), 1.3),
)
LINES = {DESK: "前台", MANAGER: "经理室"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A day at the branch, told so quickly that a minute shows something. Durations in seconds, shares of 1.

    Attributes:
        gap: between two calls on the average, when it is neither quiet nor busy: five calls at a time for eight clerks,
            so that nearly everybody is answered within three rings, and two hours with a rush keep the standard: 6 to
            8 % remain unanswered.
        swell, swell_every: calls come so much more and less often by turns, as over a day.
        rush_first, rush_every, rush_lasts, rush: first, and how often again, calls come so many times as often for a
            while, and some clerks are away: within some minutes of the start a limit is crossed, and later kept again.
        training: so many clerks are away during a rush.
        direct: so many callers dial the front desk or the manager.
        trade: of the others, so many want to trade.
        talk: shortest, longest and most frequent talk.
        answer: shortest, longest and most frequent ringing until a clerk with pace 1 answers.
        patience: nobody hangs up earlier unless he is in a hurry; how much longer they wait on the average.
        hurried: so many hang up within seconds.
        regulars: so many callers are among those who call again and again, so that their earlier calls are shown.
        silent_number: so many hide their number.
        named, hostile: so many have a name, and so many one that would break a page that trusts it.
        hostile_number: so many have a number that breaks out of its line. Their first events cannot be read, and are
            put aside with a line in the log; off in the demo, for whoever sees that line takes it for a fault.
        absent, rejects, busy, dead: of phones called, so many ring unheard, are refused, are busy, do not even ring.
        agent_hangs_up, holds, transfers, consults: so many talks have that.
        withdrawn, redirected, ended, keyed: so many callers who wait are taken out, moved, hung up by an operator, or
            press the key that leads out.
        agent_ended: so many talks are ended by an operator.
        late_completes, slips: as `telephony.simulator.pbx.Pbx`.
        pause_every, pause_lasts: each clerk has a break so often, and for so long, on the average.
        changeover_every, changeover_lasts: the trading desk changes shifts: for seconds nobody is logged in there.
    """

    gap: float = 4.6
    swell: float = 0.25
    swell_every: float = 420
    rush_first: float = 150
    rush_every: float = 1_800
    rush_lasts: float = 150
    rush: float = 1.9
    training: int = 2
    direct: float = 0.05
    trade: float = 0.38
    talk: tuple[float, float, float] = (8, 40, 14)
    answer: tuple[float, float, float] = (2, 11, 4)
    patience: tuple[float, float] = (18, 45)
    hurried: float = 0.015
    regulars: float = 0.4
    silent_number: float = 0.03
    named: float = 0.3
    hostile: float = 0.03
    hostile_number: float = 0.0
    absent: float = 0.02
    rejects: float = 0.01
    busy: float = 0.01
    dead: float = 0.005
    agent_hangs_up: float = 0.2
    holds: float = 0.12
    transfers: float = 0.03
    consults: float = 0.03
    withdrawn: float = 0.002
    redirected: float = 0.004
    ended: float = 0.002
    keyed: float = 0.01
    agent_ended: float = 0.005
    pause_every: float = 600
    pause_lasts: float = 45
    changeover_every: float = 1_500
    changeover_lasts: float = 7
    late_completes: float = 0.027
    slips: float = 0.004
    clerks: tuple[Clerk, ...] = field(default=CLERKS)


def queues() -> tuple[QueueSettings, ...]:
    """Its queues.conf: all phones at once for advice, one after the other for trading."""
    return (
        QueueSettings(name=SUPPORT, strategy="ringall", timeout=20, retry=1, maxlen=12),
        QueueSettings(
            name=TRADE,
            strategy="linear",
            timeout=10,
            retry=1,
            maxlen=12,
            joinempty=False,
            leavewhenempty=True,
            keys="trade-keys",
        ),
    )


def extensions() -> Extensions:
    """Its extensions.conf, from-trunk."""
    return {
        SUPPORT_NUMBER: (Clean(), Inbound(SUPPORT), Answer(), Enter("", 60), Wait(0.3), HangUp()),
        TRADE_NUMBER: (Clean(), Inbound(TRADE), Answer(), Enter("", 60), Wait(0.3), HangUp()),
        DESK_NUMBER: (Clean(), Inbound(""), Dial((DESK,), 25), HangUp()),
        MANAGER_NUMBER: (Clean(), Inbound(""), Dial((MANAGER,), 20), HangUp()),
        ELSEWHERE: (Answer(), Wait(4), HangUp()),
    }


def keys() -> Extensions:
    """What callers may press while they wait to trade: 0 for the announcement of the opening hours."""
    return {"0": (Wait(0), Wait(3), HangUp())}
