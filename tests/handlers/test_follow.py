"""The follower of one PBX: the stream in its order, listings, figures; nothing ends it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.follow import LIST_ALL_EVERY, LISTING_LIMIT, Follower
from telephony.ami.client import NotConnected
from telephony.ami.codec import Banner, Codec, Message, Quarantined
from telephony.ami.feed import Batch, Entry, LinkDown, LinkUp, RequestExpired
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED
from telephony.calls.book import Rules
from telephony.calls.effects import CallEnded, CaseOpened, Effect, Irregular, QueuesKnown, VisitEnded, VisitEntered
from telephony.calls.facts import Fact, Interface, Moment
from telephony.calls.record import CallRecord, Kind, Outcome
from telephony.calls.tracker import Tracker
from telephony.queuelog.place import Piece, Place
from tests.support.calls import call
from tests.support.replay import RECORDINGS
from tests.support.wire import lines, opening

SECOND = timedelta(seconds=1)
DESK = Interface("PJSIP/8001")
BOOTED = lines(("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", "7"), ("Status", "Fully Booted"))
BOOTED_SILENTLY = lines(("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted"))
OFFSET = timedelta(seconds=1_795_000_000)


class Line:
    """An AMI line without a network; `asked` are the requests, `clock` our monotonic clock."""

    def __init__(self) -> None:
        self.stall = timedelta(milliseconds=7)
        self.connected = True
        self.seen = {"Newchannel": 3}
        self.quarantined = 0
        self.heard_at: timedelta | None = None
        self.clock = timedelta(seconds=100)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.broken = False

    def now(self) -> Moment:
        return Moment(EPOCH + OFFSET + self.clock, self.clock, stamped=False)

    async def take(self) -> list[Entry]:
        raise NotImplementedError

    def request(self, action: str, /, **headers: str) -> str:
        if self.broken:
            raise NotConnected
        self.asked.append((action, headers))
        return f"r{len(self.asked)}"


class Performed(list[Effect]):
    """Effects, in their order."""

    def perform(self, effects: Iterable[Effect], _at: Moment, /) -> None:
        self.extend(effects)

    def of(self, kind: type[Effect]) -> list[Effect]:
        return [effect for effect in self if isinstance(effect, kind)]


class Log:
    lines = 5
    quarantined = 1
    gaps = 2


class Stage:
    """A follower with its line and what it had done."""

    def __init__(self) -> None:
        self.line, self.done = Line(), Performed()
        trunks = frozenset({Interface("PJSIP/callers")})
        self.tracker = Tracker(Rules(pbx="pbx1", trunks=trunks))
        self.follower = Follower("pbx1", self.line, self.tracker, self.done, Log())
        self.codec = self.new_codec()

    @staticmethod
    def new_codec() -> Codec:
        return Codec(
            ACTED_UPON,
            systemname="pbx1",
            user_events=["QueueResult"],
            listed=LISTED,
            unstamped=UNSTAMPED,
            banner=False,
        )

    def says(self, data: bytes) -> None:
        items = [item for item in self.codec.feed(data) if not isinstance(item, Banner)]
        self.hears(*items)

    def hears(self, *items: Message | Quarantined) -> None:
        self.follower.take(Batch(self.line.clock, OFFSET, list(items)))

    def lists(self, *entries: bytes, queues: str = "r2", channels: str | None = "r1") -> None:
        for number in filter(None, (channels, queues)):
            self.says(lines(("Response", "Success"), ("ActionID", number), ("EventList", "start")))
        self.says(b"".join(entries))
        for number in filter(None, (channels, queues)):
            end = ("Event", "QueueStatusComplete"), ("ActionID", number), ("EventList", "Complete")
            self.says(lines(*end))

    def boots(self, said: bytes = BOOTED) -> None:
        self.codec = self.new_codec()
        self.follower.take(LinkUp(self.line.clock, OFFSET, "11.0.0"))
        self.says(said)

    def synchronises(self) -> None:
        self.boots()
        self.lists(params("r2"))

    def passes(self, time: timedelta) -> None:
        self.line.clock += time
        self.follower.tick(self.line.now())


def params(number: str, queue: str = "support") -> bytes:
    return lines(("Event", "QueueParams"), ("Queue", queue), ("Calls", "0"), ("ActionID", number))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def recorded(name: str) -> bytes:
    """What the PBX said after the listings."""
    raw = (RECORDINGS / name / "ami.bin").read_bytes()
    return raw[raw.index(b"Event: Newchannel") :]


def test_everything_is_listed_once_the_pbx_has_booted(stage: Stage) -> None:
    stage.boots()
    assert [action for action, _ in stage.line.asked] == ["CoreShowChannels", "QueueStatus"]
    assert not stage.follower.synchronised
    stage.lists(params("r2"))
    assert stage.follower.synchronised
    assert stage.done.of(QueuesKnown) == [QueuesKnown(("support",))]


def test_a_recorded_call_becomes_its_effects(stage: Stage) -> None:
    stage.synchronises()
    stage.says(recorded("answered"))
    assert len(stage.done.of(CaseOpened)) == 1
    assert len(stage.done.of(VisitEntered)) == 1
    (ended,) = stage.done.of(VisitEnded)
    assert isinstance(ended, VisitEnded)
    assert ended.visit.outcome is Outcome.ANSWERED
    assert len(stage.done.of(CallEnded)) == 1


def test_waiting_callers_are_compared_often_and_everything_listed_now_and_then(stage: Stage) -> None:
    stage.synchronises()
    stage.passes(SECOND)
    assert len(stage.line.asked) == 2
    stage.passes(4 * SECOND)
    assert stage.line.asked[2:] == [("QueueStatus", {"Member": "nobody"})]
    stage.passes(SECOND)
    assert len(stage.line.asked) == 3, "the last listing is not complete yet"
    stage.lists(params("r3"), queues="r3", channels=None)
    stage.passes(SECOND)
    assert [action for action, _ in stage.line.asked[3:]] == ["CoreShowChannels", "QueueStatus"], "once more, soon"
    stage.lists(params("r5"), queues="r5", channels="r4")
    stage.passes(LIST_ALL_EVERY)
    assert [action for action, _ in stage.line.asked[5:]] == ["CoreShowChannels", "QueueStatus"]


def test_where_nothing_went_on_one_listing_says_it_all(stage: Stage) -> None:
    stage.boots()
    assert not stage.follower.settled
    stage.lists(params("r2"))
    assert stage.follower.settled


def test_after_a_gap_what_went_on_is_doubtful_until_it_was_listed_twice(stage: Stage) -> None:
    stage.synchronises()
    stage.says(recorded("answered").split(b"Event: Hangup")[0])
    stage.follower.take(LinkDown(stage.line.clock, OFFSET, "cut"))
    assert not stage.follower.settled
    stage.boots()
    stage.lists(params("r4"), queues="r4", channels="r3")
    assert stage.follower.synchronised
    stage.passes(5 * SECOND)
    stage.lists(params("r5"), queues="r5", channels=None)
    assert not stage.follower.settled, "a listing of the queues alone shows no channel"
    assert stage.tracker.live_calls()
    stage.passes(SECOND)
    stage.lists(params("r7"), queues="r7", channels="r6")
    assert stage.follower.settled
    assert not stage.tracker.live_calls(), "neither listing showed it"
    stage.line.connected = False
    assert not stage.follower.settled


def test_calls_of_an_earlier_process_are_doubtful_until_they_were_listed_twice(stage: Stage) -> None:
    open_call = replace(call(), uniqueid="1700000000.1", ended_at=None)
    stage.follower.resume([open_call])
    stage.boots()
    stage.lists(params("r2"))
    assert stage.follower.synchronised
    assert not stage.follower.settled
    stage.passes(6 * SECOND)
    stage.lists(params("r4"), queues="r4", channels="r3")
    assert stage.follower.settled


def test_without_a_listing_what_is_heard_is_measured_and_it_is_asked_for_again(stage: Stage) -> None:
    stage.boots()
    stage.says(recorded("answered"))
    stage.passes(LISTING_LIMIT)
    assert len(stage.line.asked) == 2
    assert not stage.done
    stage.passes(SECOND)
    assert len(stage.done.of(CallEnded)) == 1
    stage.passes(LISTING_LIMIT)
    assert len(stage.line.asked) == 4


def test_an_expired_request_is_made_again(stage: Stage) -> None:
    stage.boots()
    stage.follower.take(RequestExpired(stage.line.clock, OFFSET, "another"))
    stage.follower.take(RequestExpired(stage.line.clock, OFFSET, "r1"))
    stage.passes(SECOND)
    assert len(stage.line.asked) == 2, "not at once"
    stage.passes(LISTING_LIMIT)
    assert len(stage.line.asked) == 4


def test_a_refused_listing_is_told_and_tried_again(stage: Stage) -> None:
    stage.boots()
    stage.says(lines(("Response", "Error"), ("ActionID", "r1"), ("Message", "Permission denied")))
    assert "reporting" in stage.follower.trouble
    stage.passes(SECOND)
    assert len(stage.line.asked) == 2, "not at once"
    stage.passes(LISTING_LIMIT)
    assert len(stage.line.asked) == 4


def device(state: str, *, number: str = "") -> bytes:
    """An event, or with `number` an entry of the listing: these have no Privilege, no time and no name of a system."""
    if number:
        return lines(("Event", "DeviceStateChange"), ("ActionID", number), ("Device", "PJSIP/8001"), ("State", state))
    return lines(*opening("DeviceStateChange"), ("Device", "PJSIP/8001"), ("State", state))


@pytest.fixture
def published(stage: Stage) -> Stage:
    """There is a line."""
    stage.tracker.book.rules = replace(stage.tracker.book.rules, lines={DESK: "front-desk"})
    return stage


def ends_devices(stage: Stage) -> None:
    end = ("Event", "DeviceStateListComplete"), ("ActionID", "r2"), ("EventList", "Complete")
    stage.says(lines(("Response", "Success"), ("ActionID", "r2"), ("EventList", "start")))
    stage.says(device("UNAVAILABLE", number="r2") + lines(*end))


def reachable(stage: Stage) -> bool | None:
    found = stage.tracker.book.reachable.get(DESK)
    return None if found is None else found[1]


def test_where_there_are_lines_the_devices_are_listed_and_what_changes_is_told(published: Stage) -> None:
    published.boots()
    assert [action for action, _ in published.line.asked] == ["CoreShowChannels", "DeviceStateList", "QueueStatus"]
    published.lists(params("r3"), queues="r3")
    assert not published.follower.synchronised
    ends_devices(published)
    assert (published.follower.synchronised, reachable(published)) == (True, False)
    published.says(device("NOT_INUSE"))
    assert reachable(published) is True
    assert published.line.quarantined == 0


def test_a_pbx_that_does_not_list_its_devices_is_followed_all_the_same(published: Stage) -> None:
    published.boots()
    published.says(lines(("Response", "Error"), ("ActionID", "r2"), ("Message", "Invalid/unknown command")))
    published.lists(params("r3"), queues="r3")
    assert (published.follower.synchronised, reachable(published)) == (True, None)


def test_a_listing_that_waits_for_the_devices_alone_is_whole_without_them(published: Stage) -> None:
    published.boots()
    published.lists(params("r3"), queues="r3")
    published.follower.take(RequestExpired(published.line.clock, OFFSET, "r2"))
    published.follower.take(RequestExpired(published.line.clock, OFFSET, "r9"))
    assert (published.follower.synchronised, reachable(published)) == (True, None)


def test_a_pbx_whose_every_event_is_refused_is_not_followed(stage: Stage) -> None:
    stage.synchronises()
    for _ in range(5):
        assert stage.follower.synchronised
        stage.hears(Quarantined(b"Event: Newchannel\r\nSystemName: other", "opens otherwise"))
    assert "systemname" in stage.follower.trouble
    stage.says(recorded("answered"))
    assert stage.follower.synchronised


def test_what_is_missing_is_named(stage: Stage) -> None:
    assert "FullyBooted" in stage.follower.trouble
    stage.boots()
    assert "listed" in stage.follower.trouble
    stage.line.connected = False
    assert stage.follower.trouble == "no line to the PBX"


def test_entries_of_a_listing_that_was_given_up_are_nothing(stage: Stage) -> None:
    stage.boots()
    stage.follower.take(LinkDown(stage.line.clock, OFFSET, "cut"))
    stage.lists(params("r2"))
    assert not stage.follower.synchronised
    assert not stage.done.of(QueuesKnown)


def test_a_line_that_breaks_while_we_ask_says_so_itself(stage: Stage) -> None:
    stage.line.broken = True
    stage.boots()
    stage.line.broken = False
    stage.passes(SECOND)
    assert len(stage.line.asked) == 2


def test_a_gap_lasts_from_the_loss_to_the_next_complete_listing(stage: Stage) -> None:
    stage.synchronises()
    stage.follower.take(LinkDown(stage.line.clock, OFFSET, "cut"))
    stage.line.connected = False
    stage.passes(3 * SECOND)
    assert stage.follower.link().gap == 3 * SECOND
    stage.follower.take(LinkDown(stage.line.clock, OFFSET, "cut again"))
    stage.line.connected = True
    stage.boots(BOOTED_SILENTLY)
    stage.passes(SECOND)
    stage.lists(params("r4"), queues="r4", channels="r3")
    stage.passes(SECOND)
    assert stage.follower.link().gap == 4 * SECOND


def test_quarantined_messages_are_told_but_not_each(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        stage.hears(Quarantined(b"Event: Hangup\r\n\xff", "cut"))
    stage.line.clock += 11 * SECOND
    stage.hears(Quarantined(b"Event: Hangup\r\n", "cut"))
    assert capsys.readouterr().out.count("ami_message_quarantined") == 2


class Failing(Tracker):
    """A tracker with an error of ours in it."""

    def apply(self, fact: Fact) -> list[Effect]:
        raise LookupError(fact)

    def resume(self, calls: Iterable[CallRecord], now: Moment) -> list[Effect]:
        raise LookupError(calls, now)


def test_an_error_of_ours_about_one_fact_is_counted_and_ends_nothing() -> None:
    done = Performed()
    follower = Follower("pbx1", Line(), Failing(Rules(pbx="pbx1")), done)
    follower.logged(Piece(Place("0" * 32, 44), (b"1795000000|1.1|support|NONE|ABANDON|1|1|5",)))
    assert done == [Irregular("fact_failed", "QueueResultLogged")]
    assert follower.queue_log() is None


def test_saved_calls_that_cannot_be_taken_up_end_nothing() -> None:
    line, done = Line(), Performed()
    follower = Follower("pbx1", line, Failing(Rules(pbx="pbx1")), done)
    follower.resume([call()])
    message = next(item for item in Stage.new_codec().feed(recorded("answered")) if isinstance(item, Message))
    follower.take(Batch(line.clock, OFFSET, [message]))
    assert done == [Irregular("fact_failed", "resume"), Irregular("fact_failed", "ChannelAppeared")]


def test_the_figures(stage: Stage) -> None:
    stage.synchronises()
    stage.says(recorded("answered").split(b"Event: QueueCallerLeave")[0])
    queues = {(gauge.queue, gauge.kind): gauge for gauge in stage.follower.queues()}
    assert queues["support", Kind.QUEUE].waiting == 1
    assert queues["support", Kind.QUEUE].residual == 0
    assert queues["support", Kind.QUEUE].oldest_wait is not None
    assert sum(stage.follower.agents().values()) == 1
    assert [queue for queue, _ in stage.follower.members()] == ["support"]
    assert stage.follower.silence is None
    link = stage.follower.link()
    assert (link.connected, link.events, link.last_event_age) == (True, 3, None)
    assert link.read_stall == timedelta(milliseconds=7)
    stage.line.heard_at = stage.line.clock - SECOND
    assert stage.follower.silence == stage.follower.link().last_event_age == SECOND
    assert stage.follower.link().read_stall == timedelta()
    log = stage.follower.queue_log()
    assert log is not None
    assert (log.lines, log.quarantined, log.gaps, log.shipped_age) == (5, 1, 2, None)


def test_how_far_queue_log_was_read_is_what_the_process_before_and_then_the_lines_say() -> None:
    first, last = Place("0" * 32, 44).dump(), Place("0" * 32, 88).dump()
    follower = Follower("pbx1", Line(), Tracker(Rules(pbx="pbx1")), Performed())
    assert follower.log_place == b""
    follower.log_read_up_to(first)
    assert follower.log_place == first
    follower.took_up([], log_place=last)  # the journal may know more
    assert follower.log_place == last
    piece = Piece(Place("0" * 32, 132), ())
    follower.logged(piece)
    assert follower.log_place == piece.after.dump()
