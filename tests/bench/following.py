"""The way from bytes to effects as `serve` goes it, without a socket: codec, follower, tracker, performer."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from random import Random

from handlers.effects import Performer
from handlers.follow import Follower, Journals
from handlers.saver import Saver
from telephony.ami.codec import Codec, Message, Quarantined
from telephony.ami.feed import Batch, Entry
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED
from telephony.backoff import Backoff
from telephony.calls.book import Rules
from telephony.calls.effects import Effect
from telephony.calls.facts import Interface, Moment
from telephony.calls.tracker import Tracker
from telephony.metrics import Labels, Measures
from tests.bench.streams import prelude
from tests.support.store import FakeStore

PBX = "pbx1"
LISTED_FROM = b"Response: Success\r\nActionID: queues\r\n"
RULES = Rules(pbx=PBX, trunks=frozenset({Interface("PJSIP/callers"), Interface("PJSIP/trunk")}))


def codec(*, banner: bool = False) -> Codec:
    """As `AmiClient` makes it."""
    return Codec(
        ACTED_UPON, systemname=PBX, listed=LISTED, user_events=["QueueResult"], unstamped=UNSTAMPED, banner=banner
    )


class Recorded:
    """The line to a PBX whose words are already here; its clock is the stamps that it sends."""

    def __init__(self) -> None:
        self.stall = timedelta()
        self.connected = True
        self.seen: Mapping[str, int] = {}
        self.quarantined = 0
        self.heard_at: timedelta | None = timedelta()

    def now(self) -> Moment:
        mono = self.heard_at or timedelta()
        return Moment(EPOCH + mono, mono, stamped=False)

    async def take(self) -> list[Entry]:
        raise NotImplementedError

    def request(self, action: str, /, **_: str) -> str:
        return {"QueueStatus": "queues", "CoreShowChannels": "channels"}[action]


class Tally:
    """Performs nothing, and counts."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    def perform(self, effects: Iterable[Effect], _at: Moment, /) -> None:
        for effect in effects:
            self.done[type(effect).__name__] += 1


def performer(labels: Labels | None = None) -> Performer:
    """The real one, with real counters and a real saver that nobody runs."""
    saver = Saver(FakeStore(), lambda: 0.0, Backoff(1, 1, Random(1)), max_unsaved=10_000_000)
    return Performer(PBX, saver, Measures(labels or Labels(pbxs=(PBX,))))


class Listener:
    """One PBX being followed.

    Args:
        performs: what the tracker decides; None: a `Tally`.
        journal: keeps what is read.
    """

    def __init__(self, performs: Performer | Tally | None = None, journal: Journals | None = None) -> None:
        self.tally = performs if isinstance(performs, Tally) else Tally()
        self.line = Recorded()
        self.tracker = Tracker(RULES)
        self.follower = Follower(PBX, self.line, self.tracker, performs or self.tally, None, journal)
        self.codec = codec(banner=True)
        self.began = False

    def hear(self, at: float, data: bytes) -> None:
        """What the socket gives, at that time of the PBX, in seconds since 1970."""
        now = timedelta(seconds=at)
        self.line.heard_at = now
        if not self.began:
            self.began = True
            booted, listed = prelude().split(LISTED_FROM, 1)
            self.hear(at, booted)  # the listings are asked for now, and so cannot have come with it
            self.hear(at, LISTED_FROM + listed)
        items = [item for item in self.codec.feed(data) if isinstance(item, Message | Quarantined)]
        if items:
            self.follower.take(Batch(now, timedelta(), items))
