"""The stories that every tracker must get right, and what it must say. record.py records them into tests/replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .story import Story

C1, C2, C3 = "02160000001", "02160000002", "02160000003"
Tell = Callable[[Story], object]


@dataclass(frozen=True)
class Entry:
    """A story and the outcomes of its visits, in order of their end, as definitions.md names them."""

    name: str
    tell: Tell
    outcomes: tuple[str, ...]
    notice: str = ""
    listens_from: float | None = None  # seconds into the story; None: before it begins


ALL: dict[str, Entry] = {}


def story(*outcomes: str, notice: str = "", listens_from: float | None = None) -> Callable[[Tell], Tell]:
    """Enter a story under the name of its function."""

    def enter(tell: Tell) -> Tell:
        name = tell.__name__
        ALL[name] = Entry(name, tell, outcomes, notice or (tell.__doc__ or "").strip(), listens_from)
        return tell

    return enter


# --- queues -----------------------------------------------------------------------------------------------------------
@story("answered")
def answered(s: Story) -> None:
    """The agent's phone rings 2 s, he answers; the caller hangs up."""
    s.agent("1001", rings=2).caller(C1, calls="support", hangs_up_after=4)


@story("answered")
def answered_agent_hangs_up(s: Story) -> None:
    """The agent hangs up first."""
    s.agent("1001", rings=1, hangs_up_after=1.5).caller(C1, calls="support")


@story("abandoned")
def abandoned_waiting(s: Story) -> None:
    """Nobody serves the queue; the caller gives up after 3 s."""
    s.caller(C1, calls="support", hangs_up_after=3)


@story("abandoned")
def abandoned_ringing(s: Story) -> None:
    """The caller gives up while a phone rings."""
    s.agent("1001", then="rings").caller(C1, calls="support", hangs_up_after=3)


@story("timeout")
def timeout(s: Story) -> None:
    """Nobody serves; Queue() gives up after 4 s and the dialplan says TIMEOUT."""
    s.caller(C1, calls="support/brief")


@story("timeout")
def timeout_ringing(s: Story) -> None:
    """A phone rings all the time; Queue() gives up after 4 s."""
    s.agent("1001", then="rings").caller(C1, calls="support/brief")


@story("abandoned")
def abandoned_announcement(s: Story) -> None:
    """The agent has answered and hears an announcement of 3.3 s; meanwhile the caller hangs up."""
    s.agent("1001", rings=1).caller(C1, calls="announced", hangs_up_after=2.5)


@story("answered")
def answered_announcement(s: Story) -> None:
    """The agent hears the announcement, then talks: it belongs to the caller's wait."""
    s.agent("1001", rings=1).caller(C1, calls="announced", hangs_up_after=6)


@story("key_exit")
def key_exit(s: Story) -> None:
    """The caller presses 1 and leaves the queue."""
    s.agent("1001", then="rings").caller(C1, calls="keyed", presses=[(2, "1")])


@story("empty")
def leave_empty(s: Story) -> None:
    """The only agent logs out while the caller waits."""
    s.agent("1001", then="busy").caller(C1, calls="leave-empty")
    s.later(2, lambda: s.pbx.remove_member("leave-empty", "1001"))


@story("withdrawn")
def withdrawn(s: Story) -> None:
    """Somebody takes the caller out of the queue (QueueWithdrawCaller)."""
    s.caller(C1, calls="support").later(2, lambda: s.pbx.withdraw(C1, "support"))


@story("redirected")
def redirected(s: Story) -> None:
    """AMI Redirect moves the waiting caller elsewhere, where he lives on for 2 s."""
    s.caller(C1, calls="support").later(2, lambda: s.pbx.redirect(C1))


@story("redirected")
def redirected_ringing(s: Story) -> None:
    """The same while a phone rings."""
    s.agent("1001", then="rings").caller(C1, calls="support").later(2, lambda: s.pbx.redirect(C1))


@story("ended_by_pbx")
def ended_by_ami(s: Story) -> None:
    """AMI Hangup ends the waiting caller."""
    s.caller(C1, calls="support").later(2, lambda: s.pbx.hang_up(C1))


@story("ended_by_pbx")
def ended_by_limit(s: Story) -> None:
    """TIMEOUT(absolute) ends the waiting caller after 4 s."""
    s.caller(C1, calls="support/limited")


@story("refused_full", "abandoned")
def refused_full(s: Story) -> None:
    """maxlen=1: the second caller is refused."""
    s.caller(C1, calls="one-place", hangs_up_after=3).caller(C2, calls="one-place", at=1)


@story("refused_empty")
def refused_empty(s: Story) -> None:
    """joinempty=no and nobody serves."""
    s.caller(C1, calls="join-empty")


@story("timeout")
def timeout_untold(s: Story) -> None:
    """As timeout, but without the UserEvent: `exited` until queue_log says so."""
    s.caller(C1, calls="support/untold")


@story("answered")
def ring_all(s: Story) -> None:
    """Three phones ring at once; 1002 answers after 2 s, the others lose."""
    s.agent("1001", then="rings").agent("1002", rings=2).agent("1003", then="rings")
    s.caller(C1, calls="ring-all", hangs_up_after=4)


@story("answered")
def linear(s: Story) -> None:
    """1001 does not answer for 3 s, then 1002 does after 1 s."""
    s.agent("1001", then="rings").agent("1002", rings=1).caller(C1, calls="linear", hangs_up_after=6.5)


@story("answered")
def agent_busy(s: Story) -> None:
    """1001 is busy (486), then the turn is 1002's."""
    s.agent("1001", then="busy").agent("1002", rings=1).caller(C1, calls="linear", hangs_up_after=5)


@story("answered")
def agent_rejects(s: Story) -> None:
    """1001 rings for 1 s and is then rejected (603), then the turn is 1002's."""
    s.agent("1001", rings=1, then="rejects").agent("1002", rings=1).caller(C1, calls="linear", hangs_up_after=6)


@story("answered")
def agent_never_rings(s: Story) -> None:
    """1001 only says 100 Trying for 3 s, then the turn is 1002's."""
    s.agent("1001", then="silent").agent("1002", rings=1).caller(C1, calls="linear", hangs_up_after=7)


@story("answered")
def paused_member(s: Story) -> None:
    """1001 is in a pause, so only 1002 rings."""
    s.agent("1001", paused=True).agent("1002", rings=1).caller(C1, calls="support", hangs_up_after=3)


@story("timeout", "answered")
def two_visits(s: Story) -> None:
    """4 s in `support`, then on to `overflow`, where he is answered."""
    s.agent("1001", rings=1, serves="overflow").caller(C1, calls="support/overflow", hangs_up_after=7)


@story("timeout", "timeout")
def two_visits_same_queue(s: Story) -> None:
    """Twice 4 s in the same queue, nobody answers."""
    s.agent("1001", then="rings").caller(C1, calls="support/twice")


@story("abandoned")
def queue_not_answered_call(s: Story) -> None:
    """The call is never answered while it waits: the caller hears ringing and cancels."""
    s.agent("1001", then="rings").caller(C1, calls="support/unanswered", hangs_up_after=3)


@story("answered")
def answered_unanswered_call(s: Story) -> None:
    """The same, answered: the caller's phone sees 200 only when the agent answers."""
    s.agent("1001", rings=2).caller(C1, calls="support/unanswered", hangs_up_after=5, talks_for=1)


@story("answered", "answered")
def two_callers_one_agent(s: Story) -> None:
    """The second caller waits until the agent has done with the first."""
    s.agent("1001", rings=1).agent("1001", rings=1)
    s.caller(C1, calls="support", hangs_up_after=3).caller(C2, calls="support", hangs_up_after=6, at=0.5)


# --- a phone, without a queue -----------------------------------------------------------------------------------------
@story("answered")
def direct_answered(s: Story) -> None:
    """An office's phone rings 2 s and is answered; the caller hangs up."""
    s.agent("1001", rings=2).caller(C1, calls="phone:1001", hangs_up_after=10, talks_for=1.5)


@story("abandoned")
def direct_abandoned(s: Story) -> None:
    """The caller gives up (CANCEL) while the phone rings."""
    s.agent("1001", then="rings").caller(C1, calls="phone:1001", hangs_up_after=3)


@story("timeout")
def direct_no_answer(s: Story) -> None:
    """Dial() gives up after 3 s."""
    s.agent("1001", then="rings").caller(C1, calls="brief-phone:1001")


@story("busy")
def direct_busy(s: Story) -> None:
    """486."""
    s.agent("1001", then="busy").caller(C1, calls="phone:1001")


@story("busy")
def direct_rejected(s: Story) -> None:
    """The phone rings 1 s, then 603."""
    s.agent("1001", rings=1, then="rejects").caller(C1, calls="phone:1001")


@story("timeout")
def direct_never_rang(s: Story) -> None:
    """The phone says 100 and no more; Dial() gives up after 3 s."""
    s.agent("1001", then="silent").caller(C1, calls="brief-phone:1001")


@story("timeout")
def direct_unplugged(s: Story) -> None:
    """No phone is there at all: AMI tells it no otherwise than direct_never_rang."""
    s.caller(C1, calls="brief-phone:1039")


@story("answered")
def direct_two_at_once(s: Story) -> None:
    """Dial(1001&1002): 1002 answers after 2 s."""
    s.agent("1001", then="rings").agent("1002", rings=2).caller(C1, calls="two-at-once", hangs_up_after=9, talks_for=1)


@story("answered")
def direct_one_after_the_other(s: Story) -> None:
    """1001 for 3 s, then 1002, which answers: one visit."""
    s.agent("1001", then="rings").agent("1002", rings=1)
    s.caller(C1, calls="one-after-the-other", hangs_up_after=9, talks_for=1)


@story("answered")
def direct_agent_hangs_up(s: Story) -> None:
    """The agent hangs up first."""
    s.agent("1001", rings=1, hangs_up_after=1.5).caller(C1, calls="phone:1001")


@story("answered")
def direct_greeted(s: Story) -> None:
    """The PBX answers the call itself, then the phone rings and is answered."""
    s.agent("1001", rings=2).caller(C1, calls="greeted-phone:1001", hangs_up_after=4)


@story("timeout", "answered")
def direct_then_queue(s: Story) -> None:
    """The office's phone for 3 s, then the queue, where a colleague answers."""
    s.agent("1001", then="rings", serves=()).agent("1002", rings=1, serves="support")
    s.caller(C1, calls="phone-then-support:1001", hangs_up_after=6)


@story("ended_by_pbx")
def direct_ended_by_ami(s: Story) -> None:
    """AMI Hangup ends the caller while the phone rings."""
    s.agent("1001", then="rings").caller(C1, calls="phone:1001").later(2, lambda: s.pbx.hang_up(C1))


@story("ended_by_pbx")
def direct_ended_by_limit(s: Story) -> None:
    """TIMEOUT(absolute) ends the caller after 3 s while the phone rings."""
    s.agent("1001", then="rings").caller(C1, calls="limited-phone:1001")


@story("redirected")
def direct_redirected(s: Story) -> None:
    """AMI Redirect moves the caller elsewhere while the phone rings; there he lives on for 2 s."""
    s.agent("1001", then="rings").caller(C1, calls="phone:1001").later(2, lambda: s.pbx.redirect(C1))


@story("answered")
def direct_by_local(s: Story) -> None:
    """Dial(Local/1001@agents/n): the phone behind it rings 2 s and answers."""
    s.agent("1001", rings=2).caller(C1, calls="local-phone:1001", hangs_up_after=10, talks_for=1.5)


# --- callers who come by way of a Local channel -----------------------------------------------------------------------
@story("answered")
def local_caller(s: Story) -> None:
    """Dial(Local/4001@from-trunk/n) leads to the queue: one visit, in the queue."""
    s.agent("1001", rings=1, serves="support").caller(C1, calls="support/local", hangs_up_after=4)


@story("abandoned")
def local_caller_abandons(s: Story) -> None:
    """The same, and he gives up while the phone rings."""
    s.agent("1001", then="rings", serves="support").caller(C1, calls="support/local", hangs_up_after=3)


@story("answered")
def local_caller_optimized(s: Story) -> None:
    """The Local channel by which he came vanishes after the answer; he goes on talking."""
    s.agent("1001", rings=1, serves="support").caller(C1, calls="support/local-optimized", hangs_up_after=4)


# --- calls that are no visits -----------------------------------------------------------------------------------------
@story(notice="an agent's phone dials outside: direction outbound, no visit")
def outbound(s: Story) -> None:
    s.outside(rings=1).phone_calls("1001", dials="913800000001", hangs_up_after=3)


@story(notice="a phone calls a colleague: direction internal, no visit")
def internal(s: Story) -> None:
    s.agent("1002", rings=1, serves=()).phone_calls("1001", dials="1002", hangs_up_after=3)


@story(notice="click-to-call: AMI Originate rings 1001, then the outside number: outbound, no visit")
def click_to_call(s: Story) -> None:
    s.agent("1001", rings=1, serves=(), hangs_up_after=3).outside(rings=1)
    s.later(0.2, lambda: s.pbx.action(
        "Originate", Channel="PJSIP/1001", Context="from-phones", Exten="913800000001", Priority="1",
        CallerID="913800000001", Timeout="10000", Async="true",
    ))  # fmt: skip
    s.lasts(5.5)


# --- further legs -----------------------------------------------------------------------------------------------------
@story("answered")
def local_member(s: Story) -> None:
    """The member is Local/1001@agents/n."""
    s.agent("1001", rings=2, local="/n").caller(C1, calls="support", hangs_up_after=4)


@story("answered")
def local_member_optimized(s: Story) -> None:
    """The member is Local/1001@agents: the Local channel vanishes after the answer."""
    s.agent("1001", rings=2, local="").caller(C1, calls="support", hangs_up_after=4)


@story("abandoned")
def local_member_abandoned(s: Story) -> None:
    """The caller gives up while a phone behind a Local channel rings."""
    s.agent("1001", then="rings", local="/n").caller(C1, calls="support", hangs_up_after=3)


@story("answered", "answered")
def blind_transfer(s: Story) -> None:
    """1001 answers and transfers the caller (REFER) into `sales`, where 1002 answers."""
    s.agent("1001", rings=1, transfers=(1, "sales"), serves="support").agent("1002", rings=1, serves="sales")
    s.caller(C1, calls="support", hangs_up_after=5.5)


@story("answered", "answered")
def blind_transfer_to_phone(s: Story) -> None:
    """1001 answers and transfers the caller to the phone 1002: a queue visit, then a direct one."""
    s.agent("1001", rings=1, transfers=(1, "1002"), serves="support").agent("1002", rings=1, serves=())
    s.caller(C1, calls="support", hangs_up_after=5.5)


@story(
    "answered", "answered", notice="attended: 1001 answers, consults 1002 (AMI Atxfer), hangs up: 1002 has the caller"
)
def attended_transfer(s: Story) -> None:
    s.agent("1001", rings=1, speaks=3, hangs_up_after=6, serves="support").agent("1002", rings=1, serves=())
    s.caller(C1, calls="support/transferable", hangs_up_after=9).later(1.5, lambda: s.pbx.consult("1001", "1002"))


@story("answered", "answered", notice="blonde: as attended, but 1001 hangs up while 1002 still rings")
def blonde_transfer(s: Story) -> None:
    s.agent("1001", rings=1, speaks=3, hangs_up_after=4, serves="support").agent("1002", rings=6, serves=())
    s.caller(C1, calls="support/transferable", hangs_up_after=12).later(1.5, lambda: s.pbx.consult("1001", "1002"))


@story("redirected")
def parked(s: Story) -> None:
    """Somebody parks the waiting caller (AMI Park); he gives up in the parking lot."""
    s.caller(C1, calls="support", hangs_up_after=5).later(2, lambda: s.pbx.park(C1))


@story("answered")
def agent_ends_by_ami(s: Story) -> None:
    """Talking, then AMI Hangup on the agent's channel: hung up by the PBX."""
    s.agent("1001", rings=1).caller(C1, calls="support").later(3, lambda: s.pbx.hang_up_phone("1001"))


@story("answered")
def wrapped(s: Story) -> None:
    """The agent talks for 1 s, then has 5 s of wrap-up."""
    s.agent("1001", rings=1).caller(C1, calls="wrapped", hangs_up_after=2)


@story("answered")
def hold(s: Story) -> None:
    """The agent holds the caller for 1 s: holds are part of the talk."""
    s.agent("1001", rings=1, holds=(0.7, 1)).caller(C1, calls="support", hangs_up_after=4)


# --- we come late -----------------------------------------------------------------------------------------------------
@story("abandoned", "answered", "answered", listens_from=3, notice="we log in while one waits, one rings, one talks")
def connected_late(s: Story) -> None:
    s.agent("1001", rings=1, serves="sales").agent("1002", rings=5, serves="market")
    s.caller(C1, calls="support", hangs_up_after=5)
    s.caller(C2, calls="sales", hangs_up_after=6).caller(C3, calls="market", hangs_up_after=7.5)


@story("answered", "abandoned", listens_from=3, notice="the same with direct calls: one phone rings, one talks")
def direct_connected_late(s: Story) -> None:
    s.agent("1001", rings=1).agent("1002", then="rings")
    s.caller(C1, calls="phone:1001", hangs_up_after=9, talks_for=4).caller(C2, calls="phone:1002", hangs_up_after=6)


# --- the PBX itself ---------------------------------------------------------------------------------------------------
@story("lost", "lost", notice="`core stop now` with a waiting and a ringing caller: not abandonments")
def shutdown(s: Story) -> None:
    s.agent("1001", then="rings", serves="sales")
    s.caller(C1, calls="support").caller(C2, calls="sales").pbx_stops(3)


@story("lost", "lost", notice="kill -9 with a waiting and a talking caller: the line just breaks")
def killed(s: Story) -> None:
    s.agent("1001", rings=1, serves="sales")
    s.caller(C1, calls="support", hangs_up_after=4).caller(C2, calls="sales", hangs_up_after=4).pbx_dies(3)


# --- hostile callers --------------------------------------------------------------------------------------------------
# (a plain colon would end the user part: percent codes survive the SIP parser, and arrive in AMI decoded)
FORGED = "0216%0d%0a%0d%0aEvent%3a%20Hangup%0d%0aUniqueid%3a%20pbx1-1.1"


@story("abandoned", notice="number with CR LF and a forged event, display name with quotes, brackets and UTF-8")
def hostile(s: Story) -> None:
    s.agent("1001", then="rings")
    s.caller(FORGED, calls="support", hangs_up_after=2, display='"Robert\\"; <sip:x@y> 王小明 \\\\r\\\\nEvent: Hangup"')


@story("abandoned", notice="the same into a dialplan that does not clean the number")
def hostile_raw(s: Story) -> None:
    s.agent("1001", then="rings")
    s.caller(FORGED, calls="support/raw", hangs_up_after=2, display='"王小明|ABANDON|1|1|1"')


@story(
    "abandoned",
    notice="the number forges a whole event with all four opening headers; the real Newchannel's rest follows",
)
def hostile_forged(s: Story) -> None:
    head = "%0d%0aPrivilege%3a%20call,all%0d%0aTimestamp%3a%201.0%0d%0aSystemName%3a%20pbx1"
    s.caller(f"0%0d%0a%0d%0aEvent%3a%20Hangup{head}", calls="support", hangs_up_after=2)


@story("abandoned", notice="a UTF-8 name of 300 bytes")
def long_name(s: Story) -> None:
    s.caller(C1, calls="support", hangs_up_after=2, display=f'"{"长" * 100}"')


@story("abandoned", notice="the same, two bytes further: does Asterisk cut inside a character?")
def long_name_cut(s: Story) -> None:
    s.caller(C1, calls="support", hangs_up_after=2, display=f'"ab{"长" * 100}"')
