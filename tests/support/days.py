"""Days to test with: calls that ended at a time of day, and what is asked of them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from telephony.calls.measures import Target, Targets
from telephony.calls.record import CallRecord, Kind, OfferResult, Outcome
from telephony.standard.day import Branches, Day
from telephony.standard.verdict import Limits
from tests.support.calls import call, offer, seconds, visit

SHANGHAI = ZoneInfo("Asia/Shanghai")
LIMITS = Limits(abandonment=0.10, mean_wait=timedelta(seconds=30), within_share=0.90, rings=3)
TARGETS = Targets(Target(), {"vip": Target(short_abandon=timedelta(seconds=5))})
BRANCHES = Branches({"support": "changzhi", "sales": "jincheng"}, {"front-desk": "jincheng"})


def o_clock(text: str, zone: ZoneInfo = SHANGHAI, day: str = "2026-03-02") -> datetime:
    """This time of the local day, in its zone."""
    return datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=zone)


def day(now: datetime | None = None, **changes: Any) -> Day:
    """The 2nd of March 2026, or the day of `now`."""
    now = now or o_clock("09:00")
    zone = now.tzinfo
    assert isinstance(zone, ZoneInfo)
    return Day(zone, TARGETS, BRANCHES, now, **changes)


def answered(number: int, ended: datetime, wait: float = 10, rings: int = 2, **changes: Any) -> CallRecord:
    """Answered after so many seconds and rings, a minute of talk, ended then."""
    left = ended - timedelta(seconds=60)
    stay = visit(
        joined_at=left - seconds(wait), left_at=left, answered_at=left, wait=seconds(wait),
        alerted_at=left - seconds(min(wait, 6)), caller_rings=rings, caller_rings_heard=rings,
        queue=changes.pop("queue", "support"), kind=changes.pop("kind", Kind.QUEUE),
        agent=changes.pop("agent", "Agent 1001"),
    )  # fmt: skip
    begun = left - seconds(wait + 1)
    return replace(call(stay, number=number, arrived_at=begun, ended_at=ended), **changes)


def unanswered(
    number: int, ended: datetime, outcome: Outcome = Outcome.ABANDONED, wait: float = 40, **changes: Any
) -> CallRecord:
    """Left unanswered after so many seconds; a phone rang as long."""
    rings = max(1, -int(-wait // 5))
    stay = visit(
        outcome, joined_at=ended - seconds(wait), left_at=ended, wait=seconds(wait), alerted_at=ended - seconds(wait),
        caller_rings_heard=rings, queue=changes.pop("queue", "support"),
        offers=(offer(OfferResult.CALLER_LEFT, rings=rings),),
    )  # fmt: skip
    return replace(call(stay, number=number, arrived_at=ended - seconds(wait + 1), ended_at=ended), **changes)
