"""`/cases`: the cases that somebody may see. What is looked for is sent in a body: it is in no address, and no log."""

from collections.abc import Mapping

from aiohttp import web

from handlers.http.api.cases.told import opens
from handlers.http.gate import needs
from handlers.http.pages.admin_users import asked
from handlers.http.pages.casework.shared import Counter, go
from handlers.http.pages.languages import message
from telephony.cases.casebook import Casebook
from telephony.cases.kinds import ACTIVE, CaseKind, State
from telephony.cases.listing import LONGEST, After, CasePage, Filter, Lists
from telephony.cases.person import Person, Role
from telephony.people.audit import Kind, Verb
from telephony.people.roles import Permission

ROWS = 50
SHOWS: Mapping[str, str] = {
    "record": message("Mine, to be recorded"),
    "mine": message("Mine, open"),
    "offered": message("Offered to me"),
    "open": message("All open"),
    "overdue": message("Overdue"),
    "all": message("All"),
}
_LOOKS = frozenset({Role.SUPERVISOR, Role.QUALITY, Role.ADMINISTRATOR})


class CasesPage:
    """The page.

    Args:
        counter: what the pages do alike.
        book: opens cases.
        lists: reads them.
    """

    def __init__(self, counter: Counter, book: Casebook, lists: Lists) -> None:
        self._counter, self._book, self._lists = counter, book, lists

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/cases", self.listed),
            web.post("/cases", self.opened),
            web.post("/cases/search", self.searched),
        ]

    @needs(Permission.CASES)
    async def listed(self, request: web.Request) -> web.Response:
        """Cases of one sort, the newest first, or the longest overdue.

        Raises:
            HTTPNotFound: it goes on at no place of ours. HTTPServiceUnavailable: the database is away.
        """
        by = self._counter.worker(request)
        show, kind = request.query.get("show", ""), request.query.get("kind", "")
        show = show if show in SHOWS else "open" if by.role in _LOOKS else "record"
        kinds = [CaseKind(kind)] if kind in set(CaseKind) else None
        which, after = self._which(show, by, kinds), _after(request)
        ask = self._lists.overdue if show == "overdue" else self._lists.cases
        await asked(self._counter.window.seen(request, Verb.CASES_SEARCHED, Kind.CASE, f"/cases {show}"))
        page = await asked(ask(by, which, after, ROWS))
        return self._shown(request, page, by, show=show, kind=kind if kinds else "", text="")

    @needs(Permission.CASES)
    async def searched(self, request: web.Request) -> web.Response:
        """Cases with this number, name or words.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPServiceUnavailable: the database is away.
        """
        fields, by = await self._counter.taken(request), self._counter.worker(request)
        text = fields.get("text", "").strip()[:LONGEST]
        await asked(self._counter.window.seen(request, Verb.CASES_SEARCHED, Kind.CASE))
        page = await asked(self._lists.search(by, text, Filter(), None, ROWS))
        return self._shown(request, page, by, show="", kind="", text=text)

    @needs(Permission.CASES)
    async def opened(self, request: web.Request) -> web.Response:
        """A new case, without a call.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPNotFound: it is no branch of his.
        """
        fields = await self._counter.taken(request)
        doing, branch = self._counter.doing(request, fields), fields.get("branch", "")
        if not doing.by.works_in(branch) or (branch and branch not in self._counter.branches):
            raise web.HTTPNotFound
        case = await asked(self._book.open(branch, doing))
        self._counter.window.done(
            request, Verb.CASE_CHANGED, Kind.CASE, str(case.id), branch=case.branch, detail="opened"
        )
        return go(f"/cases/{case.id}")

    def _which(self, show: str, by: Person, kinds: list[CaseKind] | None) -> Filter:
        return {
            "record": Filter(owners=by.ids, states={State.LOGGED}, kinds=kinds),
            "mine": Filter(owners=by.ids, states=ACTIVE, kinds=kinds),
            "offered": Filter(offered_to=by.ids, kinds=kinds),
            "open": Filter(states=ACTIVE, kinds=kinds),
            "overdue": Filter(overdue_at=self._counter.now(), kinds=kinds),
            "all": Filter(kinds=kinds),
        }[show]

    def _shown(  # noqa: PLR0913 - what was asked for
        self, request: web.Request, page: CasePage, by: Person, *, show: str, kind: str, text: str
    ) -> web.Response:
        words = self._counter.language(request).gettext
        more = None
        if page.more is not None and show:
            query = {"show": show, "kind": kind, "after": page.more.token}
            more = str(request.rel_url.with_query({name: one for name, one in query.items() if one}))
        return self._counter.render(
            request,
            "cases.html",
            cases=page.cases,
            cut=page.more is not None,
            more=more,
            opens={case.id for case in page.cases if opens(case, by)},
            shows={name: words(text) for name, text in SHOWS.items()},
            own=[name for name in self._counter.branches if by.works_in(name)],
            none=by.works_in(""),
            show=show,
            kind=kind,
            text=text,
        )


def _after(request: web.Request) -> After | None:
    token = request.query.get("after", "")
    try:
        return After.of(token[:200]) if token else None
    except ValueError:
        raise web.HTTPNotFound from None
