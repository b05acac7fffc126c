"""The desk of an account, in the whole application: who calls is shown, what he called about before, and who saw it."""

from __future__ import annotations

import asyncio

import pytest

from handlers.http.doorkeeper import PLAIN_COOKIE
from telephony.ami.settings import SystemClock
from telephony.cases.store import CallStore
from telephony.cases.trail import Wanted
from telephony.people.audit import Entry
from telephony.people.roles import Role, Scope
from tests.db.test_people_pages import Browser, House, administrator, house
from tests.screenpop.test_board import ringing
from tests.support.calls import call, visit

__all__ = ["house"]
pytestmark = pytest.mark.db


async def seen(house: House, verb: str) -> list[Entry]:
    """What is in the trail of that kind."""
    known = house.service.web.people
    assert await known.trail.flush()
    return [one.entry for one in await known.trails.page(Wanted(verb=verb), 10)]


@pytest.mark.parametrize("by", ["session", "token", "desk"])
async def test_who_is_shown_a_callers_history_is_written_down_with_the_call_and_without_the_number(
    house: House, database: str, by: str
) -> None:
    store = CallStore(database)
    await store.save([call(visit(), number=1)])
    await store.close()
    browser, account = await administrator(house), await house.adds("zhang", Role.AGENT, desk="1001")
    headers = {"Origin": house.origin}
    if by == "session":
        agent = Browser(house)
        await agent.signs_in("zhang")
        headers["Cookie"] = f"{PLAIN_COOKIE}={agent.cookies[PLAIN_COOKIE]}"
    elif by == "token":
        await browser.get(f"/admin/users/{account.id}")
        await browser.sends(
            f"/admin/users/{account.id}", do="make-token", title="softphone", scope=Scope.DESK.value, days="1"
        )
        headers = {"Authorization": f"Bearer {browser.page.split('<code>')[1].split('</code>')[0]}"}
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(house.service.web.screens.run())
        async with house.session.ws_connect(house.server.make_url("/ws"), headers=headers) as socket:
            if by != "token":
                token = "token-of-the-desk-1001" if by == "desk" else ""
                await socket.send_json({"type": "hello", "v": 1, "token": token})
            assert (await socket.receive_json(timeout=10))["agent"]["name"] == "1001"
            now = ringing(7)
            house.service.web.screens.follow(now, SystemClock().monotonic().total_seconds())
            async with asyncio.timeout(10):
                told = await socket.receive_json()
                while told["type"] != "earlier" or told["earlier"]["state"] == "asking":  # who calls may come first
                    told = await socket.receive_json()
        running.cancel()
    assert (told["earlier"]["state"], told["earlier"]["total"]) == ("known", 1)
    [entry] = await seen(house, "history_seen")
    assert (entry.who, entry.whom, entry.branch) == ("agent 1001" if by == "desk" else "zhang", str(now.id), "north")
    assert entry.remote == "127.0.0.1"
    assert now.caller not in repr(entry)
