"""Who may what, where: every role, every permission, own and other branch, every scope. Written by hand."""

import pytest

from telephony.people.roles import RIGHTS, Permission, Person, Role, Scope, bounds, holds, may

A, M, S, Q, X = Role.AGENT, Role.MARKETING, Role.SUPERVISOR, Role.QUALITY, Role.ADMINISTRATOR
EXPECTED = {
    Permission.DESK: {A, M, S},
    Permission.CASES: {A, M, S, Q, X},
    Permission.FIGURES: {S, Q, X},
    Permission.LIVE: {S, Q, X},
    Permission.WALL: {A, M, S, Q, X},
    Permission.DESCRIPTION: {A, M, S, Q, X},
    Permission.ACCOUNT: {A, M, S, Q, X},
    Permission.PEOPLE: {X},
    Permission.AUDIT: {X},
    Permission.CUSTOMERS: {A, M, S, Q, X},
    Permission.CUSTOMER_CHANGES: {A, M, S, X},
    Permission.CUSTOMER_LISTS: {S, X},
    Permission.CUSTOMER_ERASURE: {X},
}
OF_CUSTOMERS = {one for one in Permission if one.value.startswith("customer")}
BY_BRANCH = {Permission.CASES, Permission.FIGURES, Permission.LIVE, Permission.WALL, *OF_CUSTOMERS}
BY_TOKEN = {
    Permission.DESK: {Scope.DESK},
    Permission.CASES: {Scope.CASES},
    Permission.FIGURES: {Scope.FIGURES},
    Permission.LIVE: {Scope.LIVE},
    Permission.WALL: {Scope.WALL},
    Permission.DESCRIPTION: set(Scope),
    Permission.ACCOUNT: set[Scope](),
    Permission.PEOPLE: set[Scope](),
    Permission.AUDIT: {Scope.AUDIT},
    **{one: set[Scope]() for one in OF_CUSTOMERS},
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_role_has_what_the_table_says_and_of_its_own_branch_alone(permission: Permission, role: Role) -> None:
    everywhere, north = Person("zhao", role), Person("qian", role, frozenset({"north"}))
    allowed = role in EXPECTED[permission]
    assert [may(everywhere, permission, branch) for branch in ("north", "south", None)] == [allowed] * 3
    bound = permission in BY_BRANCH and role is not X
    assert may(north, permission, "north") == holds(north, permission) == allowed
    assert may(north, permission, "south") == may(north, permission, None) == (allowed and not bound)
    assert bounds(north, permission) == (frozenset({"north"}) if bound else None)
    assert bounds(everywhere, permission) is None


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_token_may_what_its_owner_may_and_its_scope_names(permission: Permission, role: Role, scope: Scope) -> None:
    person = Person("script", role, scopes=frozenset({scope}))
    assert holds(person, permission) == (role in EXPECTED[permission] and scope in BY_TOKEN[permission])
    assert not holds(Person("script", role, scopes=frozenset()), permission)


@pytest.mark.parametrize("role", Role)
def test_who_has_to_choose_a_password_can_do_nothing_else(role: Role) -> None:
    person = Person("zhao", role, must_change=True)
    assert [one for one in Permission if holds(person, one)] == [Permission.ACCOUNT]


def test_every_permission_is_in_the_table_and_people_are_called_by_their_title() -> None:
    assert set(RIGHTS) == set(Permission)
    assert (Person("zhao", S, title="赵敏").called, Person("zhao", S).called) == ("赵敏", "zhao")
