"""Customers in a real browser: a list is sent, its customer rings, is looked for, corrected and merged."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from telephony.people.roles import Role
from tests.browser.test_accounts import House, database, house, migrated, server
from tests.screenpop.test_board import ringing
from tests.support.calls import at

from .windows import DESKTOP, PHONE, OpenPage, accessible, picture

__all__ = ["database", "house", "migrated", "server"]
pytestmark = pytest.mark.browser

REFUSED = r"Failed to load resource: the server responded with a status of (400|409)"
LIST = (
    "姓名,手机,营业部,客户等级,客户号,共用\n"
    "李雷,13800138000,城北营业部,钻石,K1,\n"
    "李 雷,13700137000,城北营业部,,,\n"
    "<b>韩梅梅</b>,13900139000,south,普通,,\n"
    "李妈,13800138000,,,,\n"
    "=cmd|' /C calc'!A0,13600136000,,,,\n"
    "王五,1001,,,,\n"
)


@pytest.mark.parametrize(("size", "lang"), [(DESKTOP, "zh"), (PHONE, "en")])
async def test_a_list_is_sent_its_customer_rings_is_corrected_and_merged(  # noqa: PLR0915 - one story
    open_page: OpenPage, house: House, tmp_path: Path, size: tuple[int, int], lang: str
) -> None:
    name = f"{size[0]}-{lang}"
    list_ = tmp_path / "customers.csv"
    list_.write_bytes(LIST.encode("gb18030"))
    await house.adds("wang", Role.SUPERVISOR, desk="1001", title="王芳")
    page = await open_page(size=size, tolerate=(REFUSED,))
    await house.signs_in(page, "wang", "/customers", lang)
    await expect(page.locator("#q")).to_be_focused()
    await page.locator("a[href='/customers/lists']").click()
    await accessible(page)
    await page.set_input_files("#file", list_)
    await page.select_option("#branch", "south")
    await page.locator("#bring ~ form button").click()
    await expect(page.locator("#refused")).to_be_visible()  # the progress bar has gone by itself
    await expect(page.locator("#running")).to_have_count(0)
    assert await page.locator("tbody tr").count() == 3
    await accessible(page)
    await picture(page, f"customer-list-{name}", whole=True)

    screens = house.service.web.screens
    await page.goto(f"{house.address}/desk")
    await expect(page.locator("#agent")).to_have_text("1001")
    screens.follow(ringing(), house_now(house), at(10))
    await expect(page.locator(".known-customer")).to_contain_text("李雷")
    await expect(page.locator(".known-customer")).to_contain_text("城北营业部 · 钻石")
    await accessible(page)
    await picture(page, f"customer-pop-{name}")

    await page.goto(f"{house.address}/customers")
    await expect(page.locator("#q")).to_be_focused()
    await page.keyboard.type("李")
    await page.keyboard.press("Enter")
    await expect(page.locator("tbody tr")).to_have_count(2)
    assert page.url == f"{house.address}/customers"  # what was looked for stands nowhere in it
    await accessible(page)
    await picture(page, f"customers-{name}", whole=True)
    await page.get_by_role("link", name="李雷", exact=True).click()
    await page.fill("#his-note", "VIP\n<script>alert(1)</script>")
    await page.fill("[name=number-1]", "1001")
    await page.locator("button[value=change]").click()
    await expect(page.locator("#his-trouble")).to_be_visible()
    await accessible(page)
    await picture(page, f"customer-{name}", whole=True)
    await page.fill("[name=number-1]", "021-6000 0001")
    await page.locator("button[value=change]").click()
    await expect(page.locator("[name=number-1]")).to_have_value("+862160000001")
    await page.fill("#other", "137 0013 7000")
    await page.keyboard.press("Enter")
    await expect(page.locator("[name=kept]")).to_have_count(2)
    await accessible(page)
    await picture(page, f"customer-merge-{name}", whole=True)
    await page.locator("button[value=merge]").click()
    await expect(page.locator("[name=number-2]")).to_have_value("+8613700137000")
    assert await page.input_value("#his-note") == "VIP\n<script>alert(1)</script>"
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0


def house_now(house: House) -> float:
    """The service's own monotonic seconds."""
    return house.service.web.screens._clock()
