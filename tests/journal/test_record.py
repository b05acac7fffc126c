"""Records inside a group: what goes in comes out; what was changed does not."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.journal.record import HEAD_BYTES, Record, head, unpack

spans = st.timedeltas(timedelta(days=-50_000), timedelta(days=50_000))
contents = st.lists(st.tuples(st.integers(0, 255), spans, spans, st.binary(max_size=60)), max_size=6)


def packed(said: list[tuple[int, timedelta, timedelta, bytes]]) -> bytes:
    return b"".join(head(at, *each) + each[-1] for at, each in enumerate(said, 1))


@given(contents)
def test_what_goes_in_comes_out(said: list[tuple[int, timedelta, timedelta, bytes]]) -> None:
    assert list(unpack(packed(said), "b")) == [Record(at, *each, "b") for at, each in enumerate(said, 1)]


@given(contents, st.data())
def test_of_a_group_in_which_one_bit_flipped_the_records_before_it_remain(
    said: list[tuple[int, timedelta, timedelta, bytes]], data: st.DataObject
) -> None:
    group = bytearray(packed([*said, (1, timedelta(), timedelta(), b"x")]))
    at = data.draw(st.integers(0, len(group) - 1))
    group[at] ^= 1 << data.draw(st.integers(0, 7))
    sound, end = 0, 0
    for each in said:
        end += HEAD_BYTES + len(each[-1])
        sound += end <= at
    assert list(unpack(bytes(group), "")) == [Record(n, *each) for n, each in enumerate(said[:sound], 1)]


def test_a_group_that_is_cut_off_ends_with_its_last_whole_record() -> None:
    group = packed([(1, timedelta(), timedelta(), b"first"), (1, timedelta(), timedelta(), b"second")])
    assert [record.data for record in unpack(group[:-1], "")] == [b"first"]
    assert [record.data for record in unpack(group[: HEAD_BYTES + 7], "")] == [b"first"]


@pytest.mark.parametrize("source", [-1, 256])
def test_a_source_is_a_byte(source: int) -> None:
    with pytest.raises(struct.error):
        head(1, source, timedelta(), timedelta(), b"")


def test_a_record_was_read_when_the_clock_of_the_pbx_said() -> None:
    record = Record(1, 1, timedelta(seconds=5), timedelta(days=1), b"")
    assert record.at == datetime(1970, 1, 2, 0, 0, 5, tzinfo=UTC)


def test_a_time_that_is_no_date_is_none() -> None:
    assert Record(1, 1, timedelta(days=4_000_000), timedelta(), b"").at is None
