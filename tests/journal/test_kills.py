"""kill -9 at any moment: what was durable is there, whole, once, in order."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from telephony.journal.reader import extent, records
from telephony.journal.writer import Journal
from tests.bench.workers import ROOT
from tests.journal.shelf import Wall
from tests.journal.writing import content

KILLS = 8


def killed_after(folder: Path, seed: int, words: int, rest: int) -> int:
    """Let a process write, kill it when it has said so much, and a bit more; what it last said to be durable."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.journal.writing", str(folder), str(seed)], stdout=subprocess.PIPE, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        try:
            said = [child.stdout.readline() for _ in range(words)]
            for _ in range(rest):  # so that it is not always killed between two commits
                pass
        finally:
            child.kill()
        said += child.stdout.readlines()
    return max(int(line) for line in said if line.endswith(b"\n"))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_process_loses_nothing_that_was_durable(folder: Path, seed: int) -> None:
    rng = Random(seed)
    before = 0
    for kill in range(KILLS // 2):
        durable = killed_after(folder, seed * 100 + kill, rng.randrange(1, 60), rng.randrange(200_000))
        found = list(records(folder))
        assert [each.position for each in found] == list(range(1, len(found) + 1)), f"{seed=} {kill=}"
        assert before < durable <= len(found), f"{seed=} {kill=}"
        assert all(each.data == content(each.position) for each in found)
        assert all(each.source == each.position % 3 for each in found)
        assert extent(folder).last == len(found)
        before = len(found)
    journal = Journal.open(folder, wall=Wall(), boot_id="boot-a")
    try:
        assert journal.position == before
        assert journal.damaged == 0
        # Never ahead of the records; behind by the one between whose append and mark the thread came.
        assert before - 1 <= int(journal.marks()["said"]) <= before
    finally:
        journal.close()
