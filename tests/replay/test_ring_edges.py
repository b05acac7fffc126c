"""Rings at their exact edges: a recorded call whose answer is moved to the microsecond."""

import re
import shutil
from pathlib import Path

import pytest

from tests.support.replay import RECORDINGS, replay

STAMP = re.compile(rb"Timestamp: (\d+)\.(\d{6})")
SECOND = 1_000_000


def stamp_of(message: bytes) -> int:
    """Microseconds."""
    found = STAMP.search(message)
    assert found is not None
    return int(found[1]) * SECOND + int(found[2])


def with_answer_at(folder: Path, event: bytes, after_ringing: int) -> str:
    """The recording `answered`, its events from the answer on moved so that `event` comes so long after the ringing."""
    source = RECORDINGS / "answered"
    shutil.copytree(source, folder / "moved")
    raw = (source / "ami.bin").read_bytes()
    messages = raw.split(b"\r\n\r\n")
    ringing = next(stamp_of(m) for m in messages if b"Event: Newstate" in m and b"ChannelState: 5" in m)
    answer = next(stamp_of(m) for m in messages if b"Event: Newstate" in m and b"PJSIP/1001" in m and b"State: 6" in m)
    named = next(stamp_of(m) for m in messages if event in m and stamp_of(m) >= answer)
    delta = ringing + after_ringing - named

    def moved(found: re.Match[bytes]) -> bytes:
        stamp = int(found[1]) * SECOND + int(found[2])
        stamp += delta if stamp >= answer else 0
        return b"Timestamp: %d.%06d" % divmod(stamp, SECOND)

    (folder / "moved" / "ami.bin").write_bytes(STAMP.sub(moved, raw))
    return str(folder / "moved")


EDGES = [(1, 1), (5 * SECOND, 1), (5 * SECOND + 1, 2), (10 * SECOND, 2), (15 * SECOND, 3), (15 * SECOND + 1, 4)]


@pytest.mark.parametrize(("alerting", "rings"), EDGES)
def test_agent_rings_change_at_the_microsecond(tmp_path: Path, alerting: int, rings: int) -> None:
    (visit,) = replay(with_answer_at(tmp_path, b"Event: Newstate", alerting), with_log=False).visits
    assert visit.offers[0].rings == rings


@pytest.mark.parametrize(("heard", "rings"), EDGES[1:])
def test_caller_rings_change_at_the_microsecond(tmp_path: Path, heard: int, rings: int) -> None:
    (visit,) = replay(with_answer_at(tmp_path, b"Event: AgentConnect", heard), with_log=False).visits
    assert visit.caller_rings == rings
