"""The report in Markdown: what was done, how fast it healed, and whatever differs."""

from __future__ import annotations

import platform
import statistics
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from .drive import CONSUMING_WITHIN, RECONCILED_WITHIN, Soaked
from .faults import DRAINS_WITHIN, KILLS, NOTICES_WITHIN, Incident
from .scene import Scene

SHOWN = 40  # of each kind of difference; the rest are counted
HERE = Path(__file__).parent


async def versions(scene: Scene) -> dict[str, str]:
    """Of everything that took part."""
    words = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(words, cwd=HERE, capture_output=True, text=True, check=False)  # a copy has no git
    (row,) = await scene.rows("SHOW server_version")
    return {
        "Three Rings": f"{version('threerings')} ({commit.stdout.strip() or 'a copy'})",
        "Asterisk": (await scene.pbx.cli("core show version")).split(" built")[0].removeprefix("Asterisk "),
        "PostgreSQL": str(row[0]),
        "Python": platform.python_version(),
    }


def markdown(result: Soaked, per_second: float, at: float) -> str:
    """The whole page."""
    return "\n".join([*_head(result, per_second, at), *_faults(result), *_ledger(result), *_differences(result), ""])


def _head(result: Soaked, per_second: float, at: float) -> Iterator[str]:
    day = datetime.fromtimestamp(at, UTC).date().isoformat()
    kills = sum(incident.kind in KILLS for incident in result.incidents)
    callers = result.seen.callers
    yield "# The soak: faults under load"
    yield ""
    yield "Written by `make soak`: a real Asterisk, SIPp, PostgreSQL and `threerings serve`, one seeded fault after the"
    yield "other while calls come and go; afterwards every visit is compared with queue_log and SIPp, by a checker that"
    yield "shares no code with the product."
    yield ""
    yield f"- **Verdict: {_verdict(result)}**"
    yield f"- {day}, seed {result.seed}, {result.seconds / 60:.0f} minutes, {_machine()}"
    yield "- " + ", ".join(f"{name} {text}" for name, text in result.versions.items())
    yield f"- {len(callers)} calls at {per_second:g} a second, {len(result.seen.phones)} times a phone was called"
    yield f"- {len(result.incidents)} faults, {kills} of them kills (-9)"
    yield ""


def _verdict(result: Soaked) -> str:
    late = sum(len(incident.complaints) for incident in result.incidents)
    differences = len(result.judgement.differences)
    if result.clean:
        return "passed. The ledger equals queue_log, nothing is doubled, every case is there once"
    return f"failed. {differences} differences, {late} recoveries that were not as promised"


def _machine() -> str:
    cores = sum(line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines())
    return f"{cores} cores, Linux {platform.release().split('-')[0]}"


def _faults(result: Soaked) -> Iterator[str]:
    by_kind: dict[str, list[Incident]] = defaultdict(list)
    for incident in result.incidents:
        by_kind[incident.kind].append(incident)
    yield "## Faults and recovery"
    yield ""
    yield "Seconds, median / longest, from when the fault was over: the service hears the PBX again (promised: within"
    yield f"{CONSUMING_WITHIN:g}), `/readyz` says ok, and every visit that had ended meanwhile is decided in PostgreSQL"
    yield f"(promised: within {RECONCILED_WITHIN:g}). A dead line is to be noticed within {NOTICES_WITHIN:g} s, a stop"
    yield f"to be over within {DRAINS_WITHIN:g} s."
    yield ""
    yield "| fault | times | lasted | consuming | ready | reconciled | noticed | drained |"
    yield "|---|---|---|---|---|---|---|---|"
    for kind, found in by_kind.items():
        lasted = f"{min(one.seconds for one in found):.1f}–{max(one.seconds for one in found):.1f}"
        names = ("consuming", "ready", "reconciled", "noticed", "drained")
        cells = [_spread([getattr(one, name) for one in found]) for name in names]
        yield f"| {kind} | {len(found)} | {lasted} | {' | '.join(cells)} |"
    yield ""
    complaints = [(one, complaint) for one in result.incidents for complaint in one.complaints]
    yield from (f"- {one}: {complaint}" for one, complaint in complaints)
    yield "" if complaints else "Every one of them as promised.\n"
    if disturbed := sum(one.disturbed for one in result.incidents):
        yield f"Asterisk crashed by itself amid {disturbed} of these: how long they took to recover is not judged.\n"


def _spread(values: Sequence[float | None]) -> str:
    told = [value for value in values if value is not None]
    return f"{statistics.median(told):.1f} / {max(told):.1f}" if told else "–"


def _ledger(result: Soaked) -> Iterator[str]:
    judged = result.judgement
    yield "## The ledger"
    yield ""
    yield f"- {judged.visits} visits to queues compared with queue_log, {judged.direct} calls to phones with SIPp"
    yield f"- outcomes: {_counts(judged.outcomes)}"
    yield f"- quality: {_counts(judged.qualities)}"
    yield f"- lost: {judged.lost}, each of them waiting when the PBX was killed"
    yield f"- where queue_log is known to be wrong, or the PBX died in saying it: {_counts(judged.classes)}"
    yield f"- calls of office phones all within a gap, which no witness could tell: {judged.unheard}"
    yield f"- cases that the dialplan was told when it asked, each the one that is kept: {judged.cases_told}"
    for quality, errors in judged.wait_errors.items():
        sizes = sorted(abs(error) for error in errors)
        yield f"- wait against SIPp, {quality}: median {statistics.median(sizes):.3f} s, longest {sizes[-1]:.3f} s"
    yield f"- in PostgreSQL: {', '.join(f'{name} {count}' for name, count in judged.known.items())}"
    yield f"- all of it {result.healed_after:.0f} s after the last call"
    yield ""


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common()) or "none"


def _differences(result: Soaked) -> Iterator[str]:
    differences = result.judgement.differences
    yield "## Differences"
    yield ""
    if not differences:
        yield "None."
        return
    yield _counts(Counter(one.kind for one in differences))
    yield ""
    for kind in sorted({one.kind for one in differences}):
        of_kind = sorted((one for one in differences if one.kind == kind), key=lambda one: one.at or 0)
        for one in of_kind[:SHOWN]:
            yield f"- {kind}: {one.what}{f' — around {one.fault}' if one.fault else ''}"
        if len(of_kind) > SHOWN:
            yield f"- {kind}: … and {len(of_kind) - SHOWN} more"
