"""`/cases/{id}`: one case, what is written down of it, and everything that can be done with it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiohttp import web
from yarl import URL

from handlers.casework import Casework
from handlers.http.api.cases.told import opens, whole_case
from handlers.http.forms import Fields
from handlers.http.gate import needs
from handlers.http.pages.admin_users import asked
from handlers.http.pages.casework.shared import STALE, Colleagues, Counter, Trouble, go, reason, uuid_of
from handlers.http.pages.casework.steps import (
    BAD_CHOICE,
    NO_CASE,
    BadStep,
    fields_of,
    next_step,
    possible,
    record_of,
    step_of,
)
from handlers.http.pages.casework.words import MOVES, OUTCOMES
from telephony.cases.casebook import Doing, NoSuchCase, Stale
from telephony.cases.forms import BadForm
from telephony.cases.kinds import CaseKind
from telephony.cases.listing import Filter, Whole
from telephony.cases.person import Person
from telephony.cases.rules import NotAllowed
from telephony.cases.steps import Offer
from telephony.people.audit import Kind, Verb
from telephony.people.roles import Permission

_WRITTEN = (("plan", "text"), ("feedback", "text"), ("visit", "note"))


@dataclass(frozen=True, slots=True)
class Sent:
    """What was typed and not done: the form it stood in, and its fields."""

    do: str
    fields: Fields
    trouble: Trouble


class CasePage:
    """The page.

    Args:
        counter: what the pages do alike.
        casework: reads and changes cases.
        colleagues: to whom one can be handed over.
    """

    def __init__(self, counter: Counter, casework: Casework, colleagues: Colleagues) -> None:
        self._counter, self._casework, self._colleagues = counter, casework, colleagues

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/cases/{id}", self.shown), web.post("/cases/{id}", self.changed)]

    @needs(Permission.CASES)
    async def shown(self, request: web.Request) -> web.Response:
        """The case.

        Raises:
            HTTPNotFound: there is none that he may see. HTTPServiceUnavailable: the database is away.
        """
        return await self._page(request)

    @needs(Permission.CASES)
    async def changed(self, request: web.Request) -> web.Response:
        """One step; when it cannot be done, what was typed stays.

        Raises:
            HTTPForbidden: the form is none of ours. HTTPNotFound: there is no case that he may see.
        """
        fields = await self._counter.taken(request)
        do, doing = fields.get("do", ""), self._counter.doing(request, fields)
        try:
            await self._do(request, do, fields, doing)
        except NoSuchCase:
            raise web.HTTPNotFound from None
        except (NotAllowed, BadForm) as error:
            return await self._page(request, Sent(do, fields, self._counter.refused(request, error)))
        except Stale:
            return await self._page(request, Sent(do, fields, self._counter.told(request, STALE)))
        except BadStep as error:
            return await self._page(request, Sent(do, fields, self._counter.told(request, str(error))))
        if do == "refuse":  # he may not see it any more
            return go("/cases?show=offered")
        return go(str(URL.build(path=request.path, query={"done": fields.get("key", "")[:64]})))

    async def _do(self, request: web.Request, do: str, fields: Fields, doing: Doing) -> None:
        id_, book = uuid_of(request), self._casework.book
        if do == "merge":
            await asked(book.merge(id_, await self._other(fields, doing.by), doing))
        elif do == "unmerge":
            await asked(book.unmerge(id_, doing))
        elif do == "split":
            calls = [_uuid(one) for one in fields.getall("call", [])]
            await asked(book.split(id_, calls, doing))
        elif do == "record":
            whole = await asked(self._casework.lists.whole(doing.by, id_))
            await asked(book.change(id_, record_of(fields, whole.case), doing))
        elif do == "offer":
            await asked(book.change(id_, Offer(await self._colleague(fields, doing.by)), doing))
        else:
            await asked(book.change(id_, step_of(do, fields, doing.at), doing))
        self._counter.window.done(request, Verb.CASE_CHANGED, Kind.CASE, str(id_), branch="", detail=do)

    async def _colleague(self, fields: Fields, by: Person) -> Person:
        named = fields.get("to", "")
        found = next((person for login, person in await asked(self._colleagues(by)) if login == named), None)
        if found is None:
            raise BadStep(BAD_CHOICE)
        return found

    async def _other(self, fields: Fields, by: Person) -> UUID:
        """The case with that number."""
        number = fields.get("number", "").strip()
        page = await asked(self._casework.lists.search(by, number, Filter()))
        found = next((one for one in page.cases if one.number == number), None)
        if found is None:
            raise BadStep(NO_CASE)
        return found.id

    # --- what is shown ---

    async def _page(self, request: web.Request, sent: Sent | None = None) -> web.Response:
        by = self._counter.worker(request)
        try:
            whole = await asked(self._casework.lists.whole(by, uuid_of(request)))
        except NoSuchCase:
            raise web.HTTPNotFound from None
        case = whole.case
        await asked(self._counter.window.seen(request, Verb.CASE_SEEN, Kind.CASE, str(case.id), case.branch))
        calls = await asked(self._casework.timeline.calls(whole.calls))
        can = possible(case, by, self._counter.now(), self._casework.periods(case.branch))
        language = self._counter.language(request)
        document = whole_case(whole, calls, by)
        return self._counter.render(
            request,
            "case.html",
            sent.trouble if sent else None,
            case=case,
            whole=document,
            calls=[row | {"arrived": line.arrived_at} for row, line in zip(document["calls"], calls, strict=True)],
            can=can,
            why={do: reason(language, one.refusal.why) for do, one in can.items() if one.refusal is not None},
            missing=_missing(can),
            next_step=language.gettext(next_step(case, by)),
            history=_history(whole, document),
            colleagues=await asked(self._colleagues(by)) if "offer" in can else [],
            opens=opens(case, by),
            me=by,
            given=_given(sent, document),
            sent=sent,
            fields={kind.value: fields_of(kind) for kind in CaseKind},
            moves={move.value: language.gettext(text) for move, text in MOVES.items()},
            outcomes={name: language.gettext(text) for name, text in OUTCOMES.items()},
            done=request.query.get("done", "")[:64],
        )


def _missing(can: dict[str, Any]) -> list[str]:
    """Fields that have to be filled in before it can be answered or closed."""
    found = [one.refusal.faults for one in can.values() if one.do in {"answer", "close"} and one.refusal is not None]
    return list(dict.fromkeys(name for faults in found for name in faults))


def _given(sent: Sent | None, document: dict[str, Any]) -> dict[str, Any]:
    """What stands in the fields of the record: what was typed, else what is known."""
    every = {name: "" for kind in CaseKind for name in fields_of(kind)}
    saved = {**every, **document["form"], "kind": document["kind"], "advice": document["advice"]}
    if sent is None or sent.do != "record":
        return saved
    fields = sent.fields
    given = {name: fields.get(name, "") for name in saved}
    return {**given, "verified_by": fields.getall("verified_by", []), "advice": fields.get("advice") == "on"}


def _history(whole: Whole, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Newest first, each with the words that were written and the fields that changed."""
    told = [
        {"at": entry.at, "by": entry.by_name, "what": entry.what, "text": _text(row), "fields": _changed(row)}
        for entry, row in zip(whole.history, document["history"], strict=True)
    ]
    return told[::-1]


def _text(row: dict[str, Any]) -> str:
    """What was written with a step: on the case, or in its detail."""
    detail, after = row["detail"], row["after"]
    found = [detail.get("text"), detail.get("reason")]
    found += [after[name].get(key) for name, key in _WRITTEN if isinstance(after.get(name), dict)]
    return next((text for text in found if isinstance(text, str) and text), "")


def _changed(row: dict[str, Any]) -> list[str]:
    form = row["after"].get("form")
    return list(form) if row["what"] == "recorded" and isinstance(form, dict) else []


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadStep(BAD_CHOICE) from None
