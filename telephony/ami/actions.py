"""What we say to Asterisk: one action as bytes. Pure."""

from collections.abc import Mapping

MAX_LINE = 1024
"""Bytes of one line with its CR LF; Asterisk cuts what is longer."""
_FORBIDDEN = frozenset("\r\n\0")


def encode(action: str, action_id: str, headers: Mapping[str, str]) -> bytes:
    """The bytes of one action.

    Raises:
        ValueError: a name or value with CR, LF or NUL, or a line of more than `MAX_LINE` bytes. The value is not told,
            for it may be a secret.
    """
    lines = []
    for name, value in [("Action", action), ("ActionID", action_id), *headers.items()]:
        if _FORBIDDEN & {*name, *value}:
            raise ValueError(f"{name!r} of {action!r} holds CR, LF or NUL")
        line = f"{name}: {value}\r\n".encode("utf-8", "surrogateescape")
        if len(line) > MAX_LINE:
            raise ValueError(f"{name!r} of {action!r} makes a line of {len(line):,} bytes; the limit is {MAX_LINE:,}")
        lines.append(line)
    return b"".join([*lines, b"\r\n"])
