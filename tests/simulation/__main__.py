"""Shows a seed's story and what came of it: `python -m tests.simulation --seed N`; or looks for seeds that fail."""

import argparse
import sys
import time

from tests.simulation.checking import failure, quietly
from tests.simulation.deciding import story_of
from tests.simulation.harness import run
from tests.simulation.judging import judge
from tests.simulation.timeline import timeline


def main() -> int:
    """1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="show this one")
    parser.add_argument("--seeds", type=int, default=1_000, help="else try so many")
    parser.add_argument("--first", type=int, default=0, help="beginning with this one")
    parser.add_argument("--no-faults", action="store_true", help="nothing breaks")
    parser.add_argument("--shrink", action="store_true", help="show the smallest story that fails as well")
    asked = parser.parse_args()
    quietly()
    if asked.seed is None:
        return search(asked)
    story = story_of(asked.seed, faults=not asked.no_faults)
    played = run(story)
    print("\n".join(story.words()), "", *timeline(played), "", sep="\n")
    found = judge(played)
    if found and asked.shrink:
        print(failure(story))
    print("\n".join(found) or "as it was")
    return 1 if found else 0


def search(asked: argparse.Namespace) -> int:
    """Try them all; say what is wrong with each."""
    began, failed, count = time.monotonic(), 0, asked.seeds
    for seed in range(asked.first, asked.first + count):
        story = story_of(seed, faults=not asked.no_faults)
        found = judge(run(story))
        if found:
            failed += 1
            print(f"seed {seed}: {found[0]}" if not asked.shrink else failure(story))
    took = time.monotonic() - began
    print(f"{count:,} seeds in {took:.1f} s, {took / count * 1000:.1f} ms each; {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
