"""Old pyst2 scripts, unchanged, with real callers who press keys: where each call went proves what the script did."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asterisk.agi
import pytest
import pytest_asyncio

from .asterisk import Pbx
from .crowd import Crowd
from .database import Database
from .heard import Heard, took
from .product import SCRIPTS, Product
from .story import Story

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(120)]

RUNS = {
    "pin": "posted/pin.py",
    "lookup": "posted/lookup.py",
    "menu": "posted/menu.py:menu",
    "raw": "posted/raw.py",
    "sample": "sample.py",
    "greet": "awaited.py:greet",
}
C1, C2, C3 = (f"0216000000{n}" for n in range(1, 4))


@dataclass
class Bench:
    """What every test here needs."""

    pbx: Pbx
    product: Product
    heard: Heard


@pytest_asyncio.fixture
async def bench(pbx: Pbx, tmp_path: Path) -> AsyncIterator[Bench]:
    """A service that runs copies of the scripts, pyst2's own file among them."""
    folder = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, folder)
    shutil.copy(asterisk.agi.__file__, folder / "sample.py")
    async with (
        Database() as database,
        Product([pbx], database.url, scripts=RUNS, folder=folder) as product,
        Heard(pbx) as heard,
    ):
        yield Bench(pbx, product, heard)


async def test_pyst2s_own_sample_reads_digits_then_hangs_up(bench: Bench) -> None:
    # demo-congrats goes on for half a minute; get_data ends it at the #, and the sample hangs up.
    story = Story(bench.pbx).caller(C1, calls="did:sample", presses=[(1.0, "4"), (1.5, "#")], hangs_up_after=9)

    seen = await story.play()

    call = seen.caller(C1)
    assert call.ended_by == "other"
    assert call.talk_seconds == pytest.approx(1.5, abs=0.4)
    assert not bench.heard.of("Ran"), "the call ended within the script"
    results = (await asyncio.to_thread(bench.product.metrics)).by(
        "result", "telephony_agi_requests_total", script="sample"
    )
    assert sum(results.values()) == 1
    assert set(results) <= {"ok", "hung_up"}


async def test_a_pin_check_lets_in_who_knows_it_and_nobody_else(bench: Bench) -> None:
    await bench.pbx.cli(f"database put pins {C1} 1234")
    await bench.pbx.cli(f"database put pins {C2} 1234")
    # The third knows no PIN and says nothing: three times four seconds.
    story = Story(bench.pbx)
    story.caller(
        C1, calls="do:pin", presses=[(2.0, "9"), (2.2, "#"), *((4.5 + n / 4, k) for n, k in enumerate("1234"))]
    )
    story.caller(C2, calls="do:pin", presses=[(2.0 + 3 * n, k) for n, k in enumerate("###")])
    story.caller(C3, calls="do:pin", presses=[(1.0, "1")], hangs_up_after=3)

    seen = await story.play()

    assert not seen.complaints
    landed = {event["CallerIDNum"]: event["At"] for event in bench.heard.of("Landed")}
    assert landed == {C1: "support", C2: "refused"}
    results = (await asyncio.to_thread(bench.product.metrics)).by(
        "result", "telephony_agi_requests_total", script="pin"
    )
    assert results == {"ok": 2, "hung_up": 1}


async def test_a_caller_id_look_up_gives_known_callers_their_name(bench: Bench) -> None:
    await bench.pbx.cli(f'database put cidname {C1} "Li Lei"')
    story = Story(bench.pbx).caller(C1, calls="do:lookup").caller(C2, calls="do:lookup")
    story.caller("+86" + C1[1:], calls="do:lookup")

    await story.play()

    told = {
        event["CallerIDNum"]: (event["Says"], event["CallerIDName"], event["Why"]) for event in bench.heard.of("Ran")
    }
    assert told == {
        C1: ("customer", "Li Lei", ""),
        C2: ("stranger", "<unknown>", ""),
        "+86" + C1[1:]: ("customer", "Li Lei", ""),
    }
    assert max(took(event) for event in bench.heard.of("Ran")) < 1


async def test_a_menu_leads_to_a_queue_to_another_extension_or_to_the_end(bench: Bench) -> None:
    story = Story(bench.pbx).agent("1001", rings=1, hangs_up_after=1.5, serves="support")
    story.caller(C1, calls="do:menu", presses=[(1.0, "1")])
    story.caller(C2, calls="do:menu", presses=[(1.0, "3"), (2.5, "2")])
    story.caller(C3, calls="do:menu", presses=[(1.0, "3"), (2.5, "3")])

    seen = await story.play()

    assert not seen.complaints
    assert {event["CallerIDNum"]: event["Choice"] for event in bench.heard.of("Menu")} == {C1: "support", C2: "sales"}
    (ring,) = seen.rings_of("1001")
    assert ring.caller == C1
    assert [line.event for line in seen.queue_log if line.queue == "support"][1:4] == [
        "ENTERQUEUE", "CONNECT", "COMPLETEAGENT",
    ]  # fmt: skip
    assert {event["CallerIDNum"]: event["At"] for event in bench.heard.of("Landed")} == {C2: "sales"}
    assert seen.caller(C3).ended_by == "other"
    ran = {event["CallerIDNum"]: (event["Says"], event["Why"]) for event in bench.heard.of("Ran")}
    assert ran == {C1: ("queue was CONTINUE", "")}


async def test_raw_agi_on_standard_output_works_and_coroutines_do_too(bench: Bench) -> None:
    story = Story(bench.pbx).caller(C1, calls="do:raw").caller(C2, calls="do:greet", presses=[(1.0, "4"), (1.4, "2")])

    seen = await story.play()

    assert not seen.complaints
    told = {event["Name"]: (event["Says"], event["Why"]) for event in bench.heard.of("Ran")}
    assert told == {"raw": (f"{C1} two words", ""), "greet": (f"{C2} pressed 42", "")}


async def test_a_reload_gives_new_callers_the_new_script_and_lets_old_conversations_end(bench: Bench) -> None:
    greet = bench.product.scripts_folder / "awaited.py"
    async with Crowd(
        bench.pbx, "02171", calls="do:greet", count=1, per_second=1, presses=((2.0, "4"), (2.4, "2"))
    ) as old:
        await bench.product.until(
            lambda: bench.product.metrics().total("telephony_agi_conversations") == 1, 5, "talking"
        )
        greet.write_text(greet.read_text().replace("pressed", "hat gedrückt"))
        bench.product.reload()
        await bench.product.until(
            lambda: "draining" in bench.product.metrics().by("state", "telephony_agi_hosts"), 5, "draining"
        )
        async with Crowd(
            bench.pbx, "02172", calls="do:greet", count=1, per_second=1, presses=((1.0, "7"), (1.4, "8"))
        ) as new:
            assert (await new.ended()).failed == 0
        assert (await old.ended()).failed == 0
    await bench.heard.until("Ran", 2)
    told = {event["CallerIDNum"]: (event["Says"], event["Why"]) for event in bench.heard.of("Ran")}
    assert told == {"021711": ("021711 pressed 42", ""), "021721": ("021721 hat gedrückt 78", "")}

    # What cannot be compiled is told, and the old scripts go on.
    greet.write_text("def greet(:\n")
    bench.product.reload()
    await bench.product.until(lambda: "awaited.py:1" in bench.product.log, 5, "told")
    story = Story(bench.pbx).caller(C1, calls="do:greet", presses=[(1.0, "5"), (1.4, "6")])
    await story.play()
    assert [event["Says"] for event in bench.heard.of("Ran")][2:] == [f"{C1} hat gedrückt 56"]
