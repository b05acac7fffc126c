"""What is sent at once: packed and unpacked it is the same; what is damaged, forged or too large is none."""

import gzip
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.queuelog.place import MAX_LINE, Piece, Place
from telephony.queuelog.shipping.parcel import MAX_BYTES, MAX_LINES, Parcel, ParcelError

FILE, OTHER = "0" * 32, "f" * 32
START = Place(FILE, 0, 1_795_000_000)
LINES = (b"one", b"", b"three\r\x00", b"four")
LINE = st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"|"))


def ends_of(lines: tuple[bytes, ...]) -> list[int]:
    """Behind which bytes a line ends; 0 for the beginning."""
    ends = [0]
    for line in lines:
        ends.append(ends[-1] + len(line) + 1)
    return ends


def parcel_of(lines: tuple[bytes, ...] = LINES, first: int = 0) -> Parcel:
    """Of a file with these lines, those from one on."""
    ends = ends_of(lines)
    return Parcel(Place(FILE, ends[first]), Piece(Place(FILE, ends[-1]), lines[first:]))


def packed(*lines: bytes) -> bytes:
    return gzip.compress(b"\n".join(lines), mtime=0)


HEAD = (b"threerings queue_log 1", b"before -", b"after " + START.dump(), b"missing 0 0")


@given(
    st.none() | st.builds(Place, st.just(OTHER), st.integers(0, 10**17), st.integers(0, 10**9)),
    st.lists(LINE, max_size=20).map(tuple),
    st.integers(0, 9),
    st.integers(0, 10**15),
)
def test_what_was_packed_is_unpacked(
    before: Place | None, lines: tuple[bytes, ...], gaps: int, lost_bytes: int
) -> None:
    mark = sha256(b"x").hexdigest()[:16]
    parcel = Parcel(before, Piece(Place(FILE, 99, 1_795_000_000, mark), lines), gaps, lost_bytes)
    again = Parcel.unpack(parcel.pack())
    assert again == parcel
    assert again.piece.after.dump() == parcel.piece.after.dump()


@given(st.data())
def test_a_parcel_cut_or_changed_anywhere_is_none(data: st.DataObject) -> None:
    whole = parcel_of().pack()
    at = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ParcelError):
        Parcel.unpack(whole[:at])
    damaged = bytearray(whole)
    damaged[at] ^= data.draw(st.integers(1, 255))
    with suppress(ParcelError):
        assert Parcel.unpack(bytes(damaged)) == parcel_of()  # bytes of gzip's head that say nothing


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        (b"", "does not end where it should"),
        (b"before", "is not packed by gzip, or damaged"),
        (packed(b"") + b"x", "does not end where it should"),
        (packed(b""), "has a damaged head, or ends in mid-line"),
        (packed(*HEAD, b"lines 1", b"half a line"), "has a damaged head, or ends in mid-line"),
        (packed(b"threerings queue_log 2", *HEAD[1:], b"lines 0", b""), "is of a version that this one does not know"),
        (packed(HEAD[0], b"before x", *HEAD[2:], b"lines 0", b""), "has a damaged head"),
        (packed(HEAD[0], b"- " + START.dump(), *HEAD[2:], b"lines 0", b""), "has a damaged head"),
        (packed(*HEAD[:2], b"after -", HEAD[3], b"lines 0", b""), "has a damaged head"),
        (packed(*HEAD[:3], b"missing 0 -1", b"lines 0", b""), "has a damaged head"),
        (packed(*HEAD, b"lines x", b""), "has a damaged head"),
        (packed(*HEAD, b"lines 2", b"one", b""), "has not the lines that it names"),
        (packed(*HEAD, b"lines 1", b"x" * (MAX_LINE + 1), b""), "has not the lines that it names"),
        (packed(*HEAD, b"lines 5001", b"\n" * MAX_LINES, b""), f"has more than {MAX_LINES} lines"),
        (packed(*HEAD, b"lines 9", b"x" * MAX_BYTES), f"is larger than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_no_parcel_is_refused_with_the_reason(forged: bytes, why: str) -> None:
    with pytest.raises(ParcelError) as caught:
        Parcel.unpack(forged)
    assert str(caught.value) == why


def test_as_many_lines_as_may_be_are_taken() -> None:
    lines = (b"",) * MAX_LINES
    assert Parcel.unpack(parcel_of(lines).pack()).piece.lines == lines


@given(st.lists(LINE, min_size=1, max_size=10).map(tuple), st.data())
def test_what_begins_before_the_mark_is_cut_there_and_nowhere_else(
    lines: tuple[bytes, ...], data: st.DataObject
) -> None:
    parcel, ends = parcel_of(lines), ends_of(lines)
    offset = data.draw(st.integers(0, ends[-1] + 3))
    rest = parcel.behind(Place(FILE, offset))
    if offset in ends:
        assert rest == parcel_of(lines, ends.index(offset))
    else:
        assert rest is None


def test_of_another_file_or_of_one_that_has_no_mark_nothing_is_cut() -> None:
    ends = ends_of(LINES)
    parcel = parcel_of()
    assert parcel.behind(Place(OTHER, ends[1])) is None
    assert Parcel(Place(OTHER, 0), parcel.piece).behind(Place(FILE, ends[1])) is None
    assert Parcel(None, parcel.piece).behind(Place(FILE, ends[1])) is None
    assert Parcel(Place(FILE, ends[2]), parcel.piece).behind(Place(FILE, ends[1])) is None


def test_over_a_line_that_is_not_whole_bytes_cannot_be_counted() -> None:
    """It was longer than what is kept of it."""
    lines = (b"one", b"x" * MAX_LINE, b"three")
    parcel = Parcel(Place(FILE, 0), Piece(Place(FILE, 90_000), lines))
    assert parcel.behind(Place(FILE, 90_000 - 6)) == Parcel(
        Place(FILE, 90_000 - 6), Piece(Place(FILE, 90_000), (b"three",))
    )
    assert parcel.behind(Place(FILE, 4)) is None
