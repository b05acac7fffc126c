"""The whole way: a telephone rings in a simulated branch, and the wall shows it; the PBX goes, and the wall says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.windows import OpenPage, picture
from tests.support.walls import LOBBY, ZHAO

from .live import Branch

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
SOON = 20_000
STOPPED = r"WebSocket connection to .* failed"


async def test_what_happens_in_the_branch_is_on_the_wall_until_its_pbx_is_not_heard(
    open_page: OpenPage, tmp_path: Path, unused_tcp_port: int
) -> None:
    async with Branch(tmp_path, unused_tcp_port).running() as branch:
        wall = await open_page(f"{branch.url}#token={LOBBY}", locale="en-GB", tolerate=(STOPPED,))
        desk = await open_page(branch.url, locale="en-GB", tolerate=(STOPPED,))
        await desk.get_by_role("link", name="Sign in as supervisor").click()
        await desk.get_by_role("link", name="For supervisors").click()  # by a token: there is no database
        await desk.get_by_label("Token").fill(ZHAO)
        await desk.get_by_role("button", name="Sign in").click()
        for page in (wall, desk):
            await expect(page.locator("#rows tr")).to_have_count(3, timeout=SOON)
            await expect(page.locator("#rows")).to_contain_text(re.compile(r"\d ready"), timeout=SOON)
            await expect(page.locator("#rows")).to_contain_text(re.compile(r"\d\s(ringing|talking)"), timeout=SOON)
            await expect(page.locator("#part")).to_contain_text("Figures since")  # there is no database
        await picture(wall, "wall-live")
        await branch.loses_its_pbx()
        for page in (wall, desk):
            await expect(page.locator("#word")).to_have_text("No live data", timeout=SOON)
            await expect(page.locator("#why")).to_contain_text("PBX pbx1 is not heard since")
            await expect(page.locator("#waiting")).to_have_text("–")
        await picture(wall, "wall-live-silent")
