"""`threerings check` against a real PBX: no fault where there is none, and each fault where it is made."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from .asterisk import Pbx
from .database import Database, free_port
from .product import COMMAND, Product

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(60)]
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@dataclass(frozen=True)
class Said:
    """What one run of the check said."""

    code: int
    findings: list[dict[str, str]]

    def about(self, where: str, result: str = "fault") -> list[tuple[str, str]]:
        """Point and text of the findings of one kind about one thing."""
        chosen = [each for each in self.findings if (each["where"], each["result"]) == (where, result)]
        return [(each["point"], each["what"]) for each in chosen]

    def points(self, where: str = "pbx1", result: str = "fault") -> list[str]:
        return [point for point, _ in self.about(where, result)]


async def check(product: Product, *words: str | Path, pbx: Pbx | None = None, wait: float = 0) -> Said:
    """Run it; with `pbx`, show it that PBX's files."""
    etc = ["--asterisk-etc", pbx.etc] if pbx is not None else []
    process = await asyncio.create_subprocess_exec(
        COMMAND, "check", "--config", product.config, "--format", "json", "--verbose", "--wait", str(wait), *etc,
        *words,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(), 40)
    assert not errors, errors.decode()
    assert process.returncode is not None
    return Said(process.returncode, json.loads(out)["findings"])


def product_of(*pbxs: Pbx, database: str = NOWHERE, change: Callable[[str], str] = str) -> Product:
    product = Product(pbxs, database)
    product.config.write_text(change(product.config.read_text()))
    product.config.chmod(0o600)
    return product


async def manager(pbx: Pbx, *changes: tuple[str, str]) -> None:
    """Change the shipped manager.conf, and reload it."""
    file = pbx.etc / "threerings-manager.conf"
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    await pbx.cli("manager reload")


@asynccontextmanager
async def events(pbx: Pbx) -> AsyncIterator[None]:
    """Somebody pauses and comes back meanwhile, so that there are events."""
    await pbx.add_member("support", "1001")

    async def pause() -> None:
        paused = True
        while True:
            await pbx.pause_member("1001", paused=paused)
            paused = not paused
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as tasks:
        pausing = tasks.create_task(pause())
        yield
        pausing.cancel()


async def test_the_shipped_configuration_has_no_fault_and_everything_is_checked(pbx: Pbx) -> None:
    async with Database() as database, events(pbx):
        product = product_of(pbx, database=database.url)
        migrating = await asyncio.create_subprocess_exec(
            COMMAND, "migrate", "--config", product.config, stdout=subprocess.DEVNULL
        )
        assert await migrating.wait() == 0
        said = await check(product, pbx=pbx, wait=5)

    assert [each for each in said.findings if each["result"] in ("fault", "not checked")] == []
    assert said.code == 0
    # The bench has ways in that are careless on purpose, and these are told.
    careless = {point for point, _ in said.about("pbx1", "warning")}
    assert careless == {"queue-members", "dialplan-result", "dialplan-clean"}
    assert {"systemname", "timestampevents", "clock", "ami-too-much"} <= set(said.points(result="ok"))
    assert {"database-schema", "database-rights"} <= set(said.points("database", "ok"))


async def test_without_the_files_and_without_an_event_it_says_what_it_cannot_see(pbx: Pbx) -> None:
    said = await check(product_of(pbx))

    assert said.points() == []
    unseen = said.points(result="not checked")
    assert unseen == ["timestampevents", "ami-read", "writetimeout", "database-logging", "dialplan"]
    assert said.code == 1, "the database is away"


async def test_a_service_that_runs_already_is_no_fault(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url) as product:
        said = await check(product)

    assert said.about("configuration") == []
    listening = [text for point, text in said.about("configuration", "ok") if point == "http-listen"]
    assert listening
    assert listening[0].endswith("Three Rings runs already")


async def test_a_wrong_secret_is_a_refused_login(pbx: Pbx) -> None:
    said = await check(product_of(pbx, change=lambda text: text.replace('"change-me"', '"wrong"')))

    [(point, text)] = said.about("pbx1")
    assert point == "ami-login"
    assert "login as 'threerings' refused (Authentication failed)" in text
    assert "wrong" not in json.dumps(said.findings)


async def test_nobody_there_something_else_there_and_a_frozen_pbx_are_told_apart(pbx: Pbx) -> None:
    port = free_port()
    said = await check(product_of(pbx, change=lambda text: text.replace("port = 5038", f"port = {port}")))
    assert said.about("pbx1")[0] == ("ami-line", f"no line to {pbx.host}:{port}: connection refused")

    encrypted = product_of(pbx, change=lambda text: text.replace("strict = true", "tls = true\nstrict = true"))
    [(point, text)] = (await check(encrypted)).about("pbx1")
    assert point == "ami-line"
    assert "no TLS" in text

    process = pbx.pid
    os.kill(process, signal.SIGSTOP)
    try:
        [(point, text)] = (await check(product_of(pbx))).about("pbx1")
    finally:
        os.kill(process, signal.SIGCONT)
    assert point == "ami-line"
    assert text.endswith("the PBX said nothing for 5 s")


async def test_a_pbx_without_a_name_or_with_another_one(asterisk_root: Path) -> None:  # noqa: ARG001
    async with Pbx(None) as unnamed, Pbx("pbx9") as other:
        product = product_of(
            unnamed,
            other,
            change=lambda text: (
                text.replace('name = "unnamed0"', 'name = "pbx1"')
                .replace('name = "pbx9"', 'name = "pbx2"')
                .replace("strict = false", "strict = true")
            ),
        )
        said = await check(
            product, "--asterisk-etc", f"pbx1={unnamed.etc}", "--asterisk-etc", f"pbx2={other.etc}", "--wait", "0"
        )

    [(point, text)] = said.about("pbx1")
    assert (point, text.split(":")[0]) == ("systemname", "has no systemname")
    [(point, text)] = said.about("pbx2")
    assert (point, text.split(":")[0]) == ("systemname", "its systemname is 'pbx9', not 'pbx2'")


async def test_events_without_stamps_are_seen_on_the_first_event_and_in_the_file(pbx: Pbx) -> None:
    await manager(pbx, ("timestampevents = yes", "timestampevents = no"))
    async with events(pbx):
        heard = await check(product_of(pbx), wait=5)
        lenient = await check(
            product_of(pbx, change=lambda text: text.replace("strict = true", "strict = false")), wait=5
        )
    read = await check(product_of(pbx), pbx=pbx)

    assert heard.about("pbx1") == [("timestampevents", "events carry no Timestamp: every one is refused")]
    assert lenient.points() == []
    assert "timestampevents" in lenient.points(result="warning")
    assert read.about("pbx1") == [
        ("timestampevents", "threerings-manager.conf:12: timestampevents is off: every event is refused")
    ]


async def test_too_much_is_allowed(pbx: Pbx) -> None:
    await manager(pbx, ("write = reporting", "write = all"), ("read = agent,call,system,user", "read = all"))
    asked = await check(product_of(pbx))
    read = await check(product_of(pbx), pbx=pbx)

    [(point, text)] = asked.about("pbx1")
    assert point == "ami-too-much"
    assert "Originate, Command, Redirect, Hangup" in text
    assert read.points() == ["ami-too-much", "ami-too-much"]
    assert "ami-read" in read.points(result="warning")


async def test_too_little_is_allowed(pbx: Pbx) -> None:
    await manager(pbx, ("write = reporting", "write = "), ("read = agent,call,system,user", "read = call,user"))
    asked = await check(product_of(pbx))
    read = await check(product_of(pbx), pbx=pbx)

    assert asked.points() == ["booted", "ami-write"]
    assert {"systemname", "asterisk-version"} <= set(asked.points(result="not checked"))
    texts = [text for _, text in read.about("pbx1")]
    assert any("read = call,user lacks agent, system" in text for text in texts)
    assert any("write =  lacks reporting" in text for text in texts)


async def test_members_lines_queues_and_trunks_that_the_pbx_does_not_know(pbx: Pbx) -> None:
    await pbx.add_member("support", "1001")
    await pbx.add_member("support", "9999")
    await pbx.action("QueueAdd", Queue="sales", Interface="PJSIP/callers", MemberName="Away")
    extra = """
        [[queue]]
        name = "suport"
        [[line]]
        name = "front-desk"
        interface = "PJSIP/8001"
        [[line]]
        name = "back-office"
        interface = "PJSIP/1002"
        """
    product = product_of(pbx, change=lambda text: text.replace('"PJSIP/trunk"', '"PJSIP/trnk"') + extra)
    said = await check(product)

    assert {point for point, _ in said.about("pbx1")} == {"queue-members", "trunks"}
    texts = " ".join(text for _, text in said.about("pbx1"))
    assert "Agent 9999 in support is PJSIP/9999, which the PBX does not know" in texts
    assert "'PJSIP/trnk'" in texts
    assert ("queue-members", "unavailable: Away (PJSIP/callers)") in said.about("pbx1", "warning")
    names = [text for _, text in said.about("configuration")]
    assert [text.split(":")[0] for text in names] == ["queue[0].name = 'suport'", "line 'front-desk'"]
    assert ("names", "line 'back-office': interface = 'PJSIP/1002' is known") in said.about("configuration", "ok")


async def test_what_only_the_files_show(pbx: Pbx) -> None:
    await manager(pbx, ("writetimeout = 5000", ""), ("deny =", ";deny ="), ("permit =", ";permit ="))
    filters = "eventfilter = !Event: AgentConnect\neventfilter(action(exclude),name(Hangup)) =\n"
    await manager(pbx, ("\n[threerings-actions]", f"\n{filters}\n[threerings-actions]"))
    (pbx.etc / "extconfig.conf").write_text("[settings]\nqueue_log => pgsql,asterisk,queue_log\n")
    (pbx.etc / "cdr_pgsql.conf").write_text("[global]\nhostname=localhost\n")
    (pbx.etc / "cel_pgsql.conf").write_text("[global]\nhostname=localhost\n")
    (pbx.etc / "cel.conf").write_text("[general]\nenable=yes\n")
    with (pbx.etc / "modules.conf").open("a") as file:
        file.write("load = cdr_pgsql.so\nload = cel_pgsql.so\n")
    (pbx.etc / "extensions.conf").write_text(
        "#include threerings-extensions.conf\n[from-trunk]\nexten => 4001,1,Answer()\n same => n,Queue(support)\n"
        " same => n,AGI(agi://10.0.0.1/x)\n"
    )
    said = await check(product_of(pbx), pbx=pbx)

    assert sorted(said.points()) == [
        "database-cdr", "database-cel", "dialplan-agi", "dialplan-clean", "dialplan-result", "event-filter",
        "event-filter", "realtime-queue-log", "writetimeout",
    ]  # fmt: skip
    assert sorted(said.points(result="warning")) == ["ami-acl", "dialplan-agistatus", "event-filter", "queue-members"]


async def test_a_folder_that_a_distribution_ships_is_read_to_its_end(asterisk_root: Path) -> None:
    nobody = Pbx("pbx1")
    try:
        said = await check(product_of(nobody), "--asterisk-etc", asterisk_root / "etc" / "asterisk")
    finally:
        nobody.remove()

    assert {"ami-account", "systemname", "timestampevents"} <= set(said.points())
    assert [point for point in said.points(result="not checked") if "dialplan" in point] == ["dialplan-others"] * 3
