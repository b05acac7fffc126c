"""The shell of the pages: languages, headers, static files, errors for people, and signing in."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientPayloadError, ClientResponse, ClientSession, DummyCookieJar, web
from aiohttp.test_utils import TestServer
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from structlog.testing import capture_logs
from yarl import URL

from handlers.admission import FAILURES
from handlers.http.gate import WHO
from handlers.http.health import ERROR_PAGE, Health, application
from handlers.http.pages import Pages
from handlers.http.pages.languages import Languages
from handlers.http.pages.people import COOKIE, HOURS, People
from telephony.metrics import Labels, Measures
from telephony.people.roles import Person, Role

FOLDER = Path(__file__).parents[3] / "handlers/http/pages"
SHANGHAI = ZoneInfo("Asia/Shanghai")
TOKEN, OTHER = "correct-horse-battery", "another-token-of-hers"
HUSH = "what only we may know"
PEOPLE = {"zhao": TOKEN, "钱.主管": OTHER}


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class House:
    """An application with the pages and somebody at the door."""

    def __init__(self, tokens: dict[str, str] | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.pages = Pages(SHANGHAI, "9.9.9")
        self.people = People(
            tokens or PEOPLE,
            self.pages,
            epoch=self.clock,
            monotonic=self.clock,
            origins=["https://calls.example.com"],
        )
        self.app = application(Health(Measures(Labels(("pbx1",))), list, TOKEN))
        self.pages.setup(self.app)
        self.draws = True
        self.app[ERROR_PAGE] = self.error
        self.app.add_routes([*self.people.routes(), web.get("/secret", self.secret), web.get("/mine", self.mine)])
        self.app.add_routes(
            [web.get("/broken", self.broken), web.get("/begun", self.begun), web.get("/moved", self.moved)]
        )
        self.app.add_routes([web.get("/{somewhere:.*}/secret", self.secret)])

    async def secret(self, request: web.Request) -> web.Response:
        name = self.people.who(request)
        if name is None:
            raise web.HTTPUnauthorized
        request[WHO] = Person(name, Role.SUPERVISOR)
        return self.pages.render(request, "error.html", code=200)

    async def mine(self, _request: web.Request) -> web.Response:
        raise web.HTTPForbidden

    async def broken(self, _request: web.Request) -> web.Response:
        raise RuntimeError(HUSH)

    async def begun(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"so far")
        raise RuntimeError(HUSH)

    async def moved(self, _request: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/mine")

    def error(self, request: web.Request, error: web.HTTPError) -> web.StreamResponse:
        if not self.draws:
            raise RuntimeError(HUSH)
        return self.pages.error(request, error)


class Visitor:
    """A browser as far as these tests need one: cookies are sent only when a test says so."""

    def __init__(self, session: ClientSession, server: TestServer) -> None:
        self._session, self._server = session, server
        self.origin = f"http://{server.host}:{server.port}"

    async def get(self, path: str, **headers: str) -> tuple[ClientResponse, str]:
        headers.setdefault("Accept", "text/html,*/*;q=0.8")
        async with self._session.get(self._server.make_url(path), headers=headers, allow_redirects=False) as answer:
            return answer, await answer.text()

    async def post(self, path: str, origin: str | None = None, **fields: str) -> tuple[ClientResponse, str]:
        headers = {"Accept": "text/html"} | ({"Origin": origin or self.origin} if origin != "" else {})
        url = self._server.make_url(path)
        async with self._session.post(url, data=fields, headers=headers, allow_redirects=False) as answer:
            return answer, await answer.text()

    async def asks_exactly(self, path: str) -> tuple[ClientResponse, str]:
        """This path as it stands, which a URL might tidy."""
        url = URL(f"{self.origin}{path}", encoded=True)
        async with self._session.get(url, headers={"Accept": "text/html"}, allow_redirects=False) as answer:
            return answer, await answer.text()

    async def signed_in(self, token: str = TOKEN) -> str:
        answer, _ = await self.post("/sign-in", token=token)
        return f"{COOKIE}={answer.cookies[COOKIE].value}"


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
async def visitor(house: House) -> AsyncIterator[Visitor]:
    async with TestServer(house.app) as server, ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield Visitor(session, server)


# Languages


def messages() -> Iterator[str]:
    """What templates, program and scripts say."""
    for path in sorted(FOLDER.rglob("*")):
        kind, keywords = {
            ".html": ("jinja2", {"_": None, "gettext": None, "ngettext": (1, 2)}),
            ".py": ("python", {"message": None, "gettext": None, "ngettext": (1, 2)}),
            ".js": ("javascript", {"t": None}),
        }.get(path.suffix, ("", {}))
        if kind:
            for _, found, _, _ in extract_from_file(kind, path, keywords=keywords):
                yield found[0] if isinstance(found, tuple) else found


def test_every_message_has_its_chinese_and_no_chinese_is_left_over() -> None:
    with (FOLDER / "translations/zh.po").open("rb") as file:
        catalogue = read_po(file)
    translated = {one.id[0] if isinstance(one.id, tuple) else one.id for one in catalogue if one.id and one.string}
    said = set(messages())
    assert said - translated == set()
    assert translated - said == set()
    assert not [one.id for one in catalogue if one.fuzzy and one.id]


@pytest.mark.parametrize(
    ("path", "cookie", "accept", "tag"),
    [
        ("/sign-in", "", "", "zh-CN"),
        ("/sign-in", "", "fr, de;q=0.5", "zh-CN"),
        ("/sign-in", "", "fr, en-US;q=0.9, zh;q=0.1", "en-GB"),
        ("/sign-in", "", "en;q=0.1, zh-TW;q=0.8", "zh-CN"),
        ("/sign-in", "", "en;q=x, *;q=0, en-GB;q=0", "zh-CN"),
        ("/sign-in", "zh", "en", "zh-CN"),
        ("/sign-in", "tlh", "en", "en-GB"),
        ("/sign-in?lang=en", "zh", "zh", "en-GB"),
        ("/sign-in?lang=../../etc/passwd", "", "", "zh-CN"),
    ],
)
async def test_a_language_asked_for_comes_before_one_remembered_before_one_accepted(
    visitor: Visitor, path: str, cookie: str, accept: str, tag: str
) -> None:
    _, text = await visitor.get(path, Cookie=f"threerings_lang={cookie}", **{"Accept-Language": accept})
    assert f'<html lang="{tag}">' in text


async def test_only_a_choice_is_remembered_for_a_year_and_the_other_language_is_one_click_away(
    visitor: Visitor,
) -> None:
    answer, text = await visitor.get("/sign-in?next=/a?b&lang=en")
    assert "threerings_lang=en; HttpOnly; Max-Age=31536000; Path=/; SameSite=Lax" in answer.headers["Set-Cookie"]
    assert 'href="/sign-in?next=/a?b&amp;lang=zh"' in text
    answer, _ = await visitor.get("/sign-in")
    assert "Set-Cookie" not in answer.headers


def test_numbers_shares_and_times_are_written_in_the_pages_language_and_the_sites_time() -> None:
    languages = Languages(SHANGHAI)
    chinese, english = languages.all["zh"], languages.all["en"]
    moment = datetime(2026, 11, 22, 6, 3, 22, tzinfo=UTC)
    assert [english.number(1234567), english.number(7.449, 1), english.number(None)] == ["1,234,567", "7.4", "–"]
    assert [english.share(0.0834), english.share(1, 0), english.share(None)] == ["8.3%", "100%", "–"]
    assert [english.clock(moment), chinese.hour(moment)] == ["14:03:22", "14:03"]
    assert [english.clock(None), english.hour(None), english.day(None)] == ["–"] * 3
    assert english.day(moment) == "Sunday, 22 November 2026"
    assert chinese.day(moment) == "2026年11月22日星期日"
    lengths: list[timedelta | float | None] = [7.44, 59.96, timedelta(seconds=127), 3727, None]
    assert [english.seconds(one, 1) for one in lengths] == ["7.4 s", "1:00", "2:07", "1:02:07", "–"]
    assert chinese.seconds(7) == "7 秒"
    assert english.ngettext("one call", "calls", 1) == "one call"
    assert english.ngettext("one call", "calls", 2) == "calls"


# What every page carries


async def test_no_page_may_run_or_load_anything_but_our_files(visitor: Visitor) -> None:
    answer, text = await visitor.get("/sign-in")
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "三响 9.9.9" in text


@pytest.mark.parametrize("path", sorted((FOLDER / "templates").glob("*.html")), ids=lambda path: path.name)
def test_no_template_has_a_script_a_style_or_a_handler_in_it(path: Path) -> None:
    text = path.read_text()
    assert re.search(r"<style|\sstyle=|\son\w+=|javascript:|[^']\|\s*safe", text) is None
    assert not [
        tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag and "application/json" not in tag
    ]


# Static files


async def test_a_file_may_be_kept_for_ever_under_the_address_of_its_content(house: House, visitor: Visitor) -> None:
    answer, text = await visitor.get(house.pages.static.url("base.css"))
    assert (answer.status, answer.content_type) == (200, "text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "--accent" in text
    answer, _ = await visitor.get(house.pages.static.url("favicon.svg"))
    assert answer.content_type == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    ["", "/", "/nothing.css", "/../shell.py", "/..%2fshell.py", "/%2e%2e/shell.py", "/base.css/", "/__init__.py"],
)
async def test_nothing_but_the_files_is_served(house: House, visitor: Visitor, path: str) -> None:
    folder = house.pages.static.url("base.css").removesuffix("/base.css")
    answer, _ = await visitor.get(folder + path)
    assert answer.status == 404


async def test_a_file_of_another_version_is_not_passed_off_as_this_one(visitor: Visitor) -> None:
    answer, _ = await visitor.get("/static/0123456789abcdef/base.css")
    assert answer.status == 404


# Errors


async def test_a_person_sees_a_page_and_a_program_problem_details(visitor: Visitor) -> None:
    answer, text = await visitor.get("/nowhere")
    assert (answer.status, answer.content_type) == (404, "text/html")
    assert "没有这个页面" in text
    answer, _ = await visitor.get("/nowhere", Accept="application/json")
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    answer, text = await visitor.get("/mine?lang=en")
    assert answer.status == 403
    assert "This is not for you" in text
    answer, _ = await visitor.post("/mine")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


async def test_what_nobody_expected_is_logged_once_and_told_without_what_it_was(visitor: Visitor) -> None:
    for accept, kind in (("text/html", "text/html"), ("*/*", "application/problem+json")):
        with capture_logs() as logged:
            answer, text = await visitor.get("/broken", Accept=accept)
        assert (answer.status, answer.content_type) == (500, kind)
        assert HUSH not in text
        assert [(one["event"], one["path"], one["exc_info"]) for one in logged] == [("request_failed", "/broken", True)]
        assert ("操作没有成功" if kind == "text/html" else '"status": 500') in text


async def test_where_not_even_the_error_can_be_drawn_a_programs_answer_is_given(house: House, visitor: Visitor) -> None:
    house.draws = False
    with capture_logs() as logged:
        answer, _ = await visitor.get("/broken")
    assert (answer.status, answer.content_type) == (500, "application/problem+json")
    assert [one["event"] for one in logged] == ["request_failed", "error_page_failed"]


async def test_an_answer_that_fails_in_its_midst_is_not_answered_twice(visitor: Visitor) -> None:
    with pytest.raises(ClientPayloadError):
        await visitor.get("/begun")


async def test_what_leads_elsewhere_is_no_error(visitor: Visitor) -> None:
    answer, _ = await visitor.get("/moved")
    assert (answer.status, answer.headers["Location"]) == (303, "/mine")


async def test_a_program_whose_token_is_missing_is_told_so_even_in_a_browser(visitor: Visitor) -> None:
    answer, _ = await visitor.get("/metrics")
    assert (answer.status, answer.content_type) == (401, "application/problem+json")


TRICKS = ["//evil.example/x", "///evil.example", "////evil.example", "/\\evil.example", "/%5cevil.example"]
TRICKS += ["/%2f/evil.example", "/%2fevil.example", "//%5c/evil.example", "/%09/evil.example", "/.//evil.example"]


@pytest.mark.parametrize("path", TRICKS)
async def test_no_address_that_was_asked_for_makes_our_own_links_lead_elsewhere(visitor: Visitor, path: str) -> None:
    answer, text = await visitor.asks_exactly(path)
    links = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    assert (answer.status, "没有这个页面" in text) == (404, True)
    assert any("lang=en" in link for link in links)
    assert not [link for link in links if not re.match(r"/(?![/\\])[^\s]*$|#main$", link)], links


@pytest.mark.parametrize("path", TRICKS)
async def test_where_somebody_comes_back_to_is_in_this_house(visitor: Visitor, path: str) -> None:
    answer, _ = await visitor.asks_exactly(f"{path}/secret")
    wanted = URL(answer.headers.get("Location", "/sign-in?next=/")).query["next"]
    assert re.match(r"/(?![/\\])", wanted)


async def test_who_is_not_signed_in_is_asked_to_and_comes_back(visitor: Visitor) -> None:
    answer, _ = await visitor.get("/secret?branch=长治")
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/sign-in?next=/secret?branch%3D")


# Signing in


async def test_a_token_opens_the_door_for_twelve_hours_and_across_a_restart(house: House, visitor: Visitor) -> None:
    answer, _ = await visitor.post("/sign-in", token=f" {TOKEN} ", next="/secret?a=1")
    assert (answer.status, answer.headers["Location"]) == (303, "/secret?a=1")
    assert re.search(
        r"^threerings=[0-9a-f.]+; HttpOnly; Max-Age=43200; Path=/; SameSite=Strict$", answer.headers["Set-Cookie"]
    )
    cookie = f"{COOKIE}={answer.cookies[COOKIE].value}"
    async with (
        TestServer(House(clock=house.clock).app) as restarted,
        ClientSession(cookie_jar=DummyCookieJar()) as session,
    ):
        answer, text = await Visitor(session, restarted).get("/secret", Cookie=cookie)
        assert answer.status == 200
        assert "<bdi>zhao</bdi>" in text
    house.clock.now += HOURS * 3600
    answer, _ = await visitor.get("/secret", Cookie=cookie)
    assert answer.status == 303


async def test_a_cookie_dies_with_the_token_and_is_nobody_elses(house: House, visitor: Visitor) -> None:
    cookie = await visitor.signed_in()
    async with (
        TestServer(House({"zhao": OTHER}, house.clock).app) as changed,
        ClientSession(cookie_jar=DummyCookieJar()) as session,
    ):
        answer, _ = await Visitor(session, changed).get("/secret", Cookie=cookie)
        assert answer.status == 303
    name, expiry, mac = (await visitor.signed_in(OTHER)).removeprefix(f"{COOKIE}=").split(".")
    _, _, mac_of_zhao = cookie.split(".")
    for forged in (
        f"{name}.{int(expiry) + 1}.{mac}",
        f"{name}.{expiry}.{mac_of_zhao}",
        f"7a68616f.{expiry}.{mac}",
        f"6e6f.{expiry}.{mac}",
        f"{name}.{expiry}",
        f"{name}.soon.{mac}",
        f"é.{expiry}.{mac}",
        f"ff.{expiry}.{mac}",
        "a.1.é",
        "",
    ):
        answer, _ = await visitor.get("/secret", Cookie=f"{COOKIE}={forged}")
        assert answer.status == 303, forged


async def test_signing_out_takes_the_cookie_back(visitor: Visitor) -> None:
    answer, _ = await visitor.post("/sign-out")
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
    assert SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]["max-age"] == "0"


async def test_a_program_may_bring_the_token_itself(visitor: Visitor) -> None:
    answer, text = await visitor.get("/secret", Authorization=f"bearer  {OTHER}")
    assert answer.status == 200
    assert "<bdi>钱.主管</bdi>" in text
    for wrong in (f"Basic {TOKEN}", TOKEN, "Bearer ", "Bearer é", f"Bearer {TOKEN}x"):
        answer, _ = await visitor.get("/secret", Authorization=wrong)
        assert answer.status == 303


async def test_a_wrong_token_is_refused_in_words_and_from_the_eleventh_on_it_has_to_wait(
    house: House, visitor: Visitor
) -> None:
    for _ in range(FAILURES):
        answer, text = await visitor.post("/sign-in", token="wrong", next="/secret")
        assert answer.status == 403
        assert "没有人使用这个令牌" in text
        assert 'name="next" value="/secret"' in text
        assert "wrong" not in text
    answer, text = await visitor.post("/sign-in", token="wrong")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert "请等一分钟再试" in text
    house.clock.now += 60
    answer, _ = await visitor.post("/sign-in", token="wrong")
    assert answer.status == 403


async def test_nobody_is_locked_out_by_who_guesses_behind_the_same_proxy(visitor: Visitor) -> None:
    for _ in range(FAILURES + 1):
        await visitor.post("/sign-in", token="wrong")
    answer, _ = await visitor.post("/sign-in", token=TOKEN)
    assert (answer.status, COOKIE in answer.cookies) == (303, True)
    assert (await visitor.get("/secret", Authorization=f"Bearer {TOKEN}"))[0].status == 200
    assert (await visitor.post("/sign-in", token="wrong"))[0].status == 429


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "https://calls.example.com.evil", "ftp://x"])
async def test_a_form_of_another_site_is_refused(visitor: Visitor, origin: str) -> None:
    for path in ("/sign-in", "/sign-out"):
        answer, _ = await visitor.post(path, origin=origin, token=TOKEN)
        assert (answer.status, "Set-Cookie" in answer.headers) == (403, False)


async def test_behind_a_proxy_with_tls_the_cookie_never_travels_in_clear(visitor: Visitor) -> None:
    answer, _ = await visitor.post("/sign-in", origin="https://calls.example.com", token=TOKEN)
    assert "; Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\\b",
        "/a\r\nX: y",
        "/a b",
        "/长",
        "",
        "/" * 3_000,
    ],
)
async def test_after_signing_in_nobody_is_sent_to_another_house(visitor: Visitor, wanted: str) -> None:
    answer, _ = await visitor.post("/sign-in", token=TOKEN, next=wanted)
    assert answer.headers["Location"] == "/"
