"""What the pages of casework do alike: who asks, what he sends, and what becomes of a refusal."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID, uuid5

from aiohttp import hdrs, web

from handlers.http.api.cases.refusals import REASONS
from handlers.http.api.cases.window import Window
from handlers.http.forms import Fields, Forms
from handlers.http.pages.casework.words import FIELDS, KINDS, OPTIONS, STATES
from handlers.http.pages.languages import Language, message
from handlers.http.pages.shell import HEADERS, Pages
from telephony.calls.record import THREE_RINGS
from telephony.cases.casebook import Doing
from telephony.cases.forms import BadForm
from telephony.cases.person import Person
from telephony.cases.rules import NotAllowed, Why

STALE = message(
    "Somebody has changed this meanwhile. What you typed is still here; look at what stands now, then save again."
)
FAULTS = message("Some fields are wrong or missing.")
DIGITS = 9
KEY = 64


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something was not done. `faults`: by field, for people."""

    text: str
    faults: Mapping[str, str]


class Counter:
    """Where people come.

    Args:
        pages: renders.
        forms: tells ours from others.
        window: knows who works, and writes down what he sees.
        branches: names to titles.
    """

    def __init__(self, pages: Pages, forms: Forms, window: Window, branches: Mapping[str, str]) -> None:
        self._pages, self._forms, self.window, self.branches = pages, forms, window, branches

    @property
    def now(self) -> Callable[[], datetime]:
        """The wall clock."""
        return self.window.now

    def language(self, request: web.Request) -> Language:
        """In which he is answered."""
        return self._pages.language(request)

    async def taken(self, request: web.Request) -> Fields:
        """A form of ours.

        Raises:
            HTTPForbidden: it is none.
        """
        return await self._forms.taken(request)

    def worker(self, request: web.Request) -> Person:
        """As whom he works."""
        return self.window.worker(request)

    def doing(self, request: web.Request, fields: Fields) -> Doing:
        """Who changes something, of which version, by which attempt: the same form sent twice is done once."""
        by, key, version = self.worker(request), fields.get("key", "")[:KEY], fields.get("version", "")
        named = str(uuid5(THREE_RINGS, f"page\x1f{by.id}\x1f{request.path}\x1f{key}")) if key else None
        seen = int(version) if version.isascii() and version.isdecimal() and len(version) <= DIGITS else None
        return Doing(by, self.now(), named, seen)

    def render(
        self, request: web.Request, template: str, trouble: Trouble | None = None, **context: object
    ) -> web.Response:
        """A page; with its trouble."""
        words = self.language(request).gettext
        response = self._pages.render(
            request,
            template,
            status=HTTPStatus.OK if trouble is None else HTTPStatus.CONFLICT,
            trouble=trouble,
            proof=self._forms.proof(request),
            key=secrets.token_urlsafe(12),
            kinds={kind.value: words(text) for kind, text in KINDS.items()},
            states={state.value: words(text) for state, text in STATES.items()},
            labels={name: words(text) for name, text in FIELDS.items()},
            options={name: {str(one): words(text) for one, text in some.items()} for name, some in OPTIONS.items()},
            branches=self.branches,
            now=self.now(),
            **context,
        )
        self._forms.give(request, response)
        return response

    def refused(self, request: web.Request, error: NotAllowed | BadForm) -> Trouble:
        """A refusal, in his language."""
        language = self.language(request)
        if isinstance(error, BadForm):
            return Trouble(language.gettext(FAULTS), error.faults)
        return Trouble(
            reason(language, error.why), dict.fromkeys(error.faults, language.gettext("has to be filled in"))
        )

    def told(self, request: web.Request, text: str) -> Trouble:
        """Any other."""
        return Trouble(self.language(request).gettext(text), {})


def reason(language: Language, why: Why) -> str:
    """Why the rules of cases refuse something."""
    if why is Why.BRANCH:
        return language.gettext("It is of another branch.")
    return REASONS[why].title_zh if language.code == "zh" else REASONS[why].title


def uuid_of(request: web.Request) -> UUID:
    """The id in the path.

    Raises:
        HTTPNotFound: nothing has such an id.
    """
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        raise web.HTTPNotFound from None


def go(path: str) -> web.Response:
    """Look there next."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, hdrs.LOCATION: path})


Colleagues = Callable[[Person], Awaitable[list[tuple[str, Person]]]]
"""Everybody to whom he could hand a case over, by the name with which they sign in."""
