"""The first page in a real browser: its pictures, what it does while calls go on, and when the service is gone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web
from playwright.async_api import Page, Request, expect

from handlers.http.pages.overview import Desk, Titles
from telephony.calls.facts import MemberState
from tests.browser.windows import DESKTOP, PHONE, WALL, OpenPage, accessible, leave, picture
from tests.support.days import answered, o_clock, unanswered
from tests.support.overview import AFTERNOON, HOSTILE, Floor, Scene, gauge, kept, missed, office_day

pytestmark = pytest.mark.browser

REFRESHED = 8_000
"""Milliseconds within which the page has asked again, on a busy machine."""


class Served:
    """A scene under an address; it can go away and come back."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.port = scene, 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def start(self) -> None:
        self._runner = web.AppRunner(self.scene.application())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


@asynccontextmanager
async def serving(scene: Scene) -> AsyncIterator[Served]:
    served = Served(scene)
    await served.start()
    try:
        yield served
    finally:
        await leave(served.url)
        await served.stop()


def before_opening() -> Scene:
    scene = Scene([], o_clock("08:02:11"))
    scene.floors["pbx1"] = Floor([gauge("support")])
    return scene


def first_minutes() -> Scene:
    now = o_clock("08:36:40")
    return Scene(office_day(now, 0.2, seed=2), now, branches=True)


def pbx_away() -> Scene:
    scene = missed()
    scene.floors["pbx1"].trouble = "no line to the PBX"
    return scene


SCENES: dict[str, tuple[Callable[[], Scene], bool]] = {
    "kept": (kept, True),
    "missed": (missed, True),
    "none": (before_opening, True),
    "young": (first_minutes, True),
    "away": (pbx_away, False),
}
"""Name to how it is made, and whether the database has told the morning."""
SIZES = {"phone": PHONE, "desktop": DESKTOP, "wall": WALL}


async def fits(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("dark", "locale"), [(False, "zh-CN"), (True, "en-GB")], ids=["light", "dark"])
@pytest.mark.parametrize("name", SCENES)
async def test_the_page_is_accessible_and_fits(open_page: OpenPage, name: str, dark: bool, locale: str) -> None:
    make, whole = SCENES[name]
    scene = make()
    if whole:
        await scene.whole_day()
    async with serving(scene) as served:
        page = await open_page(served.url, dark=dark, locale=locale)
        for size, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            await picture(page, f"overview-{name}-{size}-{locale}{'-dark' if dark else ''}", whole=True)
            assert await fits(page)
            await accessible(page)


async def test_a_name_without_a_place_to_break_makes_nobody_scroll_sideways(open_page: OpenPage) -> None:
    wide = "W" * 60
    scene = Scene([answered(1, o_clock("12:00"), queue="support", agent="Agent 1001")], branches=True)
    titles = Titles({"support": wide}, {"front-desk": wide}, {"Agent 1001": wide + "M"})
    scene.site = replace(scene.site, branch_titles={"changzhi": wide, "jincheng": wide}, titles=titles)
    scene.desks = [Desk(wide, wide + "M", "/desk", MemberState.READY)]
    scene.seen_by = wide
    async with serving(scene) as served:
        page = await open_page(served.url, size=PHONE)
        for size, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            await picture(page, f"overview-wide-{size}", whole=True)
            assert await fits(page), size


async def test_on_a_phone_the_last_calls_come_before_the_desks_and_a_fold_stays_open(open_page: OpenPage) -> None:
    scene = kept()
    scene.desks = [Desk(f"{n}", f"{n}", "/desk", MemberState.READY) for n in range(200)]
    async with serving(scene) as served:
        page = await open_page(served.url, size=PHONE, locale="en-GB")
        calls, desks = [await page.locator(place).bounding_box() for place in (".last-calls", ".desks")]
        assert calls is not None
        assert desks is not None
        assert calls["y"] < desks["y"]
        await expect(page.locator(".desk:visible")).to_have_count(24)
        await page.get_by_text("176 more desks").click()
        await expect(page.locator(".desk:visible")).to_have_count(200)
        scene.desks = [replace(desk, doing=MemberState.TALKING) for desk in scene.desks]
        await expect(page.locator("#desk-200")).to_contain_text("talking", timeout=REFRESHED)
        await expect(page.locator("#desk-200")).to_be_visible()
        await accessible(page)


async def test_without_scrolling_the_verdict_and_its_pictures_are_seen_on_a_desktop(open_page: OpenPage) -> None:
    scene = missed()
    await scene.whole_day()
    async with serving(scene) as served:
        page = await open_page(served.url, size=DESKTOP, locale="en-GB")
        await expect(page.locator("h1")).to_be_in_viewport(ratio=1)
        for plot in await page.locator("svg.plot").all():
            await expect(plot).to_be_in_viewport(ratio=1)


async def test_the_page_follows_what_happens_and_keeps_focus_and_place(open_page: OpenPage) -> None:
    noon = o_clock("12:00")
    scene = Scene([answered(1, noon)])
    await scene.whole_day()
    async with serving(scene) as served:
        page = await open_page(served.url, size=PHONE, locale="en-GB")
        await page.locator("#desk-2").focus()
        place = await page.evaluate("scrollY")
        assert place > 0
        scene.today.follow(unanswered(2, noon))
        scene.desks = [replace(desk, doing=None) for desk in scene.desks]
        await expect(page.locator("h1")).to_have_text("The standard is not kept today", timeout=REFRESHED)
        await expect(page.locator("#desk-2")).not_to_contain_text("ready", timeout=REFRESHED)
        await expect(page.locator("#desk-2")).to_be_focused()
        await expect(page).to_have_title(re.compile("^The standard is not kept today · "))
        assert await page.locator("#verdict.bad").count() == 1
        assert await page.locator(".call").count() == 2
        assert abs(await page.evaluate("scrollY") - place) < 200


async def test_when_the_service_is_gone_old_figures_are_not_shown_as_new_and_it_comes_back_by_itself(
    open_page: OpenPage,
) -> None:
    scene = kept()
    await scene.whole_day()
    async with serving(scene) as served:
        page = await open_page(served.url, locale="en-GB", tolerate=("ERR_CONNECTION_REFUSED",))
        await expect(page.locator("#cut")).to_be_hidden()
        await served.stop()
        await expect(page.locator("#cut")).to_be_visible(timeout=REFRESHED)
        await expect(page.locator("#cut")).to_have_text(
            re.compile(r"Not connected since \d\d:\d\d:\d\d\. The figures are those of 15:42:07\.")
        )
        await picture(page, "overview-cut")
        await accessible(page)
        scene.clock.now = AFTERNOON + timedelta(seconds=20)
        await served.start()
        await expect(page.locator("#cut")).to_be_hidden(timeout=REFRESHED)
        await expect(page.locator("#asof")).to_have_text("15:42:27")


async def test_whoever_is_signed_out_meanwhile_is_sent_to_sign_in(open_page: OpenPage) -> None:
    scene = kept()
    async with serving(scene) as served:
        page = await open_page(served.url, tolerate=("401", "404"))
        scene.seen_by = None
        await page.wait_for_url("**/sign-in?next=/", timeout=REFRESHED)


HIDDEN = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


async def test_a_page_that_nobody_sees_asks_nothing(open_page: OpenPage) -> None:
    async with serving(kept()) as served:
        page = await open_page()
        await page.clock.install()
        await page.goto(served.url)
        await page.clock.pause_at(AFTERNOON + timedelta(days=3650))  # from here on time passes when told to
        await page.evaluate(HIDDEN, arg=True)
        asked: list[str] = []

        def note(request: Request) -> None:
            if "part=now" in request.url:
                asked.append(request.url)

        page.on("request", note)
        await page.clock.fast_forward(60_000)
        assert asked == []
        async with page.expect_response("**/?part=now"):
            await page.evaluate(HIDDEN, arg=False)
        assert len(asked) == 1


async def test_what_callers_and_pbxs_write_stays_text_when_it_comes_by_refreshing(open_page: OpenPage) -> None:
    scene = Scene([])
    async with serving(scene) as served:
        page = await open_page(served.url, locale="en-GB")
        noon = o_clock("12:00")
        scene.today.follow(replace(answered(1, noon, queue=HOSTILE, agent=HOSTILE), caller=HOSTILE))
        scene.floors["pbx1"] = Floor([gauge(HOSTILE, 1, 3)], trouble="")
        await expect(page.locator(".call")).to_have_count(1, timeout=REFRESHED)
        await expect(page.locator(".queue .name")).to_contain_text("<img src=x")
        assert await page.locator("#now img").count() == 0
        assert await fits(page)
