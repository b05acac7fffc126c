"""Scripts as they should not be, and honest ones beside them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

from asterisk.agi import AGI, AGIException


def honest(agi: AGI) -> None:
    """Some commands, a little wait."""
    agi.answer()
    agi.set_variable("A", 'one "two"')
    agi.wait_for_digit(200)
    agi.set_variable("SAYS", agi.get_variable("A"))


def listens(agi: AGI) -> None:
    """Waits for its caller for as long as he is there."""
    agi.answer()
    agi.wait_for_digit(-1)


def raises(agi: AGI) -> None:
    """A mistake."""
    agi.answer()
    raise KeyError("a mistake of the script's author")


def sleeper(agi: AGI) -> None:  # noqa: ARG001
    """Blocks before its first command."""
    time.sleep(60)


def spinner(agi: AGI) -> None:
    """Blocks in the middle of a conversation."""
    agi.answer()
    while True:
        pass


def unmindful(agi: AGI) -> None:
    """Does not want to know that its caller has hung up."""
    agi.answer()
    while True:
        try:
            agi.stream_file("beep")
        except:  # noqa: E722
            agi.env["swallowed"] = "yes"


def suicide(agi: AGI) -> None:
    """Takes its host along."""
    agi.answer()
    os.kill(os.getpid(), signal.SIGKILL)


def closes(agi: AGI) -> None:
    """Closes what it speaks through, then goes on speaking."""
    agi.answer()
    sys.stdout.close()
    with contextlib.suppress(AGIException, OSError, ValueError):
        agi.verbose("still here?")


def chats(agi: AGI) -> None:
    """A conversation in which the caller presses a key; it goes on until everybody is there.

    One wait for the key, however long: Asterisk throws away a key that is pressed between two commands.
    """
    agi.answer()
    agi.set_variable("N", agi.env["agi_callerid"])
    keys = agi.wait_for_digit(90_000)
    agi.appexec("UserEvent", "Pressed")
    for _ in range(45):
        if agi.get_full_variable("${ALLTHERE}") == "yes":
            break
        keys += agi.wait_for_digit(2000)
    agi.stream_file("beep", "9")
    agi.set_variable("SAYS", f"{agi.get_variable('N')} {keys}")
