"""Bytes of the manager interface, as Asterisk 22 writes them. Pure."""

from collections.abc import Iterable

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
UNKNOWN = "<unknown>"
"""Where Asterisk has no number or name to show."""
STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}
"""What a channel is doing, and how Asterisk calls it."""
DOWN, RING, RINGING, UP = STATES
CAUSES = {
    0: "Unknown",
    16: "Normal Clearing",
    17: "User busy",
    21: "Call Rejected",
    26: "Answered elsewhere",
    127: "Interworking, unspecified",
}
"""Hang-up causes of Q.850 that occur here."""
Pairs = Iterable[tuple[str, object]]

_ESCAPED = {
    "\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip


def escaped(name: str) -> str:
    """As Asterisk C-escapes callers' names in events."""
    return "".join("\\" + _ESCAPED[one] if one in _ESCAPED else one for one in name)


def message(pairs: Pairs) -> bytes:
    """One message; values are written as they are, which is what hostile callers count on."""
    text = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return (text + "\r\n").encode("utf-8", "surrogateescape")


def stamp(when: int) -> str:
    """A Timestamp of microseconds since 1970."""
    return f"{when // 1_000_000}.{when % 1_000_000:06d}"
