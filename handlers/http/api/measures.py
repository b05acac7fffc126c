"""`GET /api/v1/measures`: how the standard was kept over any interval."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from functools import partial
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from multidict import MultiDict, MultiMapping

from handlers.database import AWAY, trouble
from handlers.http.api.answered import Standard, head, rows
from handlers.http.api.asked import Asked, BadQueryError, House, NotYoursError, asked
from handlers.http.gate import asker, needs
from handlers.http.problems import problem
from handlers.measuring import Answer, Busy, Measuring
from telephony.cases.connecting import DatabaseUrlError
from telephony.people.roles import Permission, bounds
from telephony.standard.measures_table import Grouping, TooManyGroups

PIECE = 32_768
"""Characters of the answer that are put together before others have their turn."""
AGAIN_SECONDS = 10
TELL_SECONDS = 60.0
"""So long who asks may take to read the answer; until then it is kept."""
NOT_YOURS = "is none of those that you may see"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class MeasuresApi:
    """Answers questions about the past.

    Args:
        measuring: who knows.
        house: what there is to ask about.
        standard: what figures are held against.
        now: the wall clock.
        tell_seconds: limit for reading the answer.
    """

    def __init__(
        self,
        measuring: Measuring,
        house: House,
        standard: Standard,
        now: Callable[[], datetime],
        tell_seconds: float = TELL_SECONDS,
    ) -> None:
        self._measuring, self._house, self._standard, self._now = measuring, house, standard, now
        self._tell_seconds = tell_seconds
        self._log = structlog.get_logger(__name__)

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/api/v1/measures", self.measures, allow_head=False),
            web.get("/api/v1/agents", self.agents, allow_head=False),
        ]

    @needs(Permission.FIGURES, program=True)
    async def measures(self, request: web.Request) -> web.StreamResponse:
        """The measures that are asked for; docs/measures.md tells what of."""
        return await self._asked(request, request.query)

    @needs(Permission.FIGURES, program=True)
    async def agents(self, request: web.Request) -> web.StreamResponse:
        """The same of each agent: what is told of agents, and how they spent their time."""
        if "group" in request.query:
            return problem(HTTPStatus.BAD_REQUEST, "group: is not known here: a row is an agent's", parameter="group")
        return await self._asked(request, MultiDict([*request.query.items(), ("group", Grouping.AGENT.value)]))

    async def _asked(self, request: web.Request, query: MultiMapping[str]) -> web.StreamResponse:
        try:
            # In a thread: ten thousand intervals take a tenth of a second.
            own = bounds(asker(request), Permission.FIGURES)
            parse = partial(asked, query, self._house, self._now(), own)
            what = await asyncio.get_running_loop().run_in_executor(None, parse)
            answer = await self._measuring.measure(what.question)
        except (BadQueryError, NotYoursError, TooManyGroups, Busy, DatabaseUrlError, *AWAY) as error:
            return self._refusal(error)
        return await self._told(request, answer, what)

    def _refusal(self, error: Exception) -> web.Response:
        match error:
            case BadQueryError():
                return problem(HTTPStatus.BAD_REQUEST, f"{error.parameter}: {error}", parameter=error.parameter)
            case NotYoursError():
                return problem(HTTPStatus.FORBIDDEN, f"branch: {NOT_YOURS}", parameter="branch")
            case TooManyGroups():
                detail = f"interval: {error}; ask for a coarser interval, less time, or fewer groups"
                return problem(HTTPStatus.BAD_REQUEST, detail, parameter="interval")
            case Busy():
                return _later("others are being answered")
            case TimeoutError():
                return _later("it took too long; ask for less time, or without final_lost (measure=…)")
            case _:
                self._log.warning("measures_not_read", error=trouble(error))
                return _later("the database is away")

    async def _told(self, request: web.Request, answer: Answer, what: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={**HEADERS, hdrs.CONTENT_TYPE: "application/json"})
        response.enable_compression()
        await response.prepare(request)
        try:
            async with asyncio.timeout(self._tell_seconds):
                async for text in pieces(self._lines(answer, what)):
                    await response.write(text.encode())
                await response.write_eof()
        except TimeoutError:
            self._log.info("measures_not_fetched", remote=request.remote)
            if request.transport is not None:
                request.transport.abort()  # or what was told would pass for the whole
        return response

    def _lines(self, answer: Answer, what: Asked) -> Iterable[str]:
        """The document, in lines that together are one JSON object."""
        yield json.dumps(head(answer, what, self._house, self._standard), ensure_ascii=False)[:-1] + ', "rows": ['
        between = "\n"
        for row in rows(answer, what, self._standard):
            yield between + json.dumps(row, ensure_ascii=False)
            between = ",\n"
        yield "\n]}\n"


async def pieces(lines: Iterable[str]) -> AsyncIterator[str]:
    """The lines together, some at a time."""
    kept, size = list[str](), 0
    for line in lines:
        kept.append(line)
        size += len(line)
        if size >= PIECE:
            yield "".join(kept)
            kept, size = [], 0
            await asyncio.sleep(0)  # what is written to a fast reader makes nobody wait, so nobody has his turn
    yield "".join(kept)


def _later(detail: str) -> web.Response:
    answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{detail}; try again")
    answer.headers[hdrs.RETRY_AFTER] = str(AGAIN_SECONDS)
    return answer
