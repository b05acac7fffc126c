"""`/customers/lists`: lists of customers brought by a page, how far they have come, and which lines were not taken."""

import asyncio
import csv
import io
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from uuid import UUID, uuid4

from aiohttp import BodyPartReader, hdrs, web

from handlers.customers.importing import READ_SECONDS, REFUSES
from handlers.customers.reading import List, TooMuch, Unreadable, terms_of
from handlers.customers.side import CustomerSide, Job
from handlers.http.forms import Fields, Forms, upload
from handlers.http.gate import asker, needs
from handlers.http.pages.admin_users import Choices, asked
from handlers.http.pages.customer_words import FIELDS, LIST_STATES, WORDS
from handlers.http.pages.languages import message
from handlers.http.pages.shell import HEADERS, Pages
from handlers.people.side import PeopleSide
from handlers.threads import within
from telephony.cases.customer_imports import AnotherRuns, Bringer, Imported
from telephony.config import Config
from telephony.customers.columns import NoHeader
from telephony.customers.csvtext import WideText
from telephony.people.audit import Kind, Verb
from telephony.people.roles import Permission, bounds

MOST_BYTES = 64 * 1024 * 1024
AT_ONCE = 2
"""Files that are being sent; each lies in a file without a name until it is taken."""
SEND_SECONDS = 300.0
IN_MEMORY = 1024 * 1024
SHOWN = 100
NO_FILE = message("Choose a CSV file.")
TOO_LARGE = message("The file is larger than 64 MiB. Divide it, or use threerings customers import on the server.")
OTHERS = message("Others are sending lists at this moment. Wait until they are done.")
NO_BRANCH = message("Choose a branch of yours.")
_REFUSED: Mapping[type[Exception], str] = MappingProxyType(
    {
        NoHeader: message(
            "The first line has to say what the columns are: a name (姓名, name), telephone numbers (电话, phone)."
        ),
        WideText: message("The file is UTF-16. Save it as CSV UTF-8."),
        TooMuch: message("The list is too long. Divide it."),
        Unreadable: message("The file cannot be read. Send it again."),
    }
)


class CustomerListsPage:
    """The pages.

    Args:
        pages: renders.
        side: keeps lists.
        people: the trail.
        forms: tells ours from others.
        choices: the branches.
        config: how lists are to be understood.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it is put together from
        self, pages: Pages, side: CustomerSide, people: PeopleSide, forms: Forms, choices: Choices, config: Config
    ) -> None:
        self._pages, self._side, self._people, self._forms, self._choices = pages, side, people, forms, choices
        self._config = config
        self._sending = 0

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        one = "/customers/lists/{id:[0-9a-f-]{36}}"
        return [
            web.get("/customers/lists", self.everything),
            web.post("/customers/lists", self.bring),
            web.get(one, self.one),
            web.get(f"{one}/progress", self.progress),
            web.get(f"{one}/refused.csv", self.report),
        ]

    @needs(Permission.CUSTOMER_LISTS)
    async def everything(self, request: web.Request) -> web.Response:
        """The last lists, and a form for another one."""
        return await self._all(request)

    @needs(Permission.CUSTOMER_LISTS)
    async def bring(self, request: web.Request) -> web.Response:
        """Another list: understood before anything of it is kept, then taken in the background.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPServiceUnavailable: the database is away.
        """
        fields, part = await self._forms.taken_with_file(request)
        if part is None or not part.filename:
            return await self._all(request, NO_FILE)
        only, branch = bounds(asker(request), Permission.CUSTOMER_LISTS), fields.get("branch", "")
        if (branch and branch not in self._choices.branches) or (only is not None and branch not in {"", *only}):
            return await self._all(request, NO_BRANCH)
        if self._sending >= AT_ONCE:
            return await self._all(request, OTHERS)
        self._sending += 1
        try:
            return await self._brought(request, fields, part)
        finally:
            self._sending -= 1

    @needs(Permission.CUSTOMER_LISTS)
    async def one(self, request: web.Request) -> web.Response:
        """How far a list has come, and its first refused lines.

        Raises:
            HTTPNotFound: there is none such, or it is somebody else's of another branch.
        """
        found = await self._list(request)
        refused = await asked(self._side.imports.refusals(found.id, SHOWN))
        return self._rendered(request, "customer-list.html", list=found, refused=refused, words=WORDS)

    @needs(Permission.CUSTOMER_LISTS)
    async def progress(self, request: web.Request) -> web.Response:
        """The same as JSON, for the page's script."""
        found = await self._list(request)
        told = {"state": found.state, "read": found.read, "size": found.size, "rows": found.rows}
        return web.json_response(told, headers=HEADERS)

    @needs(Permission.CUSTOMER_LISTS)
    async def report(self, request: web.Request) -> web.Response:
        """All refused lines, as CSV. Nothing of what stood there is in it, so nothing can be a formula."""
        found, language = await self._list(request), self._pages.language(request)
        refused = await asked(self._side.imports.refusals(found.id))
        say, out = language.gettext, io.StringIO(newline="")
        table = csv.writer(out)
        table.writerow([say(text) for text in (message("Line"), message("Column"), message("Why"), message("Remedy"))])
        table.writerows(
            [one.line, say(FIELDS[one.column]), say(WORDS[one.why].what), say(WORDS[one.why].remedy)] for one in refused
        )
        headers = {**HEADERS, hdrs.CONTENT_DISPOSITION: f'attachment; filename="refused-{found.id}.csv"'}
        body = out.getvalue().encode("utf-8-sig")  # with its mark: spreadsheets take it for something else without
        return web.Response(body=body, content_type="text/csv", charset="utf-8", headers=headers)

    async def _brought(self, request: web.Request, fields: Fields, part: BodyPartReader) -> web.Response:
        person = asker(request)
        bringer = Bringer(person.name, fields.get("branch", ""), bounds(person, Permission.CUSTOMER_LISTS))
        file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the list that is begun closes it
        begun = False
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await upload(part, file, MOST_BYTES)
            only = None if bringer.only is None else frozenset(bringer.only)
            list_, id_ = List(file, terms_of(self._config, bringer.branch, only)), uuid4()
            await within(READ_SECONDS, list_.begin)
            await self._written_down(request, id_, bringer, str(part.filename))
            now = self._side.now()
            await asked(self._side.imports.begin(id_, bringer, str(part.filename), list_.size, now))
            self._side.bring(Job(list_, id_, bringer, file))
            begun = True
        except web.HTTPRequestEntityTooLarge:
            return await self._all(request, TOO_LARGE)
        except TimeoutError:  # who sends a byte a minute must not keep others from sending
            return await self._all(request, _REFUSED[Unreadable])
        except REFUSES as error:
            return await self._all(request, _REFUSED[type(error)])
        except (AnotherRuns, asyncio.QueueFull):
            return await self._all(request, OTHERS)
        finally:
            if not begun:
                file.close()
        headers = {**HEADERS, hdrs.LOCATION: f"/customers/lists/{id_}"}
        return web.Response(status=HTTPStatus.SEE_OTHER, headers=headers)

    async def _written_down(self, request: web.Request, id_: UUID, bringer: Bringer, name: str) -> None:
        trail = self._people.trail
        entry = trail.entry(
            bringer.by, Verb.CUSTOMERS_IMPORTED, Kind.CUSTOMER, str(id_), branch=bringer.branch, remote=request.remote,
            detail=name[:200],
        )  # fmt: skip
        await asked(trail.record(entry))

    async def _list(self, request: web.Request) -> Imported:
        """Whoever has branches sees his own lists."""
        person = asker(request)
        try:
            id_ = UUID(request.match_info["id"])
        except ValueError:
            raise web.HTTPNotFound from None
        found = await asked(self._side.imports.get(id_, self._side.now()))
        if found is None or (bounds(person, Permission.CUSTOMER_LISTS) is not None and found.by != person.name):
            raise web.HTTPNotFound
        return found

    async def _all(self, request: web.Request, trouble: str = "") -> web.Response:
        person = asker(request)
        lists = await asked(self._side.imports.newest(self._side.now()))
        if bounds(person, Permission.CUSTOMER_LISTS) is not None:
            lists = tuple(one for one in lists if one.by == person.name)
        status = HTTPStatus.BAD_REQUEST if trouble else HTTPStatus.OK
        return self._rendered(request, "customer-lists.html", status, lists=lists, trouble=trouble)

    def _rendered(
        self, request: web.Request, template: str, status: HTTPStatus = HTTPStatus.OK, **context: object
    ) -> web.Response:
        only, language = bounds(asker(request), Permission.CUSTOMER_LISTS), self._pages.language(request)
        branches = {name: text for name, text in self._choices.branches.items() if only is None or name in only}
        response = self._pages.render(
            request, template, status=status, branches=branches, titles=self._choices.branches, bound=only is not None,
            fields={name: language.gettext(text) for name, text in FIELDS.items()}, say=language.gettext,
            states={name: language.gettext(text) for name, text in LIST_STATES.items()},
            proof=self._forms.proof(request), **context,
        )  # fmt: skip
        self._forms.give(request, response)
        return response
