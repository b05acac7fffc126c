"""The API of casework, put together."""

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from handlers.casework import Casework
from handlers.http.api.cases.callbacks import CallBacksApi
from handlers.http.api.cases.routes import CasesApi
from handlers.http.api.cases.window import Window
from handlers.people.side import PeopleSide
from telephony.cases.person import Person
from telephony.config import Config
from telephony.people.roles import RIGHTS, Permission


def case_routes(
    config: Config, casework: Casework, people: PeopleSide, now: Callable[[], datetime]
) -> list[web.RouteDef]:
    """To be added to the application.

    Args:
        config: checked.
        casework: on the same database.
        people: accounts, and the trail.
        now: the wall clock.
    """

    async def colleague(login: str) -> Person | None:
        account = await people.accounts.find(login)
        if (
            account is None
            or account.disabled_at is not None
            or account.terms.role not in RIGHTS[Permission.CASES].roles
        ):
            return None
        return casework.seats.worker(account.person())

    window = Window(casework.seats, people.trail, now, config.http.origins)
    branches = [one.name for one in config.branch]
    cases = CasesApi(window, casework.book, casework.lists, casework.timeline, colleague, branches)
    work = CallBacksApi(window, casework.callbacks, casework.lists, casework.timeline)
    return [*cases.routes(), *work.routes()]
