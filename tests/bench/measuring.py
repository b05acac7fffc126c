"""How everything here is measured: the ways take turns, each in a process that waits while the others have theirs."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.report import Way
from tests.bench.workers import MEASURED, Answer, Worker


@dataclass(frozen=True)
class Bench:
    """One run of benches.

    Attributes:
        folder: for what is made on the way.
        turns: how often each way is measured.
        quick: with less, to see that it works.
        calls: so many come and go where it is looked whether memory stays flat.
        tell: is told what is going on.
    """

    folder: Path
    turns: int
    quick: bool
    calls: int
    tell: Callable[[str], None]

    def size(self, usual: int, quick: int) -> int:
        """How much of something."""
        return quick if self.quick else usual

    def rounds(
        self, module: str, ways: Iterable[str], args: Answer, value: Callable[[Answer], float], turns: int | None = None
    ) -> tuple[Way, ...]:
        """Measure these ways of a module, in turns so that all meet the same weather, after one turn to warm up."""
        names = list(ways)
        found: dict[str, list[float]] = {name: [] for name in names}
        with ExitStack() as stack:
            workers = {name: stack.enter_context(Worker(module, name, args, MEASURED)) for name in names}
            for turn in range(-1, turns or self.turns):
                for name, worker in workers.items():
                    self.tell(f"{module}: {name}, {'warming up' if turn < 0 else f'turn {turn + 1}'}")
                    answer = value(worker.ask({}))
                    if turn >= 0:
                        found[name].append(answer)
        return tuple(Way(name, tuple(values)) for name, values in found.items())
