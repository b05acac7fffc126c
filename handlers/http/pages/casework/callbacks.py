"""`/callbacks`: who has to be called back, the most urgent first; taken by one agent at a time."""

from uuid import UUID

from aiohttp import web

from handlers.casework import Casework
from handlers.http.api.cases.told import rings, whole_work
from handlers.http.forms import Fields
from handlers.http.gate import needs
from handlers.http.pages.admin_users import asked
from handlers.http.pages.casework.shared import STALE, Counter, Trouble, go, uuid_of
from handlers.http.pages.casework.steps import BAD_CHOICE, UNKNOWN_STEP, BadStep
from handlers.http.pages.casework.words import ACTIONS, REASONS, RESULTS
from handlers.http.pages.languages import message
from telephony.cases.callback import CallBack, Tried
from telephony.cases.callbacks import NoSuchWork, StaleWork
from telephony.cases.casebook import Doing
from telephony.cases.listing import After
from telephony.cases.rules import NotAllowed
from telephony.logs import mask_number
from telephony.people.audit import Kind, Verb
from telephony.people.roles import Permission

ROWS = 50
NONE_LEFT = message("Nobody has to be called back now whom nobody is calling already.")


class CallBacksPage:
    """The pages.

    Args:
        counter: what the pages do alike.
        casework: reads and changes the work.
    """

    def __init__(self, counter: Counter, casework: Casework) -> None:
        self._counter, self._casework = counter, casework

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/callbacks", self.listed),
            web.post("/callbacks", self.next_one),
            web.get("/callbacks/{id}", self.shown),
            web.post("/callbacks/{id}", self.changed),
        ]

    @needs(Permission.CASES)
    async def listed(self, request: web.Request) -> web.Response:
        """What is to be done; numbers are masked.

        Raises:
            HTTPNotFound: it goes on at no place of ours. HTTPServiceUnavailable: the database is away.
        """
        return await self._list(request)

    @needs(Permission.CASES)
    async def next_one(self, request: web.Request) -> web.Response:
        """The most urgent that nobody is at is his, and shown.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPServiceUnavailable: the database is away.
        """
        doing = self._counter.doing(request, await self._counter.taken(request))
        found = await asked(self._casework.callbacks.claim_next(None, doing))
        if found is None:
            return await self._list(request, self._counter.told(request, NONE_LEFT))
        self._done(request, found.id, found.branch, "claimed")
        return go(f"/callbacks/{found.id}")

    @needs(Permission.CASES)
    async def shown(self, request: web.Request) -> web.Response:
        """One; its number in full for who rings it.

        Raises:
            HTTPNotFound: there is none that he may see. HTTPServiceUnavailable: the database is away.
        """
        return await self._page(request)

    @needs(Permission.CASES)
    async def changed(self, request: web.Request) -> web.Response:
        """Taken, given back, rung, given up; when it cannot be done, what was typed stays.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPNotFound: there is none that he may see.
        """
        fields = await self._counter.taken(request)
        doing = self._counter.doing(request, fields)
        try:
            after = await self._do(uuid_of(request), fields, doing)
        except NoSuchWork:
            raise web.HTTPNotFound from None
        except NotAllowed as error:
            return await self._page(request, self._counter.refused(request, error), fields)
        except StaleWork:
            return await self._page(request, self._counter.told(request, STALE), fields)
        except BadStep as error:
            return await self._page(request, self._counter.told(request, str(error)), fields)
        self._done(request, after.id, after.branch, fields.get("do", ""))
        return go(request.path)

    async def _do(self, id_: UUID, fields: Fields, doing: Doing) -> CallBack:
        work, do = self._casework.callbacks, fields.get("do", "")
        if do == "tried":
            try:
                result = Tried(fields.get("result", ""))
            except ValueError:
                raise BadStep(BAD_CHOICE) from None
            return await asked(work.tried(id_, result, fields.get("note", ""), doing))
        changes = {"claim": work.claim, "release": work.release, "give_up": work.give_up}
        if do not in changes:
            raise BadStep(UNKNOWN_STEP)
        return await asked(changes[do](id_, doing))

    def _done(self, request: web.Request, id_: UUID, branch: str, word: str) -> None:
        self._counter.window.done(
            request, Verb.CALLBACK_CHANGED, Kind.CALLBACK, str(id_), branch=branch, detail=word[:40]
        )

    # --- what is shown ---

    async def _list(self, request: web.Request, trouble: Trouble | None = None) -> web.Response:
        by, token = self._counter.worker(request), request.query.get("after", "")
        try:
            after = After.of(token[:200]) if token else None
        except ValueError:
            raise web.HTTPNotFound from None
        overdue = request.query.get("overdue") == "1"
        due = self._counter.now() if overdue else None
        page = await asked(self._casework.lists.callbacks(by, None, overdue_at=due, after=after, limit=ROWS))
        more = None
        if page.more is not None:
            query = {"after": page.more.token} | ({"overdue": "1"} if overdue else {})
            more = str(request.rel_url.with_query(query))
        words = self._counter.language(request).gettext
        return self._counter.render(
            request,
            "callbacks.html",
            trouble,
            work=page.work,
            numbers={one.id: mask_number(one.number) for one in page.work},
            more=more,
            overdue=overdue,
            me=by,
            reasons={one.value: words(text) for one, text in REASONS.items()},
        )

    async def _page(
        self, request: web.Request, trouble: Trouble | None = None, fields: Fields | None = None
    ) -> web.Response:
        by, now = self._counter.worker(request), self._counter.now()
        try:
            whole = await asked(self._casework.timeline.work(by, uuid_of(request)))
        except NoSuchWork:
            raise web.HTTPNotFound from None
        work = whole.work
        await asked(self._counter.window.seen(request, Verb.CALLBACK_SEEN, Kind.CALLBACK, str(work.id), work.branch))
        claim, words = work.claim, self._counter.language(request).gettext
        busy = claim is not None and claim.until > now
        return self._counter.render(
            request,
            "callback.html",
            trouble,
            work=work,
            whole=whole_work(whole, by, now),
            mine=busy and claim is not None and by.goes_by(claim.by.id),
            busy=busy,
            full=rings(work, by, now),
            least=self._casework.manners.least,
            me=by,
            given=fields or Fields(),
            history=whole.history[::-1],
            reasons={one.value: words(text) for one, text in REASONS.items()},
            results={one.value: words(text) for one, text in RESULTS.items()},
            actions={one.value: words(text) for one, text in ACTIONS.items()},
        )
