"""Somebody who works on cases, as this package needs to know him: a plain value. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from telephony.people.roles import Role

LONGEST_ID = 200
LEADING = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
"""They may do with a case that they see what its owner may."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is, and as what he works here.

    Attributes:
        id: that of the account; `agent:NAME` of whom no account is known.
        name: for people.
        role: what he is there for.
        also: other ids that are he: those of the desk that his account is bound to.
        branches: what he sees is of these, or his own; None: he sees all.
    """

    id: str
    name: str
    role: Role = Role.AGENT
    also: frozenset[str] = field(default=frozenset(), compare=False)
    branches: frozenset[str] | None = field(default=None, compare=False)

    @property
    def leads(self) -> bool:
        """Supervisor or administrator."""
        return self.role in LEADING

    @property
    def ids(self) -> frozenset[str]:
        """All that are he."""
        return self.also | {self.id}

    def goes_by(self, id_: str) -> bool:
        """Whether that is he."""
        return id_ == self.id or id_ in self.also

    def works_in(self, branch: str) -> bool:
        """Whether he sees what is of this branch; empty: of none."""
        return self.branches is None or branch in self.branches

    def sees(self, branch: str, whose: Iterable[str]) -> bool:
        """Whether he sees what is of this branch and of these people."""
        return self.works_in(branch) or any(map(self.goes_by, whose))


MACHINE = Person("machine", "machine", Role.ADMINISTRATOR)
"""What no person did."""


def unbound(pbx: str, agent: str) -> Person:
    """An agent of a PBX who has neither desk nor account; two PBXs may have one of the same name."""
    return Person(f"agent:{pbx}/{agent}"[:LONGEST_ID], agent[:LONGEST_ID])


__all__ = ["LEADING", "LONGEST_ID", "MACHINE", "Person", "Role", "unbound"]
