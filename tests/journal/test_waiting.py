"""What waits is bounded; what is dropped is counted, and waited for no longer."""

from datetime import timedelta

import pytest

from telephony.journal.record import HEAD_BYTES, unpack
from telephony.journal.waiting import BATCH_BYTES, MAX_MARK_BYTES, MAX_MARKS, PIECE_BYTES, RECORD_BYTES, Waiting

ZERO = timedelta()
EACH = 1_000
"""Bytes that a record of `put` takes."""


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def put(waiting: Waiting, count: int = 1) -> None:
    for _ in range(count):
        waiting.put(1, ZERO, ZERO, b"x" * (EACH - HEAD_BYTES - RECORD_BYTES))


def taken(waiting: Waiting) -> list[int]:
    """The positions of what is taken and written."""
    batch = waiting.take()
    if batch is None:
        return []
    waiting.settle(written=True)
    return [record.position for piece in batch.pieces for record in unpack(piece.group()[2], "")]


def test_what_is_taken_is_what_was_put_in_its_order() -> None:
    waiting = Waiting(7, 10**6)
    put(waiting, 3)
    assert waiting.durable == 7
    assert taken(waiting) == [8, 9, 10]
    assert waiting.durable == 10
    assert waiting.size == 0
    assert waiting.take() is None


def test_until_it_is_settled_what_was_taken_is_not_durable() -> None:
    waiting = Waiting(0, 10**6)
    put(waiting)
    waiting.take()
    put(waiting)
    assert waiting.durable == 0
    assert waiting.size == 2 * EACH
    waiting.settle(written=True)
    assert waiting.durable == 1


def test_without_room_the_oldest_go_first_and_are_counted() -> None:
    waiting = Waiting(0, 32 * EACH)  # pieces of two
    put(waiting, 40)
    assert waiting.size <= 32 * EACH
    assert waiting.dropped == 8
    assert waiting.durable == 8
    assert taken(waiting) == list(range(9, 41))


def test_what_is_being_written_is_not_dropped_so_new_ones_are() -> None:
    waiting = Waiting(0, 16 * EACH)
    put(waiting, 16)
    batch = waiting.take()
    put(waiting, 3)
    assert batch is not None
    assert batch.size == 16 * EACH
    assert waiting.dropped == 3
    assert waiting.position == 19
    waiting.settle(written=True)
    assert waiting.durable == 19
    put(waiting)
    assert taken(waiting) == [20]


def test_a_record_beyond_all_room_is_dropped_and_the_next_is_kept() -> None:
    waiting = Waiting(0, 16 * EACH)
    waiting.put(1, ZERO, ZERO, b"x" * 17 * EACH)
    put(waiting)
    assert waiting.dropped == 1
    assert taken(waiting) == [2]


@pytest.mark.parametrize(
    ("source", "mono", "data"), [(300, ZERO, b""), (1, None, b""), (1, ZERO, "text"), (1, timedelta.max, b"")]
)
def test_a_record_that_is_none_costs_only_itself(source: int, mono: timedelta, data: bytes) -> None:
    waiting = Waiting(0, 10**6)
    put(waiting)
    assert waiting.put(source, mono, ZERO, data) == 2
    put(waiting)
    assert waiting.dropped == 1
    assert taken(waiting) == [1, 3]


def test_what_was_given_up_is_counted() -> None:
    waiting = Waiting(0, 10**6)
    put(waiting, 2)
    waiting.take()
    waiting.settle(written=False)
    assert (waiting.dropped, waiting.durable, waiting.size) == (2, 2, 0)
    waiting.settle(written=False)
    assert waiting.dropped == 2


def test_after_the_end_nothing_is_kept() -> None:
    waiting = Waiting(0, 10**6)
    put(waiting, 2)
    waiting.end()
    put(waiting)
    assert (waiting.dropped, waiting.position, waiting.durable, waiting.size) == (3, 2, 2, 0)
    assert waiting.take() is None


def test_the_age_is_that_of_the_oldest_that_waits() -> None:
    clock = Clock()
    waiting = Waiting(0, 16 * EACH, clock)
    assert waiting.age is None
    put(waiting)
    clock.now += 3
    put(waiting)
    assert waiting.age == 3
    waiting.take()
    clock.now += 1
    put(waiting)
    assert waiting.age == 4
    waiting.settle(written=True)
    assert waiting.age == 0


def test_a_transaction_has_a_size_and_the_rest_comes_next() -> None:
    waiting = Waiting(0, 8 * BATCH_BYTES)
    for _ in range(40):
        waiting.put(1, ZERO, ZERO, b"x" * PIECE_BYTES)
    assert waiting.is_large
    first = taken(waiting)
    assert first == list(range(1, len(first) + 1))
    assert len(first) <= 1 + BATCH_BYTES // PIECE_BYTES
    rest = taken(waiting)
    while more := taken(waiting):
        rest += more
    assert first + rest == list(range(1, 41))


def test_a_mark_is_not_taken_before_what_was_put_before_it() -> None:
    waiting = Waiting(0, 8 * BATCH_BYTES)
    waiting.mark("early", b"1")
    for _ in range(20):
        waiting.put(1, ZERO, ZERO, b"x" * PIECE_BYTES)
    waiting.mark("late", b"2")
    first = waiting.take()
    assert first is not None
    assert first.marks == {"early": b"1"}
    waiting.settle(written=True)
    second = waiting.take()
    assert second is not None
    assert second.pieces[-1].last == 20
    assert second.marks == {"late": b"2"}


def test_the_newest_mark_wins_and_needs_no_record() -> None:
    waiting = Waiting(0, 10**6)
    waiting.mark("at", b"1")
    waiting.mark("at", b"2")
    batch = waiting.take()
    assert batch is not None
    assert (batch.pieces, batch.marks) == ([], {"at": b"2"})
    assert waiting.age is None
    assert waiting.take() is None


def test_marks_are_few_and_small() -> None:
    waiting = Waiting(0, 10**6)
    with pytest.raises(ValueError, match="65,536 are allowed"):
        waiting.mark("at", b"x" * (MAX_MARK_BYTES + 1))
    for number in range(MAX_MARKS):
        waiting.mark(f"m{number}", b"")
    with pytest.raises(ValueError, match="one too many"):
        waiting.mark("at", b"")
    waiting.mark("m0", b"again")
