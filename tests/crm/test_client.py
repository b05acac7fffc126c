"""A CRM asked over real HTTP: what it is told, and that nothing it does can hurt."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from telephony.crm.client import AT_ONCE, FAILURES, Crm, Settings
from telephony.customers.lookup import Found, Known, LookupUnavailable
from telephony.customers.numbers import E164

LI, HAN = E164("+8613800138000"), E164("+8613900139000")
TOLD = {"customers": [{"name": "李雷", "branch": "长治营业部", "value_group": "钻石", "external_id": "K1"}]}


@dataclass
class House:
    """A CRM that answers as it is told to, and remembers what it was asked."""

    asked: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    body: str | bytes | None = None
    silent: bool = False
    freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name: request.headers.get(name, "") for name in ("X-Caller", "Authorization", "Cookie")}
        body = await request.text()
        self.asked.append({"method": request.method, "target": request.raw_path, "body": body, **headers})
        if self.silent:
            await self.freed.wait()
        if self.body is not None:
            return web.Response(body=self.body, status=self.status)
        response = web.json_response(TOLD, status=self.status)
        response.set_cookie("a", "b")
        if 300 <= self.status < 400:
            response.headers["Location"] = "/elsewhere"
        return response


@pytest.fixture
async def house() -> AsyncIterator[tuple[House, str]]:
    house, app = House(), web.Application()
    app.router.add_route("*", "/{any:.*}", house.answer)
    async with TestServer(app) as server:
        yield house, str(server.make_url("/who"))
        house.freed.set()


def crm(url: str, now: list[float] | None = None, **words: object) -> Crm:
    settings = replace(Settings(url, answer_within=timedelta(seconds=5)), **words)  # type: ignore[arg-type]
    return Crm(settings, lambda: timedelta(seconds=now[0] if now else 0))


async def test_by_default_the_number_stands_in_the_body_and_in_no_address(house: tuple[House, str]) -> None:
    here, url = house
    asking = crm(url, token="t0ken-of-the-crm")
    assert await asking.of(LI) == Found((Known("李雷", "长治营业部", "钻石", "K1"),))
    await asking.of(HAN)
    await asking.close()
    first, second = here.asked
    assert first == {
        "method": "POST", "target": "/who", "body": '{"number": "+8613800138000"}', "X-Caller": "",
        "Authorization": "Bearer t0ken-of-the-crm", "Cookie": "",
    }  # fmt: skip
    assert second["Cookie"] == ""  # what it sets is not kept
    assert "t0ken" not in repr(asking._settings)


async def test_the_number_may_stand_in_a_header_or_where_nothing_else_is_possible_in_the_address(
    house: tuple[House, str],
) -> None:
    here, url = house
    for settings in ({"url": url, "header": "X-Caller"}, {"url": url + "/{number}?n={number}"}):
        asking = crm(**settings)
        await asking.of(LI)
        await asking.close()
    assert [(one["method"], one["target"], one["X-Caller"]) for one in here.asked] == [
        ("GET", "/who", "+8613800138000"),
        ("GET", "/who/%2B8613800138000?n=%2B8613800138000", ""),
    ]


async def test_an_answer_holds_for_a_while_also_that_nobody_has_the_number(house: tuple[House, str]) -> None:
    (here, url), now = house, [0.0]
    asking = crm(url, now)
    here.status = 404
    assert await asking.of(LI) == await asking.of(LI) == Found()
    here.status, now[0] = 204, 301.0
    assert await asking.of(LI) == Found()
    assert (asking.asked, asking.remembered, len(here.asked)) == (2, 1, 2)
    await asking.close()


@pytest.mark.parametrize("status", [302, 401, 500])
async def test_no_redirect_is_followed_and_no_other_status_believed(house: tuple[House, str], status: int) -> None:
    here, url = house
    here.status = status
    asking = crm(url)
    with pytest.raises(LookupUnavailable, match=f"status {status}"):
        await asking.of(LI)
    await asking.close()
    assert len(here.asked) == 1


async def test_an_endless_answer_is_cut_off(house: tuple[House, str]) -> None:
    here, url = house
    here.body = b'{"customers": [' + b" " * 3_000_000
    asking = crm(url)
    with pytest.raises(LookupUnavailable, match="65536 bytes"):
        await asking.of(LI)
    await asking.close()


async def test_who_is_silent_is_waited_for_no_longer_than_was_said_and_then_left_alone(
    house: tuple[House, str],
) -> None:
    (here, url), now = house, [0.0]
    here.silent = True
    asking = crm(url, now, answer_within=timedelta(milliseconds=20))
    with capture_logs() as log:
        for _ in range(FAILURES + 3):
            with pytest.raises(LookupUnavailable):
                await asking.of(LI)
        assert (asking.asked, asking.failed, asking.spared) == (FAILURES, FAILURES, 3)
        here.silent, now[0] = False, 31.0
        here.freed.set()
        slow = asking
        slow._settings = replace(slow._settings, answer_within=timedelta(seconds=5))
        assert (await slow.of(LI)).customers
    await asking.close()
    assert [one["event"] for one in log] == ["crm_away", "crm_back"]
    assert "138" not in str(log)


async def test_a_crowd_is_asked_for_some_at_a_time(house: tuple[House, str]) -> None:
    here, url = house
    here.silent = True
    asking = crm(url)
    async with asyncio.TaskGroup() as tasks:
        all_ = [tasks.create_task(asking.of(E164(f"+86139000000{n:02}"))) for n in range(AT_ONCE + 5)]
        while len(here.asked) < AT_ONCE:
            await asyncio.sleep(0)
        assert asking.asked == AT_ONCE
        here.freed.set()
    assert all(one.result().customers for one in all_)
    await asking.close()


async def test_a_crm_that_is_not_there_or_shows_no_certificate_of_ours_is_away(
    house: tuple[House, str], tmp_path: Path
) -> None:
    _, url = house
    for address in (url.replace("http:", "https:"), "http://127.0.0.1:1/", "http://[::1/"):
        asking = crm(address)
        with pytest.raises(LookupUnavailable):
            await asking.of(LI)
        await asking.close()
    with pytest.raises(FileNotFoundError):
        crm(url, certificates=str(tmp_path / "none.pem"))
