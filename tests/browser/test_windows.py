"""The windows themselves: a page's complaint is heard."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from .windows import OpenPage, Windows

pytestmark = pytest.mark.browser


async def test_an_exception_and_an_error_in_the_console_are_heard(browser: Browser) -> None:
    windows = Windows(browser)
    page = await windows.open("data:text/html,<title>a</title>", tolerate=("expected",))
    await page.evaluate("console.error('bad'); console.log('fine'); console.error('expected')")
    await page.evaluate("setTimeout(() => { document.title = 'b'; throw new Error('worse') })")
    await expect(page).to_have_title("b")
    await windows.close()
    assert windows.complaints[0] == "console: bad"
    assert "worse" in windows.complaints[1]
    assert len(windows.complaints) == 2


async def test_windows_share_nothing(open_page: OpenPage) -> None:
    first, second = await open_page(dark=True), await open_page(locale="en-GB")
    assert await first.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert await second.evaluate("navigator.language") == "en-GB"
    assert first.context is not second.context
