"""The picture of a branch: its rows, what it does not know, how often it is made."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from handlers.walls.painting import REDRAWN, ROWS
from telephony.calls.record import Kind
from telephony.metrics.gauges import QueueGauge
from tests.support.days import answered, o_clock, unanswered
from tests.support.overview import gauge
from tests.support.walls import Floor, Hall, at_risk, busy_floor

NOON = o_clock("12:00")


def now(hall: Hall, branch: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(hall.painter.paint(branch).now)
    return found


def ids(hall: Hall, branch: str | None = None) -> list[str]:
    return [row["id"] for row in now(hall, branch)["rows"]]


def test_a_branch_has_its_own_queues_and_lines_in_the_order_of_the_configuration() -> None:
    hall = Hall([answered(1, NOON), unanswered(2, NOON, queue="sales")])
    assert ids(hall, "changzhi") == ["queue:support"]
    assert ids(hall, "jincheng") == ["queue:sales", "direct:front-desk"]
    told = now(hall, "jincheng")
    assert (told["calls"], told["waiting"], told["measures"]["abandonment"]["value"]) == (1, 1, 1.0)
    assert [row["title"] for row in told["rows"]] == ["产品销售", "前台"]
    with pytest.raises(KeyError):
        hall.painter.paint("elsewhere")


def test_of_all_branches_every_queue_is_shown_that_there_is_and_phones_together_without_their_names() -> None:
    hall = Hall(
        [answered(1, NOON, queue="old"), answered(2, NOON, queue="Local/13800138000@out", kind=Kind.DIRECT)],
        floors={"pbx1": Floor([gauge("new", 1, 3), gauge("PJSIP/9", 1, 4, Kind.DIRECT)])},
    )
    assert ids(hall) == ["queue:support", "queue:sales", "queue:new", "queue:old", "direct:front-desk", "direct:"]
    *_, phones = now(hall)["rows"]
    assert (phones["title"], phones["waiting"], phones["calls"]) == ("", 1, 1)
    assert "13800138000" not in hall.painter.paint(None).now + hall.painter.paint(None).lines
    assert [row["title"] for row in now(hall)["rows"]][2] == "<new>"


def test_a_queue_whose_name_is_no_utf8_is_shown_and_darkens_no_wall() -> None:
    hall = Hall([answered(1, NOON)], floors={"pbx1": Floor([gauge("\udcbf\udccd", 1, 3)])})
    assert "queue:\ufffd\ufffd" in ids(hall)
    painted = hall.painter.paint(None)
    assert (painted.now + painted.lines).encode()


def crowded(*waiting: QueueGauge) -> Hall:
    """Twenty-three queues and lines more than there is room for on one page."""
    calls = [answered(n, NOON, queue=f"q{n % (ROWS + 20):03}") for n in range(ROWS + 30)]
    return Hall(calls, floors={"pbx1": Floor(list(waiting))})


def test_of_very_many_queues_each_is_on_one_page() -> None:
    hall = crowded()
    pages = [json.loads(hall.painter.paint(None, page).now) for page in (0, 1)]
    assert [(len(one["rows"]), one["more"], one["first"], one["page"], one["pages"]) for one in pages] == [
        (ROWS, 23, 0, 0, 2), (23, ROWS, ROWS, 1, 2),
    ]  # fmt: skip
    shown = [row["id"] for one in pages for row in one["rows"]]
    queues = [f"queue:q{n:03}" for n in range(ROWS + 20)]
    assert shown == ["queue:support", "queue:sales", *queues, "direct:front-desk"]
    assert {one["calls"] for one in pages} == {ROWS + 30}
    drawn = [json.loads(hall.painter.paint(None, page).lines)["rows"] for page in (0, 1)]
    assert [list(one) for one in drawn] == [shown[:ROWS], shown[ROWS:]]


def test_a_page_behind_the_last_is_the_last() -> None:
    assert json.loads(crowded().painter.paint(None, 7).now)["page"] == 1
    assert json.loads(Hall().painter.paint("changzhi", 7).now)["page"] == 0


def test_who_waits_on_another_page_counts_and_where_somebody_waits_too_long_is_named() -> None:
    hall = crowded(gauge("q001", 1, 4), *(gauge(f"q05{n}", 2, 30.0 + n) for n in range(4)), gauge("q058", 1, 29.9))
    told = now(hall)
    assert (told["waiting"], told["oldest_seconds"]) == (10, 33.0)
    assert told["elsewhere"] == {"late": 4, "titles": ["<q053>", "<q052>", "<q051>"]}
    other = json.loads(hall.painter.paint(None, 1).now)
    assert (other["waiting"], other["oldest_seconds"]) == (10, 33.0)
    assert other["elsewhere"] == {"late": 0, "titles": []}
    hall.floors["pbx1"].settled = False
    hall.clock.now += timedelta(seconds=1)
    assert now(hall)["elsewhere"]["late"] == 0


def test_phones_of_nobody_that_wait_on_another_page_are_one_place_without_a_name() -> None:
    told = now(crowded(gauge("PJSIP/13800138000", 1, 50.0, Kind.DIRECT)))
    assert (told["waiting"], told["elsewhere"]) == (1, {"late": 1, "titles": [""]})


def test_a_good_day_with_bad_last_minutes_is_at_risk_and_says_why() -> None:
    told = now(at_risk())
    assert told["outlook"] == "at_risk"
    assert told["measures"]["unanswered"]["why"] == "lately"
    assert told["rows"][0]["outlook"] == "at_risk"


def test_while_a_pbx_is_not_heard_nothing_is_certain_that_may_be_there_and_since_when_is_told() -> None:
    hall = Hall([answered(1, NOON)], floors={"pbx1": busy_floor(), "pbx2": Floor()})
    hall.painter.look()
    assert now(hall)["silent"] == []
    hall.floors["pbx2"].settled = False
    hall.passes(5)
    hall.passes(60)
    told = now(hall)
    assert (told["certain"], told["waiting"]) == (False, None)
    assert told["silent"] == [{"pbx": "pbx2", "since": "2026-03-02T07:42:12.000Z"}]
    assert [row["certain"] for row in told["rows"]] == [True, True, False]
    assert now(hall, "changzhi")["certain"]
    assert not now(hall, "jincheng")["certain"]
    hall.floors["pbx2"].settled = True
    hall.passes(1)
    assert (now(hall)["certain"], now(hall)["silent"]) == (True, [])


def test_a_picture_is_made_once_however_many_ask_and_anew_after_a_while() -> None:
    hall = Hall([answered(1, NOON)])
    first = hall.painter.paint(None)
    assert hall.painter.paint(None) is first
    hall.clock.now += timedelta(seconds=1)
    second = hall.painter.paint(None)
    assert second is not first
    assert second.drawn == first.drawn
    hall.clock.now -= timedelta(hours=1)  # somebody has set the clock
    assert hall.painter.paint(None) is not second


def test_the_pbxs_are_asked_once_for_all_branches() -> None:
    hall = Hall()
    hall.painter.paint("changzhi")
    hall.floors["pbx1"].waiting = []
    assert now(hall, "jincheng")["waiting"] == 1
    hall.clock.now += timedelta(seconds=1)
    assert now(hall, "jincheng")["waiting"] == 0


def test_the_lines_are_drawn_anew_now_and_then_and_when_the_rows_or_the_day_are_others() -> None:
    hall = Hall([answered(1, NOON)])
    drawn = [hall.painter.paint(None).drawn]
    hall.clock.now += REDRAWN
    drawn.append(hall.painter.paint(None).drawn)
    hall.floors["pbx1"].waiting.append(gauge("new"))
    hall.clock.now += timedelta(seconds=1)
    drawn.append(hall.painter.paint(None).drawn)
    hall.clock.now = o_clock("00:00:01", day="2026-03-03")
    drawn.append(hall.painter.paint(None).drawn)
    assert drawn == sorted(set(drawn))
    assert json.loads(hall.painter.paint(None).lines)["whole"]["at"] == []
    hall.painter.keep([(None, 1), ("changzhi", 0)])
    assert hall.painter.paint(None).drawn > drawn[-1]


async def test_a_day_that_is_not_wholly_known_says_since_when() -> None:
    hall = Hall([answered(1, NOON)])
    told = now(hall)
    assert (told["complete"], told["since"]) == (False, "2026-03-02T07:42:07.000Z")
    await hall.whole_day()
    hall.passes(1)
    assert (now(hall)["complete"], now(hall)["since"]) == (True, "2026-03-01T16:00:00.000Z")


def test_with_one_branch_all_of_it_has_its_title_and_with_two_none() -> None:
    one, two = Hall(titles={"changzhi": "长治营业部"}), Hall()
    assert json.loads(one.painter.welcome(None, (), ""))["branch"] == {"name": None, "title": "长治营业部"}
    assert json.loads(two.painter.welcome(None, ("changzhi",), "zhao")) == {
        "type": "welcome",
        "v": 1,
        "branch": {"name": None, "title": None},
        "branches": [{"name": "changzhi", "title": "长治营业部"}],
        "person": "zhao",
        "assets": two.pages.static.version,
        "limits": {
            "abandonment": 0.1, "unanswered": 0.1, "mean_wait": 30.0, "within_rings": 0.9,
            "rings": 3, "ring_seconds": 5.0, "beat_seconds": 2.0,
        },
    }  # fmt: skip
    assert json.loads(two.painter.welcome("jincheng", (), ""))["branch"]["title"] == "晋城营业部"
