"""`/api/v1/cases` and `/api/v1/callbacks` of the whole application on a real PostgreSQL, as programs use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest

from handlers.http.api.cases.refusals import REASONS
from telephony.calls.record import CallRecord, Outcome
from telephony.cases.trail import Wanted
from telephony.people.audit import Verb
from telephony.people.roles import Role
from tests.support.calls import call, visit
from tests.support.caseapi import CaseHouse, case_house
from tests.support.casework import COMPLAINT, ENQUIRY, NOW

pytestmark = pytest.mark.db

CANARY = "13800138000"
NORTH = call(visit(), number=1, caller=CANARY)
SOUTH = call(visit(queue="sales"), number=2, caller="02160000002")
AGAIN = call(visit(), number=3, caller=CANARY)


def lost(number: int, queue: str = "support", caller: str = "02166668888") -> CallRecord:
    at = NOW + timedelta(minutes=number)
    one = call(visit(Outcome.ABANDONED, queue=queue), number=number, caller=caller)
    return replace(one, arrived_at=at, ended_at=at + timedelta(minutes=1))


@pytest.fixture
async def house(empty_database: str) -> AsyncIterator[CaseHouse]:
    async with case_house(empty_database) as opened:
        await opened.person("zhang", Role.AGENT, "north", desk="Agent 1001")
        await opened.person("li", Role.AGENT, "north")
        await opened.person("wang", Role.MARKETING, "north")
        await opened.person("zhao", Role.SUPERVISOR, "north")
        await opened.person("sun", Role.AGENT, "south")
        yield opened


async def stepped(house: CaseHouse, who: str, case: str, *steps: dict[str, Any]) -> Any:
    """These steps in turn, each on the version before."""
    found = await house.ask(who, "GET", f"/api/v1/cases/{case}")
    for step in steps:
        path = f"/api/v1/cases/{case}/" + ("steps" if "step" in step else "handover" if "do" in step else "record")
        found = await house.ask(who, "PUT" if path.endswith("record") else "POST", path, step, version=found.etag)
        assert found.status == 200, found
    return found


async def test_a_complaint_goes_through_all_its_steps_and_is_told_with_its_calls_and_history(house: CaseHouse) -> None:
    case = await house.call(NORTH)
    done = await stepped(
        house, "zhang", case,
        {"kind": "complaint", "form": COMPLAINT},
        {"step": "ask_department",
         "contact": {"at": "2026-03-02T09:00:00+08:00", "department": "技术部", "person": "孙工"}},
        {"step": "resume"},
        {"step": "note", "text": "客户希望下午联系"},
        {"step": "plan", "text": "核实录音，两日内答复"},
        {"step": "answer", "text": "已向客户说明"},
        {"step": "return_visit", "channel": "phone", "outcome": "satisfied"},
        {"step": "close"},
        {"step": "archive"},
    )  # fmt: skip
    assert (done.body["state"], done.body["owner"]["name"]) == ("archived", "zhang 先生")
    whole = await house.ask("zhang", "GET", f"/api/v1/cases/{case}")
    assert whole.etag == done.etag
    assert [one["what"] for one in whole.body["history"]][-4:] == ["answered", "visit_made", "closed", "archived"]
    assert whole.body["calls"][0]["caller"] == CANARY
    assert whole.body["form"]["fund_account"] == "10086"
    assert (whole.body["masked"], whole.body["moves"]) == (False, [])
    noted = next(one for one in whole.body["history"] if one["what"] == "noted")
    assert noted["detail"] == {"text": "客户希望下午联系"}


async def test_every_refusal_is_told_by_a_stable_type_in_two_languages(house: CaseHouse) -> None:
    case = await house.call(NORTH)
    path = f"/api/v1/cases/{case}"
    owned = await stepped(house, "zhang", case, {"kind": "enquiry", "form": {"brief": "x"}, "advice": True})

    async def refused(who: str, where: str, body: Any, method: str = "POST", **more: Any) -> tuple[int, str]:
        answer = await house.ask(who, method, f"{path}{where}", body, **{"version": owned.etag} | more)
        assert answer.body["title"]
        assert answer.body["title_zh"]
        assert answer.body["title_zh"] == REASONS[answer.problem].title_zh
        return answer.status, answer.problem

    assert await refused("zhang", "/steps", {"step": "close"}) == (409, "state")
    assert await refused("zhang", "/steps", {"step": "answer", "text": "x"}) == (409, "lacking")
    assert await refused("zhang", "/steps", {"step": "plan", "text": "x"}) == (409, "plan")
    assert await refused("li", "/steps", {"step": "take"}) == (409, "owner")
    assert await refused("zhang", "/handover", {"do": "offer", "to": "wang"}) == (409, "separation")
    assert await refused("zhang", "/handover", {"do": "offer", "to": "nobody"}) == (409, "nobody")
    assert await refused("zhang", "/handover", {"do": "accept"}) == (409, "handover")
    assert await refused("zhang", "/handover", {"do": "refuse"}) == (400, "bad-request")
    assert await refused("zhang", "/steps", {"step": "reopen", "text": " "}) == (400, "bad-request")
    assert await refused("zhang", "/steps", {"step": "take", "more": 1}) == (400, "bad-request")
    assert await refused("zhang", "/steps", {"step": "take"}, version=None) == (428, "no-version")
    assert await refused("zhang", "/steps", {"step": "take"}, version="7") == (400, "bad-request")
    assert await refused("zhang", "/steps", {"step": "take"}, key="two words") == (400, "bad-request")
    assert await refused("zhang", "/split", {"calls": [str(NORTH.id)]}) == (400, "no-idempotency-key")
    assert await refused("zhang", "/split", {"calls": [str(NORTH.id)]}, key="k") == (409, "state")
    assert await refused("zhang", f"/calls/{SOUTH.id}", None, "PUT") == (404, "not-found")
    assert await refused("zhang", f"/calls/{NORTH.id}", None, "DELETE") == (409, "state")
    lacking = await house.ask("zhang", "POST", f"{path}/steps", {"step": "answer", "text": "x"}, version=owned.etag)
    assert lacking.body["errors"] == [{"field": "handling", "detail": "has to be filled in first"}]
    stale = await house.ask("zhang", "POST", f"{path}/steps", {"step": "ask_caller"}, version='"1"')
    assert (stale.status, stale.problem, stale.etag) == (412, "stale", owned.etag)
    assert stale.body["case"]["version"] == owned.body["version"]
    text = await house.session.put(
        house.server.make_url(f"{path}/record"), data="x",
        headers={"Authorization": f"Bearer {house.tokens['zhang']}", "If-Match": "*"},
    )  # fmt: skip
    assert text.status == 415


async def test_a_hand_over_is_offered_refused_and_accepted_and_both_see_it_in_their_list(house: CaseHouse) -> None:
    case = await house.call(NORTH)
    await stepped(house, "zhang", case, {"kind": "enquiry", "form": ENQUIRY}, {"do": "offer", "to": "li"})
    offered = await house.ask("li", "GET", "/api/v1/cases?offered_to=me")
    assert [one["id"] for one in offered.body["cases"]] == [case]
    mine = await house.ask("zhang", "GET", "/api/v1/cases?owner=me&kind=enquiry&state=open&worked=true")
    assert [one["id"] for one in mine.body["cases"]] == [case]
    await stepped(house, "li", case, {"do": "refuse", "reason": "今天休假"})
    await stepped(house, "zhang", case, {"do": "offer", "to": "li"})
    done = await stepped(house, "li", case, {"do": "accept"})
    assert done.body["owner"]["name"] == "li 先生"


async def test_what_is_not_in_his_branch_is_not_there_for_him_whatever_he_does(house: CaseHouse) -> None:
    case, other = await house.call(NORTH), await house.call(SOUTH)
    path = f"/api/v1/cases/{case}"
    body = {
        "/record": {"kind": "query"}, "/steps": {"step": "take"}, "/handover": {"do": "withdraw"},
        "/merge": {"into": other}, "/unmerge": None, "/split": {"calls": [str(NORTH.id)]},
        f"/calls/{SOUTH.id}": None, "": None,
    }  # fmt: skip
    for where, told in body.items():
        methods = {"/record": ["PUT"], f"/calls/{SOUTH.id}": ["PUT", "DELETE"], "": ["GET"]}.get(where, ["POST"])
        for method in methods:
            found = await house.ask("sun", method, path + where, told, version="*", key="a")
            assert (found.status, found.problem) == (404, "not-found"), (method, where)
            missing = await house.ask("sun", method, f"/api/v1/cases/{NORTH.id}{where}", told, version="*", key="a")
            assert missing.body == found.body
    for asked in ("", "?branch=north", f"?owner={NORTH.id}"):
        assert case not in str((await house.ask("sun", "GET", f"/api/v1/cases{asked}")).body)
    found = await house.ask("sun", "POST", "/api/v1/cases/search", {"text": CANARY})
    assert found.body == {"cases": [], "next": None}
    opened = await house.ask("sun", "POST", "/api/v1/cases", {"branch": "north"}, key="k")
    assert (opened.status, opened.problem) == (404, "not-found")
    stolen = await house.ask("sun", "POST", "/api/v1/cases", {"branch": "south", "call": str(NORTH.id)}, key="k")
    assert (stolen.status, stolen.problem) == (404, "not-found"), "whoever joins a call sees who called"


async def test_each_role_reaches_every_route_in_its_branch_and_none_in_another(house: CaseHouse) -> None:
    case, other = await house.call(NORTH), await house.call(SOUTH)
    await house.call(lost(7))
    for role in Role:
        await house.person(f"{role.value}-own", role, "north")
        await house.person(f"{role.value}-other", role, "south")
    (work,) = (await house.ask("zhao", "GET", "/api/v1/callbacks")).body["callbacks"]
    one, back = f"/api/v1/cases/{case}", f"/api/v1/callbacks/{work['id']}"
    routes = [
        ("GET", one, None), ("PUT", f"{one}/record", {"kind": "query"}), ("POST", f"{one}/steps", {"step": "take"}),
        ("POST", f"{one}/handover", {"do": "accept"}), ("POST", f"{one}/merge", {"into": case}),
        ("POST", f"{one}/unmerge", None), ("POST", f"{one}/split", {"calls": [str(NORTH.id)]}),
        ("PUT", f"{one}/calls/{NORTH.id}", None), ("DELETE", f"{one}/calls/{NORTH.id}", None),
        ("GET", back, None), ("POST", f"{back}/claim", None), ("POST", f"{back}/release", None),
        ("POST", f"{back}/attempts", {"result": "busy"}), ("POST", f"{back}/give-up", None),
    ]  # fmt: skip
    wrong = []
    for role in Role:
        for method, path, body in routes:
            own = await house.ask(f"{role.value}-own", method, path, body, version='"999"', key="k")
            theirs = await house.ask(f"{role.value}-other", method, path, body, version='"999"', key="k")
            there = 200 if method == "GET" else 412  # so nothing is changed for who asks next
            if (own.status, theirs.status) != (there, there if role is Role.ADMINISTRATOR else 404):
                wrong.append((role.value, method, path, own.status, theirs.status))
        for path, words in (("/api/v1/cases", (case, other)), ("/api/v1/callbacks", (work["id"], ""))):
            mine = str((await house.ask(f"{role.value}-own", "GET", path)).body)
            alien = str((await house.ask(f"{role.value}-other", "GET", path)).body)
            everywhere = role is Role.ADMINISTRATOR
            assert (words[0] in mine, words[0] in alien, words[1] in alien) == (True, everywhere, True), (role, path)
    assert not wrong


async def test_a_case_is_opened_once_joined_split_and_merged(house: CaseHouse) -> None:
    case, _ = await house.call(NORTH), await house.call(AGAIN)
    first = await house.ask("zhang", "POST", "/api/v1/cases", {"branch": "north"}, key="letter-17")
    again = await house.ask("zhang", "POST", "/api/v1/cases", {"branch": "north"}, key="letter-17")
    assert (first.status, again.body["id"]) == (201, first.body["id"])
    assert first.headers["Location"] == f"/api/v1/cases/{first.body['id']}"
    path = first.headers["Location"]
    other = await house.ask("li", "POST", "/api/v1/cases", {"branch": "north"}, key="letter-17")
    assert other.body["id"] != first.body["id"], "nobody's attempts are another's"
    joined = await house.ask("zhang", "PUT", f"{path}/calls/{AGAIN.id}", version=first.etag)
    assert joined.status == 200
    split = await house.ask("zhang", "POST", f"{path}/split", {"calls": [str(AGAIN.id)]}, version=joined.etag, key="s")
    twice = await house.ask("zhang", "POST", f"{path}/split", {"calls": [str(AGAIN.id)]}, version=joined.etag, key="s")
    assert (split.status, twice.body["id"]) == (201, split.body["id"])
    new = split.headers["Location"]
    await house.ask("zhang", "DELETE", f"{new}/calls/{AGAIN.id}", version=split.etag)
    merged = await house.ask("zhang", "POST", f"{new}/merge", {"into": case}, version="*")
    assert (merged.status, merged.body["id"]) == (200, case)
    assert (await house.ask("zhang", "GET", f"/api/v1/cases/{case}")).body["parts"] == [split.body["id"]]
    apart = await house.ask("zhang", "POST", f"{new}/unmerge", version="*")
    assert (apart.status, apart.body["state"]) == (200, "open")


async def test_pages_follow_one_another_and_what_is_asked_wrongly_is_named(house: CaseHouse) -> None:
    numbers = [str((await house.ask("zhang", "POST", "/api/v1/cases", {}, key=f"k{one}")).status) for one in range(2)]
    assert numbers == ["404", "404"], "what belongs to no branch is nobody's who has some"
    for one in range(5):
        await house.ask("zhang", "POST", "/api/v1/cases", {"branch": "north"}, key=f"k{one}")
    found, cursor = [], ""
    for _ in range(3):
        page = (await house.ask("zhang", "GET", f"/api/v1/cases?limit=2{cursor}")).body
        found += [one["id"] for one in page["cases"]]
        cursor = f"&cursor={page['next']}"
    assert len(set(found)) == len(found) == 5
    assert page["next"] is None
    for query in (
        "limit=0", "limit=999", "limit=²", "limit=1&limit=2", "cursor=x", "kind=x", "state=x", "overdue=yes",
        "since=2026-03-02", "until=x", "owner=", "number=13800138000", "since=0001-01-01T00:00:00%2B14:00",
    ):  # fmt: skip
        wrong = await house.ask("zhang", "GET", f"/api/v1/cases?{query}")
        assert (wrong.status, wrong.problem) == (400, "bad-request"), query
        assert wrong.body["errors"][0]["field"] == query.partition("=")[0]
    due = await house.ask("zhang", "GET", "/api/v1/cases?overdue=true&since=2026-03-01T00:00:00+08:00")
    assert due.body == {"cases": [], "next": None}


async def test_nobody_is_rung_by_two_and_the_number_is_told_to_who_rings(house: CaseHouse) -> None:
    await house.call(lost(7))
    listed = await house.ask("zhang", "GET", "/api/v1/callbacks?branch=north")
    (work,) = listed.body["callbacks"]
    assert (work["number"], work["masked"], listed.body["next"]) == ("021******88", True, None)
    path = f"/api/v1/callbacks/{work['id']}"
    taken = await house.ask("zhang", "POST", "/api/v1/callbacks/next", {})
    assert (taken.body["id"], taken.body["number"]) == (work["id"], "02166668888")
    refused = await house.ask("li", "POST", f"{path}/claim")
    assert (refused.status, refused.problem) == (409, "owner")
    assert (await house.ask("li", "POST", "/api/v1/callbacks/next", {"branch": ["north"]})).status == 204
    assert (await house.ask("li", "GET", path)).body["number"] == "021******88"
    assert (await house.ask("zhao", "GET", path)).body["number"] == "02166668888"
    for method, where in (("GET", ""), ("POST", "/claim"), ("POST", "/release"), ("POST", "/give-up")):
        assert (await house.ask("sun", method, path + where)).status == 404
    assert (await house.ask("zhang", "POST", f"{path}/release", version='"0"')).problem == "stale"
    assert (await house.ask("zhang", "POST", f"{path}/attempts", {"result": "busy"}, key="1")).body["attempts"] == 1
    assert (await house.ask("zhang", "POST", f"{path}/give-up")).problem == "lacking"
    assert (await house.ask("zhang", "POST", f"{path}/claim")).body["claimed_by"]["name"] == "zhang 先生"
    assert (await house.ask("zhang", "POST", f"{path}/release")).body["claimed_by"] is None
    assert (await house.ask("zhang", "POST", f"{path}/claim")).status == 200
    done = await house.ask("zhang", "POST", f"{path}/attempts", {"result": "reached", "note": "已说明"})
    assert (done.body["result"], done.body["masked"]) == ("reached", True)
    whole = (await house.ask("zhao", "GET", path)).body
    assert [one["what"] for one in whole["history"]][-2:] == ["claimed", "tried"]
    assert whole["cases"]
    assert (await house.ask("zhang", "GET", "/api/v1/callbacks?overdue=maybe")).status == 400


async def test_a_colleague_sees_masked_numbers_and_all_that_was_seen_or_changed_is_in_the_trail(
    house: CaseHouse, capsys: pytest.CaptureFixture[str]
) -> None:
    case = await house.call(NORTH)
    form = COMPLAINT | {"phone": CANARY, "details": f"请回电 {CANARY}", "fund_account": "88990011"}
    await stepped(house, "zhang", case, {"kind": "complaint", "form": form}, {"step": "note", "text": f"打 {CANARY}"})
    house.told.clear()
    seen = (await house.ask("li", "GET", f"/api/v1/cases/{case}")).body
    assert (seen["masked"], seen["form"]["phone"], seen["form"]["fund_account"]) == (True, "138******00", "889***11")
    found = await house.ask("li", "POST", "/api/v1/cases/search", {"text": CANARY, "kind": ["complaint"]})
    assert [one["id"] for one in found.body["cases"]] == [case]
    await house.ask("li", "GET", "/api/v1/cases")
    assert CANARY not in "".join(house.told)
    people = house.service.web.people
    await people.trail.flush()
    entries = [one.entry for one in await people.trails.page(Wanted(), 100)]
    told = [(one.who, one.verb, one.whom) for one in reversed(entries) if one.verb is not Verb.TOKEN_MADE]
    assert ("li", Verb.CASE_SEEN, case) in told
    assert ("zhang", Verb.CASE_CHANGED, case) in told
    assert ("li", Verb.CASES_SEARCHED, "") in told
    assert CANARY not in str(entries)
    assert CANARY not in "".join(capsys.readouterr())


async def test_what_cannot_be_written_down_is_not_shown(house: CaseHouse) -> None:
    case = await house.call(NORTH)
    async with house.service.web.people.pool.turn() as connection:
        await connection.execute("ALTER TABLE audit RENAME TO gone")
    hidden = await house.ask("zhang", "GET", f"/api/v1/cases/{case}")
    assert hidden.status >= 500
    assert CANARY not in "".join(house.told)


HOSTILE = {
    "{" * 100_000: 400, '{"text": ' + "[" * 100_000: 400, "x" * 2_000_000: 413, "": 400, "null": 400,
    '{"text": "\\ud800"}': 400, '{"text": "a", "limit": true}': 400, '{"text": "\\u0000"}': 200,
    '{"text": "%\'; DROP TABLE cases; --"}': 200, '{"text": "a", "cursor": "MDAwMS0wMS0wMQ=="}': 400,
}  # fmt: skip


async def test_hostile_bodies_are_refused_or_looked_for_as_text(house: CaseHouse) -> None:
    headers = {"Authorization": f"Bearer {house.tokens['zhao']}", "Content-Type": "application/json"}
    url = house.server.make_url("/api/v1/cases/search")
    for body, status in HOSTILE.items():
        async with house.session.post(url, data=BytesIO(body.encode()), headers=headers) as answer:
            assert answer.status == status, (body[:40], await answer.text())
            kind = "application/json" if status == 200 else "application/problem+json"
            assert answer.content_type == kind
