"""What a PBX tells, judged."""

from datetime import timedelta

import pytest

from handlers.checks import names, pbx
from handlers.checks.findings import Result, Subject
from telephony.ami.inspection import FellSilent, Heard, QueueMember
from telephony.ami.line import Fault, LinkFailed
from tests.support.checks import PBX, bad, config_of, good, judged


def test_a_pbx_that_is_as_it_should_be_has_no_finding() -> None:
    assert bad(judged(good())) == []


@pytest.mark.parametrize(
    ("told", "result"),
    [
        ("22.10.1+dfsg+~cs6", "ok"),
        ("18.12.0", "ok"),
        ("20.0.0", "ok"),
        ("21.3.1", "ok"),
        ("16.30.0", "fault"),
        ("18.11.9", "fault"),
        ("19.8.1", "fault"),
        ("13.38.3", "fault"),
        ("23.0.0", "warning"),
        ("18.9-cert14", "warning"),
        ("certified/18.9-cert4", "warning"),
        ("16.8-cert14", "fault"),
        ("20.7-cert2", "ok"),
        ("GIT-master-abc", "not checked"),
        (None, "not checked"),
    ],
)
def test_the_floor_of_versions(told: str | None, result: str) -> None:
    assert pbx.version(Subject("pbx1"), told).result == result


def test_a_name_that_is_missing_or_another_is_a_fault_where_events_are_refused_for_it() -> None:
    lenient = config_of(pbxs=[PBX | {"strict": False}])
    for name, words in (("", "has no systemname"), ("pbx9", "its systemname is 'pbx9', not 'pbx1'")):
        seen = good()
        seen.systemname = name
        [strict] = [each for each in judged(seen) if each.point == "systemname"]
        [loose] = [each for each in judged(seen, lenient) if each.point == "systemname"]
        assert (strict.result, loose.result) == (Result.FAULT, Result.WARNING)
        assert strict.what.startswith(words)
        assert strict.what.endswith("every event is refused")
        assert "every event" not in loose.what


def test_stamps_are_judged_on_the_first_event() -> None:
    seen = good()
    seen.heard = Heard(unstamped=1, stamped=1, classes={"agent", "call", "user"})
    assert bad(judged(seen)) == [("fault", "timestampevents")]
    assert bad(judged(seen, config_of(pbxs=[PBX | {"strict": False}]))) == [("warning", "timestampevents")]
    seen.heard = Heard()
    silent = [each for each in judged(seen) if each.result is Result.NOT_CHECKED]
    assert [each.point for each in silent] == ["timestampevents", "ami-read"]
    assert "within 10 s" in silent[0].remedy
    assert any("--wait 0" in each.remedy for each in judged(seen, listen=0))
    seen.heard = Heard(stamped=1, classes={"agent", "call", "user", "dialplan"})
    assert bad(judged(seen)) == [("warning", "ami-read")]


def test_rights_that_are_missing_or_too_many() -> None:
    seen = good()
    seen.booted, seen.channels = False, False
    assert bad(judged(seen)) == [("fault", "booted"), ("fault", "ami-write")]
    assert "lacks read = system" in judged(seen)[3].what
    seen.started = False
    assert "still starting" in judged(seen)[3].what
    seen = good()
    seen.actions = None
    assert bad(judged(seen)) == [("not checked", "ami-too-much")]
    many = {f"Some{n}": frozenset({"system"}) for n in range(9)}
    seen.actions = many | {"Hangup": frozenset({"call"}), "Originate": frozenset({"originate"})}
    [finding] = [each for each in judged(seen) if each.result is Result.FAULT]
    assert finding.point == "ami-too-much"
    assert finding.what.endswith("can also Originate, Hangup, Some0, Some1, Some2 and 6 more")


@pytest.mark.parametrize(
    ("ahead", "doubt", "result"),
    [(1.9, 0.0, "ok"), (-1.9, 0.0, "ok"), (2.1, 0.0, "fault"), (-30, 0.0, "fault"), (3, 1.5, "ok")],
)
def test_clocks_may_be_two_seconds_apart_and_the_way_is_allowed_for(ahead: float, doubt: float, result: str) -> None:
    seen = good()
    seen.ahead, seen.doubt = timedelta(seconds=ahead), timedelta(seconds=doubt)
    [finding] = [each for each in judged(seen) if each.point == "clock"]
    assert finding.result == result
    assert result == "ok" or ("ahead of" if ahead > 0 else "behind") in finding.what


def test_a_clock_and_a_name_that_are_not_told_are_not_checked() -> None:
    seen = good()
    seen.ahead = seen.systemname = None
    assert bad(judged(seen)) == [("not checked", "systemname"), ("not checked", "clock")]


def test_queues_that_are_not_there_and_without_members() -> None:
    seen = good()
    seen.queues, seen.members, seen.realtime = {}, (), True
    assert bad(judged(seen)) == [("warning", "queues")]
    seen.queues = None
    assert bad(judged(seen)) == [("fault", "queues")]
    seen.actions = {}
    assert "app_queue is not loaded" in next(each.what for each in judged(seen) if each.point == "queues")
    seen = good()
    seen.queues = {"support": 0, "empty": 0}
    assert "queue has no member now: empty" in [each.what for each in judged(seen)]
    seen.queues["bare"] = 0
    assert "2 queues have no member now: empty, bare" in [each.what for each in judged(seen)]


def test_members_whom_nobody_can_ring() -> None:
    seen = good()
    seen.members = (
        QueueMember("support", "A", "PJSIP/9", "4"),
        QueueMember("sales", "A", "PJSIP/9", "4"),
        QueueMember("support", "B", "PJSIP/8", "5"),
        QueueMember("support", "C|D", "PJSIP/7", "1"),
    )
    found = [each for each in judged(seen) if each.result is not Result.OK]
    assert [each.what for each in found] == [
        "A in support, sales is PJSIP/9, which the PBX does not know: that phone never rings",
        "unavailable: B (PJSIP/8)",
        "names of members hold |, which separates the fields of queue_log: C|D",
    ]
    assert bad(found) == [("fault", "queue-members"), ("warning", "queue-members"), ("fault", "queue-members")]


def test_a_line_across_the_network_wants_tls_and_may_want_agi() -> None:
    seen = good()
    seen.peer = "10.0.0.5"
    assert bad(judged(seen)) == [("warning", "ami-tls"), ("warning", "agi-allow")]
    assert bad(judged(seen, config_of(pbxs=[PBX | {"tls": True}]))) == [("warning", "agi-allow")]
    open_agi = {"agi": {"listen": "10.0.0.1:4573"}}
    assert bad(judged(seen, config_of(**open_agi))) == [("warning", "ami-tls"), ("warning", "agi-allow")]
    allowed = {"agi": {"listen": "10.0.0.1:4573", "allow": ["10.0.0.0/8"]}}
    assert bad(judged(seen, config_of(**allowed))) == [("warning", "ami-tls")]
    seen.peer = "a socket"
    assert bad(judged(seen, config_of(**open_agi))) == [("warning", "ami-tls")]


@pytest.mark.parametrize(
    ("peer", "listen", "allow", "expected"),
    [
        ("127.0.0.1", "127.0.0.1:4573", ["127.0.0.0/8"], []),
        ("127.0.0.1", "127.0.0.1:4573", ["10.0.0.0/8"], [("fault", "agi-allow")]),
        ("::1", "127.0.0.1:4573", ["127.0.0.0/8"], []),
        ("127.0.0.1", "[::1]:4573", ["127.0.0.0/8"], [("fault", "agi-allow")]),
        ("127.0.0.1", "localhost:4573", ["127.0.0.0/8"], []),
        ("127.0.0.1", "0.0.0.0:4573", ["10.0.0.0/8"], [("warning", "agi-allow")]),
        ("127.0.0.1", "10.0.0.1:4573", ["127.0.0.0/8"], [("warning", "agi-allow")]),
        ("127.0.0.1", "10.0.0.1:4573", ["10.0.0.0/8"], []),
    ],
)
def test_a_pbx_on_this_machine_must_be_let_in_too(
    peer: str, listen: str, allow: list[str], expected: list[tuple[str, str]]
) -> None:
    seen = good()
    seen.peer = peer
    assert bad(judged(seen, config_of(agi={"listen": listen, "allow": allow}))) == expected


def test_a_pbx_elsewhere_cannot_ask_who_listens_to_this_machine_alone() -> None:
    seen = good()
    seen.peer = "10.0.0.5"
    [finding] = [each for each in judged(seen, config_of(agi={"allow": ["10.0.0.0/8"]})) if each.point == "agi-allow"]
    assert finding.result is Result.WARNING
    assert finding.what.startswith("its address is 10.0.0.5, and agi.listen = '127.0.0.1:4573' is reached from this")


def test_one_that_greets_and_then_says_nothing_is_told_apart_from_what_is_no_manager() -> None:
    stuck = pbx._no_line(config_of().pbx[0], FellSilent(Fault.SILENT, "the PBX said nothing for 5 s"))
    other = pbx._no_line(config_of().pbx[0], LinkFailed(Fault.SILENT, "the PBX said nothing for 5 s"))
    assert "core show uptime" in stuck.remedy
    assert "is this the manager interface" in other.remedy


@pytest.mark.parametrize(
    ("fault", "said", "point", "remedy"),
    [
        (Fault.UNREACHABLE, "connection refused", "ami-line", "does Asterisk run"),
        (Fault.TLS, "no TLS: wrong version number", "ami-line", "tls = true"),
        (Fault.NOT_AMI, "this is no Asterisk manager", "ami-line", "5038"),
        (Fault.REFUSED, "login as 'x' refused (no): check name", "ami-login", "manager show user threerings"),
        (Fault.REFUSED, "login as 'x' refused (Login Already In Use): check name", "ami-login", "allowmultiplelogin"),
        (Fault.REFUSED, "no reason", "ami-login", "check the account"),
    ],
)
def test_a_line_that_is_not_to_be_had_names_its_remedy(fault: Fault, said: str, point: str, remedy: str) -> None:
    finding = pbx._no_line(config_of().pbx[0], LinkFailed(fault, said))
    assert (finding.result, finding.point) == (Result.FAULT, point)
    assert remedy in finding.remedy


def test_names_are_compared_with_all_pbxs() -> None:
    config = config_of(
        pbxs=[PBX, PBX | {"name": "pbx2", "trunks": []}],
        queue=[{"name": "support"}, {"name": "Support"}],
        number=[{"dialled": "4001", "queue": "sales"}, {"dialled": "4002"}],
        branch=[{"name": "b", "queues": ["support", "other"]}],
        line=[
            {"name": "known", "interface": "PJSIP/8001"},
            {"name": "unknown", "interface": "PJSIP/8002"},
            {"name": "odd", "interface": "DAHDI/1"},
            {"name": "none", "interface": "8001"},
        ],
    )
    one, two = good(), good()
    one.devices = {"PJSIP/8001": "INVALID", "PJSIP/8002": "INVALID", "DAHDI/1": "INVALID", "PJSIP/trunk": "INVALID"}
    two.devices = {"PJSIP/8001": "UNAVAILABLE", "PJSIP/8002": "INVALID", "DAHDI/1": "INVALID"}
    two.queues = {"sales": 0}
    found = names.look(config, {"pbx1": one, "pbx2": two})
    assert [(each.result.value, each.what.split(":")[0]) for each in found] == [
        ("fault", "trunks"),
        ("warning", "no trunks are named"),
        ("fault", "queue[1].name = 'Support'"),
        ("fault", "branch[0].queues = 'other'"),
        ("ok", "line 'known'"),
        ("fault", "line 'unknown'"),
        ("not checked", "line 'odd'"),
        ("fault", "line 'none'"),
    ]
    half = names.look(config, {"pbx1": one, "pbx2": None})
    assert bad(half) == [("fault", "trunks"), ("not checked", "names")]
    no_queue = good()
    no_queue.queues = {}
    [missing] = names.look(config_of(queue=[{"name": "q"}]), {"pbx1": no_queue})[1:]
    assert missing.remedy == "add it to queues.conf"
    no_queue.realtime = True
    assert bad(names.look(config_of(queue=[{"name": "q"}]), {"pbx1": no_queue})) == [("not checked", "names")]


def test_a_trunk_that_is_no_interface_is_told_and_nothing_named_is_fine() -> None:
    assert bad(names.look(config_of(pbxs=[PBX | {"trunks": ["trunk"]}]), {"pbx1": good()})) == [("fault", "trunks")]
    assert bad(names.look(config_of(), {"pbx1": None})) == []
    assert bad(names.look(config_of(), {"pbx1": good()})) == []
