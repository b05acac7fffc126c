"""Naming a place, and cutting bytes into lines."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.queuelog.place import MAX_LINE, Lines, Place, first_line, mark_of, start_of

FIRST = b"1700000000|NONE|NONE|NONE|QUEUESTART|\n"


def test_a_place_comes_back_from_what_was_dumped() -> None:
    start = start_of(FIRST)
    known = Place(start.generation, 1234, 1_700_000_000, mark_of(FIRST))
    for place in (start, known, replace(known, last=1_700_000_009), replace(start, last=7)):
        loaded = Place.load(place.dump())
        assert loaded == place
        assert loaded is not None
        assert (loaded.began, loaded.mark, loaded.last) == (place.began, place.mark, place.last)


def test_places_of_two_files_that_begin_alike_are_told_apart_by_their_marks() -> None:
    one = Place(start_of(FIRST).generation, len(FIRST) + 5, 1_700_000_000, mark_of(FIRST + b"one"))
    other = replace(one, mark=mark_of(FIRST + b"two"))
    assert one == other
    assert not one.is_same(other)
    assert one.is_same(replace(one, mark=""))
    assert replace(one, mark="").is_same(one)
    assert one.is_same(one)
    assert not one.is_same(None)
    assert not one.is_same(replace(one, offset=1))


@pytest.mark.parametrize(
    "dumped",
    [
        b"",
        b"x",
        b"0" * 32 + b" 1",
        b"0" * 31 + b" 1 1",
        b"0" * 32 + b" -1 1",
        b"0" * 32 + b" 1 1\n",
        b"A" * 32 + b" 1 1",
        b"0" * 32 + b" 1 1  ",
        b"0" * 32 + b" 1 1 x",
    ],
)
def test_nothing_else_is_taken_for_a_place(dumped: bytes) -> None:
    assert Place.load(dumped) is None


def test_a_file_is_named_by_its_first_line_and_dated_by_it() -> None:
    start = start_of(FIRST)
    assert (len(start.generation), start.offset, start.began) == (32, 0, 1_700_000_000)
    assert start_of(b"1700000001" + FIRST[10:]).generation != start.generation
    assert start_of(b"nonsense\n").began == 0


@pytest.mark.parametrize(
    ("beginning", "first"),
    [
        (b"", None),
        (FIRST[:-1], None),
        (FIRST, FIRST),
        (FIRST + b"17", FIRST),
        (b"x" * (MAX_LINE - 1), None),
        (b"x" * MAX_LINE, b"x" * MAX_LINE),
        (b"x" * MAX_LINE + b"\n", b"x" * MAX_LINE),
        (b"x" * (MAX_LINE - 1) + b"\n", b"x" * (MAX_LINE - 1) + b"\n"),
    ],
)
def test_the_first_line_stays_the_same_once_it_is_there(beginning: bytes, first: bytes | None) -> None:
    assert first_line(beginning) == first


@given(data=st.binary(max_size=60).map(lambda data: data.replace(b"a", b"\n")), cuts=st.lists(st.integers(0, 60)))
def test_however_bytes_come_the_lines_are_the_same(data: bytes, cuts: list[int]) -> None:
    lines = Lines()
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    told = [line for start, end in pairwise(ends) for line in lines.feed(data[start:end])]
    *whole, rest = data.split(b"\n")
    assert told == whole
    assert (lines.rest, lines.behind) == (rest, len(rest))


def test_of_a_line_without_end_only_its_beginning_is_kept_but_all_of_it_is_counted() -> None:
    lines = Lines()
    for _ in range(3):
        assert lines.feed(b"x" * MAX_LINE) == []
    assert (len(lines.rest), lines.behind) == (MAX_LINE, 3 * MAX_LINE)
    assert lines.feed(b"\n" + b"y" * 2 * MAX_LINE + b"\nz") == [b"x" * MAX_LINE, b"y" * MAX_LINE]
    assert (lines.rest, lines.behind) == (b"z", 1)
