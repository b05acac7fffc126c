"""Whose desk it is at which somebody answered, and as whom somebody works on cases who signs in. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from telephony.cases.person import LONGEST_ID, Person, unbound
from telephony.people import roles
from telephony.people.roles import RIGHTS, Permission, bounds


@dataclass(frozen=True, slots=True)
class Seat:
    """An `[[agent]]`: his name and title, his phones, and the PBX where they are (None: any)."""

    name: str
    title: str
    interfaces: frozenset[str]
    pbx: str | None = None

    @property
    def id(self) -> str:
        """Of who sits there without an account."""
        return f"agent:{self.name}"[:LONGEST_ID]


class Seats:
    """All desks.

    Args:
        seats: by the configuration.
        pbxs: names of all PBXs.
    """

    def __init__(self, seats: Iterable[Seat] = (), pbxs: Collection[str] = ()) -> None:
        self._seats = {seat.name: seat for seat in seats}
        self._pbxs = tuple(pbxs)

    def of(self, pbx: str, agent: str, interface: str) -> Seat | None:
        """Where it was answered; None: at no desk that is known.

        Args:
            pbx: where.
            agent: the name of the member, the line or the phone.
            interface: the phone; empty: nobody saw it (queue_log alone told), then the name has to say.
        """
        known = [seat for seat in self._seats.values() if seat.pbx in {None, pbx}]
        if interface:
            return next((seat for seat in known if interface in seat.interfaces), None)
        return next((seat for seat in known if agent == seat.name or agent in seat.interfaces), None)

    def owner(self, pbx: str, agent: str, interface: str) -> Person:
        """Who answered, as long as no account is known."""
        seat = self.of(pbx, agent, interface)
        return unbound(pbx, agent) if seat is None else Person(seat.id, seat.title or seat.name)

    def also(self, desk: str | None) -> frozenset[str]:
        """The ids of cases that were answered at this desk when it had no account, or was not in the configuration."""
        seat = None if desk is None else self._seats.get(desk)
        if seat is None:
            return frozenset()
        pbxs = self._pbxs if seat.pbx is None else (seat.pbx,)
        names = (seat.name, *seat.interfaces)
        return frozenset({seat.id, *(unbound(pbx, name).id for pbx in pbxs for name in names)})

    def worker(self, asks: roles.Person) -> Person:
        """As whom he works on cases: his account; without one, a `[[supervisor]]` or whoever is at this machine."""
        sits = asks.role in RIGHTS[Permission.DESK].roles
        return Person(
            f"{asks.role}:{asks.name}"[:LONGEST_ID] if asks.id is None else str(asks.id),
            asks.called,
            asks.role,
            self.also(asks.desk) if sits else frozenset(),
            bounds(asks, Permission.CASES),
        )

    def sitter(self, desk: str) -> Person:
        """Who has only the token of a desk: he sees what was answered there, and nothing of any branch."""
        seat = self._seats[desk]
        return Person(seat.id, seat.title or seat.name, also=self.also(desk), branches=frozenset())


NO_SEATS = Seats()
