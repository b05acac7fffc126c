"""AMI's text, byte for byte as Asterisk 22 writes it (compared with the recordings in tests/replay)."""

from collections.abc import Iterable

SYSTEM = "pbx1"
Headers = list[tuple[str, str]]

STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}
CAUSES = {
    0: "Unknown", 4: "Unknown", 16: "Normal Clearing", 17: "User busy", 21: "Call Rejected", 26: "Answered elsewhere",
    127: "Interworking, unspecified",
}  # fmt: skip


def message(headers: Iterable[tuple[str, str]]) -> bytes:
    """Lines, and the empty one."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers]).encode() + b"\r\n"


def event(name: str, privilege: str, stamp: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """An event; `stamp` in microseconds since 1970."""
    opening = [
        ("Event", name),
        ("Privilege", f"{privilege},all"),
        ("Timestamp", f"{stamp // 1_000_000}.{stamp % 1_000_000:06d}"),
        ("SystemName", SYSTEM),
    ]
    return message([*opening, *headers])


def fully_booted(uptime: int) -> bytes:
    """What a session gets at its login, if the PBX is up: without a stamp."""
    told = str(uptime)
    return message([
        ("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", told), ("LastReload", told),
        ("Status", "Fully Booted"),
    ])  # fmt: skip


def listing(action_id: str, entries: Iterable[Headers], ends: str, notice: str) -> bytes:
    """The answer to a request that lists, its entries with the ActionID where Asterisk puts it, and the end."""
    start = [("Response", "Success"), ("ActionID", action_id), ("EventList", "start"), ("Message", notice)]
    out = [message(start)]
    count = 0
    for entry in entries:
        where = 1 if entry[0] == ("Event", "CoreShowChannel") else len(entry)
        out.append(message([*entry[:where], ("ActionID", action_id), *entry[where:]]))
        count += 1
    end = [("Event", ends), ("ActionID", action_id), ("EventList", "Complete"), ("ListItems", str(count))]
    return b"".join([*out, message(end)])
