"""The description of the API in a real browser: readable on a phone, and by who does not see it."""

from __future__ import annotations

import pytest

from tests.browser.windows import DESKTOP, PHONE, OpenPage, accessible, picture
from tests.support.api import TOKEN, asking
from tests.support.measuring import Archive

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("size", "dark"), [(PHONE, False), (DESKTOP, True)])
async def test_every_line_fits_and_everybody_can_read_it(
    open_page: OpenPage, size: tuple[int, int], dark: bool
) -> None:
    async with asking(Archive()) as person:
        page = await open_page(size=size, dark=dark)
        await page.set_extra_http_headers({"Authorization": f"Bearer {TOKEN}"})
        await page.goto(f"{person.url}api/docs")
        assert await page.evaluate("document.documentElement.scrollWidth") == size[0]
        await accessible(page)
        await picture(page, f"api-docs-{size[0]}")
