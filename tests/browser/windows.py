"""Windows of a real browser that tell what their pages complained about."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, WebError

PHONE, DESKTOP, WALL = (360, 740), (1280, 800), (1920, 1080)


_OPEN: set[Windows] = set()


async def leave(url: str) -> None:
    """Close the pages of an address, before whoever serves it ends.

    They ask of their own accord, and would complain, rightly, that nobody answers.
    """
    for windows in list(_OPEN):
        await windows.leave(url)


class OpenPage(Protocol):
    """The fixture `open_page`.

    Args:
        url: where to go; empty: nowhere yet.
        size: of the window, CSS pixels.
        dark: the colour scheme that is preferred.
        locale: the language that is preferred.
        calm: less motion is preferred.
        tolerate: regular expressions; a complaint that one of them is found in is expected.
    """

    async def __call__(
        self,
        url: str = "",
        *,
        size: tuple[int, int] = DESKTOP,
        dark: bool = False,
        locale: str = "zh-CN",
        calm: bool = False,
        tolerate: tuple[str, ...] = (),
    ) -> Page: ...


class Windows:
    """All windows of one test."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    async def open(
        self,
        url: str = "",
        *,
        size: tuple[int, int] = DESKTOP,
        dark: bool = False,
        locale: str = "zh-CN",
        calm: bool = False,
        tolerate: tuple[str, ...] = (),
    ) -> Page:
        """One more window, as `OpenPage` says."""
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            locale=locale,
            reduced_motion="reduce" if calm else "no-preference",
            timezone_id="Asia/Shanghai",
        )
        self._contexts.append(context)
        _OPEN.add(self)

        def complain(text: str) -> None:
            if not any(re.search(pattern, text) for pattern in tolerate):
                self.complaints.append(text)

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                complain(f"console: {message.text}")

        def raised(error: WebError) -> None:
            complain(f"exception: {error.error}")

        context.on("console", said)
        context.on("weberror", raised)
        page = await context.new_page()
        if url:
            await page.goto(url)
        return page

    async def leave(self, url: str) -> None:
        """Close the pages of this address."""
        for page in [page for context in self._contexts for page in context.pages if page.url.startswith(url)]:
            await page.close()

    async def close(self) -> None:
        """Close them all."""
        _OPEN.discard(self)
        for context in self._contexts:
            await context.close()


async def accessible(page: Page) -> None:
    """Let axe judge the page as it stands.

    Raises:
        AssertionError: names each rule that is broken, and where.
    """
    found = (await Axe().run(page)).response["violations"]
    assert not found, "\n".join(
        f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']]}" for one in found
    )


async def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Leave a picture to be looked at, when `THREERINGS_PICTURES` names a folder."""
    folder = os.environ.get("THREERINGS_PICTURES")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)
