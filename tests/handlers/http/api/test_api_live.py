"""`/api/v1/live`: who waits and who could answer, and nothing that is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from handlers.http.api.live import Published, picture
from telephony.calls.facts import MemberState
from telephony.calls.record import Kind
from telephony.metrics.gauges import QueueGauge
from telephony.people.roles import Person, Role
from tests.support.api import asking
from tests.support.days import BRANCHES, o_clock
from tests.support.measuring import Archive
from tests.support.overview import gauge

READY, TALKING, PAUSED = MemberState.READY, MemberState.TALKING, MemberState.PAUSED
NOW = o_clock("15:42:07")
HOUSE = Published(
    BRANCHES,
    branch_names=("changzhi", "jincheng"),
    lines={"front-desk": "PJSIP/8001"},
    titles={(Kind.QUEUE, "support"): "客户咨询", (Kind.DIRECT, "front-desk"): "前台", (None, "changzhi"): "长治营业部"},
)


@dataclass
class Floor:
    """What a PBX shows."""

    waiting: list[QueueGauge] = field(default_factory=list)
    phones: dict[tuple[str, str], MemberState] = field(default_factory=dict)
    trouble: str = ""
    silence: timedelta | None = timedelta(seconds=0.5)
    told: dict[str, str] = field(default_factory=dict)

    @property
    def line_states(self) -> Callable[[], Mapping[str, str]]:
        return lambda: self.told

    def queues(self) -> list[QueueGauge]:
        return self.waiting

    def members(self) -> Mapping[tuple[str, str], MemberState]:
        return self.phones


def busy() -> Floor:
    return Floor(
        [gauge("support", 3, 17.5), gauge("sales", 0), gauge("front-desk", 1, 20, Kind.DIRECT)],
        {("support", "PJSIP/1"): READY, ("support", "PJSIP/2"): TALKING, ("sales", "PJSIP/3"): PAUSED},
    )


def shown(branches: set[str] | None = None, **floors: Floor) -> Any:
    return picture(floors, HOUSE, NOW, branches)


def test_a_queue_says_who_waits_since_when_and_who_could_answer() -> None:
    [sales, support] = shown(pbx1=busy())["queues"]
    assert (support["waiting"], support["oldest_wait_seconds"], support["oldest_since"]) == (
        3, 17.5, "2026-03-02T07:41:49.500000Z",
    )  # fmt: skip
    assert {state for state, count in support["agents"].items() if count} == {"ready", "talking"}
    assert (support["title"], support["branch"], support["pbx"]) == ("客户咨询", "changzhi", "pbx1")
    assert (sales["waiting"], sales["oldest_wait_seconds"], sales["title"]) == (0, None, None)


def test_a_line_of_the_configuration_is_there_and_its_phone_known_as_far_as_a_queue_tells() -> None:
    idle, served = Floor(), Floor(phones={("support", "PJSIP/8001"): READY, ("vip", "PJSIP/8001"): PAUSED})
    [line, other] = shown(pbx1=idle, pbx2=served)["lines"]
    assert (line["name"], line["waiting"], line["state"], line["title"]) == ("front-desk", 0, None, "前台")
    assert (other["pbx"], other["state"]) == ("pbx2", "paused")
    served.told = {"front-desk": "ringing"}
    idle.told = {"front-desk": "unknown"}
    assert [one["state"] for one in shown(pbx1=idle, pbx2=served)["lines"]] == [None, "ringing"]


def test_a_branch_sums_its_queues_and_lines_and_counts_each_phone_once() -> None:
    both = busy()
    both.phones |= {("support", "PJSIP/3"): READY}
    more = Floor([gauge("support", 2, 30)], {("support", "PJSIP/1"): READY})
    changzhi, jincheng = shown(pbx1=both, pbx2=more)["branches"]
    assert (changzhi["waiting"], changzhi["oldest_wait_seconds"], changzhi["title"]) == (5, 30.0, "长治营业部")
    assert (changzhi["agents"]["ready"], changzhi["agents"]["talking"]) == (3, 1)
    assert (jincheng["waiting"], jincheng["oldest_wait_seconds"], jincheng["agents"]["paused"]) == (1, 20.0, 1)
    [only] = shown({"jincheng"}, pbx1=both)["branches"]
    assert only["name"] == "jincheng"


def test_a_phone_that_serves_two_queues_of_a_branch_is_ready_only_where_it_is_in_both() -> None:
    published = Published(BRANCHES.__class__({"a": "x", "b": "x"}), ("x",))
    floor = Floor(phones={("a", "PJSIP/1"): READY, ("b", "PJSIP/1"): PAUSED})
    [branch] = picture({"pbx1": floor}, published, NOW)["branches"]  # type: ignore[misc]
    assert {state for state, count in branch["agents"].items() if count} == {"paused"}


def test_of_a_pbx_that_is_not_heard_every_number_is_null_and_so_is_its_branch() -> None:
    deaf = busy()
    deaf.trouble = "no line to the PBX"
    told = shown(pbx1=deaf, pbx2=Floor([gauge("sales", 1, 2)]))
    assert not told["complete"]
    assert told["pbxs"][0] == {
        "name": "pbx1", "heard": False, "trouble": "no line to the PBX", "silent_seconds": 0.5,
    }  # fmt: skip
    support = next(one for one in told["queues"] if one["name"] == "support")
    assert (support["heard"], support["waiting"], support["oldest_wait_seconds"], support["agents"]) == (
        False, None, None, None,
    )  # fmt: skip
    assert all((one["heard"], one["waiting"], one["agents"]) == (False, None, None) for one in told["branches"])


def test_a_branch_of_which_an_unheard_pbx_has_nothing_is_known() -> None:
    deaf = Floor([gauge("support", 1, 2)], trouble="no line to the PBX")
    published = Published(BRANCHES, ("changzhi", "jincheng"))
    told: Any = picture({"pbx1": deaf, "pbx2": Floor([gauge("sales", 1, 2)])}, published, NOW)
    assert [(one["name"], one["waiting"]) for one in told["branches"]] == [("changzhi", None), ("jincheng", 1)]


def test_a_pbx_of_which_nothing_was_ever_heard_may_have_anybodys_queues() -> None:
    unknown = Floor(trouble="no line to the PBX", silence=None)
    published = Published(BRANCHES, ("changzhi", "jincheng"))
    told: Any = picture({"pbx1": unknown, "pbx2": Floor([gauge("sales", 1, 2)])}, published, NOW)
    assert [one["waiting"] for one in told["branches"]] == [None, None]
    assert told["pbxs"][0]["silent_seconds"] is None


async def test_it_is_told_over_http_of_all_or_of_one_branch() -> None:
    async with asking(Archive(now=NOW), {"pbx1": busy()}, HOUSE) as person:
        status, told = await person.get("/api/v1/live")
        assert (status, told["at"], len(told["queues"])) == (200, "2026-03-02T07:42:07.000000Z", 2)
        _, one = await person.get("/api/v1/live", branch="changzhi")
        assert [queue["name"] for queue in one["queues"]] == ["support"]
        assert (await person.get("/api/v1/live", branch="nowhere"))[0] == 404
        assert (await person.get("/api/v1/live", queue="support"))[0] == 400


async def test_names_that_are_no_utf8_are_told_as_far_as_they_can_be() -> None:
    floor = Floor([gauge("\udcbf\udccd", 1, 3), gauge("PJSIP/\udcff", 1, 2, Kind.DIRECT)])
    async with asking(Archive(now=NOW), {"pbx1": floor}, HOUSE) as person:
        status, told = await person.get("/api/v1/live")
    assert (status, [queue["name"] for queue in told["queues"]]) == (200, ["\ufffd\ufffd"])


async def test_who_is_bound_to_a_branch_is_told_of_it_alone() -> None:
    bound = Person("zhao", Role.SUPERVISOR, frozenset({"jincheng"}))
    async with asking(Archive(), {"pbx1": busy()}, HOUSE, person=bound) as zhao:
        status, told = await zhao.get("/api/v1/live")
        assert status == 200
        assert [one["name"] for one in told["branches"]] == ["jincheng"]
        assert {one["branch"] for one in [*told["queues"], *told["lines"]]} == {"jincheng"}
        assert (await zhao.get("/api/v1/live", branch="jincheng"))[1]["queues"] == told["queues"]
        status, told = await zhao.get("/api/v1/live", branch="changzhi")
        assert (status, told["parameter"]) == (403, "branch")


async def test_who_may_not_is_told_so_by_a_program() -> None:
    async with asking(Archive(), {}, HOUSE, person=Person("script", Role.AGENT)) as script:
        status, told = await script.get("/api/v1/live")
        assert (status, "scopes" in told["detail"]) == (403, True)
