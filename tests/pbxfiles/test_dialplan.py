"""Contexts, extensions and their steps."""

from pathlib import Path

import pytest

from telephony.pbxfiles import dialplan as dialplans
from telephony.pbxfiles.dialplan import Dialplan, Step, dialplan
from telephony.pbxfiles.folder import Folder
from telephony.pbxfiles.tree import Place

TEXT = """
[globals]
AGIEXITONHANGUP=yes
[general]
exten => 9,1,NotADialplan()
[template](!)
exten => 8,1,NotADialplan()
[in](template)
same => n,Lost()
exten => 4001,1,Answer
 same => n,Queue(support,t,,,60)
 same = n(label),Set(A=(b),c)
 same => n,Dial,PJSIP/1,20
 same => n,Playback(hello
 same => n
exten => 4001,hint,PJSIP/1001
exten => _X.,n,NoOp()
exten = 4001,5, Hangup ( ) ; done
include => other,9:00-17:00,*,*,*
switch => Realtime/x
ignorepat => 9
[other]
[in]
exten => 5,1,ExecIf($["${X}" = ""]?Queue(a):AGI(agi://h/x))
"""


def plan_of(folder: Path, text: str) -> Dialplan:
    (folder / "extensions.conf").write_text(text)
    return dialplan(Folder(folder).read("extensions.conf"))


def test_a_dialplan_is_contexts_extensions_and_steps_in_order(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, TEXT)
    assert plan.variables == {"AGIEXITONHANGUP": "yes"}
    assert list(plan.contexts) == ["in", "other"]
    inside = plan.contexts["in"]
    steps = [(step.application, step.data) for step in inside.extens["4001"]]
    assert steps == [
        ("answer", ""),
        ("queue", "support,t,,,60"),
        ("set", "A=(b),c"),
        ("dial", "PJSIP/1,20"),
        ("playback", "hello"),
        ("hangup", ""),
    ]
    assert list(inside.extens) == ["8", "4001", "_X.", "5"]
    assert (inside.includes, inside.switches) == (["other"], ["Realtime/x"])
    assert next(inside.steps()).exten == "8"


def test_same_before_any_extension_is_lost(tmp_path: Path) -> None:
    assert plan_of(tmp_path, "[a]\nsame => n,Lost()\n").contexts["a"].extens == {}


@pytest.mark.parametrize(
    ("application", "data", "calls"),
    [
        ("queue", "support", {"queue"}),
        ("execif", '$["${X}" = ""]?Queue(a):AGI(agi://h/x)', {"queue", "agi"}),
        ("tryexec", "Queue(a)", {"queue"}),
        ("noop", "Queue(a)", set()),
    ],
)
def test_what_a_step_calls(application: str, data: str, calls: set[str]) -> None:
    step = Step("in", "s", application, data, Place("x", 1))
    assert {name for name in ("queue", "agi") if step.calls(name)} == calls


def test_where_a_step_may_jump_to(tmp_path: Path) -> None:
    contexts = plan_of(tmp_path, "[a]\n[b]\n[c]\n").contexts
    step = Step("a", "s", "gotoif", "$[1]?b,s,1:c,s,1", Place("x", 1))
    assert list(step.targets(contexts)) == ["b", "c"]
    assert list(Step("a", "s", "noop", "b", Place("x", 1)).targets(contexts)) == []


def test_a_dialplan_without_end_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialplans, "_MAX_STEPS", 2)
    plan = plan_of(tmp_path, "[a]\nexten => 1,1,A()\nexten => 2,1,A()\nexten => 3,1,A()\n")
    assert not plan.complete
    assert list(plan.contexts["a"].extens) == ["1", "2"]
