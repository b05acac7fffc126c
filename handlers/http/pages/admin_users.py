"""`/admin/users`: who has an account, what he may, where he is signed in, what his programs show. Needs no script."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

from aiohttp import hdrs, web

from handlers.database import AWAY
from handlers.http.forms import Fields, Forms
from handlers.http.gate import asker, needs
from handlers.http.pages.languages import message
from handlers.http.pages.shell import HEADERS, Pages
from handlers.people.hashing import BusyError
from handlers.people.keyring import hash_of, new_token
from handlers.people.side import PeopleSide
from telephony.cases.accounts import Account, NameTakenError, NobodyError, Terms
from telephony.cases.connecting import DatabaseUrlError
from telephony.people.audit import Entry, Kind, Verb
from telephony.people.names import BadNameError, login_name
from telephony.people.roles import Permission, Role, Scope

ROLES: Mapping[Role, str] = {
    Role.AGENT: message("Agent"),
    Role.MARKETING: message("Marketing"),
    Role.SUPERVISOR: message("Supervisor"),
    Role.QUALITY: message("Quality"),
    Role.ADMINISTRATOR: message("Administrator"),
}
BAD_NAME = message("A name has 1 to 64 characters and no blanks.")
TAKEN = message("Somebody has this name already.")
NOT_YOURSELF = message("You cannot take your own rights away: another administrator can.")
BAD_CHOICE = message("This cannot be chosen.")
BUSY = message("Many sign in at this moment. Try again in a few seconds.")
DAYS, MOST_DAYS = 365, 3_660
TITLE = 64
T = TypeVar("T")


class BadChoiceError(Exception):
    """What the form says cannot be done; the message is for people."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the configuration knows: branches and desks, by name, with their titles."""

    branches: Mapping[str, str]
    desks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of somebody says beside him. `secret`: told this once. `what` it is: `password` or `token`."""

    trouble: str = ""
    secret: str = ""
    what: str = ""


class UsersPage:
    """The pages.

    Args:
        pages: renders.
        people: everybody.
        forms: tells ours from others.
        choices: what can be chosen.
    """

    def __init__(self, pages: Pages, people: PeopleSide, forms: Forms, choices: Choices) -> None:
        self._pages, self._people, self._forms, self._choices = pages, people, forms, choices
        self._does: Mapping[str, Callable[[web.Request, Account, Fields], Awaitable[Shown]]] = {
            "change": self._change,
            "disable": self._disable,
            "enable": self._enable,
            "password": self._password,
            "end-session": self._end_session,
            "make-token": self._make_token,
            "end-token": self._end_token,
        }

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        one = "/admin/users/{id:[0-9a-f-]{36}}"
        return [
            web.get("/admin/users", self.everybody),
            web.post("/admin/users", self.add),
            web.get(one, self.somebody),
            web.post(one, self.do),
        ]

    @needs(Permission.PEOPLE)
    async def everybody(self, request: web.Request) -> web.Response:
        """All accounts, and a form for a new one."""
        return await self._list(request)

    @needs(Permission.PEOPLE)
    async def add(self, request: web.Request) -> web.Response:
        """A new account; its first password is shown once.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPServiceUnavailable: the database is away.
        """
        fields = await self._forms.taken(request)
        try:
            login, terms = login_name(fields.get("name", "")), self._terms(fields)
            password = secrets.token_urlsafe(12)
            entry = self._entry(request, Verb.USER_ADDED, login, described(terms))
            kept = await self._people.hasher.hash(password)
            await asked(self._people.accounts.add(login, terms, kept, entry))
        except BadNameError:
            return await self._list(request, BAD_NAME, fields)
        except NameTakenError:
            return await self._list(request, TAKEN, fields)
        except BusyError:
            return await self._list(request, BUSY, fields)
        except BadChoiceError as error:
            return await self._list(request, str(error), fields)
        account = await asked(self._people.accounts.find(login))
        if account is None:
            raise web.HTTPNotFound
        return await self._one(request, account, Shown(secret=password, what="password"))

    @needs(Permission.PEOPLE)
    async def somebody(self, request: web.Request) -> web.Response:
        """One account.

        Raises:
            HTTPNotFound: there is no such. HTTPServiceUnavailable: the database is away.
        """
        return await self._one(request, await self._account(request))

    @needs(Permission.PEOPLE)
    async def do(self, request: web.Request) -> web.Response:
        """Change something about it.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPNotFound: there is no such account, or nothing such to do.
        """
        fields = await self._forms.taken(request)
        account, work = await self._account(request), self._does.get(fields.get("do", ""))
        if work is None:
            raise web.HTTPNotFound
        try:
            shown = await asked(work(request, account, fields))
        except BadChoiceError as error:
            return await self._one(request, account, Shown(str(error)))
        except BusyError:
            return await self._one(request, account, Shown(BUSY))
        except NobodyError:
            raise web.HTTPNotFound from None
        self._people.signing.ended(account.id)
        if shown.secret:
            return await self._one(request, account, shown)
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, hdrs.LOCATION: request.path})

    # --- what can be done ---

    async def _change(self, request: web.Request, account: Account, fields: Fields) -> Shown:
        terms = self._terms(fields)
        if account.login == asker(request).name and terms.role is not Role.ADMINISTRATOR:
            raise BadChoiceError(NOT_YOURSELF)
        detail = f"{described(account.terms)} -> {described(terms)}"
        entry = self._entry(request, Verb.USER_CHANGED, account.login, detail)
        await self._people.accounts.change(account.id, terms, entry)
        return Shown()

    async def _disable(self, request: web.Request, account: Account, _fields: Fields) -> Shown:
        if account.login == asker(request).name:
            raise BadChoiceError(NOT_YOURSELF)
        entry = self._entry(request, Verb.USER_DISABLED, account.login)
        await self._people.accounts.disable(account.id, entry)
        return Shown()

    async def _enable(self, request: web.Request, account: Account, _fields: Fields) -> Shown:
        await self._people.accounts.enable(account.id, self._entry(request, Verb.USER_ENABLED, account.login))
        return Shown()

    async def _password(self, request: web.Request, account: Account, _fields: Fields) -> Shown:
        password = secrets.token_urlsafe(12)
        kept, entry = await self._people.hasher.hash(password), self._entry(request, Verb.PASSWORD_SET, account.login)
        await self._people.accounts.set_password(account.id, kept, entry, must_change=True)
        return Shown(secret=password, what="password")

    async def _end_session(self, request: web.Request, account: Account, fields: Fields) -> Shown:
        named = fields.get("session", "")
        only = None if named == "all" else _uuid(named)
        await self._people.keys.end_sessions(
            account.id, only, self._entry(request, Verb.SESSIONS_ENDED, account.login, named[:36])
        )
        return Shown()

    async def _make_token(self, request: web.Request, account: Account, fields: Fields) -> Shown:
        title, secret = fields.get("title", "").strip()[:TITLE], new_token()
        scopes = [_chosen(Scope, name) for name in fields.getall("scope", [])]
        days = fields.get("days", "")
        if not title or not scopes or not days.isdecimal() or not 1 <= int(days[:9]) <= MOST_DAYS:
            raise BadChoiceError(BAD_CHOICE)
        entry = self._entry(request, Verb.TOKEN_MADE, account.login, f"{title}: {', '.join(scopes)}, {days} days")
        await self._people.keys.make_token(
            hash_of(secret), account.id, title, set(scopes), timedelta(days=int(days)), entry
        )
        return Shown(secret=secret, what="token")

    async def _end_token(self, request: web.Request, account: Account, fields: Fields) -> Shown:
        token = _uuid(fields.get("token", ""))
        await self._people.keys.end_token(
            account.id, token, self._entry(request, Verb.TOKEN_ENDED, account.login, str(token))
        )
        return Shown()

    # --- what is shown ---

    async def _list(self, request: web.Request, trouble: str = "", fields: Fields | None = None) -> web.Response:
        everybody = await asked(self._people.accounts.all())
        status = HTTPStatus.BAD_REQUEST if trouble else HTTPStatus.OK
        return self._rendered(
            request, "admin-users.html", status, trouble, everybody=everybody, given=fields or Fields()
        )

    async def _one(self, request: web.Request, account: Account, shown: Shown | None = None) -> web.Response:
        shown = shown or Shown()
        keys = self._people.keys
        sessions, tokens = await asked(keys.sessions(account.id)), await asked(keys.tokens(account.id))
        return self._rendered(
            request,
            "admin-user.html",
            HTTPStatus.BAD_REQUEST if shown.trouble else HTTPStatus.OK,
            shown.trouble,
            account=account,
            shown=shown,
            sessions=sessions,
            tokens=tokens,
            scopes=list(Scope),
            days=DAYS,
            most_days=MOST_DAYS,
        )

    def _rendered(
        self, request: web.Request, template: str, status: HTTPStatus, trouble: str, **context: object
    ) -> web.Response:
        language = self._pages.language(request)
        response = self._pages.render(
            request,
            template,
            status=status,
            trouble=language.gettext(trouble) if trouble else "",
            roles={role: language.gettext(text) for role, text in ROLES.items()},
            choices=self._choices,
            proof=self._forms.proof(request),
            **context,
        )
        self._forms.give(request, response)
        return response

    def _terms(self, fields: Fields) -> Terms:
        """What the form decides.

        Raises:
            BadChoiceError: it names what there is not.
        """
        branches, desk = frozenset(fields.getall("branch", [])), fields.get("desk", "") or None
        title = "".join(one for one in fields.get("title", "").strip() if one.isprintable())[:TITLE]
        if branches - set(self._choices.branches) or (desk is not None and desk not in self._choices.desks):
            raise BadChoiceError(BAD_CHOICE)
        terms = Terms(_chosen(Role, fields.get("role", "")), branches, title, desk)
        return replace(terms, branches=frozenset()) if terms.role is Role.ADMINISTRATOR else terms

    async def _account(self, request: web.Request) -> Account:
        wanted = _uuid(request.match_info["id"])
        found = next((one for one in await asked(self._people.accounts.all()) if one.id == wanted), None)
        if found is None:
            raise web.HTTPNotFound
        return found

    def _entry(self, request: web.Request, verb: Verb, whom: str, detail: str = "") -> Entry:
        return self._people.trail.entry(
            asker(request).name, verb, Kind.USER, whom, remote=request.remote, detail=detail
        )  # fmt: skip


async def asked(work: Awaitable[T]) -> T:
    """What the database says.

    Raises:
        HTTPServiceUnavailable: it is away.
    """
    try:
        return await work
    except (DatabaseUrlError, *AWAY):
        raise web.HTTPServiceUnavailable(reason="The database is away") from None


def described(terms: Terms) -> str:
    """For the trail."""
    where = ", ".join(sorted(terms.branches)) or "all branches"
    return f"{terms.role.value} of {where}" + (f" at desk {terms.desk}" if terms.desk else "")


E_ = TypeVar("E_", Role, Scope)


def _chosen(words: type[E_], text: str) -> E_:
    try:
        return words(text)
    except ValueError:
        raise BadChoiceError(BAD_CHOICE) from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise web.HTTPNotFound from None
