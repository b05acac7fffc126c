"""What FastAGI means to the dialplan: AGISTATUS, the agent-side AGI of Queue() and its price, a limit of one's own."""

from __future__ import annotations

import asyncio
import re
import socket
import statistics
from pathlib import Path

import pytest

from . import catalogue
from .asterisk import Pbx
from .database import Database
from .heard import Heard, took
from .product import Product
from .recorder import Recorder
from .story import Story

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(120)]

C1, C2 = "02160000001", "02160000002"


def gaps(heard: bytes) -> list[float]:
    """Seconds from each QueueCallerLeave to the AgentConnect of the same caller."""
    left: dict[str, float] = {}
    found = []
    for message in heard.decode(errors="replace").split("\r\n\r\n"):
        fields = dict(re.findall(r"(?m)^(\w+): (.*?)\r?$", message))
        if fields.get("Event") == "QueueCallerLeave":
            left[fields["Uniqueid"]] = float(fields["Timestamp"])
        elif fields.get("Event") == "AgentConnect":
            found.append(float(fields["Timestamp"]) - left[fields["Uniqueid"]])
    return found


async def agent_side(pbx: Pbx, file: Path, *, way: str, function: str = "at_once", calls: int = 1) -> list[float]:
    """What comes between Leave and AgentConnect when Queue() runs a script for the agent, or none."""
    scripts = {"agent": f"agent.py:{function}"}
    async with Database() as database, Product([pbx], database.url, scripts=scripts) as product:
        await product.until(lambda: product.metrics().total("telephony_agi_hosts", state="ready"), 20, "ready")
        story = await Story(pbx).agent("1001", hangs_up_after=0.2, serves="support").prepare()
        for n in range(calls):
            story.caller(f"0216000{n:04d}", calls=f"support{way}", at=n * 0.6)
        async with Recorder(pbx, file) as recorder:
            await story.play()
        return gaps(bytes(recorder.heard))


async def test_a_script_for_the_agent_costs_milliseconds_when_it_answers_at_once_and_its_time_when_not(
    pbx: Pbx, tmp_path: Path
) -> None:
    file = tmp_path / "ami.bin"
    without = await agent_side(pbx, file, way="", calls=6)
    at_once = await agent_side(pbx, file, way="/agent-script", calls=6)
    slow = await agent_side(pbx, file, way="/agent-script", function="slow")

    price = statistics.median(at_once) - statistics.median(without)
    print(f"without {statistics.median(without):.4f} s, at once {statistics.median(at_once):.4f} s, slow {slow}")
    assert (len(without), len(at_once), len(slow)) == (6, 6, 1)
    assert 0 < price < 0.05
    assert slow == [pytest.approx(1.5, abs=0.1)]


async def test_a_script_for_the_agent_that_never_ends_holds_the_caller_although_the_agent_is_gone(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url, scripts={"agent": "agent.py:never"}):
        story = Story(pbx).agent("1001", hangs_up_after=1.0, serves="support")
        story.caller(C1, calls="support/agent-script", hangs_up_after=4.0)
        seen = await story.play()

    (ring,) = seen.rings_of("1001")
    assert ring.talk_seconds == pytest.approx(1.0, abs=0.2)
    assert (seen.caller(C1).ended_by, seen.caller(C1).talk_seconds) == ("self", pytest.approx(4.0, abs=0.3))


class Stranger:
    """Somebody else at the address of Three Rings' FastAGI; `says` is all that he ever does."""

    def __init__(self, pbx: Pbx, says: str) -> None:
        self._pbx, self._says = pbx, says
        self._server: asyncio.Server | None = None
        self._waiting: list[socket.socket] = []

    async def __aenter__(self) -> None:
        host, _, port = self._pbx.agi.rpartition(":")
        if self._says == "not even hello":  # its queue is full: SYNs are dropped, as by a machine that is away
            self._waiting.append(socket.create_server((host, int(port)), backlog=0))
            for _ in range(3):
                waits = socket.socket()
                waits.setblocking(False)
                waits.connect_ex((host, int(port)))
                self._waiting.append(waits)
        else:
            self._server = await asyncio.start_server(self._serve, host, int(port))

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for waits in self._waiting:
            waits.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            match self._says:
                case "closes at once":
                    pass
                case "closes later":
                    await asyncio.sleep(0.4)
                case "nothing":
                    while await reader.read(4096):
                        pass
                case "rubbish":
                    writer.write(b"\x00\xff rubbish\n" * 100)
                    await writer.drain()
                    await asyncio.sleep(0.2)
        except OSError:
            pass
        finally:
            writer.transport.abort()


@pytest.mark.parametrize(
    ("says", "status", "seconds"),
    [
        ("closes at once", "SUCCESS", 0.0),
        ("closes later", "SUCCESS", 0.4),
        ("nothing", "HANGUP", 2.0),
        ("not even hello", "FAILURE", 2.0),
        ("rubbish", "SUCCESS", 0.2),
        (None, "FAILURE", 0.0),
    ],
)
async def test_agistatus_of_an_inbound_that_is_none_and_how_long_the_caller_waits(
    pbx: Pbx, says: str | None, status: str, seconds: float
) -> None:
    async with Heard(pbx) as heard:
        story = Story(pbx).caller(C1, calls="support/asked", hangs_up_after=seconds + 1.0)
        if says is None:
            seen = await story.play()
        else:
            async with Stranger(pbx, says):
                seen = await story.play()

    assert not seen.complaints
    (asked,) = heard.of("Asked")
    assert (asked["Status"], asked["Case"], asked["Queue"]) == (status, "", "support")
    assert took(asked) == pytest.approx(seconds, abs=0.15)
    assert [line.event for line in seen.events("ENTERQUEUE", "ABANDON")] == ["ENTERQUEUE", "ABANDON"]


async def test_a_limit_on_the_whole_call_goes_on_after_inbound(pbx: Pbx) -> None:
    async with Stranger(pbx, "nothing"):
        story = Story(pbx).caller(C1, calls="support/asked-limited")
        seen = await story.play()
    async with Database() as database, Product([pbx], database.url):
        story = Story(pbx).caller(C2, calls="support/asked-limited")
        more = await story.play()

    # Four seconds from the INVITE, whatever Three Rings took of them.
    assert seen.caller(C1).ended_by == more.caller(C2).ended_by == "other"
    for leg in (seen.caller(C1), more.caller(C2)):
        assert leg.ended_at is not None
        assert (leg.ended_at - leg.invited_at).total_seconds() == pytest.approx(4.0, abs=0.5)


async def test_a_script_of_a_service_that_takes_the_call_and_freezes_is_waited_for_two_seconds(pbx: Pbx) -> None:
    async with Stranger(pbx, "nothing"), Heard(pbx) as heard:
        await Story(pbx).caller(C1, calls="do:honest").play()

    (ran,) = heard.of("Ran")
    assert ran["Why"] == "unreachable"
    assert took(ran) == pytest.approx(2.0, abs=0.2)


async def test_a_limit_of_the_callers_own_dialplan_strikes_there_while_a_script_talks(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url, scripts=HONEST), Heard(pbx) as heard:
        await Story(pbx).caller(C1, calls="short:listens").caller(C2, calls="short:honest").play()

    (struck,) = heard.of("Struck")
    assert (struck["Name"], struck["Why"]) == ("listens", "unreachable")
    assert took(struck) == pytest.approx(2.5, abs=0.2)
    assert [(ran["Name"], ran["Why"]) for ran in heard.of("Ran")] == [("honest", "")]


HONEST = {"honest": "faults.py:honest", "listens": "faults.py:listens"}


async def test_who_may_not_ask_is_let_go_at_once(pbx: Pbx) -> None:
    elsewhere = 'allow = ["10.0.0.0/8"]'
    async with Database() as database, Product([pbx], database.url, scripts=HONEST, agi=elsewhere) as product:
        async with Heard(pbx) as heard:
            story = Story(pbx).caller(C1, calls="do:honest").caller(C2, calls="support/asked-only")
            seen = await story.play()
        metrics = await asyncio.to_thread(product.metrics)

    assert not seen.complaints
    (ran,), (asked,) = heard.of("Ran"), heard.of("Asked")
    assert (ran["Why"], asked["Case"], asked["Queue"]) == ("unreachable", "", "support")
    assert took(ran) < 0.1
    assert took(asked) < 0.1
    assert metrics.by("result", "telephony_agi_requests_total") == {"refused": 2}
    assert product.log.count("agi_not_served") == 1


async def test_a_number_with_a_line_break_is_no_request_and_its_caller_goes_on(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url, scripts=HONEST) as product, Heard(pbx) as heard:
        seen = await Story(pbx).caller(catalogue.FORGED, calls="raw:honest").play()
        metrics = await asyncio.to_thread(product.metrics)

    assert not seen.complaints
    assert [event["Why"] for event in heard.of("Ran")] == ["unreachable"]
    assert metrics.by("result", "telephony_agi_requests_total") == {"bad_request": 1}
    assert "agi_bad_request" in product.log


async def test_a_conversation_has_an_end_even_where_its_caller_has_none(pbx: Pbx) -> None:
    longest = "longest_minutes = 0.025"
    async with Database() as database, Product([pbx], database.url, scripts=HONEST, agi=longest) as product:
        async with Heard(pbx) as heard:
            await Story(pbx).caller(C1, calls="do:listens").caller(C2, calls="do:honest").play()
        metrics = await asyncio.to_thread(product.metrics)

    assert {event["Name"]: event["Why"] for event in heard.of("Ran")} == {"listens": "timeout", "honest": ""}
    (ran,) = heard.of("Ran", Name="listens")
    assert took(ran) == pytest.approx(1.5, abs=0.3)
    assert metrics.by("result", "telephony_agi_requests_total") == {"timeout": 1, "ok": 1}


async def test_when_the_service_is_killed_in_mid_conversation_the_call_goes_on_at_once(pbx: Pbx) -> None:
    async with Database() as database:
        product = Product([pbx], database.url, scripts=HONEST)
        async with product, Heard(pbx) as heard:

            async def kill() -> None:
                await asyncio.sleep(1.0)
                await product.kill()

            seen = await Story(pbx).caller(C1, calls="do:listens").later(0, kill).play()

    assert not seen.complaints
    (ran,) = heard.of("Ran")
    assert (ran["Status"], ran["Why"]) == ("SUCCESS", "unreachable")
    assert took(ran) == pytest.approx(1.0, abs=0.3)
