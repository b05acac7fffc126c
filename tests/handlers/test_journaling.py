"""Entries into records and back: as they were, in their order; what nobody can read is passed over, and counted."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.journaling import Loader, Source, dump, parts
from handlers.reading import Asked, Began, ChannelsLogged, Claimed, Entry, ListingGivenUp, Logged, Passed
from telephony.ami.codec import Banner, Message, Quarantined
from telephony.ami.feed import Batch, LinkDown, LinkUp, RequestExpired
from telephony.journal.record import Record
from tests.support.journal import codec
from tests.support.replay import RECORDINGS
from tests.support.wire import channel, lines, opening

TIMES = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=30_000))
HOSTILE = st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
ONE_LINE = HOSTILE.filter(lambda text: text.splitlines() in ([], [text]))
LINES = st.binary(max_size=40).filter(lambda line: b"\n" not in line)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    name = draw(st.text("abcxyz \u00e9\u202e", max_size=8))
    raw = lines(*opening("Newchannel"), *channel(CallerIDName=name))
    (item,) = codec().feed(raw)
    assert isinstance(item, Message)
    return item


REFUSED = st.builds(Quarantined, st.binary(max_size=80), ONE_LINE)
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Batch, TIMES, TIMES, st.lists(messages() | REFUSED, min_size=1, max_size=6)),
    st.builds(LinkUp, TIMES, TIMES, ONE_LINE),
    st.builds(LinkDown, TIMES, TIMES, ONE_LINE),
    st.builds(RequestExpired, TIMES, TIMES, ONE_LINE),
    st.builds(Asked, TIMES, TIMES, ONE_LINE, st.none() | ONE_LINE.filter(bool), st.none() | ONE_LINE.filter(bool)),
    st.builds(ListingGivenUp, TIMES, TIMES),
    st.builds(Logged, TIMES, TIMES, st.lists(LINES, max_size=5).map(tuple), LINES),
    st.builds(ChannelsLogged, TIMES, TIMES, st.lists(LINES, max_size=5).map(tuple), LINES),
    st.builds(Passed, TIMES, TIMES),
    st.builds(Claimed, TIMES, TIMES, ONE_LINE, ONE_LINE),
    st.builds(Began, TIMES, TIMES, ONE_LINE),
)


def kept(entry: Entry) -> list[Record]:
    return [Record(number, *dump(part)) for number, part in enumerate(parts(entry), 1)]


def put_together(entries: list[Entry | None]) -> Entry:
    """What was one read before its refused messages divided it."""
    batches = [entry for entry in entries if isinstance(entry, Batch)]
    if not batches:
        (entry,) = entries
        assert entry is not None
        return entry
    return Batch(batches[0].mono, batches[0].offset, [item for batch in batches for item in batch.items])


@given(ENTRIES)
def test_every_entry_comes_back_as_it_was(entry: Entry) -> None:
    loader = Loader(codec)
    assert put_together([loader.load(record) for record in kept(entry)]) == entry
    assert loader.unreadable == 0


@given(st.lists(ENTRIES, max_size=8))
def test_each_comes_back_among_others_too(entries: list[Entry]) -> None:
    loader = Loader(codec)
    assert [put_together([loader.load(record) for record in kept(entry)]) for entry in entries] == entries


def test_a_refused_message_among_others_stays_between_them() -> None:
    one, two = (codec().feed(lines(*opening("Hold"), *channel(Exten=exten)))[0] for exten in "12")
    assert isinstance(one, Message)
    assert isinstance(two, Message)
    refused = Quarantined(b"Nonsense", "begins with neither Event nor Response")
    found = [record.source for record in kept(Batch(timedelta(), timedelta(), [one, two, refused, refused, two]))]
    assert found == [Source.AMI_READ, Source.AMI_REFUSED, Source.AMI_REFUSED, Source.AMI_READ]


@pytest.mark.parametrize("name", ["answered", "hostile", "hostile_raw", "hostile_forged", "long_name"])
def test_a_recorded_stream_comes_back_message_by_message(name: str) -> None:
    raw = (RECORDINGS / name / "ami.bin").read_bytes().partition(b"\r\n")[2]
    items = [item for item in codec().feed(raw) if not isinstance(item, Banner)]
    entry = Batch(timedelta(), timedelta(), items)
    loader = Loader(codec)
    assert put_together([loader.load(record) for record in kept(entry)]) == entry


def test_no_claim_can_forge_a_second_line() -> None:
    (record,) = kept(Claimed(timedelta(), timedelta(), "1.1\nforged", "case\r\nforged\u2028again"))
    assert Loader(codec).load(record) == Claimed(timedelta(), timedelta(), "1.1 forged", "case forged again")


@pytest.mark.parametrize(
    ("source", "data"),
    [(0, b""), (200, b"of a later version"), (Source.ASKED, b"one line"), (Source.CLAIMED, b"a\nb\nc")],
)
def test_what_cannot_be_read_is_passed_over_and_counted(source: int, data: bytes) -> None:
    loader = Loader(codec)
    assert loader.load(Record(1, source, timedelta(), timedelta(), data)) is None
    assert loader.unreadable == 1
    assert loader.load(Record(2, Source.PASSED, timedelta(), timedelta(), b"")) == Passed(timedelta(), timedelta())


def test_a_message_beyond_every_limit_harms_none_that_follows() -> None:
    loader = Loader(codec)
    assert loader.load(Record(1, Source.AMI_READ, timedelta(), timedelta(), b"x" * 300_000)) is None
    (message,) = codec().feed(lines(*opening("Hold"), *channel()))
    assert isinstance(message, Message)
    (record,) = kept(Batch(timedelta(), timedelta(), [message]))
    assert loader.load(record) == Batch(timedelta(), timedelta(), [message])


@given(st.sampled_from(list(Source)), st.binary(max_size=200))
def test_no_record_whatsoever_ends_the_reading(source: Source, data: bytes) -> None:
    Loader(codec).load(Record(1, source, timedelta(), timedelta(), data))
