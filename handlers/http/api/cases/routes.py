"""`/api/v1/cases`: every case that somebody may see, and what is done with it."""

from collections.abc import Awaitable, Callable, Collection
from functools import partial
from uuid import UUID

from aiohttp import web

from handlers.http.api.cases import bodies
from handlers.http.api.cases.asked import after_of, cases_asked
from handlers.http.api.cases.bodies import OfferBody, RefuseBody, SearchBody, SettleBody
from handlers.http.api.cases.refusals import Problem, refused
from handlers.http.api.cases.told import case_row, whole_case
from handlers.http.api.cases.window import CALL, ID, Refused, Window, told
from handlers.http.gate import needs
from telephony.cases.casebook import Casebook, Doing
from telephony.cases.listing import CasePage, Filter, Lists
from telephony.cases.model import Case
from telephony.cases.person import Person
from telephony.cases.steps import Accept, Offer, Refuse, Step, Withdraw
from telephony.cases.timeline import Timeline
from telephony.people.audit import Kind, Verb
from telephony.people.roles import Permission

PATH = "/api/v1/cases"
Colleague = Callable[[str], Awaitable[Person | None]]
"""Somebody who works on cases, by the name with which he signs in; None: there is nobody."""


class CasesApi:
    """Cases.

    Args:
        window: what all routes do alike.
        book: changes cases.
        lists: reads them.
        timeline: what belongs to them.
        colleague: finds whom a case is offered to.
        branches: that there are.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it is put together from
        self,
        window: Window,
        book: Casebook,
        lists: Lists,
        timeline: Timeline,
        colleague: Colleague,
        branches: Collection[str],
    ) -> None:
        self._window, self._book, self._lists, self._timeline = window, book, lists, timeline
        self._colleague, self._branches = colleague, frozenset(branches)

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        one = f"{PATH}/{ID}"
        return [
            web.get(PATH, self.listed, allow_head=False),
            web.post(PATH, self.opened),
            web.post(f"{PATH}/search", self.searched),
            web.get(one, self.shown, allow_head=False),
            web.put(f"{one}/record", self.recorded),
            web.post(f"{one}/steps", self.stepped),
            web.post(f"{one}/handover", self.handed),
            web.post(f"{one}/merge", self.merged),
            web.post(f"{one}/unmerge", self.unmerged),
            web.post(f"{one}/split", self.split),
            web.put(f"{one}/calls/{CALL}", self.joined),
            web.delete(f"{one}/calls/{CALL}", self.parted),
        ]

    # --- reading ---

    @needs(Permission.CASES, program=True)
    async def listed(self, request: web.Request) -> web.Response:
        """Cases, the newest first; what is overdue, the longest overdue first."""

        async def work() -> web.Response:
            by = self._window.worker(request)
            asked = cases_asked(request.query, by, self._window.now())
            ask = self._lists.overdue if asked.overdue else self._lists.cases
            return told(_page(await ask(by, asked.which, asked.page.after, asked.page.limit)))

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def searched(self, request: web.Request) -> web.Response:
        """Cases with this number, name or words. What is looked for is in the body, and in no log."""

        async def work() -> web.Response:
            asked: SearchBody = await self._window.body(request, bodies.SEARCH)
            which = Filter(kinds=asked.kind, states=asked.state, branches=asked.branch)
            after = after_of(asked.cursor)
            await self._window.seen(request, Verb.CASES_SEARCHED, Kind.CASE)
            by = self._window.worker(request)
            return told(_page(await self._lists.search(by, asked.text, which, after, asked.limit)))

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def shown(self, request: web.Request) -> web.Response:
        """One case with its record, its calls and its history."""

        async def work() -> web.Response:
            by, case = self._window.worker(request), self._window.id_of(request)
            whole = await self._lists.whole(by, case)
            await self._window.seen(request, Verb.CASE_SEEN, Kind.CASE, str(case), whole.case.branch)
            calls = await self._timeline.calls(whole.calls)
            return told(whole_case(whole, calls, by), whole.case.version)

        return await self._window.answered(request, work)

    # --- changing ---

    @needs(Permission.CASES, program=True)
    async def opened(self, request: web.Request) -> web.Response:
        """Another case, 201; the same key gives the same case."""

        async def work() -> web.Response:
            asked = await self._window.body(request, bodies.OPEN)
            doing = self._window.doing(request, key=True)
            if not doing.by.works_in(asked.branch) or (asked.branch and asked.branch not in self._branches):
                raise Refused(refused(Problem.NOT_FOUND, "there is no such branch that you may see"))
            case = await self._book.open(asked.branch, doing, asked.call)
            return self._changed(request, case, "opened", status=201)

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def recorded(self, request: web.Request) -> web.Response:
        """The record is written anew."""

        async def work() -> web.Response:
            doing = self._window.doing(request, version=True)
            return await self._step(request, bodies.recorded(await self._window.body(request, bodies.RECORD)), doing)

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def stepped(self, request: web.Request) -> web.Response:
        """One step."""

        async def work() -> web.Response:
            doing = self._window.doing(request, version=True)
            return await self._step(request, (await self._window.body(request, bodies.STEP)).meant(), doing)

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def handed(self, request: web.Request) -> web.Response:
        """A hand-over is offered, accepted, refused, or withdrawn."""

        async def work() -> web.Response:
            doing = self._window.doing(request, version=True)
            step = await self._handover(await self._window.body(request, bodies.HANDOVER))
            return await self._step(request, step, doing)

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def merged(self, request: web.Request) -> web.Response:
        """It becomes a part of another, which is the answer."""

        async def work() -> web.Response:
            doing = self._window.doing(request, version=True)
            asked = await self._window.body(request, bodies.MERGE)
            return self._changed(
                request, await self._book.merge(self._window.id_of(request), asked.into, doing), "merged"
            )

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def unmerged(self, request: web.Request) -> web.Response:
        """It is a case of its own again."""

        async def work() -> web.Response:
            doing = self._window.doing(request, version=True)
            return self._changed(request, await self._book.unmerge(self._window.id_of(request), doing), "unmerged")

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def split(self, request: web.Request) -> web.Response:
        """Some of its calls go to a new case, which is the answer: 201."""

        async def work() -> web.Response:
            doing = self._window.doing(request, version=True, key=True)
            asked = await self._window.body(request, bodies.SPLIT)
            fresh = await self._book.split(self._window.id_of(request), asked.calls, doing)
            return self._changed(request, fresh, "split", status=201)

        return await self._window.answered(request, work)

    @needs(Permission.CASES, program=True)
    async def joined(self, request: web.Request) -> web.Response:
        """A further call is about it."""
        return await self._window.answered(request, partial(self._calls, request, self._book.join, "call joined"))

    @needs(Permission.CASES, program=True)
    async def parted(self, request: web.Request) -> web.Response:
        """A call that was joined is not about it after all."""
        return await self._window.answered(request, partial(self._calls, request, self._book.part, "call parted"))

    async def _calls(
        self, request: web.Request, change: Callable[[UUID, UUID, Doing], Awaitable[Case]], word: str
    ) -> web.Response:
        case, call = self._window.id_of(request), self._window.id_of(request, "call")
        return self._changed(request, await change(case, call, self._window.doing(request, version=True)), word)

    async def _handover(self, asked: OfferBody | RefuseBody | SettleBody) -> Step:
        match asked:
            case OfferBody(to=login):
                to = await self._colleague(login)
                if to is None:
                    raise Refused(refused(Problem.NOBODY, faults={"to": "is nobody who works on cases"}))
                return Offer(to)
            case RefuseBody(reason=reason):
                return Refuse(reason)
            case SettleBody(do=do):
                return Accept() if do == "accept" else Withdraw()

    async def _step(self, request: web.Request, step: Step, doing: Doing) -> web.Response:
        case = await self._book.change(self._window.id_of(request), step, doing)
        return self._changed(request, case, step.move.value)

    def _changed(self, request: web.Request, case: Case, word: str, status: int = 200) -> web.Response:
        self._window.done(request, Verb.CASE_CHANGED, Kind.CASE, str(case.id), branch=case.branch, detail=word)
        headers = {"Location": f"{PATH}/{case.id}"} if status == 201 else {}  # noqa: PLR2004 - created
        return told(case_row(case), case.version, status, **headers)


def _page(page: CasePage) -> dict[str, object]:
    return {"cases": [case_row(one) for one in page.cases], "next": None if page.more is None else page.more.token}
