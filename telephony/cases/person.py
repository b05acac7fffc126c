"""Somebody who works on cases, as this package needs to know him: a plain value, whoever keeps the accounts. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

LONGEST_ID = 200


class Role(StrEnum):
    """What somebody is there for."""

    AGENT = "agent"
    MARKETING = "marketing"
    SUPERVISOR = "supervisor"
    QUALITY = "quality"
    ADMINISTRATOR = "administrator"


LEADING = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
"""They may do with a case what its owner may."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is, and as what he works here.

    Attributes:
        id: that of the account; `agent:NAME` of an agent of a PBX who is bound to none.
        name: for people.
        role: what he is there for.
        also: other ids that are he: `agent:NAME` of the agents that his account is bound to.
    """

    id: str
    name: str
    role: Role = Role.AGENT
    also: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def leads(self) -> bool:
        """Supervisor or administrator."""
        return self.role in LEADING

    def goes_by(self, id_: str) -> bool:
        """Whether that is he."""
        return id_ == self.id or id_ in self.also


MACHINE = Person("machine", "machine", Role.ADMINISTRATOR)
"""What no person did."""


def unbound(agent: str) -> Person:
    """An agent of a PBX of whom no account is known."""
    return Person(f"agent:{agent}"[:LONGEST_ID], agent[:LONGEST_ID])
