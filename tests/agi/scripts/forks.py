"""What scripts do with processes of their own."""

import multiprocessing
import os
import signal
import time
from typing import Any


def terminate(agi: Any) -> None:
    """Ends its own child, which sleeps."""
    agi.answer()
    child = os.fork()
    if not child:
        time.sleep(60)
    os.kill(child, signal.SIGTERM)
    agi.set_variable("ENDED", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def handle(agi: Any) -> None:
    """Has a child that minds SIGTERM itself."""
    agi.answer()
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, _leave)
        os.write(told, b"x")
        time.sleep(60)
    os.read(ready, 1)
    os.close(ready)
    os.close(told)
    os.kill(child, signal.SIGTERM)
    agi.set_variable("ENDED", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _leave(*_: Any) -> None:
    os._exit(7)


def pool(agi: Any) -> None:
    """Computes in other processes."""
    agi.answer()
    with multiprocessing.Pool(1) as workers:
        agi.set_variable("LENGTHS", str(workers.map(len, ["abc", "d"])))


def process(agi: Any) -> None:
    """Starts another process and ends it."""
    agi.answer()
    other = multiprocessing.Process(target=time.sleep, args=(60,))
    other.start()
    other.terminate()
    other.join()
    agi.set_variable("ENDED", other.exitcode)


def left(agi: Any) -> None:
    """Leaves a process of its own behind, and dies of itself."""
    agi.answer()
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    agi.set_variable("LEFT", child)
    os.kill(os.getpid(), signal.SIGKILL)
