"""`python -m tests.soak --kills 100 --seed 1 --report docs/soak.md`: the full run; exit code 1 when anything differs.

`--only "PBX killed"`: this kind of fault alone. `--keep FOLDER`: what was seen and exported stays there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.pbx import install

from . import report
from .drive import Soaked, soak
from .faults import KINDS, Incident, in_turn, planned
from .scene import Scene, wall
from .traffic import generations

PEACE = (2.0, 6.0)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    known = argparse.ArgumentParser(prog="python -m tests.soak", description="Faults under load on a real Asterisk.")
    known.add_argument("--kills", type=int, default=10, help="so many kill -9; another fault after every second one")
    known.add_argument("--seed", type=int, default=1)
    known.add_argument("--per-second", type=float, default=20.0, help="calls")
    known.add_argument("--only", choices=sorted(KINDS), action="append", help="these kinds alone; may be repeated")
    known.add_argument("--report", type=Path, help="write this page")
    known.add_argument("--keep", type=Path, help="keep logs, traces and the export here")
    return known.parse_args()


def chosen(kills: int, seed: int, only: list[str] | None) -> list[Incident]:
    """The faults in their order; of some kinds alone, each in its turn."""
    return list(planned(kills, seed)) if only is None else list(in_turn(only, kills, seed))


async def run(asked: argparse.Namespace, screen: Console) -> Soaked:
    """Start everything, soak, end everything."""
    faults = chosen(asked.kills, asked.seed, asked.only)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=screen) as progress:
        task = progress.add_task("starting", total=len(faults))

        def tell(line: str) -> None:
            progress.console.print(line, highlight=False, markup=False, soft_wrap=True)
            done = sum(bool(fault.mended) for fault in faults)
            progress.update(task, description="faults", completed=done)

        async with Scene(asked.seed, per_second=asked.per_second) as scene:
            progress.update(task, description="faults")
            versions = await report.versions(scene)
            try:
                result = await soak(scene, faults, asked.seed, tell, calm=PEACE)
            finally:
                if asked.keep is not None:
                    keep(scene, asked.keep)
            result.versions = versions
            await scene.product.stop()
    return result


def keep(scene: Scene, folder: Path) -> None:
    """What one needs to look into a difference."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in generations(scene.pbx.queue_log):
        shutil.copy(file, folder)
    shutil.copy(scene.product.folder / "log", folder / "product.log")
    for name in ("journal",):
        if (scene.product.folder / name).exists():
            shutil.copytree(scene.product.folder / name, folder / name, dirs_exist_ok=True)
    shutil.copy(scene.product.config, folder)
    for trace in scene.traffic.traces():
        shutil.copy(trace, folder)


def main() -> int:
    """Run it."""
    asked, screen = arguments(), Console(stderr=True)
    if (reason := install.why_not()) is not None:
        screen.print(f"cannot soak: {reason}")
        return 2
    began = wall()
    result = asyncio.run(run(asked, screen))
    if asked.keep is not None:
        (asked.keep / "calls.jsonl").write_text("".join(json.dumps(call) + "\n" for call in result.calls))
    page = report.markdown(result, asked.per_second, began)
    if asked.report is not None:
        asked.report.write_text(page)
    print(page)
    return 0 if result.clean else 1


if __name__ == "__main__":
    sys.exit(main())
