"""What one parcel holds, however the file was written: never too much, never a line twice or not at all."""

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.queuelog.place import Piece, Place
from telephony.queuelog.reader import Reader
from telephony.queuelog.shipping.gathering import Gathering
from telephony.queuelog.shipping.parcel import CHUNK, MAX_BYTES, MAX_LINES, Parcel

FIRST = b"1795000000|NONE|NONE|NONE|QUEUESTART|\n"


def begun(path: Path) -> Place:
    """The file has its first line, and the receiver its mark behind it."""
    path.write_bytes(FIRST)
    [parcel] = all_of(Gathering(Reader(path), None))
    assert (parcel.before, parcel.piece.lines) == (None, ())
    return parcel.piece.after


def all_of(gathering: Gathering) -> list[Parcel]:
    found = []
    while (parcel := gathering.next()) is not None:
        found.append(parcel)
    gathering.close()
    return found


@given(
    st.lists(st.sampled_from([b"\n", b"x\n", b"x" * 100 + b"\n", b"x" * 20_000 + b"\n"]), max_size=40),
    st.integers(1, 600),
)
def test_each_line_is_in_one_parcel_and_no_parcel_is_too_large(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], times: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "queue_log"
    mark = begun(path)
    data = b"".join(lines) * times
    if len(data) > 2_000_000:
        data = data[: data.rfind(b"\n", 0, 2_000_000) + 1]
    with path.open("ab") as file:
        file.write(data)
    parcels = all_of(Gathering(Reader(path, mark, CHUNK), mark))
    assert [line for parcel in parcels for line in parcel.piece.lines] == [
        line[:16_384] for line in data.split(b"\n")[:-1]
    ]
    assert [parcel.before for parcel in parcels] == [mark, *(parcel.piece.after for parcel in parcels)][:-1]
    for parcel in parcels:
        assert len(parcel.piece.lines) <= MAX_LINES
        assert sum(map(len, parcel.piece.lines)) < MAX_BYTES / 4
        assert Parcel.unpack(parcel.pack()) == parcel


def test_a_file_that_is_gone_is_told_with_the_next_lines(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    mark = begun(path)
    path.unlink()
    gathering = Gathering(Reader(path, mark, CHUNK), mark)
    with pytest.raises(FileNotFoundError):
        gathering.next()
    path.write_bytes(FIRST.replace(b"1795", b"1796") + b"1796000001|NONE|NONE|NONE|CONFIGRELOAD|\n")
    [parcel] = all_of(gathering)
    assert (parcel.gaps, len(parcel.piece.lines)) == (1, 2)


class Failing(Reader):
    """Its disk fails after the first look."""

    looks = 0

    def read(self) -> Piece | None:
        self.looks += 1
        if self.looks > 1:
            raise OSError(errno.EIO, "Input/output error")
        return super().read()


def test_what_was_read_before_the_disk_failed_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    mark = begun(path)
    with path.open("ab") as file:
        file.write(b"x" * 40 + b"\n")
    gathering = Gathering(Failing(path, mark, CHUNK), mark)
    parcel = gathering.next()
    assert parcel is not None
    assert parcel.piece.lines == (b"x" * 40,)
    with pytest.raises(OSError, match="Input/output"):
        gathering.next()
    gathering.close()
