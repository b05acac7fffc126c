"""Channel events out of the journal."""

from functools import partial
from pathlib import Path

from handlers.direct.rereading import channels_logged
from handlers.journaling import Loader, dump
from handlers.reading import ChannelsLogged, Passed
from handlers.recovery import SameClock
from telephony.ami.codec import Codec
from telephony.journal.writer import Journal
from tests.support.story import START, seconds

RECORDED = Path(__file__).parents[2] / "cel" / "recorded"


async def test_what_the_journal_has_of_channel_events_is_read_again_up_to_where_the_reading_begins(
    tmp_path: Path,
) -> None:
    lines = (RECORDED / "direct_abandoned.csv").read_bytes().split(b"\n")[:-1]
    journal = Journal.open(tmp_path, wall=lambda: START, boot_id="boot-a")
    for entry in (
        ChannelsLogged(seconds(1), seconds(0), tuple(lines[:3]), b"place"),
        Passed(seconds(2), seconds(0)),
        ChannelsLogged(seconds(3), seconds(0), tuple(lines[3:]), b"place"),
        ChannelsLogged(seconds(4), seconds(0), tuple(lines), b"place"),
    ):
        journal.append(*dump(entry))
    await journal.synced(4)
    loader = Loader(partial(Codec, {}, systemname=None, strict=False, banner=False))
    begin = channels_logged(tmp_path, 3, loader, SameClock("boot-a", seconds(0)))
    assert [(position, len(told.entries), at.mono) for position, told, at in begin(1)] == [
        (1, 3, seconds(1)), (3, 4, seconds(3))
    ]  # fmt: skip
    journal.close()
