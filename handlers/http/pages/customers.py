"""`/customers`: who calls. Looked for by name or number, shown, corrected, merged. Needs no script.

No number stands in an address: what is looked for is posted, and a customer's page has his id.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from uuid import UUID, uuid4

from aiohttp import hdrs, web

from handlers.customers.side import CustomerSide
from handlers.http.forms import Fields, Forms
from handlers.http.gate import asker, needs
from handlers.http.pages.admin_users import Choices, asked
from handlers.http.pages.customer_words import CASE_STATES, DONE, FIELDS, KINDS, WORDS
from handlers.http.pages.languages import message
from handlers.http.pages.shell import HEADERS, Pages
from handlers.people.side import PeopleSide
from telephony.cases.customer_lookup import Page
from telephony.cases.customers import Doing, NoSuchCustomer, Stale
from telephony.customers.customer import MOST_NUMBERS, Customer, Details, Line, NotKept, checked, checked_number
from telephony.customers.merging import NotMergeable, who_stays
from telephony.customers.why import Why
from telephony.people.audit import Entry, Kind, Verb
from telephony.people.roles import Permission, Person, bounds, holds

CHANGED = message(
    "Somebody has changed this customer meanwhile. What you typed is still here; what he saved stands below."
)
NOT_ONE = message("These two cannot be merged: one of them was merged or erased meanwhile, or they are one already.")
NOT_PARTED = message("These two cannot be parted any more.")
NOBODY = message("There is no other customer with this number or external id.")
SAY_SO = message("Say that you mean it.")
MORE_LINES = 2
HIDDEN, LAST = 4, 4
"""Digits of a number in a list: so many are hidden, before so many that are not."""
TOLD = 10
"""Customers who are named in an entry of the trail."""


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in a form: a customer's words, or those that somebody typed. `now`: as somebody else saved him."""

    details: Details
    lines: tuple[tuple[str, bool], ...]
    version: int
    field: str = ""
    trouble: str = ""
    now: Customer | None = None
    status: HTTPStatus = HTTPStatus.OK
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked for, and who was found; None: nothing was."""

    text: str = ""
    page: Page | None = None
    form: Form = field(default_factory=lambda: Form(Details(""), (), 0))


class CustomersPage:
    """The pages.

    Args:
        pages: renders.
        side: the customers.
        people: the trail.
        forms: tells ours from others.
        choices: the branches.
    """

    def __init__(self, pages: Pages, side: CustomerSide, people: PeopleSide, forms: Forms, choices: Choices) -> None:
        self._pages, self._side, self._people, self._forms, self._choices = pages, side, people, forms, choices
        self._does: Mapping[str, tuple[Permission, Callable[[web.Request, Customer, Fields], Awaitable[web.Response]]]]
        self._does = {
            "change": (Permission.CUSTOMER_CHANGES, self._change),
            "compare": (Permission.CUSTOMER_LISTS, self._compare),
            "merge": (Permission.CUSTOMER_LISTS, self._merge),
            "part": (Permission.CUSTOMER_LISTS, self._part),
            "erase": (Permission.CUSTOMER_ERASURE, self._erase),
        }

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        one = "/customers/{id:[0-9a-f-]{36}}"
        return [
            web.get("/customers", self.door),
            web.post("/customers", self.search),
            web.post("/customers/new", self.add),
            web.get(one, self.somebody),
            web.post(one, self.do),
        ]

    @needs(Permission.CUSTOMERS)
    async def door(self, request: web.Request) -> web.Response:
        """Where customers are looked for. Shows nobody by itself."""
        return self._list(request, Found())

    @needs(Permission.CUSTOMERS)
    async def search(self, request: web.Request) -> web.Response:
        """Who has this number, or whose name begins so.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPServiceUnavailable: the database is away.
        """
        fields = await self._forms.taken(request)
        text, only = fields.get("q", "").strip()[:100], bounds(asker(request), Permission.CUSTOMERS)
        number = self._side.numbering.read(text).e164
        if number is not None:
            page = await asked(self._side.directory.with_number(number, only))
        else:
            page = await asked(self._side.directory.named(text, only, _uuid_or_none(fields.get("after", ""))))
        shown = ", ".join(str(one.id) for one in page.customers[:TOLD])
        how = f"{'by number' if number else 'by name'}, {len(page.customers)} shown: {shown}"
        await asked(self._people.trail.record(self._entry(request, Verb.CUSTOMERS_SOUGHT, None, how)))
        return self._list(request, Found(text, page))

    @needs(Permission.CUSTOMER_CHANGES)
    async def add(self, request: web.Request) -> web.Response:
        """A new customer.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPServiceUnavailable: the database is away.
        """
        fields = await self._forms.taken(request)
        typed = _typed(fields)
        try:
            details, lines = self._checked(typed, "")
            fresh = Customer(uuid4(), details, lines)
            doing = self._doing(request, Verb.CUSTOMER_ADDED, fresh, Permission.CUSTOMER_CHANGES)
            await asked(self._side.customers.add(fresh, doing))
        except NotKept as error:
            return self._list(request, Found(form=self._refused(typed, error)))
        except NoSuchCustomer:
            raise web.HTTPForbidden from None
        return _to(f"/customers/{fresh.id}")

    @needs(Permission.CUSTOMERS)
    async def somebody(self, request: web.Request) -> web.Response:
        """One customer; that he was looked at is written down first.

        Raises:
            HTTPNotFound: there is none, or of another branch. HTTPServiceUnavailable: the database is away.
        """
        customer = await self._customer(request)
        return await self._one(request, customer)

    @needs(Permission.CUSTOMERS)
    async def do(self, request: web.Request) -> web.Response:
        """Change something about him.

        Raises:
            HTTPForbidden: the form is none of ours, or it is not his to do. HTTPNotFound: nobody, or nothing such.
        """
        fields = await self._forms.taken(request)
        found = self._does.get(fields.get("do", ""))
        if found is None:
            raise web.HTTPNotFound
        permission, work = found
        if not holds(asker(request), permission):
            raise web.HTTPForbidden
        customer = await self._customer(request)
        try:
            return await asked(work(request, customer, fields))
        except NoSuchCustomer:
            raise web.HTTPNotFound from None

    # --- what can be done ---

    async def _change(self, request: web.Request, customer: Customer, fields: Fields) -> web.Response:
        typed = _typed(fields)
        doing = self._doing(request, Verb.CUSTOMER_CHANGED, customer, Permission.CUSTOMER_CHANGES, typed.version)
        try:
            details, lines = self._checked(typed, customer.details.branch)
            await self._side.customers.change(customer.id, details, lines, doing)
        except NotKept as error:
            return await self._one(request, customer, self._refused(typed, error))
        except Stale as stale:
            now = stale.customer
            form = Form(typed.details, typed.lines, now.version, "", CHANGED, now, HTTPStatus.CONFLICT)
            return await self._one(request, now, form)
        return _to(request.path)

    async def _compare(self, request: web.Request, customer: Customer, fields: Fields) -> web.Response:
        """Both beside each other, before anything is done."""
        text, only = fields.get("other", "").strip()[:100], bounds(asker(request), Permission.CUSTOMER_LISTS)
        number = self._side.numbering.read(text).e164
        directory = self._side.directory
        page = await (directory.with_number(number, only) if number else directory.named(text, only))
        others = [
            one for one in page.customers if one.id != customer.id and (number or one.details.external_id == text)
        ]
        if not others:
            return await self._one(request, customer, _own(customer, NOBODY))
        await self._people.trail.record(self._entry(request, Verb.CUSTOMER_SEEN, others[0]))
        kept, gone = who_stays(customer, others[0])
        return self._rendered(request, "customer-merge.html", customer=customer, other=others[0], kept=kept, gone=gone)

    async def _merge(self, request: web.Request, customer: Customer, fields: Fields) -> web.Response:
        other, stays = _uuid(fields.get("other", "")), _uuid(fields.get("kept", ""))
        if stays not in (customer.id, other):
            raise web.HTTPNotFound
        gone = other if stays == customer.id else customer.id
        version = _whole(fields.get(f"version-{gone}", ""))
        doing = self._doing(
            request, Verb.CUSTOMERS_MERGED, customer, Permission.CUSTOMER_LISTS, version, f"{gone} -> {stays}"
        )
        try:
            await self._side.customers.merge(stays, gone, doing)
        except (NotMergeable, Stale):
            return await self._one(request, customer, _own(customer, NOT_ONE))
        except NotKept as error:
            return await self._one(request, customer, _own(customer, WORDS[error.why].what))
        return _to(f"/customers/{stays}")

    async def _part(self, request: web.Request, customer: Customer, _fields: Fields) -> web.Response:
        doing = self._doing(request, Verb.CUSTOMERS_PARTED, customer, Permission.CUSTOMER_LISTS)
        try:
            await self._side.customers.part(customer.id, doing)
        except NotMergeable:
            return await self._one(request, customer, _own(customer, NOT_PARTED))
        return _to(request.path)

    async def _erase(self, request: web.Request, customer: Customer, fields: Fields) -> web.Response:
        if fields.get("sure") != "yes":
            return await self._one(request, customer, _own(customer, SAY_SO))
        doing = self._doing(request, Verb.CUSTOMER_ERASED, customer, Permission.CUSTOMER_ERASURE)
        await self._side.customers.erase(customer.id, doing)
        return _to("/customers")

    # --- what is shown ---

    def _list(self, request: web.Request, found: Found) -> web.Response:
        status = found.form.status if found.form.trouble else HTTPStatus.OK
        return self._rendered(request, "customers.html", status, found=found, form=_with_room(found.form), mask=masked)

    async def _one(self, request: web.Request, customer: Customer, form: Form | None = None) -> web.Response:
        """His page; shown only when that is written down."""
        await asked(self._people.trail.record(self._entry(request, Verb.CUSTOMER_SEEN, customer)))
        spellings = [one for line in customer.lines for one in self._side.numbering.spellings(line.number)]
        only = bounds(asker(request), Permission.CUSTOMERS)
        cases = await asked(self._side.directory.cases(spellings, only))
        history = await asked(self._side.directory.history(customer.id))
        form = form or _own(customer)
        language = self._pages.language(request)
        return self._rendered(
            request, "customer.html", form.status, customer=customer, form=_with_room(form), cases=cases,
            history=history,
            kinds={name: language.gettext(text) for name, text in KINDS.items()},
            states={name: language.gettext(text) for name, text in CASE_STATES.items()},
            done={name: language.gettext(text) for name, text in DONE.items()},
        )  # fmt: skip

    def _rendered(
        self, request: web.Request, template: str, status: HTTPStatus = HTTPStatus.OK, **context: object
    ) -> web.Response:
        person, language = asker(request), self._pages.language(request)
        response = self._pages.render(
            request, template, status=status, branches=self._branches(person), titles=self._choices.branches,
            fields={name: language.gettext(text) for name, text in FIELDS.items()}, say=language.gettext,
            may_change=holds(person, Permission.CUSTOMER_CHANGES), may_merge=holds(person, Permission.CUSTOMER_LISTS),
            may_erase=holds(person, Permission.CUSTOMER_ERASURE), proof=self._forms.proof(request), **context,
        )  # fmt: skip
        self._forms.give(request, response)
        return response

    def _branches(self, person: Person) -> Mapping[str, str]:
        """Those that he may choose."""
        only = bounds(person, Permission.CUSTOMER_CHANGES)
        return {name: title for name, title in self._choices.branches.items() if only is None or name in only}

    def _checked(self, typed: Form, branch: str) -> tuple[Details, tuple[Line, ...]]:
        """What was typed, as it is kept; of `branch` until now.

        Raises:
            NotKept: it cannot be.
        """
        if self._choices.branches and typed.details.branch not in ("", branch, *self._choices.branches):
            raise NotKept("branch", Why.UNKNOWN_BRANCH)
        read = self._side.numbering.read
        lines = {checked_number(read(text)): shared for text, shared in typed.lines}
        return checked(typed.details), tuple(Line(number, shared) for number, shared in lines.items())

    @staticmethod
    def _refused(typed: Form, error: NotKept) -> Form:
        words = WORDS[error.why]
        status = HTTPStatus.BAD_REQUEST
        return replace(typed, field=error.field, trouble=words.what, remedy=words.remedy, status=status)

    async def _customer(self, request: web.Request) -> Customer:
        only = bounds(asker(request), Permission.CUSTOMERS)
        try:
            return await asked(self._side.customers.get(_uuid(request.match_info["id"]), only))
        except NoSuchCustomer:
            raise web.HTTPNotFound from None

    def _doing(  # noqa: PLR0913, PLR0917 - what is done
        self, request: web.Request, verb: Verb, whom: Customer, permission: Permission, version: int | None = None,
        detail: str = "",
    ) -> Doing:  # fmt: skip
        person = asker(request)
        entry = self._entry(request, verb, whom, detail)
        return Doing(person.name, self._side.now(), version, bounds(person, permission), entry)

    def _entry(self, request: web.Request, verb: Verb, whom: Customer | None, detail: str = "") -> Entry:
        id_, branch = ("", "") if whom is None else (str(whom.id), whom.details.branch)
        return self._people.trail.entry(
            asker(request).name, verb, Kind.CUSTOMER, id_, branch=branch, remote=request.remote, detail=detail
        )  # fmt: skip


def masked(number: str) -> str:
    """As lists show it: enough to tell two apart, too little to ring either."""
    shown = max(len(number) - HIDDEN - LAST, 0)
    return number[:shown] + "*" * min(HIDDEN, len(number)) + number[shown + HIDDEN :]


def _own(customer: Customer, trouble: str = "") -> Form:
    lines = tuple((str(line.number), line.shared) for line in customer.lines)
    status = HTTPStatus.BAD_REQUEST if trouble else HTTPStatus.OK
    return Form(customer.details, lines, customer.version, "", trouble, None, status)


def _with_room(form: Form) -> Form:
    """With some empty lines for further numbers."""
    room = (("", False),) * min(MORE_LINES, MOST_NUMBERS - len(form.lines))
    return replace(form, lines=form.lines + room)


def _typed(fields: Fields) -> Form:
    """What stands in the form, as it was typed."""
    words = (fields.get(name, "") for name in ("name", "branch", "value_group", "note", "external_id"))
    numbers = [(fields.get(f"number-{at}", "").strip(), f"shared-{at}" in fields) for at in range(MOST_NUMBERS)]
    lines = tuple((text[:100], shared) for text, shared in numbers if text)
    return Form(Details(*words), lines, _whole(fields.get("version", "")))


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004 - digits


def _to(path: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, hdrs.LOCATION: path})


def _uuid(text: str) -> UUID:
    found = _uuid_or_none(text)
    if found is None:
        raise web.HTTPNotFound
    return found


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
