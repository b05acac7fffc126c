"""Calls that went from hand to hand on a real Asterisk: each recording against the facts that it means.

expected.json of a recording was written by its story's author in instants that SIPp saw (tests/pbx/handovers.py), and
resolved when it was recorded. tests/pbx/test_transfers.py holds the living product to the same.
"""

import json
from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from telephony.calls.effects import CaseOpened, Irregular, TalkEnded, VisitEnded, VisitEntered
from telephony.calls.record import Direction, Quality
from tests.pbx import handovers
from tests.pbx.meaning import differences
from tests.support.replay import RECORDINGS, Replayed, facts_of, replay
from tests.support.story import memory

NAMES = sorted(path.parent.name for path in RECORDINGS.glob("*/expected.json"))
both = pytest.mark.parametrize("with_log", [True, False], ids=["with_log", "ami_only"])
every = pytest.mark.parametrize("name", NAMES)


@cache
def played(name: str, *, with_log: bool = True) -> Replayed:
    return replay(name, with_log=with_log)


def exported(replayed: Replayed) -> list[dict[str, Any]]:
    """As `threerings export` would give it, as far as expected.json tells."""

    def plain(record: Any) -> dict[str, Any]:
        fields = asdict(record)
        for name, value in list(fields.items()):
            if isinstance(value, timedelta):
                fields[f"{name}_seconds"] = value.total_seconds()
        fields["wait_seconds"] = fields.get("wait_seconds")
        return {"talk_seconds": None, "hold_seconds": None, "alerting_seconds": None} | fields

    return [
        plain(call) | {"visits": [plain(v) | {"offers": [plain(offer) for offer in v.offers]} for v in call.visits]}
        for call in replayed.calls
        if call.direction is Direction.INBOUND
    ]


def count(replayed: Replayed, kind: type[Any]) -> int:
    return sum(isinstance(effect, kind) for effect in replayed.effects)


def test_every_kind_of_hand_over_is_recorded() -> None:
    assert set(NAMES) == {*handovers.ALL, *handovers.UNSTAMPED, *handovers.INTERLEAVED}


@pytest.mark.parametrize("name", sorted(handovers.UNSTAMPED))
def test_an_older_pbx_says_neither_its_name_nor_the_time(name: str) -> None:
    raw = (RECORDINGS / name / "ami.bin").read_bytes()
    assert b"Event: QueueCallerJoin" in raw
    assert b"SystemName: " not in raw
    assert b"Timestamp: " not in raw


@both
@every
def test_the_visits_are_what_sipp_saw(name: str, with_log: bool) -> None:
    expected = json.loads((RECORDINGS / name / "expected.json").read_text())
    assert differences(expected, exported(played(name, with_log=with_log))) == []


@pytest.mark.parametrize("cut", [1, 7])
@pytest.mark.parametrize("name", sorted(handovers.ALL))
def test_how_the_stream_is_cut_changes_nothing(name: str, cut: int) -> None:
    assert facts_of(name, cut=cut) == facts_of(name)


@both
@every
def test_one_call_and_one_case_for_each_customer_and_everything_is_counted_once(name: str, with_log: bool) -> None:
    replayed = played(name, with_log=with_log)
    truth = json.loads((RECORDINGS / name / "truth.json").read_text())
    customers = {leg["caller"] for leg in truth["callers"] if leg["caller"].startswith("0216")}
    inbound = [call for call in replayed.calls if call.direction is Direction.INBOUND]
    assert {call.caller for call in inbound} == customers
    assert len(inbound) == len(customers) == count(replayed, CaseOpened)
    assert Counter(call.id for call in replayed.ended) == {call.id: 1 for call in replayed.calls}
    assert count(replayed, VisitEntered) == count(replayed, VisitEnded) == len(replayed.visits)
    assert count(replayed, TalkEnded) == sum(visit.talk is not None for visit in replayed.visits)
    assert [effect for effect in replayed.effects if isinstance(effect, Irregular)] == []
    quality = Quality.APPROXIMATE if name.startswith("unstamped") else Quality.LIVE
    assert {visit.quality for visit in replayed.visits} == {quality}
    assert replayed.tracker is not None
    assert memory(replayed.tracker) == {}


@every
def test_a_consultation_is_a_call_of_its_own_without_a_case_and_ends_with_the_hand_over(name: str) -> None:
    for call in played(name).calls:
        if call.direction is not Direction.INBOUND:
            assert (call.direction, call.case, call.visits) == (Direction.INTERNAL, None, ())


@pytest.mark.parametrize(
    ("name", "lasts"),
    [("refer_blonde_queue", 1.53), ("refer_attended_queue", 3.55), ("local_blonde_queue", 1.53)],
)
def test_whom_the_transfer_brought_over_is_of_the_customers_call(name: str, lasts: float) -> None:
    (consultation,) = [call for call in played(name).calls if call.direction is Direction.INTERNAL]
    assert consultation.ended_at is not None
    assert abs((consultation.ended_at - consultation.arrived_at).total_seconds() - lasts) < 0.1


def test_the_call_of_whoever_hung_up_last_says_so() -> None:
    ended = {name: next(call.hung_up_by for call in played(name).calls) for name in ("refer_attended", "conference")}
    assert ended == {"refer_attended": "agent", "conference": "caller"}
