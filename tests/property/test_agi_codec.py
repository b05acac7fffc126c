"""Whatever comes, however it is cut: one kind of error, bounded buffers. Whatever is said: one command."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.agi.codec import (
    MAX_COMMAND,
    MAX_WORDS,
    Decoder,
    Item,
    Reply,
    command,
    one_word,
    quoted,
    raw_command,
)
from telephony.agi.errors import AgiProtocolError, AGIUsageError
from tests.property.fuzz_agi import REPLIES, SMALL
from tests.support.agi_peer import environment
from tests.support.agi_words import parse_args

ROUNDS = settings(max_examples=400, deadline=None)
PIECES = st.lists(st.one_of(st.sampled_from([*SMALL, *REPLIES]), st.binary(max_size=8)), max_size=8).map(b"".join)
STREAMS = st.builds(lambda head, rest: head + rest, st.sampled_from([b"", environment(), environment("x?a=1")]), PIECES)
BLANKED = dict.fromkeys((*range(32), 127, *range(0xD800, 0xDC80), *range(0xDD00, 0xE000)), " ")
ENOUGH = st.text(st.characters(exclude_categories=()), max_size=300) | st.text('\\" ab\n\t', max_size=60)


def heard(chunks: list[bytes], *, heading: bool, replies: int) -> tuple[list[Item], bool, Decoder]:
    decoder = Decoder(environment=heading)
    decoder.expects(replies)
    items: list[Item] = []
    try:
        for chunk in chunks:
            items += decoder.feed(chunk)
    except AgiProtocolError:
        return items, True, decoder
    return items, False, decoder


@ROUNDS
@given(STREAMS, st.lists(st.integers(0, 400), max_size=6), st.booleans(), st.integers(0, 3))
def test_where_the_network_cuts_does_not_matter(data: bytes, places: list[int], heading: bool, replies: int) -> None:
    places = sorted(min(place, len(data)) for place in places)
    cut = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    whole, refused, _ = heard([data], heading=heading, replies=replies)
    pieces, refused_as_well, _ = heard(cut, heading=heading, replies=replies)
    bytewise, refused_too, _ = heard([data[at : at + 1] for at in range(len(data))], heading=heading, replies=replies)
    assert refused is refused_as_well is refused_too
    if not refused:
        assert whole == pieces == bytewise
    assert bytewise[: len(pieces)] == pieces  # a fault may come in the midst of a piece, whose items are not given


@ROUNDS
@given(STREAMS, st.integers(1, 2_000), st.booleans())
def test_whatever_is_repeated_the_buffers_stay_bounded(data: bytes, times: int, heading: bool) -> None:
    _, _, decoder = heard([data] * times, heading=heading, replies=10**6)
    kept = len(decoder._rest) + sum(len(line) + 1 for line in decoder._lines)
    kept += sum(len(name) + len(value) for name, value in decoder._values.items())
    assert kept <= 65_536 + 1


@ROUNDS
@given(st.text(max_size=200) | st.lists(st.sampled_from(SMALL)).map(lambda it: b"".join(it).decode(errors="replace")))
def test_a_value_comes_as_it_is_or_ends_the_conversation(value: str) -> None:
    data = b"200 result=1 (" + value.encode("utf-8", "surrogatepass") + b")\n"
    items, refused, _ = heard([data], heading=False, replies=1)
    if not refused:
        [reply] = items
        assert isinstance(reply, Reply)
        assert (reply.data or "").encode("utf-8", "surrogateescape") == value.encode("utf-8", "surrogatepass")


def blanked(word: str) -> str:
    return word.translate(BLANKED).encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


@ROUNDS
@given(ENOUGH)
def test_any_text_reaches_asterisk_as_one_word_in_one_line(word: str) -> None:
    line = command("SET VARIABLE", "NAME", word)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert parse_args(line.decode("utf-8", "surrogateescape")) == ["SET", "VARIABLE", "NAME", blanked(word)]


@ROUNDS
@given(st.lists(st.one_of(ENOUGH, st.integers(), st.floats()), max_size=140))
def test_a_command_is_sent_as_it_was_meant_or_not_at_all(words: list[Any]) -> None:
    try:
        line = command("NOOP", *words)
    except AGIUsageError:
        length = len(" ".join(["NOOP", *(quoted(word) for word in words)]).encode("utf-8", "replace"))
        assert length > MAX_COMMAND or len(words) + 1 > MAX_WORDS
        return
    assert parse_args(line.decode("utf-8", "surrogateescape")) == ["NOOP", *(blanked(str(word)) for word in words)]


@ROUNDS
@given(ENOUGH)
def test_a_raw_command_is_one_line_of_no_more_words_than_asterisk_reads(text: str) -> None:
    try:
        line = raw_command(text)
    except AGIUsageError:
        return
    assert line.count(b"\n") == 1
    assert len(line) <= MAX_COMMAND + 1
    assert len(parse_args(line.decode("utf-8", "surrogateescape"))) <= MAX_WORDS


@ROUNDS
@given(st.text('\\" ab', max_size=12))
def test_what_is_taken_for_one_word_is_one_for_asterisk(text: str) -> None:
    if one_word(text):
        assert len(parse_args(f"{text} next")) == 2
