"""Pages of cases and call backs of the whole application on a real PostgreSQL, in browsers without a script."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession, DummyCookieJar
from aiohttp.test_utils import TestServer

from handlers.build import build
from handlers.http.doorkeeper import PLAIN_COOKIE
from handlers.people.keyring import hash_of, new_session
from telephony.calls.record import CallRecord, Outcome
from telephony.cases.accounts import Terms
from telephony.cases.keys import Terms as Lasts
from telephony.people.audit import Entry, Verb
from telephony.people.roles import Role
from tests.db.test_people_matrix import HASH, config
from tests.db.test_people_pages import AT, Browser, House
from tests.support.calls import call, visit

pytestmark = pytest.mark.db

CANARY = "13800138000"
HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}=cmd|"


class Office(House):
    """The whole application, its agents signed in."""

    async def person(self, login: str, role: Role, *branches: str, desk: str | None = None) -> Browser:
        known = self.service.web.people
        account = await known.accounts.add(login, Terms(role, frozenset(branches), f"{login} 女士", desk), HASH, AT)
        await known.accounts.set_password(account, HASH, AT, must_change=False)
        secret, hour = new_session(), timedelta(hours=1)
        at = Entry(AT.at, "test", Verb.USER_ADDED)
        await known.keys.open_session(hash_of(secret), account, Lasts(hour, hour), "", "", at)
        return Browser(self, {PLAIN_COOKIE: secret})

    async def call(self, one: CallRecord) -> str:
        """It was saved and looked at; where its case is."""
        await self.service.store.save([one])
        while (await self.service.casework.machine.look(AT.at)).calls:
            pass
        return f"/cases/{one.case}"


@pytest.fixture
async def office(empty_database: str) -> AsyncIterator[Office]:
    from telephony.cases.migrate import migrate  # noqa: PLC0415

    await migrate(empty_database)
    agents = [
        {"name": name, "interfaces": [f"PJSIP/{name}"], "token": f"token-of-the-desk-{name}"}
        for name in ("1001", "1002")
    ]
    service = build(config(agent=agents), empty_database)
    async with TestServer(service.web.app) as server, ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield Office(service, session, server)
    await service.web.close()
    await service.casework.close()
    await service.store.close()


def form(page: str, do: str) -> dict[str, str]:
    """What the hidden fields of one form of a page say."""
    found = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if f'name="do" value="{do}"' in one)
    return {"do": do} | {
        name: re.search(rf'name="{name}" value="([^"]*)"', found)[1]  # type: ignore[index]
        for name in ("key", "version")
    }


async def does(who: Browser, path: str, do: str, **fields: str | list[str]) -> int:
    """He fills in a form of the page that he looks at, and goes where he is led."""
    assert await who.get(path) == 200
    status = await who.sends(path, **form(who.page, do), **fields)
    if status == 303:
        assert await who.get(who.where) == 200
    return status


RECORD = {
    "kind": "enquiry", "name": "王先生", "sex": "male", "phone": CANARY, "brief": "怎样开户", "handling": "已说明流程",
    "topic": "开户", "knows_computers": "some", "knows_trading": "none", "knows_securities": "none",
    "appraisal": "新客户", "verified_by": ["reserved_phone"],
}  # fmt: skip


async def test_an_enquiry_is_recorded_answered_closed_and_archived(office: Office) -> None:
    zhang = await office.person("zhang", Role.AGENT, "north", desk="1001")
    case = await office.call(call(visit(), number=1, caller=CANARY))
    assert await zhang.get("/cases") == 200
    assert case in zhang.page  # to be recorded, by who answered
    assert await does(zhang, case, "record", **{**RECORD, "appraisal": ""}) == 303
    assert "Answer the caller" in zhang.page
    assert await does(zhang, case, "answer", text="两个工作日内办妥") == 303
    assert 'id="why-close"' in zhang.page  # not without the appraisal
    assert (
        "Appraisal of the caller</span>" in re.sub(r"\s+", " ", zhang.page) or "Appraisal of the caller" in zhang.page
    )
    assert await does(zhang, case, "record", **RECORD) == 303
    assert await does(zhang, case, "close") == 303
    assert await does(zhang, case, "archive") == 303
    assert "Nothing is left to do." in zhang.page
    assert "两个工作日内办妥" in zhang.page
    assert CANARY in zhang.page
    verbs = await office.verbs()
    assert {("zhang", "case_seen", case[7:]), ("zhang", "case_changed", case[7:])} <= set(verbs)
    assert all(CANARY not in " ".join(one) for one in verbs)


async def test_what_was_typed_stays_when_somebody_was_faster_or_a_field_is_wrong(office: Office) -> None:
    zhang = await office.person("zhang", Role.AGENT, "north", desk="1001")
    case = await office.call(call(visit(), number=1))
    assert await zhang.get(case) == 200
    early = form(zhang.page, "record")
    assert await does(zhang, case, "record", kind="query", brief="first window", name="A") == 303
    assert await zhang.sends(case, **early | {"key": "second"}, kind="query", brief="second window", name="A") == 409
    assert "Somebody has changed this meanwhile" in zhang.page
    assert "second window</textarea>" in zhang.page
    assert re.search(r"Now it says:.*first window", zhang.page)
    assert await zhang.sends(case, **form(zhang.page, "record"), kind="query", brief="second window", name="A") == 303
    assert await does(zhang, case, "record", kind="query", brief="x", name="N" * 101) == 409
    assert "N" * 101 in zhang.page
    assert 'aria-invalid="true"' in zhang.page
    assert await does(zhang, case, "record", kind="query", brief="b", handling="h", name="A") == 303
    again = form(zhang.page, "answer")
    assert [await zhang.sends(case, **again, text="twice") for _ in range(2)] == [303, 303]
    assert await zhang.get(case) == 200
    assert zhang.page.count("<bdi>twice</bdi>") == 1  # the same form sent twice is done once


async def test_a_case_is_handed_over_by_offer_and_acceptance_and_not_to_marketing_after_advice(
    office: Office,
) -> None:
    zhang = await office.person("zhang", Role.AGENT, "north", desk="1001")
    li = await office.person("li", Role.AGENT, "south", desk="1002")
    await office.person("wang", Role.MARKETING, "north")
    case = await office.call(call(visit(), number=1, caller=CANARY))
    assert await does(zhang, case, "record", kind="query", brief="b", advice="on") == 303
    assert await li.get(case) == 404  # of another branch
    assert await does(zhang, case, "offer", to="wang") == 409
    assert "Marketing does not own" in zhang.page
    assert await does(zhang, case, "offer", to="nobody") == 409
    assert await does(zhang, case, "offer", to="li") == 303
    assert await li.get("/cases?show=offered") == 200
    assert case in li.page
    assert await does(li, case, "refuse", text="不在岗") == 303
    assert "No case is offered to you." in li.page
    assert await zhang.get(case) == 200
    assert "不在岗" in zhang.page
    assert await does(zhang, case, "offer", to="li") == 303
    assert await does(li, case, "accept") == 303
    assert "Answer the caller" in li.page
    assert await zhang.get(case) == 200
    assert "The case is a colleague" in zhang.page
    assert CANARY not in zhang.page  # masked for who does not own it
    assert await zhang.sends(case, **form(zhang.page, "note"), text="I was first") == 303


async def test_who_was_not_answered_is_called_back_by_one_agent_at_a_time(office: Office) -> None:
    zhang, li = [await office.person(name, Role.AGENT, "north") for name in ("zhang", "li")]
    sun = await office.person("sun", Role.AGENT, "south")
    one = call(visit(Outcome.ABANDONED), number=1, caller=CANARY)
    await office.call(replace(one, ended_at=one.arrived_at + timedelta(minutes=1)))
    assert await zhang.get("/callbacks") == 200
    assert CANARY not in zhang.page
    work = re.search(r"/callbacks/[0-9a-f-]{36}", zhang.page)[0]  # type: ignore[index]
    assert await sun.get(work) == 404
    assert await zhang.get("/callbacks") == await li.get("/callbacks") == 200
    fields = [{"key": re.search(r'name="key" value="([^"]*)"', who.page)[1]} for who in (zhang, li)]  # type: ignore[index]
    got = await asyncio.gather(zhang.sends("/callbacks", **fields[0]), li.sends("/callbacks", **fields[1]))
    assert sorted(got) == [303, 409]  # one has it, for the other there is none
    has, has_not = (zhang, li) if got[0] == 303 else (li, zhang)
    assert await has.get(work) == await has_not.get(work) == 200
    assert CANARY in has.page
    assert CANARY not in has_not.page
    assert 'value="claim"' not in has_not.page
    assert await does(has, work, "tried", result="no_answer", note=HOSTILE) == 303
    assert await does(has_not, work, "claim") == 303
    assert await does(has_not, work, "tried", result="reached", note="") == 303
    assert "Nothing is left to do." in has_not.page
    assert HOSTILE not in has_not.page
    assert await has.sends(work, do="claim") == 409
    assert await has.get("/callbacks") == 200
    assert "Nobody has to be called back." in has.page


async def test_hostile_words_are_text_and_what_is_looked_for_stands_in_no_address(office: Office) -> None:
    zhao = await office.person("zhao", Role.SUPERVISOR, "north")
    case = await office.call(call(visit(), number=1, caller=HOSTILE[:60]))
    assert await does(zhao, case, "record", kind="query", name=HOSTILE, brief=HOSTILE) == 303
    assert await does(zhao, case, "note", text=HOSTILE) == 303
    assert "<img" not in zhao.page
    assert "&lt;img" in zhao.page
    assert await zhao.get("/cases?show=all") == 200
    assert "<img" not in zhao.page
    assert await zhao.sends("/cases/search", text="onerror=alert") == 200
    assert case in zhao.page
    assert "<img" not in zhao.page
    for path in ("/cases?show=x&kind=%00&after=%ff", "/cases/%00", "/cases/nothing", "/callbacks?after=x"):
        assert await zhao.get(path) in {200, 404}, path
    assert await zhao.get(case) == 200
    assert await zhao.sends(case, do="delete", version="9" * 40, key="\x00") == 409
    assert await zhao.sends("/cases", branch="south", key="k") == 404
    assert await zhao.get("/cases") == 200
    assert await zhao.sends("/cases", branch="north", key="k") == 303
    assert re.fullmatch(r"/cases/[0-9a-f-]{36}", zhao.where)
