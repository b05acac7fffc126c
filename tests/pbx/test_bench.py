"""The bench proves itself before it judges others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from . import queue_log
from .ami import Ami, AmiError
from .asterisk import Pbx
from .checker import compare, true_visits
from .load import load
from .recorder import Recorder
from .story import Story, Witnessed
from .trace import Leg

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(180)]
C1, C2 = "02160000001", "02160000002"


async def test_an_answered_call_is_seen_by_both_phones_and_by_queue_log(pbx: Pbx) -> None:
    story = Story(pbx).agent("1001", rings=1.5).caller(C1, calls="support", hangs_up_after=3)

    seen = await story.play()

    assert seen.complaints == []
    (ring,) = seen.rings_of("1001")
    assert ring.caller == C1
    assert ring.alerting_seconds == pytest.approx(1.5, abs=0.1)
    assert seen.caller(C1).talk_seconds == pytest.approx(3, abs=0.1)
    assert (seen.caller(C1).ended_by, ring.ended_by) == ("self", "other")
    assert [line.event for line in seen.events() if line.queue == "support"][1:4] == [
        "ENTERQUEUE",
        "CONNECT",
        "COMPLETECALLER",
    ]
    (visit,) = true_visits(seen)
    assert (visit.outcome, visit.agent) == ("answered", "Agent 1001")
    assert visit.sip_wait == pytest.approx(1.5, abs=0.15)


async def test_the_second_call_to_a_phone_may_go_otherwise_than_the_first(pbx: Pbx) -> None:
    story = Story(pbx).agent("1001", then="rings").agent("1001", rings=0.5)
    story.caller(C1, calls="support", hangs_up_after=1).caller(C2, calls="support", hangs_up_after=2.5, at=1.5)

    seen = await story.play()

    first, second = seen.rings_of("1001")
    assert (first.how, first.answered_at) == ("CANCEL", None)
    assert second.answered_at is not None
    assert [visit.outcome for visit in true_visits(seen)] == ["abandoned", "answered"]


async def test_abandon_of_a_caller_who_lives_on_is_redirected(pbx: Pbx) -> None:
    story = Story(pbx).caller(C1, calls="support").later(1, lambda: pbx.redirect(C1))

    seen = await story.play()

    assert [line.event for line in seen.events("ABANDON")] == ["ABANDON"]
    assert [visit.outcome for visit in true_visits(seen)] == ["redirected"]


async def test_the_products_login_hears_the_call_and_may_do_nothing(pbx: Pbx, tmp_path: Path) -> None:
    story = await Story(pbx).caller(C1, calls="support/brief").prepare()
    async with Recorder(pbx, tmp_path / "ami.bin") as recorder:
        await story.play()
        await recorder.until(b"Event: Hangup\r\n")
    heard = recorder.heard.decode()

    assert "Event: QueueCallerJoin\r\nPrivilege: agent,all\r\nTimestamp: " in heard
    assert "SystemName: pbx1" in heard
    assert "UserEvent: QueueResult" in heard
    assert "Result: TIMEOUT" in heard
    assert "Event: Newexten" not in heard
    assert "Event: VarSet" not in heard
    product = await Ami.login(pbx.host, pbx.ami_port, pbx.username, pbx.secret)
    with pytest.raises(AmiError):
        await product.action("Originate", Channel="PJSIP/1001", Application="Wait", Data="1")
    await product.close()


async def test_a_killed_pbx_comes_back_with_its_queue_log(pbx: Pbx) -> None:
    story = Story(pbx).caller(C1, calls="support", hangs_up_after=2).pbx_dies(1)

    seen = await story.play()
    await pbx.start()

    assert [line.event for line in seen.events()][-1] == "ENTERQUEUE"
    async with asyncio.timeout(5):  # QUEUESTART may come a moment after FullyBooted
        while queue_log.read(pbx.queue_log)[-1].event != "QUEUESTART":
            await asyncio.sleep(0.02)
    assert "support" in await pbx.cli("queue show support")


async def test_two_pbxs_without_a_name_hand_out_the_same_uniqueid(asterisk_root: Path) -> None:  # noqa: ARG001
    async with Pbx(systemname=None) as east, Pbx(systemname=None) as west:
        stories = [await Story(one).caller(C1, calls="support", hangs_up_after=0.5).prepare() for one in (east, west)]
        now = datetime.now(tz=UTC).microsecond / 1e6  # noqa: TID251
        await asyncio.sleep((1.1 - now) % 1)  # both calls within one second
        eastern, western = await asyncio.gather(*(story.play() for story in stories))

    assert true_visits(eastern)[0].uniqueid == true_visits(western)[0].uniqueid


async def test_a_pbx_leaves_nothing_behind(asterisk_root: Path) -> None:
    async with Pbx() as pbx:
        folder, pid = pbx.folder, pbx.pid
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()
    assert str(asterisk_root) not in Path("/proc/self/mounts").read_text()


async def test_many_calls_are_told_apart_by_their_numbers(pbx: Pbx) -> None:
    story = load(pbx, calls=60, per_second=10, agents=12)

    seen = await story.play(limit=60)

    assert len({leg.caller for leg in seen.callers}) == 60
    visits = true_visits(seen)
    assert {visit.outcome for visit in visits} >= {"answered", "abandoned", "key_exit", "refused_empty"}
    assert None not in {visit.outcome for visit in visits}


def test_the_checker_names_what_differs() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    left = start.replace(second=4)
    seen = Witnessed(
        callers=[Leg(C1, "x", C1, "4001", start, answered_at=start, ended_at=left, ended_by="self", how="BYE")],
        queue_log=queue_log.parse(
            f"{int(start.timestamp())}|u.1|support|NONE|ENTERQUEUE||{C1}|1\n"
            f"{int(left.timestamp())}|u.1|support|NONE|ABANDON|1|1|4\n"
        ),
    )
    visit = {"uniqueid": "u.1", "kind": "queue", "queue": "support", "outcome": "abandoned", "wait_seconds": 4.02}
    call = {"uniqueid": "u.1", "caller": C1, "visits": [visit]}

    assert compare([call], seen).differences == []
    assert "exported timeout, witnessed abandoned" in str(
        compare([call | {"visits": [visit | {"outcome": "timeout"}]}], seen)
    )
    assert "SIPp saw 4.000" in str(compare([call | {"visits": [visit | {"wait_seconds": 6.0}]}], seen))
    assert "not exported" in str(compare([], seen))
