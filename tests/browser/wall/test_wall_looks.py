"""How the wallboard looks, and that everybody can read it: axe judges it in both colour schemes and languages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.async_api import Page, expect

from telephony.calls.record import Kind
from tests.browser.windows import DESKTOP, PHONE, WALL, OpenPage, accessible, picture
from tests.support.days import answered, o_clock
from tests.support.overview import gauge
from tests.support.walls import Floor, Hall, at_risk, kept, missed

from .service import serving

pytestmark = pytest.mark.browser
SIZES = {"phone": PHONE, "desktop": DESKTOP, "wall": WALL}


def before_opening() -> Hall:
    return Hall([], o_clock("08:02:11"), floors={"pbx1": Floor([gauge("support")])})


def many() -> Hall:
    """More queues than a wall has room for."""
    calls = [answered(n, o_clock("12:00"), queue=f"queue-{n % 30:02}") for n in range(90)]
    return Hall(calls, floors={"pbx1": Floor([gauge("support", 1, 95.0), gauge("front-desk", 1, 8.0, Kind.DIRECT)])})


def silent() -> Hall:
    hall = missed()
    hall.floors["pbx1"].settled = False
    return hall


HALLS: dict[str, Callable[[], Hall]] = {
    "kept": kept,
    "at-risk": at_risk,
    "missed": missed,
    "none": before_opening,
    "many": many,
    "silent": silent,
}


async def fits(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


LIGHT, DARK = (False, "zh-CN"), (True, "en-GB")
SCENES = [
    ("kept", *LIGHT),
    ("at-risk", *DARK),
    ("missed", *LIGHT),
    ("missed", *DARK),
    ("none", *LIGHT),
    ("many", *DARK),
    ("silent", *LIGHT),
    ("silent", *DARK),
]


@pytest.mark.parametrize(("name", "dark", "locale"), SCENES)
async def test_the_wall_is_accessible_and_fits(open_page: OpenPage, name: str, dark: bool, locale: str) -> None:
    hall = await HALLS[name]().whole_day()
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, dark=dark, locale=locale, calm=True)
        await expect(page.locator("#wall")).not_to_have_attribute("data-state", "connecting")
        for size, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            assert await fits(page), size
            await picture(page, f"wall-{name}-{size}-{locale}{'-dark' if dark else ''}", whole=size != "wall")
            if size != "desktop":  # one layout wide, one narrow
                await accessible(page)


@pytest.mark.parametrize("size", [(1280, 720), (1366, 768), WALL])
@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
async def test_whatever_is_missed_nothing_has_to_be_scrolled_on_a_small_screen_either(
    open_page: OpenPage, locale: str, size: tuple[int, int]
) -> None:
    hall = await missed().whole_day()
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, size=size, locale=locale)
        await expect(page.locator("#why")).to_have_text(re.compile(r"([^.。]+[.。] ?){4}"))  # four reasons
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
async def test_on_a_wall_nothing_has_to_be_scrolled_and_the_word_is_large(open_page: OpenPage, locale: str) -> None:
    hall = await missed().whole_day()
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, size=WALL, locale=locale)
        await expect(page.locator("#wall")).to_have_attribute("data-outlook", "missed")
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        box = await page.locator("#word").bounding_box()
        assert box is not None
        assert box["height"] >= 120
        for row in await page.locator("#rows tr").all():
            await expect(row).to_be_in_viewport(ratio=1)


async def test_a_name_without_a_place_to_break_makes_nobody_scroll_sideways(open_page: OpenPage) -> None:
    wide = "W" * 48
    hall = Hall([], titles={"changzhi": wide, "jincheng": wide})
    hall.premises.queues["support"] = wide  # type: ignore[index]
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url)
        await expect(page.locator("#rows")).to_contain_text(wide)
        for size, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            assert await fits(page), size
