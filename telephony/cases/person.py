"""Somebody who works on cases, as this package needs to know him: a plain value, whoever keeps the accounts. Pure."""

from dataclasses import dataclass
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
    """Attributes.

    id: that of the account; `agent:NAME` of an agent of a PBX who is bound to none. name: for people.
    role: what he is there for. branches: his; none: all of them.
    """

    id: str
    name: str
    role: Role = Role.AGENT
    branches: frozenset[str] = frozenset()

    @property
    def leads(self) -> bool:
        """Supervisor or administrator."""
        return self.role in LEADING


MACHINE = Person("machine", "machine", Role.ADMINISTRATOR)
"""What no person did."""


def unbound(agent: str) -> Person:
    """An agent of a PBX of whom no account is known."""
    return Person(f"agent:{agent}"[:LONGEST_ID], agent[:LONGEST_ID])
