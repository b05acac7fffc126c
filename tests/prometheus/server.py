"""A real Prometheus and a real Alertmanager on loopback ports of their own, for as long as a block runs."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.pbx.database import free_port
from tests.prometheus.install import Programs

DOCKER = Path(__file__).parents[2] / "docker"
LIMIT = 60


@dataclass
class Running:
    """A program that answers HTTP."""

    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **asked: str) -> Any:
        """JSON."""
        async with self.session.get(f"{self.url}{path}", params=asked) as answer:
            return await answer.json()

    async def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series now."""
        answer = await self.get("/api/v1/query", query=expression)
        assert answer["status"] == "success", answer
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

    async def value(self, expression: str) -> float | None:
        """Of an expression with one series, or none."""
        found = await self.query(expression)
        assert len(found) <= 1, found
        return found[0][1] if found else None


@asynccontextmanager
async def _program(words: list[str], url: str, folder: Path) -> AsyncIterator[Running]:
    with (folder / f"{Path(words[0]).name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL"), *words, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )  # whoever kills the tests leaves no program behind
    try:
        async with aiohttp.ClientSession() as session:
            running = Running(url, session)
            async with asyncio.timeout(LIMIT):
                while not await _ready(running):
                    assert process.returncode is None, Path(log.name).read_text()
                    await asyncio.sleep(0.05)
            yield running
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def beside_the_system(programs: Programs) -> list[str]:
    """Runs a program that sees Debian's files of these packages under /usr/share, where it looks for them."""
    become_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    see = 'mount -t overlay overlay -o "lowerdir=$0/usr/share:/usr/share" /usr/share && exec "$@"'
    return ["unshare", *become_root, "--mount", "sh", "-c", see, str(programs.folder)]


async def _ready(running: Running) -> bool:
    try:
        async with running.session.get(f"{running.url}/-/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def rules_in(folder: Path, every: str) -> Path:
    """Our rules, evaluated so often."""
    rules = folder / "rules"
    rules.mkdir()
    for file in sorted((DOCKER / "prometheus" / "rules").glob("*.yml")):
        told = re.sub(r"(?m)^    interval: .*$", f"    interval: {every}", file.read_text(encoding="utf-8"))
        (rules / file.name).write_text(told, encoding="utf-8")
    return rules


@asynccontextmanager
async def prometheus(
    programs: Programs, folder: Path, target: str, token: str, *, alertmanager: str = "", every: str = "500ms"
) -> AsyncIterator[Running]:
    """Prometheus with our own prometheus.yml and rules, but for the addresses and how often it looks."""
    rules_in(folder, every)
    (folder / "metrics_token").write_text(token)
    told = (DOCKER / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    for ours, theirs in (
        ("15s", every),
        ("/run/secrets/metrics", str(folder / "metrics_token")),
        ("threerings:8080", target),
        ("alertmanager:9093", alertmanager or "127.0.0.1:9"),
    ):
        assert ours in told
        told = told.replace(ours, theirs)
    (folder / "prometheus.yml").write_text(told, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    words = [
        str(programs.prometheus), f"--config.file={folder / 'prometheus.yml'}", f"--web.listen-address={address}",
        f"--storage.tsdb.path={folder / 'tsdb'}", "--log.level=warn",
    ]  # fmt: skip
    async with _program(words, f"http://{address}", folder) as running:
        yield running


@asynccontextmanager
async def alertmanager(programs: Programs, folder: Path, receiver: str) -> AsyncIterator[Running]:
    """Alertmanager with our own alertmanager.yml, but for where the receivers are, and its patience."""
    told = (DOCKER / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    told = re.sub(r"group_wait: \w+", "group_wait: 0s", told).replace("127.0.0.1:9095", receiver)
    (folder / "alertmanager.yml").write_text(told, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    words = [
        *beside_the_system(programs), str(programs.prometheus_alertmanager),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--web.listen-address={address}", f"--storage.path={folder / 'alerts'}", "--cluster.listen-address=",
        "--log.level=warn",
    ]  # fmt: skip
    async with _program(words, f"http://{address}", folder) as running:
        yield running


class Receiver:
    """Whom Alertmanager tells. `told`: (receiver, alert), in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def hear(self, request: web.Request) -> web.Response:
        document = await request.json()
        self.told += [(request.match_info["name"], alert) for alert in document["alerts"]]
        return web.Response()

    def names(self) -> set[tuple[str, str]]:
        return {(receiver, alert["labels"]["alertname"]) for receiver, alert in self.told}


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[Receiver, str]]:
    """A receiver, and its address."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{name}", receiver.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield receiver, f"127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def until(true: Callable[[], object]) -> None:
    """Looks again and again, for a while."""
    async with asyncio.timeout(LIMIT):
        while not true():
            await asyncio.sleep(0.05)


def run(*words: object) -> str:
    """A program that ends by itself and is content; what it says."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def names(found: Iterable[tuple[dict[str, str], float]], label: str) -> set[str]:
    """The values of a label."""
    return {labels.get(label, "") for labels, _ in found}
