"""Why a wait that nobody answered ended: each outcome decided on evidence, or not yet.

Asterisk says the same (`CallerUnserved`, `CallerLeft`) at timeout, empty, withdrawal, redirection and abandonment. What
tells them apart: who asked for the hang-up and whether that was before leaving; what the dialplan told; what queue_log
says; and whether the channel lived on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from telephony.calls.facts import HangupSide, QueueResult
from telephony.calls.record import OfferResult, Outcome

DIES_WITH_IT = timedelta(seconds=1)
"""A channel that ends this soon after leaving the queue, unasked, was ended together with its wait."""

UNHEARD = "left while we did not hear the PBX"

SAME_MOMENT = timedelta(milliseconds=100)
"""A caller's hang-up this soon after an unserved leaving was its reason, seen late."""

UNNOTICED = timedelta(seconds=5)
"""A queue may be so long in noticing that its caller is gone (load; an announcement to the agent): his request may have
fallen into a gap in our hearing that ended so short a time before he left."""

EXPLICIT: Mapping[QueueResult, Outcome] = {
    QueueResult.TIMEOUT: Outcome.TIMEOUT,
    QueueResult.LEAVE_EMPTY: Outcome.EMPTY,
    QueueResult.WITHDRAWN: Outcome.WITHDRAWN,
    QueueResult.KEY: Outcome.KEY_EXIT,
    QueueResult.INCOMPATIBLE: Outcome.INCOMPATIBLE,
}
"""Words that leave no doubt, whoever says them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a caller who left a queue without being bridged.

    Attributes:
        unserved: the queue said that it gave him up (it does not say so when he left by a key, or to an agent).
        told, logged: the dialplan's and queue_log's word.
        log_awaited: a queue_log is read, its line is not there yet, and patience is not over.
        asked: whose hang-up request was seen before he left.
        request_unheard: such a request may have fallen into a gap in our hearing: that we saw none proves nothing.
        hung_up_later: he himself hung up after that. (The PBX asks for the end of every channel in the end.)
        at_once: he did so within `SAME_MOMENT`.
        lived: how long the channel lived after leaving; None while it lives.
        moved_on: the living channel was seen doing something else (dialling, in a bridge, in another queue).
        phone_answered: an agent's phone was answered for him, and was so still when he left.
        phone_gone: that phone's channel ended since.
        patience: time left to wait for missing evidence; zero or less when it is over.
        since: time since he left.
        unheard: since a gap in our hearing nothing showed that he still waited: an agent may have talked to him.
    """

    unserved: bool
    told: QueueResult | None
    logged: QueueResult | None
    log_awaited: bool
    asked: HangupSide | None
    request_unheard: bool
    hung_up_later: bool
    at_once: bool
    lived: timedelta | None
    moved_on: bool
    phone_answered: bool
    phone_gone: bool
    patience: timedelta
    since: timedelta
    unheard: bool


Verdict = tuple[Outcome, str]


def judge(e: Evidence) -> Verdict | None:
    """The outcome and the evidence for it in a few words; None when more evidence may still come."""
    for word, witness in ((e.told, "dialplan"), (e.logged, "queue_log")):
        if word is not None and word in EXPLICIT:
            return EXPLICIT[word], f"{witness} said so"
    if e.unheard:
        return None if e.patience > timedelta() else (Outcome.LOST, UNHEARD)
    if e.asked is HangupSide.FAR_END:
        return None if e.log_awaited else ended_by(e.asked, "before leaving the queue")
    if e.asked is HangupSide.PBX:
        # An orderly shutdown asks every channel to end first and says Shutdown a second later: then he is lost.
        return None if e.patience > timedelta() else ended_by(e.asked, "before leaving the queue")
    if e.unserved or (e.request_unheard and e.logged is QueueResult.ABANDONED):  # the gap may have swallowed that, too
        return judge_unserved(e)
    return judge_connecting(e) if e.phone_answered else judge_unsaid(e)


def ended_by(side: HangupSide, when: str) -> Verdict:
    """Whose wish ended the wait."""
    if side is HangupSide.FAR_END:
        return Outcome.ABANDONED, f"caller hung up {when}"
    return Outcome.ENDED_BY_PBX, f"PBX hung up {when}"


def judge_connecting(e: Evidence) -> Verdict | None:
    """He was on his way to an agent who had answered (agent-side AGI, Gosub), and may be still."""
    if e.lived is None:
        waits = e.patience > timedelta() or not e.phone_gone
        return None if waits else (Outcome.EXITED, "phone answered, nobody was bridged")
    if not e.hung_up_later and e.patience > timedelta():
        return None  # an orderly shutdown says so a second later: then he is lost
    if e.request_unheard and not e.hung_up_later:
        return Outcome.LOST, UNHEARD
    return ended_by(HangupSide.FAR_END if e.hung_up_later else HangupSide.PBX, "before the agent was bridged")


def judge_unserved(e: Evidence) -> Verdict | None:
    """The queue gave him up though nobody had hung up: only a second witness can say why."""
    if e.logged is QueueResult.ABANDONED and e.at_once and not e.moved_on:
        # Request and Leave are written by two threads; no redirected caller hangs up this soon.
        return ended_by(HangupSide.FAR_END, "in the moment of leaving")
    if e.logged is QueueResult.ABANDONED:
        if e.lived is not None and e.lived <= DIES_WITH_IT and not e.hung_up_later and not e.moved_on:
            if e.request_unheard:
                return Outcome.ABANDONED, "queue_log said so"
            # AMI's Hangup and absolute limits leave no request before leaving: seen on 22.10.
            return Outcome.ENDED_BY_PBX, "channel ended with the wait, unasked"
        if e.lived is not None or e.hung_up_later or e.moved_on or e.since > DIES_WITH_IT:
            return Outcome.REDIRECTED, "queue_log says ABANDON, channel lived on"
        return None
    return None if e.patience > timedelta() else (Outcome.EXITED, "neither dialplan nor queue_log said why")


def judge_unsaid(e: Evidence) -> Verdict | None:
    """Leaving without a word of giving up, and no agent answered: that is how a key lets him out."""
    if e.patience > timedelta():
        return None
    return Outcome.KEY_EXIT, "left without being given up, no agent answered"


def cancelled_offer(outcome: Outcome | None, *, won_elsewhere: bool) -> OfferResult | None:
    """Why a phone that was still ringing was silenced; None when nobody knows."""
    if won_elsewhere or outcome is Outcome.ANSWERED:
        return OfferResult.CANCELLED_ELSEWHERE
    if outcome in {Outcome.TIMEOUT, Outcome.BUSY, Outcome.UNREACHABLE, Outcome.EMPTY}:
        return OfferResult.NO_ANSWER
    return None if outcome is Outcome.LOST else OfferResult.CALLER_LEFT


def judge_direct(results: frozenset[OfferResult | None], asked: HangupSide | None, *, cancelled: bool) -> Verdict:
    """How the ringing of phones outside a queue ended, unanswered.

    Args:
        results: of the offers so far; None for those cancelled.
        asked: whose hang-up of the customer's channel was seen before the last phone fell silent.
        cancelled: the last phone was silenced rather than given up on.
    """
    if asked is not None:
        return ended_by(asked, "while phones rang")
    if cancelled:
        return Outcome.REDIRECTED, "ringing was cancelled, caller lived on"
    if OfferResult.NO_ANSWER in results:
        return Outcome.TIMEOUT, "no phone answered in time"
    if OfferResult.BUSY in results:
        return Outcome.BUSY, "phone was busy"
    if OfferResult.ANSWERED in results:
        return Outcome.EXITED, "phone answered, nobody was bridged"
    return Outcome.UNREACHABLE, "no phone rang"
