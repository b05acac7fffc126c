"""What some lines of a list make of the customers that are known: pure, so that it can be told by stories.

A line is about the customer with its external id; else about the one who has its name, branch and one of its numbers;
else about somebody new. It never takes a number or a word away: what it leaves empty stays as it was. So a list that
is sent twice changes nothing the second time.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from uuid import UUID

from telephony.customers.columns import NUMBERS
from telephony.customers.customer import MOST_SHARING, Customer, Details, Line, NotKept, key_of, numbered
from telephony.customers.numbers import E164
from telephony.customers.rows import Row
from telephony.customers.why import Refused, Why


@dataclass(slots=True)
class Plan:
    """What is to be done.

    Attributes:
        added: new customers. changed: those that were known, by id, as they are to be; `before` as they were.
        shared: numbers that from now on several may have.
        unchanged: so many lines told nothing new.
        refused: lines that cannot be taken.
    """

    added: dict[UUID, Customer] = field(default_factory=dict)
    changed: dict[UUID, Customer] = field(default_factory=dict)
    before: dict[UUID, Customer] = field(default_factory=dict)
    shared: set[E164] = field(default_factory=set)
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)


class _Refusal(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, column: str, why: Why) -> None:
        super().__init__(why)
        self.column, self.why = column, why


class Planner:
    """Looks at lines one after the other, each with what those before have done.

    Args:
        known: all customers that have one of the external ids or numbers of these lines, merged ones included, and
            those into whom they were merged.
        new_id: draws the id of a new customer.
        yours: whether a branch is one of whoever brings the list.
    """

    def __init__(
        self, known: Iterable[Customer], new_id: Callable[[], UUID], yours: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.plan = Plan()
        self._new_id, self._yours = new_id, yours
        self._now: dict[UUID, Customer] = {}
        self._by_key: dict[str, UUID] = {}
        self._by_number: dict[E164, dict[UUID, None]] = {}
        for customer in known:
            self._remember(customer)

    def take(self, row: Row) -> None:
        """One more line."""
        try:
            who = self._whom(row)
            after = self._new(row) if who is None else self._told(who, row)
        except (_Refusal, NotKept) as error:
            column = error.column if isinstance(error, _Refusal) else error.field
            self.plan.refused.append(Refused(row.line, column, error.why))
            return
        if who is not None and after == who:
            self.plan.unchanged += 1
            return
        self._note(who, after)

    def _whom(self, row: Row) -> Customer | None:
        """Whom the line is about; None: somebody new."""
        found = self._at_key(row.details.external_id)
        if found is None:
            fit = [one for one in self._sharing(row) if _is_same(one.details, row.details)]
            if len(fit) > 1:
                raise _Refusal("", Why.SEVERAL_FIT)
            found = fit[0] if fit else None
        if found is not None and not self._yours(found.details.branch):
            raise _Refusal("", Why.NOT_YOUR_BRANCH)
        return found

    def _at_key(self, key: str) -> Customer | None:
        """Who has this external id, or into whom he was merged."""
        at = self._by_key.get(key) if key else None
        found = None if at is None else self._now[at]
        while found is not None and found.merged_into is not None:
            found = self._now.get(found.merged_into)
        return found

    def _sharing(self, row: Row) -> list[Customer]:
        """Who has one of its numbers."""
        ids = dict.fromkeys(one for line in row.lines for one in self._by_number.get(line.number, ()))
        return [self._now[one] for one in ids]

    def _new(self, row: Row) -> Customer:
        after = Customer(self._new_id(), row.details, row.lines)
        return self._with_lines(after, row.lines)

    def _told(self, who: Customer, row: Row) -> Customer:
        told = {one.name: getattr(row.details, one.name) for one in fields(Details)}
        if who.details.external_id and self._at_key(told["external_id"]) is who:
            told["external_id"] = who.details.external_id  # that of one who was merged into him goes on leading to him
        details = replace(who.details, **{name: value for name, value in told.items() if value})
        if not self._yours(details.branch):
            raise _Refusal("branch", Why.NOT_YOUR_BRANCH)
        had = {line.number for line in who.lines}
        lines = (*who.lines, *(line for line in row.lines if line.number not in had))
        numbered(line.number for line in lines)
        wanted = {line.number for line in row.lines if line.shared}
        lines = tuple(replace(line, shared=line.shared or line.number in wanted) for line in lines)
        return self._with_lines(replace(who, details=details, lines=lines), row.lines)

    def _with_lines(self, after: Customer, told: Sequence[Line]) -> Customer:
        """The same, where nobody else has its numbers for himself alone."""
        shared: set[E164] = set()
        for line in told:
            others = [one for one in self._by_number.get(line.number, ()) if one != after.id]
            if others and not line.shared and not self._all_share(line.number, others):
                raise _Refusal(NUMBERS, Why.OTHERS_NUMBER)
            if len(others) >= MOST_SHARING:
                raise _Refusal(NUMBERS, Why.TOO_MANY_SHARE)
            if others:
                shared.add(line.number)
        self.plan.shared |= shared
        return replace(
            after, lines=tuple(replace(one, shared=one.shared or one.number in shared) for one in after.lines)
        )

    def _all_share(self, number: E164, others: Sequence[UUID]) -> bool:
        if number in self.plan.shared:
            return True
        return all(line.shared for one in others for line in self._now[one].lines if line.number == number)

    def _note(self, who: Customer | None, after: Customer) -> None:
        if who is None or who.id in self.plan.added:
            self.plan.added[after.id] = after
        else:
            self.plan.before.setdefault(who.id, who)
            after = replace(after, version=self.plan.before[who.id].version + 1)
            self.plan.changed[after.id] = after
        self._remember(after)

    def _remember(self, customer: Customer) -> None:
        self._now[customer.id] = customer
        if customer.details.external_id:
            self._by_key[customer.details.external_id] = customer.id
        if customer.is_there:
            for line in customer.lines:
                self._by_number.setdefault(line.number, {})[customer.id] = None


def _is_same(known: Details, told: Details) -> bool:
    """The same person by another line: his name, in the same branch as far as that is told, and no other key."""
    return (
        key_of(known.name) == key_of(told.name)
        and (not told.branch or not known.branch or known.branch == told.branch)
        and (not told.external_id or not known.external_id or known.external_id == told.external_id)
    )
