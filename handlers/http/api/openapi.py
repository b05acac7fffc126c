"""The description of the API, for programs (OpenAPI 3.1) and for people who write them."""

import json
from collections.abc import Mapping
from functools import cache

from aiohttp import web

from handlers.http.api.asked import MAX_NAMES
from handlers.http.api.measures import HEADERS
from handlers.http.gate import needs
from handlers.http.pages.shell import Pages
from telephony.calls.facts import MemberState
from telephony.calls.spells import STAFFED, AgentState
from telephony.people.roles import Permission
from telephony.standard.intervals import Step
from telephony.standard.measures import Population, Unit
from telephony.standard.measures_catalogue import CATALOGUE
from telephony.standard.measures_table import Grouping
from telephony.standard.verdict import Bound

Schema = Mapping[str, object]
NULL = "null"


def _maybe(kind: str, **more: object) -> Schema:
    return {"type": [kind, NULL], **more}


def _object(description: str, properties: Mapping[str, Schema], **more: object) -> Schema:
    required = list(properties)
    return {"type": "object", "description": description, "properties": properties, "required": required, **more}


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "number", "minimum": 0}
YES: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time", "description": "UTC, with microseconds"}

READING = _object(
    "One measure of one group in one interval. No data is null, never 0.",
    {
        "value": _maybe("number", description="numerator / denominator; in the unit of the measure"),
        "numerator": _maybe("number", description="a count, or seconds; null where nothing is divided"),
        "denominator": {"type": "number", "minimum": 0, "description": "a count; of agents, seconds"},
        "limit": _maybe("number", description="what the standard asks; null: nothing"),
        "met": _maybe("boolean", description="whether it does; null without data or limit"),
        "version": COUNT,
    },
)
MEASURE = _object(
    "What a measure is.",
    {
        "name": {"enum": [measure.name for measure in CATALOGUE]},
        "version": {**COUNT, "description": "another one when it means something else"},
        "title": TEXT,
        "title_zh": TEXT,
        "definition": {**TEXT, "description": "one sentence"},
        "definition_zh": TEXT,
        "clause": _maybe("string", description="of the standard"),
        "unit": {"enum": list(Unit), "description": "a share is 0 to 1"},
        "population": {"enum": list(Population)},
        "limit": _maybe("number"),
        "bound": {"enum": [*Bound, None], "description": "which side of the limit keeps it"},
        "threshold": {
            "type": ["object", NULL],
            "description": "the key of the configuration on which it depends, its value, and queues with their own",
        },
        "untold": _maybe("string", description="why it has no value yet"),
    },
)
ROW = _object(
    "One group in one interval. Of agents there are only offers, talks and their time, and counts beside them.",
    {
        "from": INSTANT,
        "to": INSTANT,
        "group": {"type": "object", "description": 'empty, or {"queue": NAME} and so on; a branch null: of none'},
        "complete": {**YES, "description": "the interval is over and all of it is known"},
        "measures": {"type": "object", "additionalProperties": _ref("Reading")},
        "counts": {"type": "object", "additionalProperties": {"type": "number"}},
        "left_out": {"type": "object", "additionalProperties": COUNT, "description": "counted, and in no rate"},
    },
)
ROW_MORE: Mapping[str, Schema] = {
    "unanswered_by": {"type": "object", "additionalProperties": COUNT, "description": "by the last outcome"},
    "quality": {"type": "object", "description": "visits, and the share of each data quality", "properties": {}},
    "agent_seconds": _object(
        "For how long the agents did what. Of a queue: all who served it then, whatever queue they talked for.",
        {
            "staffed": {**TIME, "description": "the next five together: they were there"},
            **{state.value: TIME for state in AgentState if state in STAFFED},
            "unreachable": {**TIME, "description": "a member of queues, but no phone of his could be called"},
            "unknown": {**TIME, "description": "nobody heard the PBX; in no measure"},
        },
    ),
    "paused_seconds_by_reason": {"type": "object", "additionalProperties": TIME, "description": "empty: none given"},
    "agents_heard": _maybe("number", description="the share of all that time that is known"),
}
MEASURES = _object(
    "The answer.",
    {
        "from": INSTANT,
        "to": INSTANT,
        "interval": {"enum": [*Step, None]},
        "group": {"enum": list(Grouping)},
        "zone": {**TEXT, "description": "in which hours, days and months are cut"},
        "asked_at": INSTANT,
        "saved_until": {**INSTANT, "description": "all that was heard up to then is in it"},
        "agents_until": _maybe("string", format="date-time", description="what agents did is known up to then"),
        "complete": {**YES, "description": "nothing of it will change any more but by a correction"},
        "reasons": _list(TEXT, "why it is not complete"),
        "measures": _list(_ref("Measure"), "what is told, once; the rows have the values"),
        "rows": _list(_ref("Row"), "every group in every interval, those without data, too"),
    },
)
_CALLERS: Mapping[str, Schema] = {
    "waiting": _maybe("integer"),
    "settling": _maybe("integer", description="the wait is over, and how is not known yet"),
    "oldest_wait_seconds": _maybe("number", description="null: nobody waits, or it is not known"),
    "oldest_since": _maybe("string", format="date-time"),
}
_PLACE: Mapping[str, Schema] = {
    "pbx": TEXT,
    "name": TEXT,
    "title": _maybe("string"),
    "branch": _maybe("string"),
    "heard": {**YES, "description": "false: its PBX is not heard, and every number is null"},
    **_CALLERS,
}
_AGENTS = _maybe("object", properties={state.value: COUNT for state in MemberState}, description="phones by state")
LIVE = _object(
    "What is now.",
    {
        "at": INSTANT,
        "complete": {**YES, "description": "every PBX is heard"},
        "pbxs": _list(
            _object(
                "A PBX and our line to it.",
                {
                    "name": TEXT,
                    "heard": YES,
                    "trouble": _maybe("string"),
                    "silent_seconds": _maybe("number", description="since it said anything"),
                },
            ),
            "all of them",
        ),
        "queues": _list(_object("A queue of one PBX.", {**_PLACE, "agents": _AGENTS}), "by PBX"),
        "lines": _list(
            _object(
                "A direct line at one PBX.",
                {**_PLACE, "state": {"enum": [*MemberState, None], "description": "of its phone; null: not known"}},
            ),
            "by PBX",
        ),
        "branches": _list(
            _object(
                "All queues and lines of a branch; each phone once.",
                {"name": TEXT, "title": _maybe("string"), "heard": YES, **_CALLERS, "agents": _AGENTS},
            ),
            "of the configuration",
        ),
    },
)
PROBLEM = _object(
    "RFC 9457.",
    {"type": TEXT, "title": TEXT, "status": COUNT, "detail": {**TEXT, "description": "what to do about it"}},
)


def _query(name: str, description: str, schema: Schema, **more: object) -> Schema:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema, **more}


def _names(name: str, description: str) -> Schema:
    return _query(name, f"{description}; may be repeated", {"type": "array", "items": TEXT, "maxItems": MAX_NAMES})


PARAMETERS: tuple[Schema, ...] = (
    _names("queue", "of the callers who sought this queue first; of visits, offers and talks, who waited in it"),
    _names("line", "the same of a direct line; with queue: either"),
    _names("agent", "whose phone rang, or who answered: offers and talks only"),
    _names("pbx", "of this PBX"),
    _names("branch", "of the queues and lines of this branch"),
    _query("from", "RFC 3339, or a date or time in the zone of the site; else the day of `to`", TEXT),
    _query("to", "the same, not included; else now", TEXT),
    _query("interval", "cut at the wall clock of the site; else one interval", {"enum": list(Step)}),
    _query("group", "a row for each; else all together", {"enum": list(Grouping)}),
    _query(
        "measure",
        "only these; may be repeated",
        {"type": "array", "items": {"enum": [measure.name for measure in CATALOGUE]}},
    ),
)


def _answers(schema: str, *problems: tuple[int, str]) -> Schema:
    told = {"application/problem+json": {"schema": _ref("Problem")}}
    fine = {"description": "The answer.", "content": {"application/json": {"schema": _ref(schema)}}}
    refused = {401: "Nobody is signed in.", 403: "It is not for him.", 429: "Too many wrong tokens."} | dict(problems)
    return {"200": fine, **{str(status): {"description": text, "content": told} for status, text in refused.items()}}


@cache
def document(version: str) -> Schema:
    """The description of the API.

    Args:
        version: of the product.
    """
    later = (503, "The database is away, it took too long, or others are being answered; Retry-After says when.")
    row = {**ROW, "properties": {**_properties(ROW), **ROW_MORE}}
    schemas = {"Reading": READING, "Measure": MEASURE, "Row": row, "Measures": MEASURES, "Live": LIVE}
    one_branch = _query("branch", "of this branch alone", TEXT)
    bad = (400, "A parameter is wrong, or it would be too many rows; `parameter` names it.")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Three Rings", "version": version, "license": {"name": "Apache-2.0"}},
        "security": [{"token": []}, {"cookie": []}],
        "paths": {
            "/api/v1/measures": {
                "get": {
                    "summary": "How the standard was kept over any interval",
                    "parameters": PARAMETERS,
                    "responses": _answers("Measures", bad, later),
                }
            },
            "/api/v1/agents": {
                "get": {
                    "summary": "The same of each agent, and how he spent his time",
                    "parameters": [one for one in PARAMETERS if one["name"] != "group"],
                    "responses": _answers("Measures", bad, later),
                }
            },
            "/api/v1/live": {
                "get": {
                    "summary": "Who waits now, and who could answer",
                    "parameters": [one_branch],
                    "responses": _answers("Live", bad, (404, "There is no such branch.")),
                }
            },
        },
        "components": {
            "schemas": {**schemas, "Problem": PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-threerings"},
            },
        },
    }


def _properties(schema: Schema) -> Mapping[str, object]:
    found = schema["properties"]
    return found if isinstance(found, Mapping) else {}


class Description:
    """`/api/openapi.json`, and `/api/docs` for people.

    Args:
        pages: renders.
        version: of the product.
    """

    def __init__(self, pages: Pages, version: str) -> None:
        self._pages, self._version = pages, version

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/api/openapi.json", self.openapi), web.get("/api/docs", self.page)]

    @needs(Permission.DESCRIPTION, program=True)
    async def openapi(self, _request: web.Request) -> web.Response:
        """For programs."""
        text = json.dumps(document(self._version), ensure_ascii=False, indent=1)
        return web.Response(text=text + "\n", content_type="application/json", headers=HEADERS)

    @needs(Permission.DESCRIPTION)
    async def page(self, request: web.Request) -> web.Response:
        """For people."""
        return self._pages.render(request, "api.html", parameters=PARAMETERS, measures=CATALOGUE)
