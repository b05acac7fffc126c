"""The first page as text: what curl sees."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession, DummyCookieJar
from aiohttp.test_utils import TestServer, make_mocked_request

from handlers.http.pages.overview import Desk, from_this_machine
from handlers.http.pages.overview_view import LONGEST, Titles, Tone, digits, ended, floor, shown
from telephony.calls.facts import MemberState
from telephony.calls.record import CallRecord, Kind, Outcome, Quality
from tests.support.days import TARGETS, answered, o_clock, unanswered
from tests.support.overview import AFTERNOON, HOSTILE, TITLES, Floor, Scene, gauge, kept, missed

NOON = o_clock("12:00")
FIVE = timedelta(seconds=5)


class Visitor:
    """Somebody without a script who reads English."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def read(self, path: str = "/", accept: str = "text/html") -> tuple[int, str]:
        headers = {"Accept-Language": "en", "Accept": accept}
        async with self._session.get(path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def text(self, path: str = "/") -> str:
        """The page's words, without its markup, blanks as one."""
        status, page = await self.read(path)
        assert status == 200
        return " ".join(re.sub(r"<[^>]*>", " ", page).split())


@asynccontextmanager
async def visiting(scene: Scene) -> AsyncIterator[Visitor]:
    async with TestServer(scene.application()) as server:
        jar = DummyCookieJar()
        async with ClientSession(base_url=server.make_url("/"), cookie_jar=jar) as session:
            yield Visitor(session)


# --- the verdict ----------------------------------------------------------------------------------------------------


async def test_the_first_words_are_whether_the_standard_is_kept_and_the_figures_stand_as_text() -> None:
    scene = Scene([answered(1, NOON, wait=12), answered(2, NOON, wait=6.4)])
    await scene.whole_day()
    async with visiting(scene) as visitor:
        _, page = await visitor.read()
        text = await visitor.text()
    assert re.search(r"<h1>([^<]*)</h1>", page)[1].strip() == "The standard is kept today"  # type: ignore[index]
    assert "<title>The standard is kept today" in page
    for words in (
        "0.0% at most 10%",
        "9.2 s less than 30 s · of 2 calls",
        "Unanswered in all",
        "100.0% at least 90% · 2 of 2",
        "as of 15:42:07",
        "2 calls",
    ):
        assert words in text


async def test_what_is_not_kept_is_said_in_words_each_for_itself() -> None:
    scene = Scene([answered(1, NOON, rings=5, wait=40), unanswered(2, NOON, outcome=Outcome.TIMEOUT)])
    await scene.whole_day()
    async with visiting(scene) as visitor:
        text = await visitor.text()
    assert "The standard is not kept today Too many calls stay unanswered. Callers wait too long. Phones ring" in text
    assert "Too many callers give up" not in text
    async with visiting(Scene([unanswered(1, NOON)])) as visitor:
        assert "Too many callers give up." in await visitor.text()


async def test_each_reason_of_the_headline_has_a_figure_a_verdict_and_a_picture_of_its_own() -> None:
    calls = [answered(n, NOON) for n in range(8)] + [unanswered(n, NOON, outcome=Outcome.TIMEOUT) for n in (8, 9)]
    async with visiting(Scene(calls)) as visitor:
        status, page = await visitor.read()
        text = await visitor.text()
    assert (status, page.count('<svg class="plot"')) == (200, 4)
    assert "Callers who gave up Kept 0.0% at most 10% · 0 of 10" in text
    assert "Unanswered in all Not kept 20.0% at most 10% · 2 of 10" in text


async def test_beside_a_figure_that_is_kept_a_last_quarter_of_an_hour_that_is_not_says_so() -> None:
    calls = [answered(n, o_clock("09:00")) for n in range(30)] + [unanswered(30, o_clock("15:40"))]
    async with visiting(Scene(calls)) as visitor:
        text = await visitor.text()
    assert "Callers who gave up Kept 3.2%" in text
    assert "Last 15 minutes: 100.0%, not within the limit." in text
    async with visiting(Scene(calls[:30])) as visitor:
        assert "not within the limit" not in await visitor.text()


@pytest.mark.parametrize(("wait", "axis"), [(13.2, "60 s"), (70.0, "1:20")])
async def test_an_axis_is_in_the_form_of_its_figure(wait: float, axis: str) -> None:
    async with visiting(Scene([answered(1, NOON, wait=wait)])) as visitor:
        _, page = await visitor.read()
    assert f'text-anchor="end">{axis}</text>' in page


async def test_thousands_are_written_alike_everywhere() -> None:
    async with visiting(Scene([answered(n, NOON) for n in range(1_792)])) as visitor:
        text = await visitor.text()
    assert "1792" not in text
    assert text.count("1,792") == 6  # calls, what each figure is of, and those answered within three rings


async def test_before_the_first_call_nothing_is_kept_and_no_figure_is_zero() -> None:
    scene = Scene([])
    await scene.whole_day()
    async with visiting(scene) as visitor:
        text = await visitor.text()
    assert "No calls yet today" in text
    assert "0.0%" not in text
    assert "No call has ended yet." in text


async def test_a_day_that_is_not_wholly_known_is_not_called_today() -> None:
    scene = Scene([answered(1, NOON)])
    async with visiting(scene) as visitor:
        text = await visitor.text()
        assert "The standard is kept 0" not in text
        assert "The standard is kept today" not in text
        assert "Figures since 15:42. Earlier calls of today are not known: the database has not answered." in text
        await scene.whole_day()
        assert "Earlier calls" not in await visitor.text()


async def test_what_is_left_out_is_said_with_its_reason() -> None:
    lost = unanswered(1, NOON, outcome=Outcome.LOST)
    no_wait = answered(2, NOON)
    no_wait = replace(no_wait, visits=(replace(no_wait.visits[0], wait=None),))
    partial = answered(3, NOON)
    partial = replace(partial, visits=(replace(partial.visits[0], caller_rings=None, quality=Quality.PARTIAL),))
    async with visiting(Scene([lost, no_wait, partial])) as visitor:
        text = await visitor.text()
    assert "nobody heard it: the end of 1 call the wait of 1 call the rings of 1 call" in text


# --- who may look ---------------------------------------------------------------------------------------------------


async def test_who_may_not_look_is_asked_to_sign_in_and_a_machine_is_told_so() -> None:
    scene = Scene([])
    scene.seen_by = None
    async with visiting(scene) as visitor:
        assert (await visitor.read("/?branch=x"))[0] == 303
        assert (await visitor.read(accept="application/json"))[0] == 401


async def test_where_everybody_may_look_nobody_is_named() -> None:
    scene = Scene([])
    scene.seen_by = ""
    async with visiting(scene) as visitor:
        assert "Sign out" not in await visitor.text()


@pytest.mark.parametrize(
    ("peer", "host", "more", "may"),
    [
        ("127.0.0.1", "127.0.0.1:8080", {}, True),
        ("127.0.0.1", "localhost:8080", {}, True),
        ("::1", "[::1]:8080", {}, True),
        ("127.0.0.1", "rebound.example.com:8080", {}, False),
        ("127.0.0.1", "192.0.2.7", {}, False),
        ("192.0.2.7", "127.0.0.1", {}, False),
        ("127.0.0.1", "127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, False),
        (None, "127.0.0.1", {}, False),
    ],
)
def test_from_this_machine_is_who_asks_here_for_this_machine_and_through_nobody(
    peer: str | None, host: str, more: dict[str, str], may: bool
) -> None:
    request = make_mocked_request("GET", "/", headers={"Host": host, **more}).clone(remote=peer or "")
    assert from_this_machine(request) is may


# --- what changes ---------------------------------------------------------------------------------------------------


async def test_the_part_that_changes_is_the_same_markup_without_the_shell() -> None:
    scene = missed()
    async with visiting(scene) as visitor:
        _, whole = await visitor.read()
        _, part = await visitor.read("/?part=now")
    assert "<html" not in part
    assert part.strip() in whole


async def test_however_many_look_lines_are_drawn_once_a_second_and_again_when_a_call_has_ended() -> None:
    scene = Scene([answered(1, NOON)])
    async with visiting(scene) as visitor:
        first, again = await visitor.read(), await visitor.read()
        scene.today.follow(unanswered(2, AFTERNOON))
        other = await visitor.read()
        scene.clock.now += timedelta(minutes=16)
        later = await visitor.read()
    assert first == again
    dots = [re.findall(r'<circle class="dot[^>]*>', page) for _, page in (first, other, later)]
    assert [len(each) for each in dots] == [0, 4, 0]  # nobody called in the last quarter of an hour, one did, nobody


async def test_nothing_on_the_page_is_inline() -> None:
    async with visiting(kept()) as visitor:
        _, page = await visitor.read()
    assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\bsrc=)", page)


# --- branches -------------------------------------------------------------------------------------------------------


async def test_a_branch_has_its_own_page_with_its_own_figures_queues_and_calls() -> None:
    calls = [answered(1, NOON), unanswered(2, NOON, queue="sales")]
    scene = Scene(calls, branches=True)
    await scene.whole_day()
    async with visiting(scene) as visitor:
        both, ours = await visitor.text(), await visitor.text("/?branch=changzhi")
        other = await visitor.text("/?branch=jincheng")
        assert (await visitor.read("/?branch=nowhere"))[0] == 404
    assert "not kept today" in both
    assert "not kept today" in other
    assert "The standard is kept today" in ours
    assert ("客户咨询 · 张敏" in ours, "产品销售" in ours) == (True, False)
    assert ("产品销售" in other, "前台" in other, "客户咨询" in other) == (True, True, False)
    assert "长治营业部" in both


async def test_who_is_bound_to_branches_sees_these_and_nothing_of_the_others() -> None:
    scene = Scene([answered(1, NOON), unanswered(2, NOON, queue="sales")], branches=True)
    await scene.whole_day()
    scene.bound = frozenset({"changzhi"})
    async with visiting(scene) as visitor:
        first, named = await visitor.text(), await visitor.text("/?branch=changzhi")
        assert "The standard is kept today" in first
        assert "The standard is kept today" in named
        assert ("All branches" in first, "晋城营业部" in first, "产品销售" in first) == (False, False, False)
        assert (await visitor.read("/?branch=jincheng"))[0] == 403
        assert (await visitor.read("/?branch=nowhere"))[0] == 403
        assert (await visitor.read("/?part=now&branch=jincheng"))[0] == 403
        scene.bound = frozenset({"jincheng", "changzhi"})
        assert "晋城营业部" in await visitor.text()
        scene.bound = frozenset({"closed-down"})
        assert (await visitor.read())[0] == 403


async def test_one_branch_that_has_no_tab_bounds_all_the_same() -> None:
    scene = Scene([unanswered(1, NOON, queue="sales")])
    scene.bound = frozenset({"changzhi"})
    async with visiting(scene) as visitor:
        assert "产品销售" not in await visitor.text()
        assert (await visitor.read("/?branch=jincheng"))[0] == 403


async def test_without_branches_there_are_no_tabs() -> None:
    async with visiting(Scene([])) as visitor:
        assert "All branches" not in await visitor.text()


# --- who waits, who called, where the desks are -----------------------------------------------------------------------


async def test_who_waits_is_shown_by_queue_with_the_oldest_against_three_rings() -> None:
    async with visiting(Scene([])) as visitor:
        text = await visitor.text()
    assert "客户咨询 3 waiting 17 s, the length of 4 rings 1 of 5 agents ready" in text
    assert "产品销售 1 waiting 4 s, the first ring 2 of 2 agents ready" in text
    assert "前台 1 waiting 12 s, the length of 3 rings" in text


async def test_of_a_pbx_that_is_not_heard_nobody_is_shown_as_waiting_and_why_is_said() -> None:
    scene = Scene([])
    scene.floors["pbx1"].trouble = "no line to the PBX"
    async with visiting(scene) as visitor:
        text = await visitor.text()
        assert "PBX pbx1 is not heard" in text
        assert "Waiting now Not known." in text
        scene.floors["pbx2"] = Floor()
        assert "Waiting now Nobody waits." in await visitor.text()


async def test_what_others_chose_is_text_and_numbers_are_masked() -> None:
    calls = [replace(answered(1, NOON, queue=HOSTILE, agent=HOSTILE), caller=HOSTILE)]
    calls.append(replace(answered(2, NOON), caller="+8613800138000"))
    calls.append(replace(answered(3, NOON), caller=""))
    scene = Scene(calls)
    scene.floors["pbx1"] = Floor([gauge(HOSTILE, 1, 3)], trouble="")
    scene.floors[HOSTILE] = Floor(trouble=HOSTILE)
    scene.desks = [Desk(HOSTILE, HOSTILE, "/desk")]
    async with visiting(scene) as visitor:
        _, page = await visitor.read()
        text = await visitor.text()
    assert "<img" not in page
    assert page.count("&lt;img") >= 5
    assert "8613800138000" not in page
    assert "+86*********00" in text
    assert "number withheld" in text


async def test_of_very_many_desks_the_rest_is_folded_away() -> None:
    scene = Scene([])
    scene.desks = [Desk(f"{n}", f"Desk {n}", "/desk") for n in range(24)]
    async with visiting(scene) as visitor:
        assert "<details>" not in (await visitor.read())[1]
        scene.desks += [Desk("24", "Desk 24", "/desk")]
        assert "One more desk" in await visitor.text()
        scene.desks += [Desk(f"{n}", f"Desk {n}", "/desk") for n in range(25, 200)]
        shown, folded = (await visitor.read())[1].split("<details>")
    assert (shown.count('href="/desk"'), folded.count('href="/desk"')) == (24, 176)
    assert 'id="desk-200"' in folded
    assert "176 more desks" in folded


@pytest.mark.parametrize(
    ("agent", "shown"), [("front-desk", ""), ("Agent 1001", "张敏"), ("back-office", "后台"), ("unknown", "unknown")]
)
def test_a_line_is_called_by_its_title_and_once(agent: str, shown: str) -> None:
    titles = Titles(lines={"front-desk": "前台", "back-office": "后台"}, agents={"Agent 1001": "张敏"})
    call = answered(1, NOON, queue="front-desk", agent=agent)
    call = replace(call, visits=(replace(call.visits[0], kind=Kind.DIRECT),))
    row = ended(call, TARGETS, titles)
    assert (row.title, row.agent) == ("前台", shown)


async def test_each_desk_has_a_way_and_what_he_does_now() -> None:
    async with visiting(Scene([])) as visitor:
        text = await visitor.text()
        assert "Desks 张敏 1001 talking 李强 1002 ready 1003" in text
    scene = Scene([])
    scene.desks = []
    async with visiting(scene) as visitor:
        assert "Desks" not in await visitor.text()


# --- as values --------------------------------------------------------------------------------------------------------


def test_queues_of_several_pbxs_are_added_up_and_lines_show_only_while_somebody_waits() -> None:
    gauges = [gauge("support", 2, 4), gauge("support", 1, 9), gauge("front-desk", kind=Kind.DIRECT), gauge("empty")]
    rows = floor(gauges, {("support", MemberState.UNAVAILABLE): 2}, TITLES, FIVE, ["known"])
    assert [(row.title, row.waiting, row.rings, row.ready, row.staffed) for row in rows] == [
        ("empty", 0, 0, 0, 0),
        ("known", 0, 0, 0, 0),
        ("客户咨询", 3, 2, 0, 0),
    ]


@pytest.mark.parametrize(("seconds", "rings"), [(0, 1), (5, 1), (5.1, 2), (15, 3), (15.1, 4)])
def test_a_wait_is_as_many_rings_as_have_begun_in_it(seconds: float, rings: int) -> None:
    [row] = floor([gauge("support", 1, seconds)], {}, Titles(), FIVE)
    assert row.rings == rings


@pytest.mark.parametrize(
    ("call", "outcome", "tone"),
    [
        (answered(1, NOON), "answered", Tone.GOOD),
        (answered(1, NOON, rings=4), "answered", Tone.WARN),
        (unanswered(1, NOON), "abandoned", Tone.BAD),
        (unanswered(1, NOON, outcome=Outcome.BUSY), "busy", Tone.BAD),
        (unanswered(1, NOON, outcome=Outcome.LOST), "lost", Tone.NONE),
    ],
)
def test_how_a_call_stands_to_the_standard(call: CallRecord, outcome: str, tone: Tone) -> None:
    row = ended(call, TARGETS, TITLES)
    assert (row.outcome, row.tone) == (outcome, tone)


async def test_every_outcome_has_its_words() -> None:
    for outcome in Outcome:
        call = answered(1, NOON) if outcome is Outcome.ANSWERED else unanswered(1, NOON, outcome=outcome)
        async with visiting(Scene([call])) as visitor:
            assert (await visitor.read())[0] == 200


def test_text_of_others_is_short_and_shows_what_would_not_be_seen() -> None:
    assert shown("客服\u202e") == "客服\\u202e"
    assert shown("x" * LONGEST) == "x" * LONGEST
    assert len(shown("x" * 10_000)) == LONGEST


def test_a_limit_has_only_the_decimals_that_it_needs() -> None:
    assert [digits(share) for share in (0.1, 0.07, 1.0, 0.125)] == [0, 0, 0, 1]


async def test_the_way_to_the_wallboard_keeps_the_branch() -> None:
    scene = Scene([answered(1, NOON)], branches=True)
    async with visiting(scene) as visitor:
        assert '<a href="/wall">Wallboard</a>' in (await visitor.read("/"))[1]
        assert '<a href="/wall?branch=changzhi">Wallboard</a>' in (await visitor.read("/?branch=changzhi"))[1]
