"""The wallboard in a real browser: who may look, what it shows while things go on, and what it says is not known."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from telephony.calls.record import Kind, Quality
from tests.browser.windows import PHONE, OpenPage, accessible, picture
from tests.support.calls import call, visit
from tests.support.days import answered, o_clock, unanswered
from tests.support.overview import AFTERNOON, HOSTILE, gauge
from tests.support.walls import LOBBY, OFFICE, ZHAO, Floor, Hall

from .service import serving

pytestmark = pytest.mark.browser
NOON = o_clock("12:00")
CUT = r"WebSocket connection to .* failed"
SIGNED_OUT = r"status of 401|status of 403"


def lively(*args: object, **more: object) -> Hall:
    """A picture ten times a second, so that nobody has to wait for it."""
    return Hall(*args, every=0.1, **more)  # type: ignore[arg-type]


async def word(page: Page, text: str) -> None:
    await expect(page.locator("#word")).to_have_text(text)


# --- who may look ---


async def test_who_is_not_signed_in_sees_the_door_and_nothing_of_any_branch(open_page: OpenPage) -> None:
    async with serving(lively([answered(1, NOON)])) as served:
        page = await open_page(f"{served.url}?branch=changzhi", tolerate=(SIGNED_OUT,))
        await expect(page.locator("#door")).to_be_visible()
        assert "长治" not in await page.content()
        await accessible(page)
        await picture(page, "wall-door")
        await page.get_by_role("link", name="主管登录").click()
        await page.get_by_label("令牌").fill(ZHAO)
        await page.get_by_role("button", name="登录").click()
        await expect(page).to_have_url(f"{served.url}?branch=changzhi")
        await word(page, "达标")


async def test_a_wall_needs_no_keyboard_and_its_token_is_gone_from_the_address_and_outlives_a_power_cut(
    open_page: OpenPage,
) -> None:
    async with serving(lively([answered(1, NOON)])) as served:
        page = await open_page(f"{served.url}#token={LOBBY}", locale="en-GB")
        await word(page, "Kept")
        assert LOBBY not in page.url
        await expect(page.locator("#branch")).to_have_text("长治营业部")
        await expect(page.locator("#choose")).to_be_hidden()
        again = await page.context.new_page()
        await again.goto(served.url)
        await word(again, "Kept")
        await again.get_by_role("button", name="Sign out").click()
        await expect(again.locator("#door")).to_be_visible()
        await again.reload()
        await expect(again.locator("#door")).to_be_visible()


async def test_a_wrong_token_is_told_and_another_may_be_typed(open_page: OpenPage) -> None:
    async with serving(lively([answered(1, NOON)])) as served:
        page = await open_page(served.url, locale="en-GB")
        await page.get_by_label("Token of this wall").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("Nobody has this token.")
        await accessible(page)
        await page.get_by_label("Token of this wall").fill(f" {OFFICE} ")
        await page.keyboard.press("Enter")
        await word(page, "Kept")


async def test_a_branch_that_a_wall_may_not_show_is_said_so(open_page: OpenPage) -> None:
    async with serving(lively()) as served:
        page = await open_page(f"{served.url}?branch=jincheng#token={LOBBY}", locale="en-GB")
        await expect(page.get_by_role("heading", name="There is no such branch here")).to_be_visible()
        await accessible(page)


async def test_who_may_see_every_branch_chooses_one_and_its_address_says_which(open_page: OpenPage) -> None:
    calls = [answered(1, NOON), unanswered(2, NOON, queue="sales")]
    async with serving(lively(calls)) as served:
        page = await open_page(f"{served.url}#token={OFFICE}", locale="en-GB")
        await word(page, "Missed")
        await expect(page.locator("#rows tr")).to_have_count(3)
        await page.get_by_label("Branch").select_option("长治营业部")
        await expect(page).to_have_url(f"{served.url}?branch=changzhi")
        await word(page, "Kept")
        await expect(page.locator("#rows tr")).to_have_count(1)
        await page.get_by_role("link", name="中文").click()
        await word(page, "达标")
        await expect(page.locator("#rows tr")).to_have_count(1)
        await page.get_by_label("营业部").select_option("全部")
        await word(page, "未达标")


# --- what goes on ---


async def test_the_word_changes_with_what_happens_and_says_why(open_page: OpenPage) -> None:
    hall = lively([answered(n, NOON) for n in range(10)])
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, locale="en-GB")
        await word(page, "Kept")
        await expect(page.locator("#why")).to_have_text("Every measure of today is within its limit.")
        hall.today.follow(unanswered(10, AFTERNOON - timedelta(minutes=1)))
        hall.clock.now += timedelta(seconds=11)
        await word(page, "At risk")
        await expect(page.locator("#why")).to_contain_text("Giving up is near its limit.")
        assert await page.locator(".shape svg:visible").count() == 1
        hall.today.follow(unanswered(11, AFTERNOON - timedelta(minutes=1)))
        hall.clock.now += timedelta(seconds=11)
        await word(page, "Missed")
        await expect(page.locator("#why")).to_contain_text("Too many callers give up.")
        await expect(page).to_have_title(re.compile("^Missed · "))
        await expect(page.locator(".measure").first).to_contain_text("16.7%")
        await expect(page.locator(".measure").first).to_contain_text("at most 10% of 12 calls")


async def test_who_waits_counts_on_between_pictures_and_is_marked_when_it_is_too_long(open_page: OpenPage) -> None:
    hall = lively([answered(1, NOON)], floors={"pbx1": Floor([gauge("support", 2, 28.2)])})
    hall.open_to_all = True
    async with serving(hall, ticks=False) as served:
        page = await open_page(served.url, locale="en-GB")
        await expect(page.locator("#waiting")).to_have_text("2")
        row = page.locator("#rows tr").first
        await expect(row.locator(".oldest .value")).to_have_text("0:29")
        await expect(row.locator(".oldest .value")).to_have_text("0:30")
        await expect(row.locator(".oldest")).not_to_have_attribute("data-outlook", "missed")
        hall.floors["pbx1"].waiting = [gauge("support", 2, 31.0)]
        hall.passes(1)
        await expect(row.locator(".oldest")).to_have_attribute("data-outlook", "missed")
        await expect(page.locator("#oldest-box")).to_have_attribute("data-late", "true")
        await expect(row.locator(".agents .value")).to_have_text("0 ready")


async def test_a_branch_that_is_kept_names_the_queues_that_are_not_by_themselves(open_page: OpenPage) -> None:
    calls = [answered(n, NOON) for n in range(30)] + [unanswered(40, NOON, queue="sales")]
    hall = lively(calls)
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, locale="en-GB")
        await word(page, "Kept")
        await expect(page.locator("#why")).to_have_text(
            "Every measure of today is within its limit. By themselves not: 产品销售."
        )


async def test_a_value_that_is_not_at_its_limit_never_looks_as_if_it_were(open_page: OpenPage) -> None:
    hall = lively([answered(n, NOON, wait=29.997) for n in range(9)])
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, locale="en-GB")
        await expect(page.locator(".measure .value").nth(2)).to_have_text("29.99 s")
        await expect(page.locator("#rows tr:first-child .measured .value").nth(2)).to_have_text("29.99 s")
        await expect(page.locator(".measure").nth(2)).to_contain_text("less than 30 s")


TONES = """() => {
    document.body.dataset.tones = 0;
    const create = AudioContext.prototype.createOscillator;
    AudioContext.prototype.createOscillator = function () {
        document.body.dataset.tones = Number(document.body.dataset.tones) + 1;
        return create.call(this);
    };
}"""


async def test_the_sound_is_off_until_it_is_switched_on_and_comes_when_somebody_waits_too_long(
    open_page: OpenPage,
) -> None:
    hall = lively([answered(1, NOON)], floors={"pbx1": Floor([gauge("support", 1, 40.0)])})
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, locale="en-GB")
        await word(page, "Kept")
        await page.evaluate(TONES)
        switch = page.locator("#sound")
        await expect(switch).to_have_attribute("aria-pressed", "false")
        await expect(switch).to_have_text("Sound off")
        await expect(page.locator("body")).to_have_attribute("data-tones", "0")
        await switch.focus()
        await page.keyboard.press("Space")
        await expect(switch).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("body")).to_have_attribute("data-tones", "2")
        await switch.click()
        await expect(switch).to_have_text("Sound off")


async def test_names_stay_text_and_callers_are_nowhere(open_page: OpenPage) -> None:
    phone = "Local/13800138000@out"
    hall = lively([answered(1, NOON, queue=HOSTILE), answered(2, NOON, queue=phone, kind=Kind.DIRECT)])
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, size=PHONE, locale="en-GB")
        await expect(page.locator("#rows")).to_contain_text("<img src=x")
        await expect(page.locator("#rows")).to_contain_text("Other telephones")
        assert await page.locator("#wall img").count() == 0
        assert "13800138000" not in await page.content()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- what is not known ---


async def test_without_the_service_nothing_is_shown_as_right_and_it_comes_back_by_itself(open_page: OpenPage) -> None:
    hall = lively([answered(n, NOON) for n in range(10)])
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, locale="en-GB", tolerate=(CUT,))
        await word(page, "Kept")
        await expect(page.locator("#waiting")).to_have_text("4")
        await served.stop()
        await word(page, "No live data")
        await expect(page.locator("#why")).to_have_text(
            re.compile(r"Cut off from the service since 15:42:\d\d; the figures are those of then\. Before: Kept\.")
        )
        for place in (
            "#waiting",
            "#oldest",
            "#rows tr:first-child .waiting .value",
            "#rows tr:first-child .oldest .value",
        ):
            await expect(page.locator(place)).to_have_text("–")
        await expect(page.locator("#wall")).to_have_attribute("data-state", "stale")
        await expect(page.locator(".measure .value").first).to_have_text("0.0%")  # of then, in grey
        await accessible(page)
        hall.today.follow(unanswered(11, NOON))
        hall.today.follow(unanswered(12, NOON))
        await served.start()
        await expect(page.locator("#word")).to_have_text("Missed", timeout=15_000)
        await expect(page.locator("#waiting")).to_have_text("4")
        await expect(page.locator("svg.line")).to_have_count(4 + 1)


async def test_a_service_that_falls_silent_is_known_to_be_after_five_seconds(open_page: OpenPage) -> None:
    hall = lively([answered(1, NOON)])
    hall.open_to_all = True
    async with serving(hall, ticks=False) as served:
        page = await open_page(served.url, locale="en-GB")
        await word(page, "Kept")
        hall.floors["pbx1"].waiting = None  # type: ignore[assignment]  # no picture can be made any more
        hall.clock.now += timedelta(seconds=1)
        await expect(page.locator("#word")).to_have_text("No live data", timeout=20_000)


async def test_while_a_pbx_is_not_heard_its_numbers_are_grey_and_nobody_is_said_to_wait(open_page: OpenPage) -> None:
    hall = lively([answered(n, NOON) for n in range(9)])
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, locale="en-GB")
        await word(page, "Kept")
        hall.floors["pbx1"].settled = False
        hall.clock.now += timedelta(seconds=1)
        await word(page, "No live data")
        await expect(page.locator("#why")).to_contain_text("PBX pbx1 is not heard since 15:42:08")
        await expect(page.locator("#waiting")).to_have_text("–")
        await expect(page.locator("#rows tr").first).to_have_attribute("data-certain", "false")
        await accessible(page)
        hall.floors["pbx1"].settled = True
        hall.clock.now += timedelta(seconds=1)
        await word(page, "Kept")


async def test_what_is_reconstructed_or_not_wholly_known_is_said(open_page: OpenPage) -> None:
    read = call(visit(quality=Quality.RECONSTRUCTED, caller_rings=None), number=50, ended_at=NOON)
    hall = lively([*(answered(n, NOON) for n in range(9)), read])
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, locale="en-GB")
        await expect(page.locator("#evidence")).to_contain_text("Heard as it happened: 90.0%")
        await expect(page.locator("#evidence")).to_contain_text("reconstructed from logs: 10.0%")
        await expect(page.locator("#part")).to_contain_text("Figures since 15:42.")
        await hall.whole_day()
        hall.clock.now += timedelta(seconds=1)
        await expect(page.locator("#part")).to_be_hidden()
