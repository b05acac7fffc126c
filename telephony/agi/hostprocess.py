"""What makes a process a script host: it dies with the service, and no script can take it over."""

import asyncio
import contextlib
import ctypes
import faulthandler
import mmap
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO, cast

import uvloop
from asterisk import agi as pyst2

from telephony.agi import bridge
from telephony.agi.bridge import CURRENT, stand_in
from telephony.agi.scripthost import ScriptHost
from telephony.agi.standin import AGI
from telephony.agi.streams import SaidOutput

MARK_BYTES = 8
"""Of the memory shared with the service: the number of the call whose code runs."""
ALTERED_PATH = "THREERINGS_HOST_PYTHONPATH"
"""What PYTHONPATH was before the service put itself in front."""
_PR_SET_PDEATHSIG = 1
_IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGUSR2)
_EXPENDABLE, _MOST_EXPENDABLE = 500, 1000
"""Of the kernel's 1,000."""
_SIGNAL = signal.signal
"""The real one, whatever scripts find in its place."""


def main(arguments: Sequence[str]) -> None:
    """Run a host until its service lets it go.

    Args:
        arguments: the file numbers of the wire and of the shared memory, and the service's process id.
    """
    wire, shared, parent = map(int, arguments)
    _die_with(parent)
    _harden()
    end = socket.socket(fileno=wire)
    with mmap.mmap(shared, MARK_BYTES) as memory:
        os.close(shared)
        view = memoryview(memory).cast("Q")

        def mark(number: int) -> None:
            view[0] = number

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_host(end, mark))


async def _host(end: socket.socket, mark: Callable[[int], None]) -> None:
    host = ScriptHost(end, mark)
    _replace(host)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(host.run())
        await host.gone.wait()
        # No cleaning up: it would let parked scripts run on, and who waits for the end of this process waits no longer.
        os._exit(0)


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it was gone before it could take us along


def _harden() -> None:
    for number in _IGNORED:
        _SIGNAL(number, signal.SIG_IGN)
    # Not the loop's to handle: a handler would be inherited by what scripts fork, with the way to wake the loop.
    _SIGNAL(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=False)
    _die_first()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    path = os.environ.pop(ALTERED_PATH, None)
    if path:
        os.environ["PYTHONPATH"] = path
    elif path is not None:
        os.environ.pop("PYTHONPATH", None)
    os.register_at_fork(after_in_child=_be_a_child)


def _die_first() -> None:
    """When memory is short, a host is to go rather than the service."""
    with contextlib.suppress(OSError, ValueError):
        mark = Path("/proc/self/oom_score_adj")
        mark.write_text(str(min(int(mark.read_text()) + _EXPENDABLE, _MOST_EXPENDABLE)))


def _be_a_child() -> None:
    """What a script forks is no host: signals end it, and it, alone."""
    bridge.forked = True
    signal.set_wakeup_fd(-1)
    faulthandler.unregister(signal.SIGUSR1)
    setattr(signal, "signal", _SIGNAL)  # noqa: B010 - as in `_replace`
    for number in (*_IGNORED, signal.SIGTERM, signal.SIGUSR1):
        _SIGNAL(number, signal.SIG_DFL)


def _replace(host: ScriptHost) -> None:
    """Put what stands for a call's own in the places where scripts look."""
    stand_in(cast("TextIO", open(os.devnull)), cast("TextIO", SaidOutput(lambda line: host.said("", line))))  # noqa: PTH123, SIM115
    setattr(pyst2, "AGI", AGI)  # noqa: B010 - to mypy a class is for ever

    def remember(number: int, handler: Any) -> Any:  # noqa: ANN401 - as signal.signal
        """A script's handlers are no business of the process. That for SIGHUP is called when its caller hangs up."""
        call = CURRENT.get()
        if call is None or number != signal.SIGHUP:
            return signal.getsignal(number)
        before, call.hangup_handler = call.hangup_handler, handler
        return before

    remember.__doc__ = _SIGNAL.__doc__
    setattr(signal, "signal", remember)  # noqa: B010 - the same
    sys.excepthook = sys.__excepthook__
