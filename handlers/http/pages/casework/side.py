"""The pages of casework, put together."""

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from handlers.casework import Casework
from handlers.http.api.cases.window import Window
from handlers.http.forms import Forms
from handlers.http.pages.casework.callbacks import CallBacksPage
from handlers.http.pages.casework.case import CasePage
from handlers.http.pages.casework.cases import CasesPage
from handlers.http.pages.casework.shared import Counter
from handlers.http.pages.shell import Pages
from handlers.people.side import PeopleSide
from telephony.cases.person import Person
from telephony.config import Config
from telephony.people.roles import RIGHTS, Permission


def casework_pages(
    config: Config, casework: Casework, people: PeopleSide, pages: Pages, now: Callable[[], datetime]
) -> list[web.RouteDef]:
    """To be added to the application.

    Args:
        config: checked.
        casework: on the same database.
        people: accounts, and the trail.
        pages: renders.
        now: the wall clock.
    """

    async def colleagues(by: Person) -> list[tuple[str, Person]]:
        able = RIGHTS[Permission.CASES].roles
        everybody = [
            (account.login, casework.seats.worker(account.person()))
            for account in await people.accounts.all()
            if account.disabled_at is None and account.terms.role in able
        ]
        return [(login, person) for login, person in everybody if not by.goes_by(person.id)]

    forms, window = Forms(config.http.origins), Window(casework.seats, people.trail, now, config.http.origins)
    counter = Counter(pages, forms, window, {one.name: one.title or one.name for one in config.branch})
    return [
        *CasesPage(counter, casework.book, casework.lists).routes(),
        *CasePage(counter, casework, colleagues).routes(),
        *CallBacksPage(counter, casework).routes(),
    ]
