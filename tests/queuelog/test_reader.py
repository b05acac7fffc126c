"""From a place on, through half lines, rotations, copies, cuts and absences: nothing twice, nothing skipped untold."""

import gzip
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from telephony.queuelog.folder import Folder, Found, LogFile, State
from telephony.queuelog.place import MAX_LINE, Place
from telephony.queuelog.reader import CHUNK, Reader

Reading = Callable[..., Reader]


def left(number: int) -> bytes:
    return b"%d|pbx1-1700000000.%d|support|NONE|ABANDON|1|1|2\n" % (1700000000 + number, number)


def lines_of(reader: Reader) -> list[int]:
    """All that there is now, as the numbers of its lines; -1 for what is no line of ours."""
    told: list[bytes] = []
    while (piece := reader.read()) is not None:
        told += piece.lines
        assert piece.after == reader.place
    numbers = {left(number)[:-1]: number for number in range(200)}
    return [numbers.get(line, -1) for line in told]


def append(path: Path, *numbers: int) -> None:
    with path.open("ab") as log:
        log.write(b"".join(left(number) for number in numbers))


@pytest.fixture
def reading() -> Iterator[Reading]:
    """Makes readers, and closes them in the end."""
    with ExitStack() as stack:

        def make(path: Path, start: Place | None = None, chunk: int = CHUNK) -> Reader:
            reader = Reader(path, start, chunk)
            stack.callback(reader.close)
            return reader

        yield make


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "queue_log"
    path.write_bytes(left(1))
    return path


@pytest.fixture
def place(log: Path) -> Place:
    """Behind its first line."""
    reader = Reader(log)
    reader.read()
    reader.close()
    assert reader.place is not None
    return reader.place


def rotate(log: Path, name: str) -> Path:
    return log.rename(log.with_name(name))


def pack(path: Path) -> None:
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    os.utime(path.with_name(path.name + ".gz"), ns=(path.stat().st_mtime_ns,) * 2)
    path.unlink()


# --- one file ---


def test_what_was_there_before_is_not_read_but_where_it_ended_is_told(log: Path, reading: Reading) -> None:
    reader = reading(log)
    piece = reader.read()
    assert piece is not None
    assert (piece.lines, piece.after.offset) == ((), len(left(1)))
    assert reader.read() is None
    append(log, 2, 3)
    assert lines_of(reader) == [2, 3]
    assert reader.read() is None


def test_a_line_counts_when_its_end_is_written(log: Path, reading: Reading) -> None:
    reader = reading(log)
    reader.read()
    with log.open("ab", buffering=0) as writing:
        writing.write(left(2)[:20])
        assert reader.read() is None
        writing.write(left(2)[20:] + left(3)[:1])
        piece = reader.read()
        assert piece is not None
        assert (piece.lines, piece.after.offset) == ((left(2)[:-1],), len(left(1) + left(2)))
        writing.write(left(3)[1:])
        assert lines_of(reader) == [3]


@pytest.mark.parametrize("before", [left(1), left(1) * CHUNK, b""])
def test_half_a_line_at_the_start_is_told_when_its_end_comes(tmp_path: Path, reading: Reading, before: bytes) -> None:
    log = tmp_path / "queue_log"
    log.write_bytes(before + left(2)[:20])
    reader = reading(log)
    assert lines_of(reader) == []
    log.write_bytes(before + left(2) + left(3))
    assert lines_of(reader) == [2, 3]


def test_an_empty_file_is_read_from_its_first_line(tmp_path: Path, reading: Reading) -> None:
    path = tmp_path / "queue_log"
    path.touch()
    reader = reading(path)
    assert reader.read() is None
    append(path, 1)
    assert lines_of(reader) == [1]


def test_a_file_that_appears_later_is_read_whole(tmp_path: Path, reading: Reading) -> None:
    reader = reading(tmp_path / "queue_log")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            reader.read()
    append(tmp_path / "queue_log", 1)
    assert lines_of(reader) == [1]
    reader.close()
    reader.close()


def test_of_a_line_without_end_the_beginning_is_told_when_it_ends(log: Path, reading: Reading) -> None:
    reader = reading(log, None, 5000)
    reader.read()
    with log.open("ab", buffering=0) as writing:
        writing.write(b"x" * 5 * MAX_LINE)
        assert reader.read() is None
        writing.write(b"x\n" + left(2))
    piece = reader.read()
    assert piece is not None
    assert piece.lines == (b"x" * MAX_LINE, left(2)[:-1])


def test_a_file_with_no_line_end_at_all_is_not_read_into_memory(tmp_path: Path, reading: Reading) -> None:
    log = tmp_path / "queue_log"
    log.write_bytes(b"x" * 3 * CHUNK)
    reader = reading(log)
    piece = reader.read()
    assert piece is not None
    assert (piece.lines, piece.after.offset) == ((), 0)
    log.write_bytes(b"x" * 3 * CHUNK + b"\n" + left(1))
    assert lines_of(reader) == [-1, 1]


def test_a_place_is_gone_on_from(log: Path, place: Place, reading: Reading) -> None:
    append(log, 2, 3)
    assert lines_of(reading(log, place)) == [2, 3]
    assert lines_of(reading(log, Place.load(place.dump()))) == [2, 3]


def test_a_chunk_ends_where_a_line_does(log: Path, place: Place, reading: Reading) -> None:
    append(log, *range(2, 50))
    reader = reading(log, place, 130)
    piece = reader.read()
    assert piece is not None
    assert len(piece.lines) == 2
    assert lines_of(reader) == [*range(4, 50)]


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_is_said_so_and_not_waited_for(tmp_path: Path, reading: Reading, kind: str) -> None:
    log = tmp_path / "queue_log"
    log.mkdir() if kind == "folder" else os.mkfifo(log)
    with pytest.raises(OSError, match="no regular file"):
        reading(log).read()
    with pytest.raises(OSError, match="no regular file"):
        reading(log, Place("0" * 32, 5)).read()


# --- renamed ---


def test_a_rotated_file_is_read_to_its_end_and_then_the_new_one_from_its_beginning(log: Path, reading: Reading) -> None:
    reader = reading(log)
    reader.read()
    old = rotate(log, "queue_log.1")
    append(old, 2)
    assert lines_of(reader) == [2]
    append(old, 3)  # Asterisk writes into it until it has opened the next
    assert lines_of(reader) == [3]
    append(log, 4)
    assert lines_of(reader) == [4]
    assert (reader.rotations, reader.gaps) == (1, 0)


def test_as_long_as_the_new_file_has_no_line_the_old_one_is_still_written_to(log: Path, reading: Reading) -> None:
    reader = reading(log)
    reader.read()
    old = rotate(log, "queue_log.1")
    log.touch()
    assert lines_of(reader) == []
    append(old, 2)
    assert lines_of(reader) == [2]
    append(old, 3)
    append(log, 4)
    assert lines_of(reader) == [3, 4]
    assert (reader.rotations, reader.gaps) == (1, 0)


def test_what_was_written_of_a_line_when_its_file_was_left_is_told(log: Path, reading: Reading) -> None:
    reader = reading(log)
    reader.read()
    with log.open("ab") as writing:
        writing.write(left(2)[:20])
    assert reader.read() is None
    rotate(log, "queue_log.1")
    append(log, 3)
    piece = reader.read()
    assert piece is not None
    assert piece.lines == (left(2)[:20], left(3)[:-1])
    assert piece.after.offset == len(left(3))


def test_a_first_line_never_finished_is_told_too(tmp_path: Path, reading: Reading) -> None:
    log = tmp_path / "queue_log"
    log.write_bytes(left(1)[:20])
    reader = reading(log)
    assert reader.read() is None
    rotate(log, "queue_log.1")
    assert reader.read() is None
    append(log, 2)
    assert lines_of(reader) == [-1, 2]
    assert reader.rotations == 1


@pytest.mark.parametrize("names", [["queue_log.0", "queue_log.1", "queue_log.2"], ["queue_log-20231116"] * 1])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("live", [False, True])
def test_what_was_rotated_away_meanwhile_is_read_in_its_order(
    log: Path, place: Place, reading: Reading, names: list[str], *, packed: bool, live: bool
) -> None:
    reader = reading(log, place)
    if live:
        assert reader.read() is None
    for number, name in enumerate(names):
        append(log, 10 * number + 2, 10 * number + 3)
        old = rotate(log, name)
        if packed:
            pack(old)
        append(log, 10 * number + 11)
    numbers = [10 * number + digit for number in range(len(names)) for digit in (2, 3, 11)]
    assert lines_of(reader) == numbers
    assert (reader.rotations, reader.gaps, reader.lost_bytes) == (len(names), 0, 0)


def test_a_file_both_packed_and_not_is_read_once(log: Path, place: Place, reading: Reading) -> None:
    append(log, 2)
    shutil.copyfile(rotate(log, "queue_log.2"), log.with_name("spare"))
    pack(log.with_name("queue_log.2"))
    log.with_name("spare").rename(log.with_name("queue_log.2"))
    append(log, 3)
    shutil.copyfile(log, log.with_name("queue_log.20231116"))
    rotate(log, "queue_log.1")
    append(log, 4)
    assert lines_of(reading(log, place)) == [2, 3, 4]


def test_the_rest_is_read_even_before_there_is_a_new_file(log: Path, place: Place, reading: Reading) -> None:
    append(log, 2)
    old = rotate(log, "queue_log.1")
    reader = reading(log, place)
    assert lines_of(reader) == [2]
    append(old, 3)
    assert lines_of(reader) == [3]
    append(log, 4)
    assert lines_of(reader) == [4]


def test_no_file_of_that_place_and_none_of_that_name_is_waited_for(log: Path, place: Place, reading: Reading) -> None:
    content = log.read_bytes()
    log.unlink()
    reader = reading(log, place)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            reader.read()
    log.touch()
    assert reader.read() is None
    log.write_bytes(content + left(2))
    assert lines_of(reader) == [2]
    assert reader.gaps == 0


def test_where_the_file_is_a_link_its_rotated_ones_are_found_beside_either(tmp_path: Path, reading: Reading) -> None:
    (tmp_path / "disk").mkdir()
    real, link = tmp_path / "disk" / "ql", tmp_path / "queue_log"
    append(real, 1)
    link.symlink_to(real)
    reader = reading(link)
    reader.read()
    start = reader.place
    append(real, 2)
    rotate(real, "ql.1")
    append(real, 3)
    rotate(link, "queue_log.1")  # so does Asterisk; the link now has that name
    append(link, 4)
    assert lines_of(reader) == [2, 3, 4]
    assert lines_of(reading(link, start)) == [2, 3, 4]


def test_a_number_given_to_the_next_file_does_not_make_it_the_same(log: Path, place: Place, reading: Reading) -> None:
    append(log, 2)
    shutil.copyfile(log, log.with_name("queue_log.1"))
    log.write_bytes(left(5) + left(6) + left(7))  # the same inode
    assert lines_of(reading(log, place)) == [2, 5, 6, 7]


def test_a_deleted_file_is_read_to_its_end_by_whoever_has_it_open(log: Path, reading: Reading) -> None:
    reader = reading(log)
    reader.read()
    append(log, 2)
    log.unlink()
    append(log, 3)
    assert lines_of(reader) == [2, 3]
    assert (reader.rotations, reader.gaps) == (1, 0)


RELOADED = b"1700000050|NONE|NONE|NONE|CONFIGRELOAD|\n"


@pytest.mark.parametrize("restarts", [False, True])
def test_files_begun_in_one_second_are_told_apart_though_their_first_lines_are_the_same(
    log: Path, place: Place, reading: Reading, *, restarts: bool
) -> None:
    append(log, 2)
    rotate(log, "queue_log.0")
    for number, content in enumerate([RELOADED, RELOADED + left(51), RELOADED + left(52) + left(53)]):
        log.write_bytes(content)
        os.utime(log, ns=(number + 1, number + 1))
        if number < 2:
            rotate(log, f"queue_log.{number + 1}")
    os.utime(log.with_name("queue_log.0"), ns=(0, 0))
    reader = reading(log, place, 20)
    told: list[bytes] = []
    while (piece := reader.read()) is not None:
        told += piece.lines
        if restarts and piece.lines[-1:] != (RELOADED[:-1],):
            reader = reading(log, Place.load(piece.after.dump()), 20)
    assert [line + b"\n" for line in told if line != RELOADED[:-1]] == [left(2), left(51), left(52), left(53)]
    assert reader.gaps == 0


# --- while names change ---


class Restless(Folder):
    """Something is renamed just when the files have been looked at, so many times."""

    def __init__(self, path: Path, times: int) -> None:
        super().__init__(path)
        self.path, self.times = path, times

    def turn(self) -> None:
        if self.times:
            self.times -= 1
            self.path.rename(self.path.with_name(f"queue_log.{self.times}"))
            append(self.path, 100 - self.times)


class RenamedWhileListed(Restless):
    def _states(self) -> list[State]:
        states = super()._states()
        self.turn()
        return states


class RenamedBehindTheListing(Restless):
    def go_on(self, place: Place, read: int) -> Found | None:
        found = super().go_on(place, read)
        if found is not None:
            self.turn()
        return found


@pytest.mark.parametrize("kind", [RenamedWhileListed, RenamedBehindTheListing])
def test_while_names_are_changing_nothing_is_concluded(
    log: Path, place: Place, reading: Reading, kind: type[Restless]
) -> None:
    append(log, 2)
    reader = reading(log, place)
    reader._folder = kind(log, 3)
    told = [number for _ in range(8) for number in lines_of(reader)]
    assert told == [2, 98, 99, 100]
    assert reader.gaps == 0


def test_a_live_file_that_cannot_be_read_is_said_so_and_its_place_waits(
    log: Path, place: Place, reading: Reading
) -> None:
    content = log.read_bytes()
    log.write_bytes(b"BZh9")
    reader = reading(log, place)
    with pytest.raises(OSError, match="packed"):
        reader.read()
    log.write_bytes(content + left(2))
    assert lines_of(reader) == [2]


# --- cut ---


def test_of_a_file_copied_and_cut_the_rest_is_read_from_the_copy(log: Path, reading: Reading) -> None:
    reader = reading(log)
    reader.read()
    append(log, 2)
    shutil.copyfile(log, log.with_name("queue_log.1"))
    os.truncate(log, 0)
    assert lines_of(reader) == [2]
    append(log, 3)
    assert lines_of(reader) == [3]
    assert (reader.rotations, reader.gaps, reader.lost_bytes) == (1, 0, 0)


def test_a_file_cut_and_already_longer_again_is_still_told_from_the_old_one(log: Path, reading: Reading) -> None:
    reader = reading(log)
    reader.read()
    append(log, 2)
    shutil.copyfile(log, log.with_name("queue_log.1"))
    os.truncate(log, 0)
    append(log, 3, 4, 5)
    assert lines_of(reader) == [2, 3, 4, 5]
    assert (reader.rotations, reader.gaps) == (1, 0)


class Counting(Folder):
    """Counts how often it has to look into the files."""

    looks = 0

    def _sought(self, files: Sequence[LogFile], place: Place, read: int) -> Found | None:
        self.looks += 1
        return super()._sought(files, place, read)


def test_while_nothing_changes_a_packed_copy_is_not_unpacked_at_every_look(log: Path, reading: Reading) -> None:
    reader = reading(log)
    reader.read()
    reader._folder = folder = Counting(log)
    shutil.copyfile(log, log.with_name("queue_log.1"))
    pack(log.with_name("queue_log.1"))
    os.truncate(log, 0)
    for _ in range(50):
        assert lines_of(reader) == []
    assert folder.looks <= 4
    append(log, 2)
    assert lines_of(reader) == [2]
    assert reader.gaps == 0


def test_a_copy_that_lacks_what_was_already_read_gives_nothing_twice(log: Path, reading: Reading) -> None:
    reader = reading(log)
    reader.read()
    shutil.copyfile(log, log.with_name("queue_log.1"))
    append(log, 2)
    assert lines_of(reader) == [2]
    os.truncate(log, 0)
    append(log, 3)
    assert lines_of(reader) == [3]
    assert reader.gaps == 0


def test_a_file_cut_without_a_copy_is_a_gap_and_what_was_seen_of_it_is_counted(log: Path, reading: Reading) -> None:
    reader = reading(log, None, 60)
    reader.read()
    append(log, 2, 3)
    piece = reader.read()
    assert piece is not None
    assert piece.lines == (left(2)[:-1],)
    os.truncate(log, 0)
    assert reader.read() is None
    append(log, 4)
    with capture_logs() as logs:
        assert lines_of(reader)[-1] == 4
    assert [entry["event"] for entry in logs] == ["queue_log_gap"]
    assert (reader.rotations, reader.gaps) == (1, 1)
    assert reader.lost_bytes + len(left(2)) + 1 >= len(left(3))


def test_a_file_with_the_same_first_line_but_shorter_is_another_one(log: Path, place: Place, reading: Reading) -> None:
    append(log, 2)
    reader = reading(log, place)
    assert lines_of(reader) == [2]
    log.write_bytes(left(1))
    assert lines_of(reader) == [1]
    assert (reader.rotations, reader.gaps) == (1, 1)


# --- written anew ---


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("without", [1, 10])
def test_a_file_that_an_editor_wrote_anew_is_gone_on_with_behind_what_was_read_and_that_is_told(
    log: Path, reading: Reading, without: int, *, restarts: bool
) -> None:
    append(log, *range(2, 100))
    reader = reading(log)
    assert lines_of(reader) == []
    edited = log.with_name("sed12345")
    append(edited, *(number for number in range(1, 104) if number != without))
    with edited.open("ab") as writing:
        writing.write(left(104)[:-1])
    edited.rename(log)
    with log.open("ab") as writing:
        writing.write(b"\n")
    if restarts:
        assert reader.place is not None
        reader = reading(log, Place.load(reader.place.dump()))
    with capture_logs() as logs:
        assert lines_of(reader) == [100, 101, 102, 103, 104]
    assert [entry["event"] for entry in logs] == ["queue_log_written_anew"]
    assert reader.gaps == 1
    append(log, 105)
    assert lines_of(reader) == [105]


def test_an_older_file_put_in_its_place_tells_nothing_until_something_is_written(log: Path, reading: Reading) -> None:
    append(log, *range(2, 100))
    reader = reading(log)
    assert lines_of(reader) == []
    log.write_bytes(b"".join(left(number) for number in range(1, 50)))
    assert lines_of(reader) == []
    assert reader.gaps == 1
    append(log, 150)
    assert lines_of(reader) == [150]


def test_what_a_power_failure_cost_the_file_is_told_and_what_was_written_since_is_read(
    log: Path, reading: Reading
) -> None:
    append(log, *range(2, 40))
    reader = reading(log)
    assert lines_of(reader) == []
    assert reader.place is not None
    place = Place.load(reader.place.dump())
    reader.close()
    os.truncate(log, sum(len(left(number)) for number in range(1, 21)))
    append(log, *range(60, 80))
    after = reading(log, place)
    assert lines_of(after) == [*range(60, 80)]
    assert after.gaps == 1


@pytest.mark.parametrize("name", ["queue_log.support", "queue_log.pbx2", "queue_log-old", "queue_log.1.bak"])
def test_files_that_merely_begin_like_it_are_not_looked_at(log: Path, reading: Reading, name: str) -> None:
    append(log, *range(2, 30))
    reader = reading(log)
    assert lines_of(reader) == []
    append(log.with_name(name), *range(2, 30, 2))
    append(rotate(log, "queue_log.1"), 30)
    append(log, 31)
    assert lines_of(reader) == [30, 31]
    assert (reader.rotations, reader.gaps) == (1, 0)


def test_an_excerpt_that_is_named_like_a_rotated_file_is_not_read_again_and_that_is_told(
    log: Path, reading: Reading
) -> None:
    append(log, *range(2, 30))
    reader = reading(log)
    assert lines_of(reader) == []
    append(log.with_name("queue_log.20231116"), *range(2, 30, 2))
    rotate(log, "queue_log.1")
    append(log, 31)
    assert lines_of(reader) == [31]
    assert reader.gaps == 1


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=40), st.integers(0, 61), st.sampled_from([20, 63, 64, 1 << 20])
)
def test_behind_a_time_is_behind_the_last_line_that_is_not_younger(times: list[int], last: int, sought: int) -> None:
    lines = [left(time) for time in times]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "queue_log"
        log.write_bytes(b"".join(lines))
        files = Folder(log).files()
        assert files
        place = files[-1].behind(1_700_000_000 + last, sought)
    assert place is not None
    count = max((number + 1 for number, time in enumerate(times) if time <= last), default=0)
    assert place.offset == len(b"".join(lines[:count]))


# --- gone ---


def test_when_the_file_of_a_place_is_gone_the_younger_ones_are_read_and_the_gap_is_told(
    log: Path, place: Place, reading: Reading
) -> None:
    append(log, 2)
    log.unlink()
    append(log.with_name("queue_log.9"), 0)  # older, and read by whoever made the place
    append(log.with_name("queue_log.1"), 3, 4)
    append(log, 5)
    reader = reading(log, place)
    with capture_logs() as logs:
        assert lines_of(reader) == [3, 4, 5]
    assert [entry["event"] for entry in logs] == ["queue_log_gap"]
    assert reader.gaps == 1


def test_of_a_place_without_a_date_only_what_is_written_now_is_younger(log: Path, reading: Reading) -> None:
    append(log.with_name("queue_log.1"), 3)
    reader = reading(log, Place("0" * 32, 5))
    assert lines_of(reader) == [1]
    assert reader.gaps == 1


@pytest.mark.parametrize("content", [b"BZh91AY", b"no log\n", gzip.compress(left(3) * 99, mtime=0)[:15]])
def test_a_file_in_between_that_cannot_be_read_is_told(
    log: Path, place: Place, reading: Reading, content: bytes
) -> None:
    rotate(log, "queue_log.2")
    old = log.with_name("queue_log.1")
    old.write_bytes(content)
    log.with_name("queue_log.lock").touch()  # empty: nothing is in it
    log.with_name("queue_log.d").mkdir()
    log.with_name("queue_log.to").symlink_to("nowhere")
    append(log, 4)
    reader = reading(log, place)
    with capture_logs() as logs:
        assert lines_of(reader) == [4]
    assert [(entry["event"], entry["file"]) for entry in logs] == [("queue_log_file_passed_over", str(old))]
    assert (reader.rotations, reader.gaps) == (1, 1)


def test_a_damaged_packed_file_is_read_as_far_as_it_goes_and_the_rest_is_told(
    log: Path, place: Place, reading: Reading
) -> None:
    append(log, *range(2, 100))
    old = rotate(log, "queue_log.1")
    packed = gzip.compress(old.read_bytes())
    old.unlink()
    old.with_name("queue_log.1.gz").write_bytes(packed[: len(packed) // 2])
    reader = reading(log, place)
    with capture_logs() as logs:
        told = lines_of(reader) + lines_of(reader)
        append(log, 150)
        assert lines_of(reader) == [-1, 150]  # what there was of the line at the damage, too
    assert told == [*range(2, len(told) + 2)]
    assert [entry["event"] for entry in logs].count("queue_log_damaged") == 1
    assert reader.gaps == 1


def test_a_folder_full_of_old_files_is_read_in_order(log: Path, place: Place, reading: Reading) -> None:
    rotate(log, "queue_log.100")
    for number in range(2, 60):
        append(log.with_name(f"queue_log.{100 - number}"), number)
    append(log, 60)
    assert lines_of(reading(log, place)) == [*range(2, 61)]


# --- all of it ---


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int]]:
    steps = st.sampled_from(["write", "write", "rename", "pack", "copy and cut", "look", "look", "restart", "half"])
    return [(draw(steps), number) for number in range(2, draw(st.integers(2, 25)))]


@given(histories())
def test_however_the_file_is_rotated_each_line_is_told_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        log = Path(folder) / "queue_log"
        append(log, 1)
        reader = Reader(log)
        reader.read()
        told: list[int] = []
        written: list[int] = []
        half = b""
        for step, number in steps:
            if step == "look":
                told += lines_of(reader)
            elif step == "restart":
                reader.close()
                reader = Reader(log, reader.place)
            elif step == "half" and not half:
                whole = left(number)
                half = whole[20:]
                write(log, whole[:20])
                written.append(number)
            else:
                write(log, half)
                half = b""
                rotate_by(log, step, number)
                append(log, number)  # after a rotation Asterisk writes that it did
                written.append(number)
        write(log, half)
        told += lines_of(reader)
        reader.close()
        assert told == written
        assert reader.gaps == 0


def write(log: Path, data: bytes) -> None:
    with log.open("ab") as writing:
        writing.write(data)


def rotate_by(log: Path, how: str, number: int) -> None:
    old = log.with_name(f"queue_log.{1000 - number}")
    if how == "copy and cut":
        shutil.copyfile(log, old)
        os.truncate(log, 0)
    elif how in {"rename", "pack"}:
        log.rename(old)
        if how == "pack":
            pack(old)
