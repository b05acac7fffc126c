"""Stories of calls that go from hand to hand: transfers of every kind, pick-up, parking, forwarding, conferences.

A catalogue of its own, for each says what it means in full, as instants that SIPp saw (`meaning`). `consults`: a
phone's own second line, handed over by REFER with Replaces, as most SIP phones do it. `pbx.consult`: the PBX's feature
(Atxfer), as phones without a transfer key do it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import catalogue
from .catalogue import C1, C2, Entry, Tell
from .meaning import Means, Rang
from .story import Story

ALL: dict[str, Entry] = {}
MEANS: dict[str, tuple[Means, ...]] = {}
A1, A2 = "Agent 1001", "Agent 1002"
RANG1 = Rang("1001", "answered", ("1001 rang", "1001 answered"))
RANG2 = Rang("1002", "answered", ("1002 rang", "1002 answered"))
TO1 = ("C1 answered", "1001 answered")
PICKED_UP = "line 1003 answered .. 1001 ended"
"""The PBX answers who picks up, then gives him the call, then takes it from the phone that rang, each when it can."""


def told(*means: Means) -> Callable[[Tell], Tell]:
    """Enter a story under the name of its function, with what it means."""

    def enter(tell: Tell) -> Tell:
        name = tell.__name__
        ALL[name] = Entry(name, tell, tuple(one.outcome for one in means), (tell.__doc__ or "").strip())
        MEANS[name] = means
        return tell

    return enter


def first(*talk: tuple[str, str], by: str | None = None, hold: float = 0.0) -> Means:
    """The visit with which each story begins: 1001 answers in `support`."""
    return Means("support", TO1, talk, A1, by, (RANG1,), hold=hold)


def then(queue: str, begins: str, *, by: str = "caller") -> Means:
    """A second one: 1002 answers in that queue; until then it rings, or has rung since the wait began."""
    talk = ("1002 answered", "1002 ended" if by == "agent" else "C1 ended")
    rang = Rang("1002", "answered", (begins, "1002 answered"))
    return Means(queue, (begins, "1002 answered"), (talk,), A2, by, (rang,))


# --- to a colleague's phone -------------------------------------------------------------------------------------------
@told(first(("1001 answered", "1002 ended"), by="agent"))
def refer_attended(s: Story) -> None:
    """1001 talks, calls 1002 on his second line, and hands over; 1002 hangs up in the end."""
    s.agent("1001", rings=1, hands_over=4, serves="support").agent("1002", rings=1, hangs_up_after=3, serves=())
    s.consults("1001", dials="1002", at=3).caller(C1, calls="support")


@told(
    first(("1001 answered", "1001 refers")),
    Means(
        "PJSIP/1002",
        ("1001 refers", "1002 answered"),
        (("1002 answered", "C1 ended"),),
        "PJSIP/1002",
        rang=(Rang("1002", "answered", ("1001 refers", "1002 answered")),),
        kind="direct",
    ),
)
def refer_blonde(s: Story) -> None:
    """The same, and he hands over while 1002 still rings."""
    s.agent("1001", rings=1, hands_over=3, serves="support").agent("1002", rings=4, serves=())
    s.consults("1001", dials="1002", at=2.5).caller(C1, calls="support", hangs_up_after=8)


@told(first(("1001 answered", "C1 ended"), by="caller", hold=3.0))
def refer_cancelled(s: Story) -> None:
    """1001 holds, consults 1002, who answers, hangs up there and goes on with his customer."""
    s.agent("1001", rings=1, holds=(1, 3), serves="support").agent("1002", rings=0.5, serves=())
    s.consults("1001", dials="1002", at=2.5, hangs_up_after=2).caller(C1, calls="support", hangs_up_after=7)


# --- into a queue -----------------------------------------------------------------------------------------------------
@told(first(("1001 answered", "1002 ended"), by="agent"))
def refer_attended_queue(s: Story) -> None:
    """1001 calls `sales` on his second line, where 1002 answers, and hands over; 1002 hangs up in the end."""
    s.agent("1001", rings=1, hands_over=4.5, serves="support")
    s.agent("1002", rings=1, hangs_up_after=4.5, serves="sales")
    s.consults("1001", dials="sales", at=2.5).caller(C1, calls="support")


@told(first(("1001 answered", "1001 refers")), then("sales", "1001 refers"))
def refer_blonde_queue(s: Story) -> None:
    """1001 waits in `sales` himself, and hands over while 1002 still rings there."""
    s.agent("1001", rings=1, hands_over=3, serves="support").agent("1002", rings=4, serves="sales")
    s.consults("1001", dials="sales", at=2.5).caller(C1, calls="support", hangs_up_after=8.5)


@told(
    first(("1001 answered", "1001 refers")),
    Means(
        "sales",
        ("1001 refers", "C1 ended"),
        rang=(Rang("1002", "caller_left", ("1001 refers", "C1 ended")),),
        outcome="abandoned",
    ),
)
def refer_blonde_queue_abandoned(s: Story) -> None:
    """The same, and the customer gives up while 1002 rings."""
    s.agent("1001", rings=1, hands_over=3, serves="support").agent("1002", then="rings", serves="sales")
    s.consults("1001", dials="sales", at=2.5).caller(C1, calls="support", hangs_up_after=6.5)


@told(first(("1001 answered", "C1 ended"), by="caller", hold=3.0))
def refer_cancelled_queue(s: Story) -> None:
    """1001 holds his customer, waits in `sales` for 1.5 s, gives up and goes on with his customer."""
    s.agent("1001", rings=1, holds=(1, 3), serves="support").agent("1002", then="rings", serves="sales")
    s.consults("1001", dials="sales", at=2.5, hangs_up_after=1.5).caller(C1, calls="support", hangs_up_after=7)


@told(first(("1001 answered", "1002 invited"), ("1001 ended", "1002 ended"), by="agent", hold=0.18))
def attended_queue(s: Story) -> None:
    """By feature: 1001 consults `sales`, where 1002 answers, then he hangs up; 1002 hangs up in the end."""
    s.agent("1001", rings=1, speaks=3, hangs_up_after=5, serves="support")
    s.agent("1002", rings=1, hangs_up_after=5, serves="sales")
    s.caller(C1, calls="support/transferable").later(1.5, lambda: s.pbx.consult("1001", "4013"))


@told(first(("1001 answered", "1002 invited"), hold=0.18), then("sales", "1001 ended"))
def blonde_queue(s: Story) -> None:
    """By feature: 1001 hangs up while 1002 still rings in `sales`."""
    s.agent("1001", rings=1, speaks=3, hangs_up_after=4, serves="support").agent("1002", rings=5, serves="sales")
    s.caller(C1, calls="support/transferable", hangs_up_after=8.5)
    s.later(1.5, lambda: s.pbx.consult("1001", "4013"))


@told(first(("1001 answered", "1002 invited"), hold=0.18), then("support", "1001 ended", by="agent"))
def blonde_same_queue(s: Story) -> None:
    """By feature, into the queue he came from: `support`, where 1002 serves, too; 1002 hangs up in the end."""
    s.agent("1001", rings=1, speaks=3, hangs_up_after=4, serves="support")
    s.agent("1002", rings=5, hangs_up_after=1.5, serves=())
    s.caller(C1, calls="support/transferable").later(1.5, lambda: s.pbx.consult("1001", "4001"))
    s.later(1.3, lambda: s.pbx.add_member("support", "1002"))
    s.later(7.5, lambda: s.pbx.remove_member("support", "1002"))


@told(first(("1001 answered", "1001 refers")), then("support", "1001 refers"))
def blind_same_queue(s: Story) -> None:
    """1001 transfers the customer blindly into the queue he came from: he waits anew, 1002 answers."""
    s.agent("1001", rings=1, transfers=(1, "support"), serves="support").agent("1002", rings=1, serves=())
    s.caller(C1, calls="support", hangs_up_after=5.5)
    s.later(1.5, lambda: s.pbx.add_member("support", "1002"))
    s.later(5, lambda: s.pbx.remove_member("support", "1002"))


# --- agents behind Local channels -------------------------------------------------------------------------------------
@told(first(("1001 answered", "1001 refers")), then("sales", "1001 refers"))
def local_blind(s: Story) -> None:
    """Members Local/…/n: 1001 transfers blindly into `sales`."""
    s.agent("1001", rings=1, transfers=(1, "sales"), serves="support", local="/n")
    s.agent("1002", rings=1, serves="sales", local="/n").caller(C1, calls="support", hangs_up_after=6)


@told(first(("1001 answered", "1001 refers")), then("sales", "1001 refers"))
def local_optimized_blind(s: Story) -> None:
    """The same, and the Local channels vanish after the answer."""
    s.agent("1001", rings=1, transfers=(1.5, "sales"), serves="support", local="")
    s.agent("1002", rings=1, serves="sales", local="").caller(C1, calls="support", hangs_up_after=6.5)


@told(first(("1001 answered", "1002 ended"), by="agent"))
def local_attended(s: Story) -> None:
    """Member Local/…/n: 1001 hands over to 1002, whom he consulted on his second line; 1002 hangs up in the end."""
    s.agent("1001", rings=1, hands_over=4, serves="support", local="/n")
    s.agent("1002", rings=1, hangs_up_after=3, serves=())
    s.consults("1001", dials="1002", at=3).caller(C1, calls="support")


@told(first(("1001 answered", "C1 ended"), by="caller"))
def local_optimized_attended(s: Story) -> None:
    """The same, and the Local channel has vanished by then; the customer hangs up in the end."""
    s.agent("1001", rings=1, hands_over=4, serves="support", local="").agent("1002", rings=1, serves=())
    s.consults("1001", dials="1002", at=3).caller(C1, calls="support", hangs_up_after=7)


@told(first(("1001 answered", "1001 refers")), then("sales", "1001 refers"))
def local_blonde_queue(s: Story) -> None:
    """Members Local/…/n: 1001 waits in `sales` himself and hands over while 1002 rings there."""
    s.agent("1001", rings=1, hands_over=3, serves="support", local="/n")
    s.agent("1002", rings=4, serves="sales", local="/n")
    s.consults("1001", dials="sales", at=2.5).caller(C1, calls="support", hangs_up_after=8.5)


@told(
    Means(
        "ring-all",
        ("C1 answered", "1003 answered"),
        (("1003 answered", "C1 ended"),),
        "Agent 1003",
        rang=(
            Rang("1001", "cancelled_elsewhere", ("1001 rang", "1001 ended")),
            Rang("1002", "cancelled_elsewhere", ("1002 rang", "1002 ended")),
            Rang("1003", "answered", ("1003 rang", "1003 answered")),
        ),
    )
)
def mixed_ring_all(s: Story) -> None:
    """A SIP phone, one behind Local/…/n and one behind Local/… ring at once; the last answers."""
    s.agent("1001", then="rings").agent("1002", then="rings", local="/n").agent("1003", rings=2, local="")
    s.caller(C1, calls="ring-all", hangs_up_after=4.5)


# --- forwarding, pick-up, parking, conference -------------------------------------------------------------------------
@told(
    Means(
        "support",
        ("C1 answered", "outside answered"),
        (("outside answered", "C1 ended"),),
        "Agent 1020",
        rang=(Rang("2001", "answered", ("outside rang", "outside answered")),),
    )
)
def forwarded_mobile(s: Story) -> None:
    """The member is Local/2001@agents/n, which dials a mobile telephone outside."""
    mobile = "Local/2001@agents/n"
    s.outside(rings=1).later(0, lambda: s.pbx.add_member("support", "1020", interface=mobile))
    s.caller(C1, calls="support", hangs_up_after=4, at=0.3)
    s.later(4, lambda: s.pbx.remove_member("support", "1020", interface=mobile))


@told(
    Means(
        "support",
        ("C1 answered", "1002 answered"),
        (("1002 answered", "C1 ended"),),
        A1,
        rang=(Rang("1001", "answered", ("1002 rang", "1002 answered")),),
    )
)
def forwarded_302(s: Story) -> None:
    """The member's phone sends the call on (302) to 1002, who answers: one offer, and the member's."""
    s.agent("1001", then="forwards", to="1002", serves="support").agent("1002", rings=1, serves=())
    s.caller(C1, calls="support", hangs_up_after=4)


@told(
    Means(
        "PJSIP/1001",
        ("1001 invited", "1002 answered"),
        (("1002 answered", "C1 ended"),),
        "PJSIP/1001",
        rang=(Rang("1001", "answered", ("1001 rang", "1002 answered")),),
        kind="direct",
    )
)
def direct_forwarded_302(s: Story) -> None:
    """The same with a phone that is called directly, and that rang for 1 s before."""
    s.agent("1001", rings=1, then="forwards", to="1002").agent("1002", rings=1, serves=())
    s.caller(C1, calls="phone:1001", hangs_up_after=9, talks_for=2)


@told(
    Means(
        "support",
        ("C1 answered", PICKED_UP),
        ((PICKED_UP, "C1 ended"),),
        "PJSIP/1003",
        rang=(Rang("1001", "cancelled_elsewhere", ("1001 rang", PICKED_UP)),),
    )
)
def picked_up(s: Story) -> None:
    """1001 rings; his colleague 1003, who serves no queue, picks the call up: he is the agent."""
    s.agent("1001", then="rings").phone_calls("1003", dials="*81001", at=2)
    s.caller(C1, calls="support", hangs_up_after=4.5)


@told(
    Means(
        "support",
        ("C1 answered", PICKED_UP),
        ((PICKED_UP, "line 1003 ended"),),
        "Agent 1003",
        by="agent",
        rang=(Rang("1001", "cancelled_elsewhere", ("1001 rang", PICKED_UP)),),
    )
)
def local_picked_up(s: Story) -> None:
    """The same behind Local/…/n; 1003 serves another queue, and hangs up in the end."""
    s.agent("1001", then="rings", local="/n", serves="support").agent("1003", serves="market")
    s.phone_calls("1003", dials="*81001", at=2, hangs_up_after=2).caller(C1, calls="support")


@told(
    Means(
        "PJSIP/1001",
        ("1001 invited", PICKED_UP),
        ((PICKED_UP, "C1 ended"),),
        "PJSIP/1003",
        rang=(Rang("1001", "cancelled_elsewhere", ("1001 rang", PICKED_UP)),),
        kind="direct",
    )
)
def direct_picked_up(s: Story) -> None:
    """The same with a phone that is called directly."""
    s.agent("1001", then="rings").phone_calls("1003", dials="*81001", at=2)
    s.caller(C1, calls="phone:1001", hangs_up_after=9, talks_for=2)


@told(first(("1001 answered", "1001 refers"), ("line 1002 answered", "C1 ended"), by="caller"))
def parked_retrieved(s: Story) -> None:
    """1001 parks his customer (transfer to 700); 1002 takes him from the lot (701) 1.5 s later: one visit."""
    s.agent("1001", rings=1, transfers=(1, "700"), serves="support")
    s.phone_calls("1002", dials="701", at=4).caller(C1, calls="support", hangs_up_after=6.5)


@told(first(("1001 answered", "C1 ended"), by="caller"))
def conference(s: Story) -> None:
    """1001 takes his customer into a conference, where 1002 joins them; 1001 leaves, then the customer: one talk."""
    s.agent("1001", rings=1, hangs_up_after=4.5, serves="support").caller(C1, calls="support", hangs_up_after=7)
    s.later(2.5, lambda: s.pbx.confer(C1, "1001")).phone_calls("1002", dials="7500", at=3.5, hangs_up_after=5)


@told(
    Means("support", TO1, (("1001 answered", "1001 ended"),), A1, None, (RANG1,)),
    Means("sales", ("C2 answered", "1002 answered"), (("1002 answered", "1002 ended"),), A2, None, (RANG2,), of="C2"),
)
def two_callers_joined(s: Story) -> None:
    """Two customers talk to 1001 and 1002, who then connect them with each other: no agent talks to them any more."""
    s.agent("1001", rings=1, serves="support").agent("1002", rings=1, serves="sales")
    s.caller(C1, calls="support", hangs_up_after=5).caller(C2, calls="sales", hangs_up_after=7, at=0.2)
    s.later(3, lambda: s.pbx.join(C1, C2))


# --- older event shapes -----------------------------------------------------------------------------------------------
UNSTAMPED: dict[str, Entry] = {}
"""The same on a PBX without a name, whose events bear no Timestamp: Asterisk's own defaults."""


def _unstamped(name: str, entry: Entry, means: tuple[Means, ...]) -> None:
    UNSTAMPED[f"unstamped_{name}"] = replace(entry, name=f"unstamped_{name}")
    MEANS[f"unstamped_{name}"] = means


_unstamped("answered", catalogue.ALL["answered"], (first(("1001 answered", "C1 ended"), by="caller"),))
_unstamped(
    "abandoned_ringing",
    catalogue.ALL["abandoned_ringing"],
    (
        Means(
            "support",
            ("C1 answered", "C1 ended"),
            rang=(Rang("1001", "caller_left", ("1001 rang", "C1 ended")),),
            outcome="abandoned",
        ),
    ),
)
for _name in ("blind_same_queue", "blonde_queue", "refer_blonde_queue", "local_attended", "mixed_ring_all"):
    _unstamped(_name, ALL[_name], MEANS[_name])


# --- told in another order --------------------------------------------------------------------------------------------
INTERLEAVED: dict[str, str] = {
    "local_picked_up_dialled_first": "local_picked_up",
    "local_picked_up_told_late": "local_picked_up",
    "local_blind_told_late": "local_blind",
    "local_optimized_blind_told_late": "local_optimized_blind",
}
"""Recordings of stories on a machine with much other work, where one thread of the PBX overtook another."""
