"""What OpenAPI says of `/api/v1/cases` and `/api/v1/callbacks`: bodies from the models that take them, else by hand."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from handlers.http.api.cases import bodies
from handlers.http.api.cases.asked import LONGEST_ID, LONGEST_NAME, ME, MOST_NAMES
from handlers.http.api.cases.refusals import REASONS, URN, Problem
from handlers.http.api.schemas import COUNT, INSTANT, TEXT, YES, Schema, a_list, an_object, in_query, maybe, ref
from telephony.calls.record import Outcome
from telephony.cases.callback import Lost, Result
from telephony.cases.kinds import CaseKind, State
from telephony.cases.listing import MOST
from telephony.cases.rules import Why
from telephony.cases.steps import Move
from telephony.people.roles import Role

ID: Schema = {"type": "string", "format": "uuid"}
CURSOR = maybe("string", description="where the next page goes on; null: this is the last")
MAYBE_INSTANT = maybe("string", format="date-time")
MAYBE_ID = maybe("string", format="uuid")
ANYTHING: Schema = {"type": "object", "description": "by field"}
BODIES: Mapping[str, TypeAdapter[Any]] = {
    "CaseRecord": bodies.RECORD,
    "CaseStep": bodies.STEP,
    "CaseHandover": bodies.HANDOVER,
    "CaseOpen": bodies.OPEN,
    "CaseMerge": bodies.MERGE,
    "CaseSplit": bodies.SPLIT,
    "CaseSearch": bodies.SEARCH,
    "CallBackNext": bodies.NEXT,
    "CallBackAttempt": bodies.ATTEMPT,
}
EXAMPLES: Mapping[str, object] = {
    "CaseRecord": {
        "kind": "query",
        "form": {"name": "王先生", "brief": "查询余额", "handling": "已告知"},
        "advice": False,
    },
    "CaseStep": {"step": "answer", "text": "已向客户说明"},
    "CaseHandover": {"do": "offer", "to": "li"},
    "CaseOpen": {"branch": "changzhi"},
    "CaseMerge": {"into": "6f1c4e0a-9d0f-5b0e-8a55-2f8a7f6d4f11"},
    "CaseSplit": {"calls": ["0b2f6f2e-56a9-5c5c-9df4-5d9a2c5f6a10"]},
    "CaseSearch": {"text": "000017"},
    "CallBackNext": {},
    "CallBackAttempt": {"result": "reached", "note": "已说明"},
}

WHO: Schema = {
    "type": ["object", "null"],
    "description": "null: nobody",
    "properties": {"id": TEXT, "name": TEXT, "role": {"enum": list(Role)}},
    "required": ["id", "name", "role"],
}
ROW: dict[str, Schema] = {
    "id": ID,
    "number": {**TEXT, "description": "as people are told it"},
    "version": {**COUNT, "description": "grows with each change; the ETag"},
    "state": {"enum": list(State)},
    "kind": {"enum": list(CaseKind)},
    "branch": maybe("string"),
    "owner": WHO,
    "offered_to": WHO,
    "advice": {**YES, "description": "investment advice was given"},
    "opened_at": INSTANT,
    "due_at": MAYBE_INSTANT,
}
ENTRY = an_object(
    "What was done, by whom.",
    {
        "version": COUNT,
        "at": INSTANT,
        "by": an_object("Who.", {"id": TEXT, "name": TEXT}),
        "what": TEXT,
        "before": ANYTHING,
        "after": ANYTHING,
        "detail": ANYTHING,
    },
)
CALL = an_object(
    "A call, as it was measured.",
    {
        "id": ID,
        "arrived_at": INSTANT,
        "ended_at": MAYBE_INSTANT,
        "caller": {**TEXT, "description": "hostile text; empty: withheld"},
        "dialled": TEXT,
        "queue": maybe("string"),
        "outcome": {"enum": [*Outcome, None]},
        "agent": maybe("string"),
        "caller_rings": maybe("integer"),
        "wait_seconds": maybe("number"),
        "talk_seconds": maybe("number"),
    },
)
NOTE = {"type": ["object", "null"], "properties": {"at": INSTANT, "text": TEXT}, "required": ["at", "text"]}
WHOLE = an_object(
    "A case with all that belongs to it.",
    {
        **ROW,
        "masked": {**YES, "description": "numbers and accounts are masked: it is a colleague's"},
        "form": {"anyOf": [ref("Form"), ref("EnquiryForm"), ref("ComplaintForm")]},
        "plan": NOTE,
        "feedback": NOTE,
        "visit": {"type": ["object", "null"], "description": "the return visit made last"},
        "handover": {"type": ["object", "null"], "description": "to whom it is offered, by whom, when"},
        "closed_at": MAYBE_INSTANT,
        "archived_at": MAYBE_INSTANT,
        "merged_into": MAYBE_ID,
        "parts": a_list(ID, "the cases in it"),
        "moves": a_list({"enum": list(Move)}, "what can come next as far as its state says"),
        "calls": a_list(ref("CaseCall"), "first things first, those of its parts, too"),
        "history": a_list(ref("CaseEntry"), "the same"),
    },
)
WORK: dict[str, Schema] = {
    "id": ID,
    "version": COUNT,
    "number": {**TEXT, "description": "masked unless he who asks has claimed it, leads or judges"},
    "masked": YES,
    "branch": maybe("string"),
    "reason": {"enum": list(Lost)},
    "opened_at": INSTANT,
    "lost_at": INSTANT,
    "due_at": INSTANT,
    "calls": {**COUNT, "description": "how often he was lost"},
    "attempts": COUNT,
    "claimed_by": WHO,
    "claimed_until": MAYBE_INSTANT,
    "result": {"enum": [*Result, None]},
    "closed_at": MAYBE_INSTANT,
}
TYPES = [f"{URN}{one.value}" for one in (*Problem, *(why for why in Why if why in REASONS))]
CASE_PROBLEM = an_object(
    "RFC 9457. Some members depend on the type: errors (by field), case or callback (as it is now).",
    {
        "type": {"enum": ["about:blank", *TYPES]},
        "title": TEXT,
        "status": COUNT,
    },
)


def _taken() -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The models of the bodies, and the bodies themselves."""
    parts: dict[str, Schema] = {}
    named: dict[str, Schema] = {}
    for name, adapter in BODIES.items():
        schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
        parts |= schema.pop("$defs", {})
        named[name] = {**schema, "examples": [EXAMPLES[name]]}
    return parts, named


_PARTS, _NAMED = _taken()
SCHEMAS: Mapping[str, Schema] = {
    **_PARTS,
    **_NAMED,
    "CaseProblem": CASE_PROBLEM,
    "CaseRow": an_object("A case, without anything that its caller said or is called.", ROW),
    "CasePage": an_object("A page.", {"cases": a_list(ref("CaseRow"), "in their order"), "next": CURSOR}),
    "CaseCall": CALL,
    "CaseEntry": ENTRY,
    "Case": WHOLE,
    "CallBackRow": an_object("A number that has to be called back.", WORK),
    "CallBackPage": an_object(
        "A page.", {"callbacks": a_list(ref("CallBackRow"), "most urgent first"), "next": CURSOR}
    ),
    "CallBack": an_object(
        "A call back with all that belongs to it.",
        {
            **WORK,
            "cases": a_list(ID, "that its calls opened"),
            "call_ids": a_list(ID, "of the lost calls"),
            "history": a_list(ref("CaseEntry"), "first things first"),
        },
    ),
}

_ID = {"name": "id", "in": "path", "required": True, "schema": ID}
_CALL = {"name": "call", "in": "path", "required": True, "schema": ID}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "the same for every attempt at one change, which is made once",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "the ETag that came with it, or *",
    "schema": {"type": "string", "pattern": r'^("[0-9]{1,9}"|\*)$'},
}
_NAMED_THINGS: Schema = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
    "maxItems": MOST_NAMES,
}
_SOMEBODY: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_ID}
_BRANCH = in_query("branch", "of these branches; may be repeated", _NAMED_THINGS)
_OVERDUE = in_query("overdue", "what was due before now, the longest overdue first", YES)
_PAGING = (
    in_query("limit", "rows of a page", {"type": "integer", "minimum": 1, "maximum": MOST}),
    in_query("cursor", "`next` of the page before, as it is", TEXT),
)
_LIST = (
    in_query("kind", "of these kinds; may be repeated", {"type": "array", "items": {"enum": list(CaseKind)}}),
    in_query("state", "in these states; may be repeated", {"type": "array", "items": {"enum": list(State)}}),
    in_query("owner", f"owned by who has this id; `{ME}`: by whoever asks", _SOMEBODY),
    in_query("offered_to", "offered to him; the same", _SOMEBODY),
    _BRANCH,
    _OVERDUE,
    in_query("worked", "whether somebody has worked on it", YES),
    in_query("since", "opened then or later; RFC 3339 with its zone", {"type": "string", "format": "date-time"}),
    in_query("until", "opened before", {"type": "string", "format": "date-time"}),
    *_PAGING,
)
_WHY = {
    400: "Something is wrong in the request; `errors` names it.",
    401: "Nobody is signed in.",
    403: "His role, or the scopes of his token, do not allow it; or a cookie came from no page of ours.",
    404: "There is none that he may see.",
    409: "A rule refuses it; the type says which.",
    412: "Somebody was faster; `case` or `callback` is as it is now.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    428: "If-Match is missing.",
    429: "Too many wrong tokens.",
    503: "The database is away; Retry-After says when.",
}
_ETAG = {"ETag": {"description": "the version", "schema": TEXT}}


def _answers(schema: str | None, status: int, *problems: int) -> Schema:
    told = {"application/problem+json": {"schema": ref("CaseProblem")}}
    refusals = {str(one): {"description": _WHY[one], "content": told} for one in (401, 403, 429, 503, *problems)}
    fine: dict[str, object] = {"description": "Done." if status else "The answer.", "headers": _ETAG}
    if schema is not None:
        fine["content"] = {"application/json": {"schema": ref(schema)}}
    return {str(status or 200): fine, **refusals}


def _reads(summary: str, schema: str, *parameters: Schema) -> Schema:
    missing = (404,) if _ID in parameters else ()
    return {"summary": summary, "parameters": list(parameters), "responses": _answers(schema, 0, 400, *missing)}


def _does(summary: str, schema: str, body: str | None, *parameters: Schema, status: int = 200) -> Schema:
    told: dict[str, object] = {} if body is None else {
        "requestBody": {"required": True, "content": {"application/json": {"schema": ref(body)}}}
    }  # fmt: skip
    refusals = (400, 404, 409, 412, *((413, 415) if body else ()), *((428,) if _needed(_MATCH) in parameters else ()))
    return {
        "summary": summary,
        "parameters": list(parameters),
        **told,
        "responses": _answers(schema, status, *refusals),
    }


def _needed(parameter: Schema) -> Schema:
    return {**parameter, "required": True}


_CHANGE = (_ID, _needed(_MATCH), _KEY)
_DO = (_ID, _MATCH, _KEY)
PATHS: Mapping[str, Schema] = {
    "/api/v1/cases": {
        "get": _reads("Cases, the newest first", "CasePage", *_LIST),
        "post": _does("Open a case", "CaseRow", "CaseOpen", _needed(_KEY), status=201),
    },
    "/api/v1/cases/search": {"post": _does("Cases with this number, name or words", "CasePage", "CaseSearch")},
    "/api/v1/cases/{id}": {"get": _reads("A case with its calls and its history", "Case", _ID)},
    "/api/v1/cases/{id}/record": {"put": _does("Write its record anew", "CaseRow", "CaseRecord", *_CHANGE)},
    "/api/v1/cases/{id}/steps": {"post": _does("Take a step", "CaseRow", "CaseStep", *_CHANGE)},
    "/api/v1/cases/{id}/handover": {"post": _does("Hand it over", "CaseRow", "CaseHandover", *_CHANGE)},
    "/api/v1/cases/{id}/merge": {"post": _does("Make it a part of another", "CaseRow", "CaseMerge", *_CHANGE)},
    "/api/v1/cases/{id}/unmerge": {"post": _does("Make it one of its own again", "CaseRow", None, *_CHANGE)},
    "/api/v1/cases/{id}/split": {
        "post": _does(
            "Joined calls to a case of their own",
            "CaseRow",
            "CaseSplit",
            _ID,
            _needed(_MATCH),
            _needed(_KEY),
            status=201,
        )
    },
    "/api/v1/cases/{id}/calls/{call}": {
        "put": _does("A further call is about it", "CaseRow", None, _CALL, *_CHANGE),
        "delete": _does("A joined call is not about it", "CaseRow", None, _CALL, *_CHANGE),
    },
    "/api/v1/callbacks": {
        "get": _reads("Who has to be called back, the most urgent first", "CallBackPage", _BRANCH, _OVERDUE, *_PAGING)
    },
    "/api/v1/callbacks/next": {
        "post": {
            **(_next := _does("Claim the most urgent", "CallBackRow", "CallBackNext", _KEY)),
            "responses": {**dict(_next["responses"]), "204": {"description": "There is none."}},  # type: ignore[call-overload]
        }
    },
    "/api/v1/callbacks/{id}": {"get": _reads("A call back with its history", "CallBack", _ID)},
    "/api/v1/callbacks/{id}/claim": {"post": _does("Claim it", "CallBackRow", None, *_DO)},
    "/api/v1/callbacks/{id}/release": {"post": _does("Give it back", "CallBackRow", None, *_DO)},
    "/api/v1/callbacks/{id}/attempts": {"post": _does("Tell an attempt", "CallBackRow", "CallBackAttempt", *_DO)},
    "/api/v1/callbacks/{id}/give-up": {"post": _does("He cannot be reached", "CallBackRow", None, *_DO)},
}
