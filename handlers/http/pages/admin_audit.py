"""`/admin/audit`: who saw and changed what, newest first. To look at it is written down, too."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from handlers.http.gate import asker, needs
from handlers.http.pages.admin_users import asked
from handlers.http.pages.languages import message
from handlers.http.pages.shell import Pages
from handlers.people.side import PeopleSide
from telephony.cases.trail import Wanted
from telephony.people.audit import LONGEST, Verb
from telephony.people.roles import Permission

AT_ONCE = 100
FILTERS = ("who", "whom", "verb", "from", "to")
NUMBER = 18
"""Digits."""
VERBS: Mapping[Verb, str] = {
    Verb.SIGNED_IN: message("Signed in"),
    Verb.SIGN_IN_REFUSED: message("Not let in"),
    Verb.SIGNED_OUT: message("Signed out"),
    Verb.USER_ADDED: message("Added a user"),
    Verb.USER_CHANGED: message("Changed a user"),
    Verb.USER_DISABLED: message("Disabled a user"),
    Verb.USER_ENABLED: message("Enabled a user"),
    Verb.PASSWORD_SET: message("Set a password"),
    Verb.PASSWORD_CHANGED: message("Changed the own password"),
    Verb.SESSIONS_ENDED: message("Ended sessions"),
    Verb.TOKEN_MADE: message("Made a token"),
    Verb.TOKEN_ENDED: message("Ended a token"),
    Verb.HISTORY_SEEN: message("Saw a caller's history"),
    Verb.CASES_SEARCHED: message("Searched for cases"),
    Verb.CASE_SEEN: message("Saw a case"),
    Verb.CASE_CHANGED: message("Changed a case"),
    Verb.CALLBACK_SEEN: message("Saw a call back"),
    Verb.CALLBACK_CHANGED: message("Changed a call back"),
    Verb.DESK_ACTED: message("Did at the desk"),
    Verb.CALLS_SEEN: message("Saw calls"),
    Verb.CALLS_EXPORTED: message("Exported calls"),
    Verb.AUDIT_SEEN: message("Looked at this trail"),
    Verb.CUSTOMER_SHOWN: message("Was shown a customer who rang"),
    Verb.CUSTOMERS_SOUGHT: message("Looked for customers"),
    Verb.CUSTOMER_SEEN: message("Saw a customer"),
    Verb.CUSTOMER_ADDED: message("Added a customer"),
    Verb.CUSTOMER_CHANGED: message("Changed a customer"),
    Verb.CUSTOMERS_MERGED: message("Merged two customers"),
    Verb.CUSTOMERS_PARTED: message("Parted two customers"),
    Verb.CUSTOMER_ERASED: message("Erased a customer"),
    Verb.CUSTOMERS_IMPORTED: message("Imported customers"),
}


class AuditPage:
    """The page.

    Args:
        pages: renders.
        people: knows the trail.
        zone: in which days and times are understood.
    """

    def __init__(self, pages: Pages, people: PeopleSide, zone: ZoneInfo) -> None:
        self._pages, self._people, self._zone = pages, people, zone

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/admin/audit", self.show)]

    @needs(Permission.AUDIT)
    async def show(self, request: web.Request) -> web.Response:
        """A page of it.

        Raises:
            HTTPServiceUnavailable: the database is away.
        """
        given = {name: request.query.get(name, "").strip()[:LONGEST] for name in FILTERS}
        before = request.query.get("before", "")
        wanted = Wanted(
            who=storable(given["who"]) or None,
            whom=storable(given["whom"]) or None,
            verb=given["verb"] if given["verb"] in set(Verb) else None,
            since=_day(given["from"], self._zone),
            until=_day(given["to"], self._zone, after=1),
            before=int(before) if before.isascii() and before.isdecimal() and len(before) <= NUMBER else None,
        )
        detail = " ".join(f"{name}={text}" for name, text in given.items() if text)
        trail = self._people.trail
        entry = trail.entry(asker(request).name, Verb.AUDIT_SEEN, remote=request.remote, detail=detail)
        await asked(trail.record(entry))
        found = await asked(self._people.trails.page(wanted, AT_ONCE + 1))
        language = self._pages.language(request)
        older = None
        if len(found) > AT_ONCE:
            query = {name: text for name, text in given.items() if text} | {"before": str(found[AT_ONCE - 1].number)}
            older = str(request.rel_url.with_query(query))
        return self._pages.render(
            request,
            "admin-audit.html",
            found=found[:AT_ONCE],
            older=older,
            given=given,
            verbs={verb: language.gettext(text) for verb, text in VERBS.items()},
        )


def storable(text: str) -> str:
    """As it can have been written."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _day(text: str, zone: ZoneInfo, after: int = 0) -> datetime | None:
    """The beginning of that day at the site, or of the one after; None: it is none."""
    try:
        day = datetime.fromisoformat(text[:10]) + timedelta(days=after)
        return day.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
