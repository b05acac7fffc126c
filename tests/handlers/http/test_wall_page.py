"""The wallboard's page as the server gives it; what it does is told in tests/browser/wall."""

import json
import re
from pathlib import Path

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from babel.messages.extract import extract_from_file

from handlers.http.pages.wall import WORDS
from tests.support.walls import Hall

SCRIPTS = sorted((Path(__file__).parents[3] / "handlers/http/pages/static").glob("wall*.js"))


async def page(path: str) -> tuple[int, str]:
    app = Hall().application()
    async with TestServer(app) as server, ClientSession() as session, session.get(server.make_url(path)) as answer:
        return answer.status, await answer.text()


async def test_the_page_needs_no_signing_in_and_tells_nothing_of_any_branch() -> None:
    status, text = await page("/wall?branch=changzhi")
    assert status == 200
    assert "长治" not in text


async def test_the_words_of_the_scripts_come_in_the_pages_language_with_the_build_of_its_files() -> None:
    _, text = await page("/wall?lang=zh")
    found = re.search(r'<script type="application/json" id="words">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    words = json.loads(found[1])
    assert (words["tag"], words["zone"]) == ("zh-CN", "Asia/Shanghai")
    assert f"/static/{words['assets']}/wall.js" in text
    assert words["messages"]["Missed"] == "未达标"
    assert "<" not in found[1]


async def test_no_token_can_be_sent_by_the_form_itself() -> None:
    _, text = await page("/wall")
    form = re.search(r'<form[^>]*id="sign-in".*?</form>', text, re.DOTALL)
    assert form is not None
    assert " name=" not in form[0]


def test_the_server_sends_exactly_what_the_scripts_say() -> None:
    said = {
        found[0] if isinstance(found, tuple) else found
        for path in SCRIPTS
        for _, found, _, _ in extract_from_file("javascript", path, keywords={"t": None})
    }
    assert set(WORDS) == said
