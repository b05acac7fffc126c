"""How soon after a gap all of it is known: every visit decided, and held against queue_log, on the virtual clock."""

import pytest

from tests.simulation.checking import quietly
from tests.simulation.deciding import story_of
from tests.simulation.harness import Harness
from tests.simulation.judging import Judge
from tests.simulation.story import SECOND, Story
from tests.simulation.world import BEGAN

PROMISED = 30 * SECOND
SEEDS = range(300)


@pytest.fixture(autouse=True)
def quiet() -> None:
    quietly()


class Watched(Harness):
    """Looks into the ledger half a minute after every gap.

    Attributes:
        looked: at so many calls. late: what was not right by then.
    """

    def __init__(self, story: Story) -> None:
        super().__init__(story)
        self.looked, self.late = 0, list[str]()
        self._gaps = 1

    def note_residual(self) -> None:
        super().note_residual()
        gaps = self.run.deaf
        if self._gaps < len(gaps) and self.now >= gaps[self._gaps].until + PROMISED:
            self._look(gaps[self._gaps].at, gaps[self._gaps].until)
            self._gaps += 1

    def _look(self, lost: int, found: int) -> None:
        """At the calls that touched the gap, and were over when the line came back."""
        if any(found < BEGAN + fault.until and BEGAN + fault.at < self.now for fault in self.story.faults):
            return
        judge = Judge(self.run)
        for call in self.world.truth.calls:
            if call.ended is None or not lost <= call.ended <= found:
                continue
            record = judge.calls.get(call.uniqueid)
            if record is None and judge.unheard_of(call):
                continue
            self.looked += 1
            faults = ["missing"] if record is None else judge.of_call(call, record)
            self.late += [f"seed {self.story.seed}: {call.uniqueid} {fault}" for fault in faults]


def test_half_a_minute_after_the_line_came_back_every_call_of_the_gap_is_told_as_it_was() -> None:
    looked, late = 0, list[str]()
    for seed in SEEDS:
        story = story_of(seed)
        if not story.log or all(fault.kind not in {"cut", "killed"} for fault in story.faults):
            continue
        watched = Watched(story)
        watched.play()
        looked += watched.looked
        late += watched.late
    assert not late
    assert looked > 100
