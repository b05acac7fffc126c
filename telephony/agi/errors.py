"""What can go wrong in a conversation: pyst2's own exceptions, the very same classes, and ours derived from them.

Scripts that were written for pyst2 say `except AGIAppError` or `except AGIHangup`, and must go on catching what they
mean. So whatever we add is a kind of what pyst2 would have raised.
"""

from asterisk.agi import (
    AGIAppError,
    AGIDBError,
    AGIError,
    AGIException,
    AGIHangup,
    AGIInvalidCommand,
    AGIResultHangup,
    AGISIGHUPHangup,
    AGISIGPIPEHangup,
    AGIUnknownError,
    AGIUsageError,
)

__all__ = [
    "AGIAppError",
    "AGIDBError",
    "AGIDeadChannel",
    "AGIError",
    "AGIException",
    "AGIHangup",
    "AGIInvalidCommand",
    "AGIResultHangup",
    "AGISIGHUPHangup",
    "AGISIGPIPEHangup",
    "AGITimeout",
    "AGIUnknownError",
    "AGIUsageError",
    "AgiProtocolError",
]


class AGIDeadChannel(AGIHangup, AGIUnknownError):  # noqa: N818 - pyst2's exceptions are named like this
    """Asterisk said 511: the caller is gone, and this command needs him.

    pyst2 says AGIUnknownError to it; what it means is AGIHangup. It is both.
    """


class AGITimeout(AGIAppError):  # noqa: N818 - the same
    """A command was not answered within its time. Every later one fails: a late answer would be misread."""


class AgiProtocolError(AGIError):
    """The bytes are no AGI, exceed a limit, or answer what nobody asked. Nothing after it is believed."""
