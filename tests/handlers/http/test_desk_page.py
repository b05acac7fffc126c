"""The desk's page as the server gives it; what it does is told in tests/browser/desk."""

import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from babel.messages.extract import extract_from_file

from handlers.http.pages import Pages
from handlers.http.pages.desk import WORDS, DeskPage

SCRIPTS = sorted((Path(__file__).parents[3] / "handlers/http/pages/static").glob("*.js"))


async def page(path: str) -> tuple[int, str]:
    app = web.Application()
    pages = Pages(ZoneInfo("Asia/Shanghai"), "9.9.9")
    pages.setup(app)
    app.add_routes(DeskPage(pages).routes())
    async with TestServer(app) as server, ClientSession() as session, session.get(server.make_url(path)) as answer:
        return answer.status, await answer.text()


async def test_the_page_needs_no_signing_in_and_names_nobody() -> None:
    status, text = await page("/desk")
    assert status == 200
    assert text == (await page("/desk"))[1]


async def test_the_words_of_the_scripts_come_in_the_pages_language_and_cannot_end_their_element() -> None:
    _, text = await page("/desk?lang=zh")
    found = re.search(r'<script type="application/json" id="words">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    words = json.loads(found[1])
    assert (words["tag"], words["zone"]) == ("zh-CN", "Asia/Shanghai")
    assert words["messages"]["Ringing"] == "正在振铃"
    assert "<" not in found[1]


async def test_no_token_can_be_sent_by_the_form_itself() -> None:
    _, text = await page("/desk")
    form = re.search(r'<form[^>]*id="sign-in".*?</form>', text, re.DOTALL)
    assert form is not None
    assert " name=" not in form[0]


def test_the_server_sends_exactly_what_the_scripts_say() -> None:
    said = {
        found[0] if isinstance(found, tuple) else found
        for path in SCRIPTS
        if path.name.startswith("desk")
        for _, found, _, _ in extract_from_file("javascript", path, keywords={"t": None})
    }
    assert set(WORDS) == said


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_turns_text_into_markup_or_code(path: Path) -> None:
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextualFragment"
    assert re.search(markup, path.read_text()) is None
