"""The web side as the configuration has it: whose desk, what he does, which branch, what is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from handlers.follow import Follower
from handlers.http.site import branches_of, desks_of, premises_of, site_of
from telephony.calls.facts import MemberState
from telephony.calls.record import Kind
from telephony.config import Config

TOKENS = {"1001": "token-of-the-desk-1001", "1002": "token-of-the-desk-1002", "8001": "token-of-the-desk-8001"}


@dataclass
class Floor:
    """A PBX that is heard, or not."""

    states: Mapping[str, MemberState] = field(default_factory=dict)
    synchronised: bool = True

    def phones(self) -> Mapping[str, MemberState]:
        return self.states


def config(**more: Any) -> Config:
    agents = [
        {"name": "1001", "title": "张敏", "interfaces": ["PJSIP/1001", "PJSIP/2001"], "token": TOKENS["1001"]},
        {"name": "1002", "interfaces": ["PJSIP/1002"], "pbx": "pbx2", "token": TOKENS["1002"]},
        {"name": "8001", "interfaces": ["PJSIP/8001"], "token": TOKENS["8001"]},
    ]
    return Config.model_validate({"agent": agents} | more)


def doing(**pbxs: Floor) -> dict[str, MemberState | None]:
    followers = cast("Mapping[str, Follower]", pbxs)
    return {desk.name: desk.doing for desk in desks_of(config(), followers, demo=False)}


def test_what_an_agent_does_is_what_keeps_one_of_his_phones_from_being_free() -> None:
    ready, talking, ringing = MemberState.READY, MemberState.TALKING, MemberState.RINGING
    first = Floor({"PJSIP/1001": ready, "PJSIP/2001": talking, "PJSIP/1002": ringing})
    assert doing(pbx1=first) == {"1001": talking, "1002": None, "8001": None}
    assert doing(pbx1=first, pbx2=Floor({"PJSIP/1002": ready}))["1002"] is ready


def test_of_a_pbx_that_is_not_heard_nothing_is_told() -> None:
    assert set(doing(pbx1=Floor({"PJSIP/1001": MemberState.READY}, synchronised=False)).values()) == {None}


@pytest.mark.parametrize(("demo", "href"), [(True, f"/desk#token={TOKENS['1001']}"), (False, "/desk")])
def test_only_the_demo_hands_out_keys(demo: bool, href: str) -> None:
    desk = desks_of(config(), {}, demo=demo)[0]
    assert (desk.title, desk.href) == ("张敏", href)


def test_one_branch_needs_no_tab_and_two_have_one_each() -> None:
    north = {"name": "north", "title": "城北", "queues": ["support"], "lines": ["front"]}
    line = [{"name": "front", "interface": "PJSIP/8001", "title": "前台"}]
    one, two = config(branch=[north], line=line), config(branch=[north, {"name": "south"}], line=line)
    assert site_of(one, branches_of(one)).branch_titles == {}
    site = site_of(two, branches_of(two))
    assert site.branch_titles == {"north": "城北", "south": "south"}
    assert (site.branches.of(Kind.QUEUE, "support"), site.branches.of(Kind.DIRECT, "front")) == ("north", "north")
    assert site.titles.of(Kind.DIRECT, "front") == "前台"
    assert site.limits.mean_wait == timedelta(seconds=30)


def test_a_wall_shows_the_queues_of_branches_first_and_one_without_a_title_by_its_name() -> None:
    north = {"name": "north", "title": "城北", "queues": ["vip", "support"], "lines": ["front"]}
    queues = [{"name": "night"}, {"name": "support", "title": "客户咨询"}]
    one = config(branch=[north], queue=queues, line=[{"name": "front", "interface": "PJSIP/8001"}])
    premises = premises_of(one, branches_of(one), "build")
    assert list(premises.queues.items()) == [("vip", "vip"), ("support", "客户咨询"), ("night", "night")]
    assert (premises.lines, premises.titles, premises.assets) == ({"front": "front"}, {"north": "城北"}, "build")
    assert premises.limits == site_of(one, branches_of(one)).limits
