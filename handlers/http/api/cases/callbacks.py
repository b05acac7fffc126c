"""`/api/v1/callbacks`: who has to be called back, claimed by one at a time."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from aiohttp import web

from handlers.http.api.cases import bodies
from handlers.http.api.cases.asked import work_asked
from handlers.http.api.cases.told import rings, whole_work, work_row
from handlers.http.api.cases.window import HEADERS, ID, Window, told
from handlers.http.gate import needs
from telephony.cases.callback import CallBack
from telephony.cases.callbacks import CallBacks
from telephony.cases.casebook import Doing
from telephony.cases.listing import Lists
from telephony.cases.timeline import Timeline
from telephony.people.audit import Kind, Verb
from telephony.people.roles import Permission

PATH = "/api/v1/callbacks"


class CallBacksApi:
    """Call backs.

    Args:
        window: what all routes do alike.
        work: changes them.
        lists: reads them.
        timeline: what belongs to them.
    """

    def __init__(self, window: Window, work: CallBacks, lists: Lists, timeline: Timeline) -> None:
        self._window, self._work, self._lists, self._timeline = window, work, lists, timeline

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        one = f"{PATH}/{ID}"
        return [
            web.get(PATH, self.listed, allow_head=False),
            web.post(f"{PATH}/next", self.taken),
            web.get(one, self.shown, allow_head=False),
            web.post(f"{one}/claim", self.claimed),
            web.post(f"{one}/release", self.released),
            web.post(f"{one}/attempts", self.tried),
            web.post(f"{one}/give-up", self.given_up),
        ]

    @needs(Permission.CASES, program=True)
    async def listed(self, request: web.Request) -> web.Response:
        """What is to be done, the most urgent first; numbers are masked."""

        async def work() -> web.Response:
            branches, overdue, page = work_asked(request.query)
            found = await self._lists.callbacks(
                self._window.worker(request),
                branches,
                overdue_at=self._window.now() if overdue else None,
                after=page.after,
                limit=page.limit,
            )
            rows = [work_row(one) for one in found.work]
            return told({"callbacks": rows, "next": None if found.more is None else found.more.token})

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def shown(self, request: web.Request) -> web.Response:
        """One, with its history; its number in full for who rings it."""

        async def work() -> web.Response:
            by, id_ = self._window.worker(request), self._window.id_of(request)
            whole = await self._timeline.work(by, id_)
            await self._window.seen(request, Verb.CALLBACK_SEEN, Kind.CALLBACK, str(id_), whole.work.branch)
            return told(whole_work(whole, by, self._window.now()), whole.work.version)

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def taken(self, request: web.Request) -> web.Response:
        """The most urgent that nobody is at, claimed; 204: there is none."""

        async def work() -> web.Response:
            asked = await self._window.body(request, bodies.NEXT)
            found = await self._work.claim_next(asked.branch, self._window.doing(request))
            return (
                web.Response(status=204, headers=HEADERS) if found is None else self._changed(request, found, "claimed")
            )

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def claimed(self, request: web.Request) -> web.Response:
        """He rings this one; for some minutes nobody else can."""
        return await self._window.answered(request, partial(self._plain, request, self._work.claim, "claimed"))

    @needs(Permission.CASES, program=True)
    async def released(self, request: web.Request) -> web.Response:
        """He does not, after all."""
        return await self._window.answered(request, partial(self._plain, request, self._work.release, "released"))

    @needs(Permission.CASES, program=True)
    async def given_up(self, request: web.Request) -> web.Response:
        """He cannot be reached."""
        return await self._window.answered(request, partial(self._plain, request, self._work.give_up, "given up"))

    @needs(Permission.CASES, program=True)
    async def tried(self, request: web.Request) -> web.Response:
        """He rang, and this came of it."""

        async def work() -> web.Response:
            doing = self._window.doing(request)
            asked = await self._window.body(request, bodies.ATTEMPT)
            found = await self._work.tried(self._window.id_of(request), asked.result, asked.note, doing)
            return self._changed(request, found, f"tried: {asked.result.value}")

        return await self._window.answered(request, work)

    async def _plain(
        self, request: web.Request, change: Callable[[UUID, Doing], Awaitable[CallBack]], word: str
    ) -> web.Response:
        return self._changed(request, await change(self._window.id_of(request), self._window.doing(request)), word)

    def _changed(self, request: web.Request, work: CallBack, word: str) -> web.Response:
        self._window.done(request, Verb.CALLBACK_CHANGED, Kind.CALLBACK, str(work.id), branch=work.branch, detail=word)
        number = rings(work, self._window.worker(request), self._window.now())
        return told(work_row(work, number=number), work.version)
