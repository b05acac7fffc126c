"""Calls as the service tells them."""

from __future__ import annotations

from typing import Any

KNOWN: dict[str, Any] = {
    "state": "known",
    "reason": None,
    "total": 7,
    "more": False,
    "calls": [
        {
            "id": "e1",
            "arrived_at": "2026-11-20T02:11:08.100000Z",
            "queue": "客户咨询",
            "outcome": "answered",
            "agent": "李娜",
            "wait_seconds": 7.4,
            "talk_seconds": 184.2,
            "case": {"id": "c1", "number": "000012", "kind": "enquiry"},
        },
        {
            "id": "e2",
            "arrived_at": "2026-11-19T07:30:41.000000Z",
            "queue": "客户咨询",
            "outcome": "abandoned",
            "agent": None,
            "wait_seconds": 41.0,
            "talk_seconds": None,
            "case": {"id": "c2", "number": "000009", "kind": None},
        },
        {
            "id": "e3",
            "arrived_at": "2026-10-03T01:02:03.000000Z",
            "queue": "front-desk",
            "outcome": "timeout",
            "agent": None,
            "wait_seconds": 30.0,
            "talk_seconds": None,
            "case": None,
        },
    ],
}
ASKING = {"state": "asking", "reason": None, "total": None, "more": False, "calls": []}
UNAVAILABLE = ASKING | {"state": "unavailable", "reason": "database"}
ANONYMOUS = ASKING | {"state": "anonymous"}
FIRST_TIME = KNOWN | {"total": 0, "calls": []}
HOSTILE = "<img src=x onerror=document.title='owned'>"


def ringing(call: str = "a", **changed: Any) -> dict[str, Any]:
    """It rings: the second ring, at the default."""
    return {
        "id": call,
        "phase": "ringing",
        "reason": None,
        "caller": "13800138000",
        "caller_name": "王建国",
        "dialled": "4001",
        "queue": "support",
        "queue_title": "客户咨询",
        "kind": "queue",
        "greeting": "您好，长治营业部，请问有什么可以帮您？",
        "case": {"id": "c", "number": "000017"},
        "waited_seconds": 12.3,
        "ringing_seconds": 7.2,
        "rings_before": 0,
        "rings": None,
        "talking_seconds": None,
        "hung_up_by": None,
        "earlier": KNOWN,
    } | changed


def talking(call: str = "a", **changed: Any) -> dict[str, Any]:
    """He has answered at the second ring, and talks."""
    return ringing(call, phase="talking", rings=2, talking_seconds=127.0) | changed


def ended(call: str = "a", **changed: Any) -> dict[str, Any]:
    """It is over."""
    return talking(call, phase="ended", talking_seconds=184.0, hung_up_by="caller") | changed


def withdrawn(call: str = "a", reason: str = "elsewhere", **changed: Any) -> dict[str, Any]:
    """It rang, and is not his any more."""
    return ringing(call, phase="withdrawn", reason=reason, rings=2) | changed
