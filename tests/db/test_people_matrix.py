"""Who may what, of every route of the whole application: every role, own and other branch, every scope; and nobody.

The routes are the application's own; what is expected of each was written by hand. A route that is not here fails.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer

from handlers.build import Service, build
from handlers.http.doorkeeper import PLAIN_COOKIE
from handlers.http.forms import PLAIN_COOKIE as FORM_COOKIE
from handlers.http.gate import UndeclaredError, declared, rule_of
from handlers.people.keyring import hash_of, new_session, new_token
from telephony.cases.accounts import Terms
from telephony.cases.keys import Terms as Lasts
from telephony.config import Config
from telephony.people.audit import Entry, Verb
from telephony.people.roles import Role, Scope

pytestmark = pytest.mark.db

A, M, S, Q, X = Role.AGENT, Role.MARKETING, Role.SUPERVISOR, Role.QUALITY, Role.ADMINISTRATOR
EVERYBODY = {A, M, S, Q, X}
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
UUID_ = "00000000-0000-0000-0000-000000000000"
WALL, SUPERVISOR, DESK = "token-of-the-wall-000", "token-of-supervisor-zhao", "token-of-the-desk-1001"


@dataclass(frozen=True)
class Expected:
    """What is to be: who gets through, by what scope of a token, whether his branch bounds him, who else."""

    roles: frozenset[Role]
    scopes: frozenset[Scope] = frozenset()
    bound: bool = False
    open: bool = False
    socket: bool = False


def of(*roles: Role, scopes: tuple[Scope, ...] = (), bound: bool = False, socket: bool = False) -> Expected:
    return Expected(frozenset(roles), frozenset(scopes), bound, socket=socket)


OPEN = Expected(frozenset(EVERYBODY), frozenset(Scope), open=True)
ANY = tuple(Scope)
EXPECTED = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/static/{version}/{name}"): OPEN,
    ("GET", "/login"): OPEN,
    ("POST", "/login"): OPEN,
    ("GET", "/sign-in"): OPEN,
    ("POST", "/sign-in"): OPEN,
    ("POST", "/sign-out"): OPEN,
    ("GET", "/desk"): OPEN,
    ("GET", "/wall"): OPEN,
    ("GET", "/api/v1/pbx/{name}/queue_log"): OPEN,
    ("POST", "/api/v1/pbx/{name}/queue_log"): OPEN,
    ("GET", "/password"): of(A, M, S, Q, X),
    ("POST", "/password"): of(A, M, S, Q, X),
    ("GET", "/"): of(S, Q, X, scopes=(Scope.FIGURES,), bound=True),
    ("GET", "/api/v1/measures"): of(S, Q, X, scopes=(Scope.FIGURES,), bound=True),
    ("GET", "/api/v1/agents"): of(S, Q, X, scopes=(Scope.FIGURES,), bound=True),
    ("GET", "/api/v1/live"): of(S, Q, X, scopes=(Scope.LIVE,), bound=True),
    ("GET", "/api/openapi.json"): of(A, M, S, Q, X, scopes=ANY),
    ("GET", "/api/docs"): of(A, M, S, Q, X, scopes=ANY),
    ("GET", "/ws"): of(A, M, S, scopes=(Scope.DESK,), socket=True),
    ("GET", "/ws/wall"): of(A, M, S, Q, X, scopes=(Scope.WALL,), bound=True, socket=True),
    ("GET", "/cases"): of(A, M, S, Q, X, scopes=(Scope.CASES,)),
    ("POST", "/cases"): of(A, M, S, Q, X),
    ("POST", "/cases/search"): of(A, M, S, Q, X),
    ("GET", "/cases/{id}"): of(A, M, S, Q, X, scopes=(Scope.CASES,)),
    ("POST", "/cases/{id}"): of(A, M, S, Q, X),
    ("GET", "/callbacks"): of(A, M, S, Q, X, scopes=(Scope.CASES,)),
    ("POST", "/callbacks"): of(A, M, S, Q, X),
    ("GET", "/callbacks/{id}"): of(A, M, S, Q, X, scopes=(Scope.CASES,)),
    ("POST", "/callbacks/{id}"): of(A, M, S, Q, X),
    ("GET", "/admin/users"): of(X),
    ("POST", "/admin/users"): of(X),
    ("GET", "/admin/users/{id}"): of(X),
    ("POST", "/admin/users/{id}"): of(X),
    ("GET", "/admin/audit"): of(X, scopes=(Scope.AUDIT,)),
    ("GET", "/customers"): of(A, M, S, Q, X),  # of which branch: tests/db/test_customer_pages.py
    ("POST", "/customers"): of(A, M, S, Q, X),
    ("POST", "/customers/new"): of(A, M, S, X),
    ("GET", "/customers/{id}"): of(A, M, S, Q, X),
    ("POST", "/customers/{id}"): of(A, M, S, Q, X),  # what he may do there: the same
    ("GET", "/customers/lists"): of(S, X),
    ("POST", "/customers/lists"): of(S, X),
    ("GET", "/customers/lists/{id}"): of(S, X),
    ("GET", "/customers/lists/{id}/progress"): of(S, X),
    ("GET", "/customers/lists/{id}/refused.csv"): of(S, X),
}
CASES = of(A, M, S, Q, X, scopes=(Scope.CASES,))
"""Everybody's, of what is his or of his branch (of each route: test_case_api.py). What is not, is not there."""
for one_method, one_path in (
    ("GET", "/api/v1/cases"),
    ("POST", "/api/v1/cases"),
    ("POST", "/api/v1/cases/search"),
    ("GET", "/api/v1/cases/{id}"),
    ("PUT", "/api/v1/cases/{id}/record"),
    ("POST", "/api/v1/cases/{id}/steps"),
    ("POST", "/api/v1/cases/{id}/handover"),
    ("POST", "/api/v1/cases/{id}/merge"),
    ("POST", "/api/v1/cases/{id}/unmerge"),
    ("POST", "/api/v1/cases/{id}/split"),
    ("PUT", "/api/v1/cases/{id}/calls/{call}"),
    ("DELETE", "/api/v1/cases/{id}/calls/{call}"),
    ("GET", "/api/v1/callbacks"),
    ("POST", "/api/v1/callbacks/next"),
    ("GET", "/api/v1/callbacks/{id}"),
    ("POST", "/api/v1/callbacks/{id}/claim"),
    ("POST", "/api/v1/callbacks/{id}/release"),
    ("POST", "/api/v1/callbacks/{id}/attempts"),
    ("POST", "/api/v1/callbacks/{id}/give-up"),
):
    EXPECTED[one_method, one_path] = CASES
REFUSALS = {303, 401, 403, 429}


def config(**more: Any) -> Config:
    return Config.model_validate(
        {
            "pbx": [{"name": "pbx1", "username": "three", "secret": "secret", "port": 1}],
            "queue": [{"name": "support"}, {"name": "sales"}],
            "branch": [{"name": "north", "queues": ["support"]}, {"name": "south", "queues": ["sales"]}],
            "agent": [{"name": "1001", "interfaces": ["PJSIP/1001"], "token": DESK}],
            "supervisor": [{"name": "zhao", "token": SUPERVISOR}],
            "wall": [{"name": "lobby", "token": WALL, "branch": "north"}],
        }
        | more
    )


@dataclass
class House:
    """The whole application on a real database, and everybody who may come."""

    service: Service
    session: ClientSession
    server: TestServer
    sessions: dict[tuple[Role, bool], str] = field(default_factory=dict)
    tokens: dict[tuple[Role, Scope], str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://{self.server.host}:{self.server.port}"

    async def people(self) -> None:
        """One of each role, of all branches and of one, each signed in, with a token of each scope."""
        known = self.service.web.people
        for role in Role:
            for bound in (False, True):
                login = f"{role.value}{'-north' if bound else ''}"
                terms = Terms(role, frozenset({"north"} if bound else ()), desk="1001")
                at = Entry(datetime(2026, 3, 2, tzinfo=UTC), "test", Verb.USER_ADDED)
                account = await known.accounts.add(login, terms, HASH, at)
                await known.accounts.set_password(account, HASH, at, must_change=False)
                secret = self.sessions[role, bound] = new_session()
                lasts = Lasts(timedelta(hours=1), timedelta(hours=1))
                await known.keys.open_session(hash_of(secret), account, lasts, "", "", at)
                for scope in Scope if not bound else ():
                    token = self.tokens[role, scope] = new_token()
                    day = timedelta(days=1)
                    await known.keys.make_token(hash_of(token), account, "all", [scope], day, at)

    async def asks(self, method: str, path: str, branch: str | None = None, **headers: str) -> int:
        """The status; of a socket 200 when whoever asks is welcome."""
        given = path.replace("{id}", UUID_).replace("{call}", UUID_).replace("{version}", "x").replace("{name}", "x")
        url = self.server.make_url(given)
        url = url if branch is None else url.with_query(branch=branch)
        if path.startswith("/ws"):
            return await self._welcome(str(url), headers)
        async with self.session.request(method, url, headers=headers, allow_redirects=False) as answer:
            return answer.status

    async def posts(self, path: str, role: Role, **fields: str) -> int:
        """The status of a form of ours, as his browser sends it."""
        async with self.session.get(self.server.make_url("/password"), headers=self.cookie(role)) as page:
            proof = re.findall(r'name="form" value="(\w+)"', await page.text())[0]
            cookies = f"{self.cookie(role)['Cookie']}; {FORM_COOKIE}={page.cookies[FORM_COOKIE].value}"
        url, data = (
            self.server.make_url(path.replace("{id}", UUID_)),
            {"form": proof, "do": "disable", "branch": "nowhere"} | fields,
        )
        headers = {"Cookie": cookies, "Origin": self.origin}
        async with self.session.post(url, data=data, headers=headers, allow_redirects=False) as answer:
            return answer.status

    async def _welcome(self, url: str, headers: dict[str, str]) -> int:
        browser = {} if "Authorization" in headers else {"Origin": self.origin}
        try:
            async with self.session.ws_connect(url, headers=headers | browser) as socket:
                if browser:
                    await socket.send_json({"type": "hello", "v": 1, "token": ""})
                told = await socket.receive_json(timeout=10)
        except WSServerHandshakeError as error:
            return error.status
        return 200 if told["type"] == "welcome" else 403

    def cookie(self, role: Role, bound: bool = False) -> dict[str, str]:
        return {"Cookie": f"{PLAIN_COOKIE}={self.sessions[role, bound]}"}


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    service = build(config(), database)
    async with TestServer(service.web.app) as server, ClientSession(cookie_jar=DummyCookieJar()) as session:
        one = House(service, session, server)
        await one.people()
        yield one
    await service.web.close()
    await service.store.close()


async def forgotten(_request: web.Request) -> web.Response:
    return web.Response()


def routes(service: Service) -> set[tuple[str, str]]:
    """Every route but those that answer HEAD as GET."""
    found = {(one.method, one.resource.canonical) for one in service.web.app.router.routes() if one.resource}
    return {one for one in found if one[0] != "HEAD"}


def let_in(status: int) -> bool:
    return status not in REFUSALS


async def test_every_route_of_the_application_is_in_the_table_and_declares_what_it_asks(database: str) -> None:
    service = build(config(), database)
    assert routes(service) == set(EXPECTED)
    declared(service.web.app)
    assert all(rule_of(one.handler) for one in service.web.app.router.routes())
    service.web.app.router.add_get("/forgotten", forgotten)
    with pytest.raises(UndeclaredError, match=r"GET .*forgotten"):
        await web.AppRunner(service.web.app).setup()
    await service.web.close()
    await service.store.close()


async def test_whoever_is_signed_in_gets_where_his_role_leads_and_nowhere_else(house: House) -> None:
    wrong = []
    for (method, path), expected in EXPECTED.items():
        if expected.open or method != "GET":
            continue
        for role, bound in house.sessions:
            status = await house.asks(method, path, **house.cookie(role, bound))
            if let_in(status) != (role in expected.roles):
                wrong.append((path, role, bound, status))
    assert not wrong


async def test_a_form_is_taken_of_a_role_that_may_and_of_nobody_without_a_form_of_ours(house: House) -> None:
    for method, path in EXPECTED:
        if method != "GET" and "queue_log" not in path:
            for role in Role:
                assert await house.asks(method, path, **house.cookie(role)) == 403, (path, role)
    for (method, path), expected in EXPECTED.items():
        if method == "POST" and not expected.open:
            for role in Role:
                assert let_in(await house.posts(path, role)) == (role in expected.roles), (path, role)


async def test_who_is_bound_to_a_branch_sees_it_and_no_other(house: House) -> None:
    wrong = []
    for (method, path), expected in EXPECTED.items():
        if not expected.bound:
            continue
        for role in expected.roles:
            own = let_in(await house.asks(method, path, "north", **house.cookie(role, bound=True)))
            other = let_in(await house.asks(method, path, "south", **house.cookie(role, bound=True)))
            all_of_it = let_in(await house.asks(method, path, "south", **house.cookie(role)))
            if (own, other, all_of_it) != (True, role is X, True):
                wrong.append((path, role, own, other, all_of_it))
    assert not wrong


async def test_a_token_leads_where_its_owner_and_one_of_its_scopes_lead(house: House) -> None:
    wrong = []
    for (method, path), expected in EXPECTED.items():
        if expected.open or (method != "GET" and not path.startswith("/api/")):
            continue
        for (role, scope), token in house.tokens.items():
            status = await house.asks(method, path, Authorization=f"Bearer {token}")
            if let_in(status) != (role in expected.roles and scope in expected.scopes):
                wrong.append((path, role, scope, status))
    assert not wrong


@pytest.mark.parametrize("shown", ["nothing", "session", "token", "supervisor"])
async def test_what_is_nobodys_opens_nothing(house: House, shown: str) -> None:
    forged: dict[str, str] = {
        "nothing": {},
        "session": {"Cookie": f"{PLAIN_COOKIE}={new_session()}"},
        "token": {"Authorization": f"Bearer {new_token()}"},
        "supervisor": {"Authorization": "Bearer token-of-supervisor-nobody"},
    }[shown]
    for (method, path), expected in EXPECTED.items():
        if not expected.open:
            assert not let_in(await house.asks(method, path, **forged)), path


async def test_a_supervisor_of_the_configuration_sees_figures_and_walls_and_administers_nothing(house: House) -> None:
    token = {"Authorization": f"Bearer {SUPERVISOR}"}
    for (method, path), expected in EXPECTED.items():
        if not expected.open and method == "GET" and path not in {"/ws", "/password"}:
            assert let_in(await house.asks(method, path, **token)) == (S in expected.roles), path
    assert not let_in(await house.asks("GET", "/ws", **token))


async def test_the_token_of_a_desk_and_of_a_wall_open_their_own_socket_alone(house: House) -> None:
    for token, own in ((DESK, "/ws"), (WALL, "/ws/wall")):
        for (method, path), expected in EXPECTED.items():
            if not expected.open and method == "GET":
                status = await house.asks(method, path, Authorization=f"Bearer {token}")
                assert let_in(status) == (path == own), (path, status)
