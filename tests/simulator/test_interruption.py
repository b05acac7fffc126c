"""Ctrl-C before the command has been read: it ends as any program does, without a traceback."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE

INTERRUPTED_WHILE_IT_IS_READ = """
import os, signal, sys
class CtrlC:
    def find_spec(self, name, *_):
        if name == "telephony.config":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
from handlers.cli import main
sys.exit(main(["--version"]))
"""


async def test_ctrl_c_while_the_command_is_read_says_nothing_and_the_shell_sees_130() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", INTERRUPTED_WHILE_IT_IS_READ, stdout=PIPE, stderr=PIPE
    )
    assert await process.communicate() == (b"", b"")
    assert process.returncode == -signal.SIGINT


async def test_who_imports_the_command_has_ctrl_c_as_before() -> None:
    code = "import signal, handlers.cli; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE, stderr=PIPE)
    assert await process.communicate() == (b"", b"")
    assert process.returncode == 0
