"""How the desk looks, and that everybody can read it: axe judges each state in both colour schemes and languages."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.windows import DESKTOP, PHONE, WALL, accessible, picture

from .calls import ANONYMOUS, HOSTILE, UNAVAILABLE, ended, ringing, talking, withdrawn
from .conftest import OpenDesk
from .service import Service

pytestmark = pytest.mark.browser
STATES: dict[str, list[dict[str, Any]]] = {
    "idle": [],
    "ringing": [ringing()],
    "third-ring": [ringing(ringing_seconds=12.0, waited_seconds=15.0)],
    "beyond": [ringing(ringing_seconds=21.0, waited_seconds=24.0, earlier=UNAVAILABLE)],
    "talking": [talking()],
    "long-talk": [talking(talking_seconds=312.0)],
    "ended": [ended()],
    "withdrawn": [withdrawn()],
    "anonymous": [ringing(caller="", caller_name="", earlier=ANONYMOUS, queue_title=None, greeting=None)],
    "several": [ringing(), talking("b", caller="02160000001"), ended("c"), withdrawn("d", "no_answer")],
    "hostile": [ringing(caller="9" * 128, caller_name=HOSTILE * 3, queue_title="长" * 64, greeting="您好" * 60)],
}
WINDOWS = {
    "phone": {"size": PHONE, "locale": "zh-CN"},
    "phone-en-dark": {"size": PHONE, "locale": "en-GB", "dark": True},
    "desktop-dark": {"size": DESKTOP, "locale": "zh-CN", "dark": True},
    "desktop-en": {"size": DESKTOP, "locale": "en-GB"},
    "wall": {"size": WALL, "locale": "zh-CN"},
}


JUDGED = {"phone-en-dark", "desktop-en"}
"""Where axe judges every state: both colour schemes, both languages' lengths, narrow and wide."""


async def fits(page: Page) -> bool:
    """Nothing has to be scrolled sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("window", WINDOWS)
async def test_each_state_of_the_desk_can_be_read_by_everybody(open_desk: OpenDesk, window: str) -> None:
    page, service = await open_desk(**WINDOWS[window], calm=True)
    for name, calls in STATES.items():
        await service.welcome(*calls)
        await expect(page.locator("#calls > article")).to_have_count(len(calls))
        if window in JUDGED:
            await accessible(page)
        await picture(page, f"desk-{name}-{window}", whole=True)
        assert await fits(page), name


@pytest.mark.parametrize("window", WINDOWS)
async def test_without_a_line_or_a_pbx_the_desk_can_be_read_by_everybody(open_desk: OpenDesk, window: str) -> None:
    page, service = await open_desk(ringing(), **WINDOWS[window], calm=True)
    await service.say(type="pbx", up=False)
    await expect(page.locator("#pbx")).to_be_visible()
    await accessible(page)
    await picture(page, f"desk-pbx-{window}", whole=True)
    await service.close(1012)
    await expect(page.locator("#cut")).to_be_visible()
    await accessible(page)
    await picture(page, f"desk-cut-{window}", whole=True)
    assert await fits(page)


@pytest.mark.parametrize("window", WINDOWS)
async def test_the_door_can_be_read_by_everybody(open_desk: OpenDesk, service: Service, window: str) -> None:
    page, conversation = await open_desk(**WINDOWS[window])
    await conversation.close(4401)
    await expect(page.locator("#trouble")).to_be_visible()
    await accessible(page)
    await picture(page, f"desk-door-{window}", whole=True)
    assert await fits(page)
    assert service.nobody_came
