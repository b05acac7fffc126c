"""Signing in, one's own password, and the administrator's pages: the whole application on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookies import SimpleCookie

import asyncpg
import pytest
from aiohttp import ClientSession, DummyCookieJar
from aiohttp.test_utils import TestServer

from handlers.build import Service, build
from handlers.http.doorkeeper import PLAIN_COOKIE, SECURE_COOKIE
from handlers.http.gate import PASSWORD_PAGE
from handlers.people.hashing import WAITING, Hasher
from handlers.people.signing import OF_ACCOUNT
from telephony.cases.accounts import Account, Terms
from telephony.cases.trail import Wanted
from telephony.people.audit import Entry, Verb
from telephony.people.roles import Role, Scope
from tests.db.test_people_matrix import config

pytestmark = pytest.mark.db

PASSWORD, OTHER = "correct horse battery", "another staple entirely"
AT = Entry(datetime(2026, 3, 2, tzinfo=UTC), "test", Verb.USER_ADDED)


@dataclass
class Browser:
    """Keeps cookies, and fills in the forms that it was shown."""

    house: House
    cookies: dict[str, str] = field(default_factory=dict)
    page: str = ""
    set_cookies: list[str] = field(default_factory=list)

    async def get(self, path: str, **headers: str) -> int:
        return await self._ask("GET", path, None, headers)

    async def sends(self, path: str, origin: str | None = None, **fields: str | list[str]) -> int:
        proof = re.findall(r'name="form" value="(\w+)"', self.page)
        data = [("form", proof[0] if proof else "")]
        for name, value in fields.items():
            data += [(name, one) for one in (value if isinstance(value, list) else [value])]
        return await self._ask("POST", path, data, {"Origin": origin or self.house.origin})

    async def signs_in(self, name: str, password: str = PASSWORD, **more: str) -> int:
        await self.get("/login")
        return await self.sends("/login", name=name, password=password, **more)

    async def _ask(self, method: str, path: str, data: list[tuple[str, str]] | None, headers: dict[str, str]) -> int:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {"Accept": "text/html", "Accept-Language": "en", "Cookie": jar} | headers
        url = self.house.server.make_url(path)
        async with self.house.session.request(method, url, data=data, headers=given, allow_redirects=False) as answer:
            text, self.where = await answer.text(), answer.headers.get("Location", "")
            self.page = text or self.page  # what leads elsewhere leaves him where he is
            self.set_cookies = answer.headers.getall("Set-Cookie", [])
            for one in self.set_cookies:
                for name, morsel in SimpleCookie(one).items():
                    self.cookies[name] = morsel.value
                    if morsel["max-age"] == "0":
                        del self.cookies[name]
            return answer.status


@dataclass
class House:
    """The whole application."""

    service: Service
    session: ClientSession
    server: TestServer

    @property
    def origin(self) -> str:
        return f"http://{self.server.host}:{self.server.port}"

    async def adds(self, name: str, role: Role, *, must_change: bool = False, **more: object) -> Account:
        known = self.service.web.people
        kept = await known.hasher.hash(PASSWORD)
        terms = Terms(role, **more)  # type: ignore[arg-type]
        account = await known.accounts.add(name, terms, kept, AT)
        await known.accounts.set_password(account, kept, AT, must_change=must_change)
        found = await known.accounts.find(name)
        assert found is not None
        return found

    async def verbs(self) -> list[tuple[str, str, str]]:
        """Who did what to whom, oldest first, as far as it was no test."""
        known = self.service.web.people
        assert await known.trail.flush()
        found = await known.trails.page(Wanted(), 100)
        return [(one.entry.who, one.entry.verb.value, one.entry.whom) for one in found[::-1] if one.entry.who != "test"]


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    service = build(config(), database)
    async with TestServer(service.web.app) as server, ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield House(service, session, server)
    await service.web.close()
    await service.store.close()


@asynccontextmanager
async def cut(database: str) -> AsyncIterator[None]:
    """The database lets nobody in, for as long as the block runs."""
    server, name, options = re.fullmatch(r"(.*/)(test_\d+)(\?.*)", database).groups()  # type: ignore[union-attr]
    admin = await asyncpg.connect(f"{server}postgres{options}")
    await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name)
    try:
        yield
    finally:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await admin.close()


# Signing in


async def test_a_name_and_its_password_open_the_door_and_lead_where_somebody_wanted_to_go(house: House) -> None:
    await house.adds("Zhao", Role.SUPERVISOR, title="赵敏")
    browser = Browser(house)
    assert (await browser.get("/?branch=north"), browser.where) == (303, "/login?next=/?branch%3Dnorth")
    assert (await browser.signs_in("ＺＨＡＯ", next="/?branch=north"), browser.where) == (303, "/?branch=north")
    assert re.fullmatch(
        rf"{PLAIN_COOKIE}=[\w-]{{43}}; HttpOnly; Max-Age=604800; Path=/; SameSite=Lax", browser.set_cookies[0]
    )
    assert await browser.get("/") == 200
    assert "赵敏" in browser.page
    assert await house.verbs() == [("Zhao", "signed_in", "Zhao")]


async def test_behind_a_proxy_with_tls_the_cookie_is_for_this_host_and_tls_alone(house: House) -> None:
    await house.adds("zhao", Role.SUPERVISOR)
    browser = Browser(house)
    await browser.get("/login", **{"X-Forwarded-Proto": "https"})
    secure = browser.cookies
    assert list(secure) == ["__Host-threerings_form"]
    origin = house.origin.replace("http:", "https:")
    assert await browser.sends("/login", origin, name="zhao", password=PASSWORD) == 303
    assert "; Secure" in browser.set_cookies[0]
    assert browser.set_cookies[0].startswith(f"{SECURE_COOKIE}=")
    planted = {PLAIN_COOKIE: browser.cookies[SECURE_COOKIE]}
    assert await Browser(house, planted).get("/", **{"X-Forwarded-Proto": "https"}) == 303


async def test_an_agent_comes_to_his_desk_and_signing_out_ends_the_session_everywhere(house: House) -> None:
    await house.adds("1001", Role.AGENT, desk="1001")
    browser = Browser(house)
    assert (await browser.signs_in("1001"), browser.where) == (303, "/desk")
    await browser.get("/desk")
    assert '"signed_in": true' in browser.page
    copy = Browser(house, dict(browser.cookies))
    assert await copy.get("/api/docs") == 200
    assert (await browser.sends("/sign-out"), browser.where) == (303, "/login")
    assert PLAIN_COOKIE not in browser.cookies
    assert await copy.get("/api/docs") == 303
    assert [verb for _, verb, _ in await house.verbs()] == ["signed_in", "signed_out"]


async def test_a_wrong_password_an_unknown_name_and_a_disabled_account_are_told_alike(house: House) -> None:
    account = await house.adds("li", Role.AGENT)
    await house.adds("zhao", Role.SUPERVISOR)
    await house.service.web.people.accounts.disable(account.id, AT)
    told = set()
    for name, password in (("zhao", "wrong"), ("nobody", PASSWORD), ("li", PASSWORD), ("", ""), ("zhao", "x" * 9999)):
        browser = Browser(house)
        assert await browser.signs_in(name, password) == 403
        told.add(re.findall(r'role="alert">.*?<span>(.*?)</span>', browser.page, re.DOTALL)[0])
        assert PLAIN_COOKIE not in browser.cookies
    assert told == {"Name or password is wrong."}
    refused = [("", "sign_in_refused", whom) for whom in ("zhao", "", "li", "", "zhao")]
    assert await house.verbs() == refused


async def test_ten_wrong_passwords_and_the_name_has_to_wait_also_with_the_right_one_but_nobody_else(
    house: House,
) -> None:
    await house.adds("zhao", Role.SUPERVISOR)
    await house.adds("li", Role.SUPERVISOR)
    browser = Browser(house)
    await browser.get("/login")
    wrong = [browser.sends("/login", name="Zhao", password="wrong") for _ in range(OF_ACCOUNT + 5)]
    statuses = await asyncio.gather(*wrong)  # at once: a try counts before it is looked at
    assert sorted(set(statuses)) == [403, 429]
    assert statuses.count(403) == OF_ACCOUNT
    assert await browser.signs_in("zhao") == 429
    assert await browser.signs_in("li") == 303


async def test_a_password_that_was_hashed_otherwise_is_hashed_anew_when_it_is_right(house: House) -> None:
    account, known = await house.adds("zhao", Role.SUPERVISOR), house.service.web.people
    cheap = await Hasher(time_cost=1, memory_kib=8).hash(PASSWORD)
    await known.accounts.set_password(account.id, cheap, AT, must_change=False)
    assert await Browser(house).signs_in("zhao") == 303
    found = await known.accounts.find("zhao")
    assert found is not None
    assert found.password_hash is not None
    assert "$m=19456,t=2,p=1$" in found.password_hash
    assert await Browser(house).signs_in("zhao") == 303


async def test_where_too_many_sign_in_at_once_one_is_asked_to_try_again_and_his_try_is_not_counted(
    house: House,
) -> None:
    await house.adds("zhao", Role.SUPERVISOR)
    hasher = house.service.web.people.hasher
    browser, quieter = Browser(house), asyncio.Event()

    async def again_and_again() -> None:
        while not quieter.is_set():
            await hasher.hash("x")  # whose place is free, takes it again before anybody else can

    async with asyncio.TaskGroup() as tasks:
        for _ in range(WAITING):
            tasks.create_task(again_and_again())
        await asyncio.sleep(0)
        status = await browser.signs_in("zhao", "wrong")
        quieter.set()
    assert (status, "Many sign in at this moment" in browser.page) == (503, True)
    assert await browser.signs_in("zhao") == 303


async def test_who_signs_out_while_the_database_is_away_is_told_that_his_session_goes_on(
    house: House, database: str
) -> None:
    await house.adds("zhao", Role.SUPERVISOR)
    browser = Browser(house)
    await browser.signs_in("zhao")
    await browser.get("/")
    async with cut(database):
        assert await browser.sends("/sign-out") == 503
    assert await browser.get("/") == 200


@pytest.mark.parametrize("fault", ["origin", "no cookie", "no field", "another's"])
async def test_a_form_that_is_none_of_ours_signs_nobody_in(house: House, fault: str) -> None:
    await house.adds("zhao", Role.SUPERVISOR)
    browser = Browser(house)
    await browser.get("/login")
    if fault == "no cookie":
        browser.cookies.clear()
    if fault == "no field":
        browser.page = ""
    if fault == "another's":
        other = Browser(house)
        await other.get("/login")
        browser.page = other.page
    origin = "https://evil.example" if fault == "origin" else None
    assert await browser.sends("/login", origin, name="zhao", password=PASSWORD) == 403
    assert PLAIN_COOKIE not in browser.cookies


async def test_without_a_database_the_page_says_that_nobody_can_sign_in_now(unused_tcp_port: int) -> None:
    service = build(config(), f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/nowhere")
    async with TestServer(service.web.app) as server, ClientSession(cookie_jar=DummyCookieJar()) as session:
        browser = Browser(House(service, session, server))
        assert await browser.signs_in("zhao") == 503
        assert "Signing in is not possible now" in browser.page
        assert await browser.get("/healthz") == 200
        browser.cookies[PLAIN_COOKIE] = "x" * 43
        assert await browser.get("/") == 503
        assert "the database does not answer" in browser.page
        assert await browser.get("/desk") == 200
        headers = {"Origin": browser.house.origin, "Cookie": f"{PLAIN_COOKIE}={'x' * 43}"}
        for path in ("/ws", "/ws/wall"):
            async with session.ws_connect(server.make_url(path), headers=headers) as socket:
                await socket.send_json({"type": "hello", "v": 1, "token": ""})
                assert (await socket.receive_json(timeout=10))["reason"] == "busy"
    await service.web.close()


async def test_who_was_signed_in_when_the_database_went_stays_so(house: House, database: str) -> None:
    await house.adds("zhao", Role.SUPERVISOR)
    browser = Browser(house)
    await browser.signs_in("zhao")
    assert await browser.get("/") == 200
    async with cut(database):
        await house.service.web.people.keyring.refresh()
        assert await browser.get("/") == 200
        assert await Browser(house).signs_in("zhao") == 503


# One's own password


async def test_who_was_given_a_password_has_to_choose_his_own_before_anything_else(house: House) -> None:
    await house.adds("zhao", Role.SUPERVISOR, must_change=True)
    browser = Browser(house)
    assert (await browser.signs_in("zhao"), browser.where) == (303, PASSWORD_PAGE)
    assert (await browser.get("/"), browser.where) == (303, PASSWORD_PAGE)
    assert await browser.get("/api/v1/live") == 403
    elsewhere = Browser(house)
    await elsewhere.signs_in("zhao")
    await browser.get(PASSWORD_PAGE)
    for new, again, words in (
        (OTHER, OTHER + "x", "are not the same"),
        ("short", "short", "at least 12"),
        (PASSWORD, PASSWORD, "is the old one"),
    ):
        assert await browser.sends(PASSWORD_PAGE, old=PASSWORD, new=new, again=again) == 400
        assert words in browser.page
    assert await browser.sends(PASSWORD_PAGE, old="wrong", new=OTHER, again=OTHER) == 403
    assert await browser.sends(PASSWORD_PAGE, old=PASSWORD, new=OTHER, again=OTHER) == 200
    assert await browser.get("/") == 200
    assert await elsewhere.get("/") == 303
    assert await Browser(house).signs_in("zhao", PASSWORD) == 403
    assert await Browser(house).signs_in("zhao", OTHER) == 303


# The administrator


async def administrator(house: House) -> Browser:
    await house.adds("root", Role.ADMINISTRATOR)
    browser = Browser(house)
    await browser.signs_in("root")
    await browser.get("/admin/users")
    return browser


async def test_an_administrator_adds_somebody_whose_password_is_shown_once(house: House) -> None:
    browser = await administrator(house)
    terms: dict[str, str | list[str]] = {"title": "李强", "role": "supervisor", "branch": ["north"], "desk": "1001"}
    assert await browser.sends("/admin/users", name="li", **terms) == 200
    password = re.findall(r"<code>(.*?)</code>", browser.page)[0]
    account = await house.service.web.people.accounts.find("li")
    assert account is not None
    assert account.terms == Terms(Role.SUPERVISOR, frozenset({"north"}), "李强", "1001")
    assert await browser.get(f"/admin/users/{account.id}") == 200
    assert password not in browser.page
    li = Browser(house)
    assert (await li.signs_in("li", password), li.where) == (303, PASSWORD_PAGE)
    await browser.get("/admin/users")
    for fields, words in (
        ({"name": "LI", "role": "agent"}, "Somebody has this name already."),
        ({"name": "a b", "role": "agent"}, "A name has 1 to 64 characters"),
        ({"name": "wang", "role": "chief"}, "This cannot be chosen."),
        ({"name": "wang", "role": "agent", "branch": "nowhere"}, "This cannot be chosen."),
        ({"name": "wang", "role": "agent", "desk": "9999"}, "This cannot be chosen."),
    ):
        assert await browser.sends("/admin/users", **fields) == 400
        assert words in browser.page
    assert ("root", "user_added", "li") in await house.verbs()


async def test_what_an_administrator_takes_away_is_gone_at_once(house: House) -> None:
    browser, account = await administrator(house), await house.adds("li", Role.QUALITY)
    li, his = Browser(house), f"/admin/users/{account.id}"
    await li.signs_in("li")
    assert await li.get("/") == 200
    assert await browser.sends(his, do="change", role="agent") == 303
    assert await li.get("/") == 403
    assert await browser.sends(his, do="change", role="quality", branch="south") == 303
    assert (await li.get("/"), await li.get("/?branch=north")) == (200, 403)
    assert await browser.sends(his, do="disable") == 303
    assert await li.get("/") == 303
    assert await li.signs_in("li") == 403
    assert await browser.sends(his, do="enable") == 303
    assert await li.signs_in("li") == 303
    await browser.get(his)
    [session] = re.findall(r'name="session" value="([\w-]{36})"', browser.page)
    assert await browser.sends(his, do="end-session", session=session) == 303
    assert await li.get("/") == 303
    await li.signs_in("li")
    assert await browser.sends(his, do="password") == 200
    assert await li.get("/") == 303
    verbs = [verb for who, verb, whom in await house.verbs() if (who, whom) == ("root", "li")]
    changes = ["user_changed", "user_changed", "user_disabled", "user_enabled", "sessions_ended", "password_set"]
    assert verbs == changes


async def test_a_token_is_made_shown_once_used_and_ended(house: House) -> None:
    browser, account = await administrator(house), await house.adds("li", Role.QUALITY)
    his = f"/admin/users/{account.id}"
    await browser.get(his)
    assert await browser.sends(his, do="make-token", title="report", scope=[Scope.LIVE.value], days="30") == 200
    token = re.findall(r"<code>(.*?)</code>", browser.page)[0]
    program = Browser(house)
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await program.get("/api/v1/live", **bearer), await program.get("/", **bearer)) == (200, 403)
    [number] = re.findall(r'name="token" value="([\w-]{36})"', browser.page)
    assert await browser.sends(his, do="end-token", token=number) == 303
    assert await program.get("/api/v1/live", **bearer) == 401
    for fields in ({"title": "", "scope": "live", "days": "1"}, {"title": "x", "days": "1"}):
        assert await browser.sends(his, do="make-token", **fields) == 400
    assert await browser.sends(his, do="make-token", title="x", scope="people", days="1") == 400
    assert await browser.sends(his, do="make-token", title="x", scope="live", days="99999") == 400
    assert await browser.sends(his, do="unheard-of") == 404


async def test_nobody_takes_his_own_rights_away(house: House) -> None:
    browser = await administrator(house)
    root = await house.service.web.people.accounts.find("root")
    assert root is not None
    for fields in ({"do": "disable"}, {"do": "change", "role": "agent"}):
        assert await browser.sends(f"/admin/users/{root.id}", **fields) == 400
        assert "another administrator can" in browser.page
    assert await browser.get("/admin/users") == 200


async def test_the_trail_is_shown_filtered_page_by_page_and_looking_at_it_is_in_it(house: House) -> None:
    browser = await administrator(house)
    trails = house.service.web.people.trails
    hostile = "<script>alert(1)</script>\u202e"
    await trails.write([Entry(AT.at, f"user {n}", Verb.HISTORY_SEEN, whom=hostile) for n in range(150)])
    assert await browser.get("/admin/audit?verb=history_seen") == 200
    assert browser.page.count("<tr>") == 101
    assert "<script>alert" not in browser.page
    older = re.findall(r'href="(/admin/audit\?[^"]*before[^"]*)"', browser.page)[0].replace("&amp;", "&")
    assert await browser.get(older) == 200
    assert browser.page.count("<tr>") == 51
    for query, rows in (
        ("who=user 7", 1),
        ("from=2026-03-02&to=2026-03-02&verb=history_seen", 100),
        ("to=2026-03-01", 0),
    ):
        assert await browser.get(f"/admin/audit?{query}") == 200
        assert browser.page.count("<tr>") == rows + bool(rows)
    for odd in ("before=x&from=yesterday&to=9999-12-31", "verb=unheard-of", "who=%00&whom=%ff", "before=" + "9" * 40):
        assert await browser.get(f"/admin/audit?{odd}") == 200
    assert ("root", "audit_seen", "") in await house.verbs()
