"""The codec on what a real Asterisk said: everything is accepted, save what a hostile caller twisted."""

import re
from collections import Counter
from pathlib import Path

import pytest

from telephony.ami.codec import Banner, Codec, Item, Message, Quarantined
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON
from tests.support.replay import RECORDINGS

STREAMS = sorted(RECORDINGS.glob("*/ami*.bin"))


def heard(stream: Path, cut: int) -> tuple[list[Item], Codec]:
    raw = stream.read_bytes()
    named = re.search(rb"\r\nSystemName: (\w+)\r\n", raw)
    codec = Codec(
        ACTED_UPON,
        systemname=named[1].decode() if named else None,
        strict=named is not None,
        listed=LISTED,
        user_events=["QueueResult"],
    )
    return [item for at in range(0, len(raw), cut) for item in codec.feed(raw[at : at + cut])], codec


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: f"{stream.parent.name}/{stream.name}")
def test_every_message_of_a_recording_is_accepted(stream: Path) -> None:
    items, codec = heard(stream, 65_536)
    assert isinstance(items[0], Banner)
    refused = [item for item in items if isinstance(item, Quarantined)]
    # Even where the dialplan cleans the number, the very first event carries it as it came.
    assert bool(refused) == stream.parent.name.startswith("hostile"), refused[:3]
    # Each hostile message is cut in two; neither half is believed, and no genuine one suffers with them.
    heads = [item for item in refused if item.reason.startswith("without")]
    assert 2 * len(heads) <= len(refused)
    told = Counter(item.event for item in items if isinstance(item, Message) and item.event in ACTED_UPON)
    if not refused:
        assert {name: codec.seen[name] for name in told if name != "UserEvent"} == told - Counter(UserEvent=10**6)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: f"{stream.parent.name}/{stream.name}")
@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_it_does_not_matter_how_the_stream_was_cut(stream: Path, cut: int) -> None:
    whole, codec = heard(stream, 1 << 20)
    piecewise, other = heard(stream, cut)
    assert piecewise == whole
    assert other.seen == codec.seen
