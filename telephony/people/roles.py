"""What somebody may: one table of permissions, who has them, whether his branches bound them, and by which token.

A role is what somebody is there for. Whoever has branches sees what is of these alone; whoever has none, and every
administrator, sees all of them. A token never may more than its owner, and of that only what its scopes name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID


class Role(StrEnum):
    """What somebody is there for."""

    AGENT = "agent"
    MARKETING = "marketing"
    SUPERVISOR = "supervisor"
    QUALITY = "quality"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """What can be allowed.

    DESK: his own desk, with what his callers called about before. CASES: cases and call backs. FIGURES: how the
    standard was and is kept. LIVE: who waits now. WALL: the wallboard. DESCRIPTION: what the API can be asked.
    ACCOUNT: his own password and sessions. PEOPLE: everybody's accounts. AUDIT: who saw and changed what.
    CUSTOMERS: who they are, and their numbers. CUSTOMER_CHANGES: to correct that. CUSTOMER_LISTS: whole lists of
    them, and two made one. CUSTOMER_ERASURE: that nothing is known of one any more.
    """

    DESK = "desk"
    CASES = "cases"
    FIGURES = "figures"
    LIVE = "live"
    WALL = "wall"
    DESCRIPTION = "description"
    ACCOUNT = "account"
    PEOPLE = "people"
    AUDIT = "audit"
    CUSTOMERS = "customers"
    CUSTOMER_CHANGES = "customer_changes"
    CUSTOMER_LISTS = "customer_lists"
    CUSTOMER_ERASURE = "customer_erasure"


class Scope(StrEnum):
    """What a token of the API is for."""

    DESK = "desk"
    CASES = "cases"
    FIGURES = "figures"
    LIVE = "live"
    WALL = "wall"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Right:
    """Who has a permission.

    Attributes:
        roles: who. bound: only for his branches, if he has some. scopes: of a token, any of these; none: never by one.
    """

    roles: frozenset[Role]
    bound: bool
    scopes: frozenset[Scope]


_EVERYBODY = frozenset(Role)
_LEADS = frozenset({Role.SUPERVISOR, Role.QUALITY, Role.ADMINISTRATOR})
_ANSWERS = frozenset({Role.AGENT, Role.MARKETING, Role.SUPERVISOR})
_ADMINISTERS = frozenset({Role.ADMINISTRATOR})
_MANAGES = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
_NEVER = frozenset[Scope]()

RIGHTS: Mapping[Permission, Right] = MappingProxyType(
    {
        Permission.DESK: Right(_ANSWERS, bound=False, scopes=frozenset({Scope.DESK})),
        Permission.CASES: Right(_EVERYBODY, bound=True, scopes=frozenset({Scope.CASES})),
        Permission.FIGURES: Right(_LEADS, bound=True, scopes=frozenset({Scope.FIGURES})),
        Permission.LIVE: Right(_LEADS, bound=True, scopes=frozenset({Scope.LIVE})),
        Permission.WALL: Right(_EVERYBODY, bound=True, scopes=frozenset({Scope.WALL})),
        Permission.DESCRIPTION: Right(_EVERYBODY, bound=False, scopes=frozenset(Scope)),
        Permission.ACCOUNT: Right(_EVERYBODY, bound=False, scopes=_NEVER),
        Permission.PEOPLE: Right(_ADMINISTERS, bound=False, scopes=_NEVER),
        Permission.AUDIT: Right(_ADMINISTERS, bound=False, scopes=frozenset({Scope.AUDIT})),
        Permission.CUSTOMERS: Right(_EVERYBODY, bound=True, scopes=_NEVER),
        Permission.CUSTOMER_CHANGES: Right(_ANSWERS | _ADMINISTERS, bound=True, scopes=_NEVER),
        Permission.CUSTOMER_LISTS: Right(_MANAGES, bound=True, scopes=_NEVER),
        Permission.CUSTOMER_ERASURE: Right(_ADMINISTERS, bound=True, scopes=_NEVER),
    }
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks, as far as what he may is concerned.

    Attributes:
        name: with which he signs in, or that of his entry in the configuration; empty: whoever is at this machine.
        role, branches: what he may; no branches: all of them.
        title: what he is called.
        desk: the `[[agent]]` whose calls he is shown; None: nobody's.
        scopes: of the token by which he asks; None: it is he himself.
        must_change: he has to choose a password of his own first.
        account: he has one, which he can look after himself. id: its; None: he has none.
    """

    name: str
    role: Role
    branches: frozenset[str] = frozenset()
    title: str = ""
    desk: str | None = None
    scopes: frozenset[Scope] | None = None
    must_change: bool = False
    account: bool = False
    id: UUID | None = None

    @property
    def everywhere(self) -> bool:
        """No branch bounds him."""
        return self.role is Role.ADMINISTRATOR or not self.branches

    @property
    def called(self) -> str:
        """What is shown of him."""
        return self.title or self.name


def holds(person: Person, permission: Permission) -> bool:
    """Whether he has it at all, in whatever branch."""
    right = RIGHTS[permission]
    if person.role not in right.roles or (person.must_change and permission is not Permission.ACCOUNT):
        return False
    return person.scopes is None or bool(person.scopes & right.scopes)


def may(person: Person, permission: Permission, branch: str | None) -> bool:
    """Whether he has it for this branch.

    Args:
        person: who asks.
        permission: for what.
        branch: its name; None: for all together, and for what belongs to none.
    """
    if not holds(person, permission):
        return False
    return not RIGHTS[permission].bound or person.everywhere or branch in person.branches


def bounds(person: Person, permission: Permission) -> frozenset[str] | None:
    """The branches for which he has it; None: all, and what belongs to none."""
    return None if not RIGHTS[permission].bound or person.everywhere else person.branches
