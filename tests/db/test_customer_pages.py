"""The pages of customers: the whole application on a real PostgreSQL, told by stories."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiohttp import ClientSession, DummyCookieJar, FormData
from aiohttp.test_utils import TestServer

from handlers.build import build
from telephony.cases.customers import Doing
from telephony.cases.store import CallStore
from telephony.customers.customer import Customer, Details, Line
from telephony.customers.numbers import E164
from telephony.people.roles import Role
from tests.db.test_people_matrix import config
from tests.db.test_people_pages import Browser, House
from tests.support.calls import call, visit

pytestmark = pytest.mark.db
A, B = E164("+8613800138000"), E164("+8613900139000")
LI = Customer(UUID(int=1), Details("李雷<script>", "north", "钻石", "VIP", "K1"), (Line(A),))
HAN = Customer(UUID(int=2), Details("韩梅梅", "south"), (Line(B),))
HIS, HERS = f"/customers/{LI.id}", f"/customers/{HAN.id}"


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    calls = CallStore(database)
    await calls.save([call(visit(), caller="013800138000", number=1), call(visit(), caller="110", number=2)])
    await calls.close()
    service = build(config(), database)
    running = asyncio.TaskGroup()
    async with TestServer(service.web.app) as server, ClientSession(cookie_jar=DummyCookieJar()) as session, running:
        lists = running.create_task(service.web.customers.run())
        one = House(service, session, server)
        for customer in (LI, HAN):
            await service.web.customers.customers.add(customer, Doing("test", datetime(2026, 3, 2, tzinfo=UTC)))
        yield one
        lists.cancel()
    await service.web.close()
    await service.store.close()


async def comes(house: House, name: str, role: Role, *branches: str) -> Browser:
    await house.adds(name, role, branches=frozenset(branches))
    browser = Browser(house)
    assert await browser.signs_in(name) == 303
    assert await browser.get("/customers") == 200
    return browser


def typed(page: str) -> dict[str, str]:
    """What stands in the form of a customer."""
    found = dict(re.findall(r'name="((?:name|value_group|external_id|version|number-\d))"[^>]*? value="([^"]*)"', page))
    return {name: value.replace("&lt;", "<").replace("&gt;", ">") for name, value in found.items()}


async def test_a_customer_is_looked_for_by_name_or_number_and_no_number_stands_in_an_address(house: House) -> None:
    zhao = await comes(house, "zhao", Role.AGENT)
    assert "李雷" not in zhao.page
    for q in ("李", "K1", "138 0013 8000", "+8613800138000"):
        assert await zhao.sends("/customers", q=q) == 200
        assert "李雷&lt;script&gt;" in zhao.page
        assert "韩梅梅" not in zhao.page
        assert "+86138****8000" in zhao.page
        assert str(A) not in zhao.page.replace(f'value="{q}"', "")  # a list shows no number whole
    assert await zhao.get(HIS) == 200
    assert str(A) in zhao.page
    assert "000001" in zhao.page  # the case of his call, however the PBX wrote the number
    assert "000002" not in zhao.page
    assert await zhao.sends("/customers", q="nobody%") == 200
    assert "Look for fewer characters" in zhao.page
    verbs = [verb for who, verb, _ in await house.verbs() if who == "zhao"][1:]
    assert verbs == ["customers_sought"] * 4 + ["customer_seen", "customers_sought"]


async def test_whoever_has_a_branch_finds_and_reaches_nobody_of_another(house: House) -> None:
    south = await comes(house, "qian", Role.SUPERVISOR, "south")
    for q in ("", "李", "13800138000", "K1"):
        await south.sends("/customers", q=q)
        assert "李雷" not in south.page
    assert await south.get(HIS) == 404
    for do in ("change", "compare", "merge", "part", "erase"):
        await south.get("/customers")
        assert await south.sends(HIS, do=do, name="x", version="1", sure="yes") in {403, 404}
    await south.get(HERS)
    assert await south.sends(HERS, **typed(south.page), do="change", branch="north") == 404
    await south.get(HERS)
    assert await south.sends(HERS, do="compare", other="13800138000") == 400
    assert await south.sends(HERS, do="merge", other=str(LI.id), kept=str(HAN.id)) == 404
    await south.get("/customers")
    assert await south.sends("/customers/new", name="x", branch="north") == 403
    assert (await house.service.web.customers.customers.get(LI.id)) == LI


async def test_of_two_who_change_a_customer_the_later_is_told_and_loses_nothing(house: House) -> None:
    zhao, qian = await comes(house, "zhao", Role.AGENT), await comes(house, "qian", Role.MARKETING)
    await zhao.get(HIS)
    await qian.get(HIS)
    mine, his = typed(zhao.page), typed(qian.page)
    assert mine == {"name": "李雷<script>", "number-0": A, "number-1": "", "number-2": "", "value_group": "钻石",
                    "external_id": "K1", "version": "1"}  # fmt: skip
    one = mine | {"number-1": "021 6000 0001", "shared-1": "yes", "note": "moved", "branch": "north"}
    assert await zhao.sends(HIS, do="change", **one) == 303
    assert await qian.sends(HIS, do="change", **his, note="my words", branch="north") == 409
    assert "my words" in qian.page
    assert "moved" in qian.page
    assert typed(qian.page)["version"] == "2"
    assert await qian.sends(HIS, do="change", **typed(qian.page), note="both", branch="north") == 303
    after = await house.service.web.customers.customers.get(LI.id)
    assert (after.details.note, after.lines, after.version) == ("both", (Line(A),), 3)
    assert [verb for _, verb, _ in await house.verbs()].count("customer_changed") == 2


async def test_what_cannot_be_kept_is_told_where_it_was_typed(house: House) -> None:
    zhao = await comes(house, "zhao", Role.AGENT)
    for fields, said in (
        ({"number-0": "1001"}, "Telephone numbers: This is an extension or a short number. Write the whole number"),
        ({"number-0": "13900139000"}, "Telephone numbers: Another customer has this number."),
        ({"name": "\u202ex"}, "Full name: It holds a character that nobody sees."),
        ({"external_id": "K1", "number-0": ""}, "External id: Another customer has this external id."),
        ({"branch": "mars"}, "Branch: There is no such branch."),
    ):
        assert await zhao.sends("/customers/new", **({"name": "New", "number-0": "13700137000"} | fields)) == 400
        assert said in zhao.page
    assert await zhao.sends("/customers/new", name="New", **{"number-0": "13700137000"}) == 303
    assert await zhao.get(zhao.where) == 200
    assert "+8613700137000" in zhao.page
    assert await zhao.sends(HIS, do="change", **(typed(zhao.page) | {"name": " "})) == 400


async def test_two_who_are_one_are_compared_merged_and_parted(house: House) -> None:
    await (agent := await comes(house, "zhao", Role.AGENT)).get(HIS)
    for do in ("compare", "merge", "part"):
        await agent.get(HIS)
        assert await agent.sends(HIS, do=do, other="x", kept="x") == 403
    sun = await comes(house, "sun", Role.SUPERVISOR)
    await sun.get(HIS)
    assert await sun.sends(HIS, do="compare", other="13800138000") == 400  # that is he himself
    assert await sun.sends(HIS, do="part") == 400
    assert await sun.sends(HIS, do="compare", other="139 0013 9000") == 200
    form = {"other": str(HAN.id), "kept": str(LI.id), f"version-{HAN.id}": "1"}
    assert await sun.sends(HIS, do="merge", **(form | {f"version-{HAN.id}": "7"})) == 400
    assert await sun.sends(HIS, do="merge", **(form | {"kept": str(UUID(int=9))})) == 404
    await sun.get(HIS)
    assert await sun.sends(HIS, do="merge", **form) == 303
    assert sun.where == HIS
    assert await sun.sends(HIS, do="merge", **form) == 400  # twice
    await sun.get(HERS)
    assert "merged into another one" in sun.page
    assert await sun.sends(HERS, do="part") == 303
    assert (await house.service.web.customers.customers.get(HAN.id)).lines == HAN.lines


async def test_only_an_administrator_erases_and_only_if_he_means_it(house: House) -> None:
    sun, root = await comes(house, "sun", Role.SUPERVISOR), await comes(house, "root", Role.ADMINISTRATOR)
    await sun.get(HIS)
    assert await sun.sends(HIS, do="erase", sure="yes") == 403
    await root.get(HIS)
    assert await root.sends(HIS, do="erase") == 400
    assert await root.sends(HIS, do="erase", sure="yes") == 303
    assert await root.get(HIS) == 200
    assert "Nothing is known of this customer" in root.page
    assert "李雷" not in root.page
    await root.get("/customers")
    assert await root.sends("/customers", q="13800138000") == 200
    assert "Look for fewer" in root.page
    assert ("root", "customer_erased", str(LI.id)) in await house.verbs()


async def sent(house: House, browser: Browser, content: bytes, name: str = "list.csv", **fields: str) -> int:
    """A list as a browser sends it."""
    form = FormData(quote_fields=False)
    proof = re.findall(r'name="form" value="(\w+)"', browser.page)
    for field, value in ({"form": proof[0]} | fields).items():
        form.add_field(field, value)
    form.add_field("file", io.BytesIO(content), filename=name, content_type="text/csv")
    jar = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"Cookie": jar, "Origin": house.origin, "Accept": "text/html", "Accept-Language": "en"}
    url = house.server.make_url("/customers/lists")
    async with house.session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
        browser.page, browser.where = await answer.text() or browser.page, answer.headers.get("Location", "")
        return answer.status


async def done(browser: Browser, where: str) -> None:
    async with asyncio.timeout(20):
        while '"running"' in browser.page or not browser.page.startswith("{"):
            assert await browser.get(f"{where}/progress") == 200


async def test_a_list_is_sent_taken_in_the_background_and_its_refused_lines_are_told(house: House) -> None:
    sun = await comes(house, "sun", Role.SUPERVISOR, "north")
    assert await sun.get("/customers/lists") == 200
    content = "姓名,电话,营业部\n王强,13700137000,\n李妈,13800138000,\n=x,13700137001,\n韩,13600136000,south\n"
    assert await sent(house, sun, content.encode("gb18030"), branch="north") == 303
    where = sun.where
    await done(sun, where)
    assert await sun.get(where) == 200
    assert re.findall(r'<dd class="figure">(\d+)</dd>', sun.page) == ["4", "1", "0", "0", "3"]
    assert await sun.get(f"{where}/refused.csv") == 200
    assert sun.page.splitlines() == [
        "\ufeffLine,Column,Why,Remedy",
        (
            "3,Telephone numbers,Another customer has this number.,"
            '"If both have it, say so in the column of shared numbers; else merge them."'
        ),
        "4,Full name,This begins like a formula.,Take the first character away.",
        "5,Branch,This is of a branch that is not yours.,Ask somebody of that branch.",
    ]
    (found,) = (await house.service.web.customers.directory.named("王强", None)).customers
    assert found.details.branch == "north"
    other = await comes(house, "qian", Role.SUPERVISOR, "south")
    assert await other.get(where) == 404
    await other.get("/customers/lists")
    assert "list.csv" not in other.page


async def test_what_is_no_list_is_refused_on_the_page(house: House) -> None:
    root = await comes(house, "root", Role.ADMINISTRATOR)
    await root.get("/customers/lists")
    for content, said, fields in (
        (b"a,b\n1,2", "The first line has to say", {}),
        ("姓名,电话".encode("utf-16"), "The file is UTF-16", {}),
        (b"name,phone\n", "Choose a branch of yours", {"branch": "mars"}),
    ):
        assert await sent(house, root, content, **fields) == 400
        assert said in root.page
    assert await root.sends("/customers/lists", branch="north") == 400
    assert "Choose a CSV file." in root.page
    good = root.page
    root.page = re.sub(r'(name="form" value=")\w+', r"\1forged", root.page)
    assert await sent(house, root, b"name,phone\n") == 403
    root.page = good
    assert await sent(house, root, b"name,phone\nx,1\n", name="\u202e<b>.csv", extra="y" * 9_000) == 403
    root.page = good
    assert await sent(house, root, b"name,phone\nx,1\n", name="<b>.csv") == 303
    await done(root, root.where)
    await root.get("/customers/lists")
    assert "&lt;b&gt;.csv" in root.page


async def test_an_endless_file_is_cut_off(house: House) -> None:
    root = await comes(house, "root", Role.ADMINISTRATOR)
    await root.get("/customers/lists")
    assert await sent(house, root, b"name,phone\n" + b"x" * (64 * 1024 * 1024)) == 400
    assert "larger than 64 MiB" in root.page
