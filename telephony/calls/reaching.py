"""Whether a call would reach the phone of a published line, as the PBX tells it.

Only that: what somebody does on the phone is told by its channels, sooner and in more detail. The PBX has devices by
the thousand; only those of lines are kept.
"""

from telephony.calls.book import Book
from telephony.calls.facts import Moment, Phone, PhoneTold, SnapshotTaken


def told(book: Book, fact: PhoneTold) -> None:
    """It changed, or was told again."""
    note(book, fact.phone, fact.at)


def listed(book: Book, fact: SnapshotTaken) -> None:
    """All devices at one instant. What was told after the listing was asked for may be newer than its entry."""
    if fact.phones is None:
        return
    asked = fact.asked_at.mono
    listing = {phone.interface: phone for phone in fact.phones}
    for interface in book.rules.lines:
        known = book.reachable.get(interface)
        if known is None or known[0].mono < asked:
            note(book, listing.get(interface, Phone(interface, None)), fact.at)


def forget(book: Book) -> None:
    """What changes now is not heard."""
    book.reachable.clear()


def note(book: Book, phone: Phone, at: Moment) -> None:
    """Since when it is so, is the moment at which it was told first."""
    interface, reachable = phone.interface, phone.reachable
    if interface not in book.rules.lines:
        return
    if reachable is None:
        book.reachable.pop(interface, None)
    elif interface not in book.reachable or book.reachable[interface][1] is not reachable:
        book.reachable[interface] = at, reachable
