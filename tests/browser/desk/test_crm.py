"""The way from a call into another program: a link and a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from .calls import ringing
from .conftest import OpenDesk
from .test_desk import part

pytestmark = pytest.mark.browser


async def test_a_call_leads_into_another_program_by_click_or_key_and_never_by_itself(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    page, service = await open_desk()
    await service.call(1, ringing("a"))
    link = page.locator(part("crm"))
    await expect(page.locator(part("number"))).to_be_visible()
    await expect(link).to_be_hidden()
    await service.call(2, ringing("a", crm="javascript:document.title='owned'"))
    await service.call(3, ringing("a", crm="/healthz"))
    await expect(link).to_be_hidden()
    address = f"{page.url.partition('/desk')[0]}/desk?case=%3Cb%3E"
    await service.call(4, ringing("a", crm=address))
    await expect(link).to_have_attribute("href", address)
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    assert len(page.context.pages) == 1, "nothing opens by itself"
    async with page.context.expect_page() as opened:
        await page.keyboard.press("Alt+6")
    other = await opened.value
    assert await other.evaluate("window.opener") is None
    await other.close()
    for width in (360, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.screenshot(path=tmp_path / f"crm-{width}.png")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
