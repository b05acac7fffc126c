"""What the model writes is what Asterisk writes: the same headers in the same order as in the recordings."""

from collections import defaultdict

from tests.simulation.deciding import story_of
from tests.simulation.world import play
from tests.support.replay import RECORDINGS

NOT_RECORDED = frozenset({"QueueMemberPause", "FullyBooted"})
"""Said by the model, but (or so: with a stamp, to who logged in earlier) by nobody on the bench."""
TORN = frozenset({"AgentComplete"})
"""May lack the caller's headers, or the agent's: more often than the bench saw."""


def names_of(raw: bytes) -> tuple[str, ...]:
    return tuple(line.split(": ", 1)[0] for line in raw.decode("utf-8", "replace").split("\r\n") if line)


def recorded() -> dict[str, set[tuple[str, ...]]]:
    """By event, the headers that it came with."""
    found = defaultdict(set)
    for path in RECORDINGS.glob("*/ami*.bin"):
        for raw in path.read_bytes().split(b"\r\n\r\n"):
            if raw.startswith(b"Event: ") and b"\r\nTimestamp: " in raw:
                names = names_of(raw)
                found[raw[7 : raw.index(b"\r\n")].decode("utf-8", "replace")].add(names)
    return found


def test_every_event_has_the_headers_of_a_real_one() -> None:
    real = recorded()
    strange = set()
    for seed in range(60):
        for _, raw in play(story_of(seed)).said:
            name = raw[7 : raw.index(b"\r\n")].decode()
            if name not in NOT_RECORDED | TORN and names_of(raw) not in real[name]:
                strange.add((name, names_of(raw)))
    assert not strange


def test_events_come_in_the_order_of_their_stamps() -> None:
    for seed in range(20):
        stamps = [stamp for stamp, _ in play(story_of(seed)).said]
        assert stamps == sorted(stamps)
        assert len(stamps) > 3


def test_the_same_story_gives_the_same_bytes() -> None:
    assert play(story_of(7)).said == play(story_of(7)).said
    assert play(story_of(7)).logged == play(story_of(7)).logged
