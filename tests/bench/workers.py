"""Each thing that is measured runs in a process of its own, pinned to one core; whoever loads it, on another one.

A way of doing something is a function in one of the bench's modules, listed in its `WAYS`. A plain one prepares itself
and gives a function that answers questions; a coroutine function does its own answering, see `Talk`. Question and
answer are JSON, one line each, so the ways wait without taking any time while another one has its turn.

    with Worker("codec", "ours", {"stream": "…"}, core=MEASURED) as worker:
        seconds = worker.ask({})["seconds"]
"""

import asyncio
import importlib
import inspect
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self, TextIO

import uvloop

from telephony import logs

CORES = sorted(os.sched_getaffinity(0))
MEASURED, LOADING = CORES[0], CORES[-1]
ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
"""Seconds in which any one answer must come."""
TICKS = os.sysconf("SC_CLK_TCK")

Answer = dict[str, Any]


class WorkerFailed(Exception):  # noqa: N818 - what happened to it
    """A way ended, or is silent; the message has the end of what it wrote."""


class Worker:
    """One way, in its process, as long as the `with` block lasts.

    Args:
        module: of `tests.bench`.
        way: one of its `WAYS`.
        args: what it is made with.
        core: where it runs.

    Attributes:
        ready: what it said of itself before the first question.
    """

    def __init__(self, module: str, way: str, args: Answer, core: int) -> None:
        self._name = f"{module} {way}"
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process is
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.workers", module, way, json.dumps(args), str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd=ROOT,
        )
        self.ready: Answer = {}

    def __enter__(self) -> Self:
        try:
            self.ready = self._answer(PATIENCE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # the end of all questions
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._said.close()

    def ask(self, question: Answer, limit: float = PATIENCE) -> Answer:
        """One answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer(limit)

    def cpu_seconds(self) -> float:
        """What the process has used so far, its children not counted."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _answer(self, limit: float) -> Answer:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], limit)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            self._said.seek(0)
            last = self._said.read()[-2_000:].decode("utf-8", "replace")
            raise WorkerFailed(f"{self._name}: {'it ended' if ready else f'no answer within {limit:g} s'}\n{last}")
        found: Answer = json.loads(line)
        return found


class Talk:
    """What a way that is a coroutine function says and hears: `tell` once when it is ready, then answer questions."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def tell(self, answer: Answer) -> None:
        """An answer, or what there is to say before the first question."""
        self._out.write(json.dumps(answer) + "\n")
        self._out.flush()

    async def questions(self) -> AsyncIterator[Answer]:
        """Until there are no more; meanwhile the loop goes on."""
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            yield json.loads(line)


def main(module: str, way: str, args: str, core: str) -> None:
    """The child."""
    os.sched_setaffinity(0, {int(core)})
    # What anything prints must not come between the answers.
    talk = Talk(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)
    logs.configure()
    make = importlib.import_module(f"tests.bench.{module}").WAYS[way]
    given = json.loads(args)
    if inspect.iscoroutinefunction(make):
        factory = asyncio.new_event_loop if given.get("loop") == "asyncio" else uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(make(given, talk))
        return
    answer = make(given)
    talk.tell({})
    for line in sys.stdin:
        talk.tell(answer(json.loads(line)))


if __name__ == "__main__":
    main(*sys.argv[1:])
