"""`python -m tests.bench`: speed beside the peers. Shows tables, asserts nothing.

`--only codec,ingest` measures these; `--turns N` how often each; `--calls N` come and go while memory is watched;
`--quick` with less, to see that it works; `--write` writes docs/benchmarks.md.
"""

import argparse
import importlib
import tempfile
from pathlib import Path

from rich.console import Console

from tests.bench.measuring import Bench
from tests.bench.report import Section, document, machine, table
from tests.bench.workers import ROOT

MODULES = ("codec", "ingest", "recovery", "fastagi", "database", "journal", "memory", "stalls", "standing", "screens")
OPENING = """
# Benchmarks

Measured by `make bench`; this page is what `.venv/bin/python -m tests.bench --write` wrote.

The machine: {machine}.

Absolute figures say little about another machine; the ratios do. Each way runs in a process of its own, pinned to one
core; whoever loads it, and PostgreSQL, to another. The ways take turns, one to warm up and {turns} that count, on the
same recorded input, so that all meet the same weather. A figure is the median of the turns, the spread half of what
lies between the best and the worst. Peers: panoramisk 1.4, pyst2 0.5.1, and servers that do nothing, as the limit of
what a server in Python can do. Nothing is asserted about speed anywhere: a slow machine fails no test.
"""
CLOSING = """
What is missed, how far, and why: [decisions/speed.md](decisions/speed.md).
"""
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> None:
    """Measure and show."""
    known = argparse.ArgumentParser(prog="python -m tests.bench", description="Speed, beside the peers.")
    known.add_argument("--only", default=",".join(MODULES), help=f"some of {', '.join(MODULES)}")
    known.add_argument("--turns", type=int, default=5, help="how often each way is measured")
    known.add_argument("--quick", action="store_true", help="with less, to see that it works")
    known.add_argument("--calls", type=int, default=200_000, help="so many come and go, to see that memory stays flat")
    known.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    asked = known.parse_args()
    names = [name.strip() for name in asked.only.split(",")]
    if unknown := sorted(set(names) - set(MODULES)):
        known.error(f"--only: {', '.join(unknown)}: there is none such; choose from {', '.join(MODULES)}")
    console = Console()
    console.print(machine())
    found: list[Section] = []
    with tempfile.TemporaryDirectory(prefix="threerings-bench-") as folder, console.status("…") as status:
        Path(folder).chmod(0o755)  # the user whom root hands PostgreSQL to must get through
        for name in names:
            own = Path(folder, name)
            own.mkdir()
            bench = Bench(own, asked.turns, asked.quick, asked.calls, status.update)
            sections = importlib.import_module(f"tests.bench.{name}").sections(bench)
            for section in sections:
                console.print(table(section))
            found += sections
    if asked.write:
        PAGE.write_text(
            document(found, OPENING.format(machine=machine(), turns=asked.turns), CLOSING), encoding="utf-8"
        )
        console.print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
