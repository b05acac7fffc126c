"""The product as its user runs it: `threerings serve` and `threerings export`, in processes of their own."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

from .asterisk import Pbx
from .database import free_port

SCRIPTS = Path(__file__).parent / "scripts"
TRUNKS = ["PJSIP/callers", "PJSIP/vanishing", "PJSIP/trunk"]
COMMAND = Path(sys.executable).parent / "threerings"
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
Series = tuple[str, frozenset[tuple[str, str]]]


def _is(true: Callable[[], object]) -> bool:
    try:
        return bool(true())
    except (OSError, KeyError):
        return False


class Metrics(dict[Series, float]):
    """One scrape: metric and labels to value."""

    def total(self, name: str, **labels: str) -> float:
        """The sum over all series of this metric with these labels among theirs."""
        wanted = set(labels.items())
        return sum(value for (metric, has), value in self.items() if metric == name and wanted <= has)

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """The same, for each value of a label; zeros left out."""
        wanted, found = set(labels.items()), dict[str, float]()
        for (metric, has), value in self.items():
            if metric == name and wanted <= has and value:
                key = dict(has).get(label, "")
                found[key] = found.get(key, 0) + value
        return found


def parse_metrics(text: str) -> Metrics:
    """Prometheus' text format, as far as the product uses it."""
    found = Metrics()
    for line in text.splitlines():
        if not line.startswith("#") and (sample := SAMPLE.match(line)) is not None:
            labels = frozenset((name, value) for name, value in LABEL.findall(sample[2] or ""))
            found[sample[1], labels] = float(sample[3])
    return found


class Product:
    """`async with Product(pbxs, database_url)`: follows these PBXs until the block ends.

    `scripts`: what it runs for which route, `{"pin": "pin.py"}`, from the folder scripts/ beside this file or `folder`.
    `agi`, `extra`: more lines of the configuration.
    """

    def __init__(
        self,
        pbxs: Sequence[Pbx],
        database: str,
        *,
        extra: str = "",
        queue_log: bool = True,
        scripts: Mapping[str, str] | None = None,
        folder: Path = SCRIPTS,
        agi: str = "",
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="threerings-product-"))
        self.port = free_port()
        self.scripts_folder = folder
        self.config = self.folder / "threerings.toml"
        self.names = [str(pbx.systemname or f"unnamed{n}") for n, pbx in enumerate(pbxs)]
        parts = [f'data_dir = "{self.folder}"', f'database = {{ url = "{database}" }}']
        parts.append(f'http = {{ listen = "127.0.0.1:{self.port}" }}')
        # FastAGI where the first PBX seeks it; `agi` is more lines of this section
        parts += ["[agi]", f'listen = "{pbxs[0].agi}"', f'scripts = "{folder}"', agi]
        for script, run in (scripts or {}).items():
            parts += ["[[script]]", f'name = "{script}"', f'run = "{run}"']
        for name, pbx in zip(self.names, pbxs, strict=True):
            parts += [
                "[[pbx]]", f'name = "{name}"', f'host = "{pbx.host}"', f"port = {pbx.ami_port}",
                f'username = "{pbx.username}"', f'secret = "{pbx.secret}"', f"trunks = {json.dumps(TRUNKS)}",
                "strict = true" if pbx.systemname else "strict = false",
            ]  # fmt: skip
            if queue_log:
                parts.append(f'queue_log = "{pbx.queue_log}"')
        self.config.write_text("\n".join([*parts, extra]) + "\n")
        self._process: asyncio.subprocess.Process | None = None
        self._last_log = ""

    @property
    def log(self) -> str:
        """What it logged."""
        return self._last_log or (self.folder / "log").read_text(errors="replace")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.stop()
        if kind is None:  # else somebody will look into its log and its journal
            self._last_log = self.log
            shutil.rmtree(self.folder, ignore_errors=True)

    async def start(self, *words: str, ready: bool = True) -> None:
        """Start it, with these options; wait until it follows every PBX and has its database."""
        with (self.folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                COMMAND, "serve", "--config", self.config, *words, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if ready:
            await self.until(lambda: self.ready().get("status") == "ok", 60, "ready")

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 20)

    def reload(self) -> None:
        """SIGHUP: read the scripts again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    async def kill(self) -> None:
        """SIGKILL: it saves nothing more."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Process id of the service itself."""
        assert self._process is not None
        return self._process.pid

    async def until(self, true: Callable[[], object], limit: float, what: str) -> None:
        """Wait for something to become true, asking often; a page that does not answer yet is not true."""
        assert self._process is not None
        try:
            async with asyncio.timeout(limit):
                while not await asyncio.to_thread(_is, true):
                    assert self._process.returncode is None, f"the product ended: {self.log[-3000:]}"
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not {what} within {limit} s; {self.ready()}; log: {self.log[-3000:]}") from None

    def get(self, path: str) -> str:
        """A page's text."""
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as page:
            return str(page.read().decode())

    def ready(self) -> Mapping[str, Any]:
        """/readyz; empty while nobody answers."""
        try:
            return dict(json.loads(self.get("/readyz")))
        except (URLError, OSError):
            return {}

    def metrics(self) -> Metrics:
        """/metrics."""
        return parse_metrics(self.get("/metrics"))

    def idle(self, pbx: str) -> bool:
        """Nobody waits, nothing is undecided, everything is saved."""
        now = self.metrics()
        return (
            not now.total("telephony_visits_waiting", pbx=pbx)
            and not now.total("telephony_visits_settling", pbx=pbx)
            and not now.total("telephony_saver_backlog")
        )

    async def export(self, pbx: str | None = None, *, since: datetime | None = None) -> list[dict[str, Any]]:
        """`threerings export calls`, of one PBX."""
        words = ["--since", since.isoformat()] if since else []
        process = await asyncio.create_subprocess_exec(
            COMMAND, "export", "calls", "--config", self.config, *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        calls = [json.loads(line) for line in out.decode().splitlines()]
        return [call for call in calls if pbx is None or call["pbx"] == pbx]

    async def export_csv(self) -> str:
        """`threerings export calls --format csv`."""
        process = await asyncio.create_subprocess_exec(
            COMMAND, "export", "calls", "--config", self.config, "--format", "csv", stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode()

    async def settled(self, pbx: str, *, since: datetime | None = None, limit: float = 20) -> list[dict[str, Any]]:
        """The calls of one PBX once they are over, decided and saved."""
        await self.until(lambda: self.idle(pbx), limit, "idle")
        calls: list[dict[str, Any]] = []
        async with asyncio.timeout(limit):
            while True:
                calls = await self.export(pbx, since=since)
                visits = [visit for call in calls for visit in call["visits"]]
                if all(call["ended_at"] for call in calls) and all(visit["outcome"] for visit in visits):
                    return calls
                await asyncio.sleep(0.2)
