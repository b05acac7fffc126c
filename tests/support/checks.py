"""A PBX that has nothing wrong with it, as `threerings check` sees it, to be spoilt by tests."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from handlers.checks import pbx
from handlers.checks.findings import Finding, Result
from telephony.ami.inspection import Heard, Inspection, QueueMember
from telephony.config import Config

LEAST = frozenset({"reporting"})
PBX = {"name": "pbx1", "username": "threerings", "secret": "hunter2", "trunks": ["PJSIP/trunk"]}


def config_of(*, pbxs: Sequence[dict[str, Any]] = (PBX,), **tree: Any) -> Config:
    return Config.model_validate({"pbx": list(pbxs), **tree})


def good() -> Inspection:
    """What a PBX tells with which everything is as it should be."""
    return Inspection(
        peer="127.0.0.1",
        version="22.1.0",
        systemname="pbx1",
        realtime=False,
        started=True,
        booted=True,
        actions={"QueueStatus": frozenset(), "CoreShowChannels": LEAST},
        queues={"support": 0},
        members=(QueueMember("support", "Agent 1001", "PJSIP/1001", "1"),),
        channels=True,
        devices={"PJSIP/trunk": "NOT_INUSE"},
        ahead=timedelta(milliseconds=5),
        heard=Heard(stamped=3, systemnames={"pbx1"}, classes={"agent", "call", "user"}),
    )


def judged(seen: Inspection, config: Config | None = None, listen: float = 10) -> list[Finding]:
    config = config or config_of()
    return pbx.judge(config, config.pbx[0], seen, timedelta(seconds=listen))


def bad(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(each.result.value, each.point) for each in findings if each.result is not Result.OK]
