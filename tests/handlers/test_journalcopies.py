"""What marks the journal in a backup has."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.holding import TAKEN, TERM, told
from handlers.journalcopies import marked, marked_in, save, to_go_on_from
from telephony.cases.lease import Take
from telephony.journal import sheet
from telephony.journal.files import listing
from telephony.journal.reader import records
from telephony.journal.writer import Journal

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def written(journals: Path, at: datetime, resume: bytes) -> None:
    """One hour's file more, with a record."""
    journal = Journal.open(journals / "pbx1", wall=lambda: at)
    try:
        position = journal.append(1, timedelta(), timedelta(days=20_000), b"Event: X\r\n\r\n")
        journal.mark("resume", resume)
        await journal.synced(position)
    finally:
        journal.close()


def marks(folder: Path) -> list[dict[str, bytes]]:
    found = []
    for file in listing(folder):
        with closing(sheet.connect_to_read(file.path)) as connection:
            found.append(sheet.marks_of(connection))
    return found


async def test_every_file_that_was_written_since_has_the_marks_of_before(tmp_path: Path) -> None:
    journals, saved = tmp_path / "journal", tmp_path / "saved"
    await written(journals, NOON, b"long ago")
    await written(journals, NOON + HOUR, b"before")
    before = marked(journals)
    await written(journals, NOON + HOUR, b"a moment later")
    await written(journals, NOON + 2 * HOUR, b"late")
    assert save(journals, saved, before, {}).positions == {"pbx1": (1, 4)}
    assert [each["resume"] for each in marks(saved / "pbx1")] == [b"long ago", b"before", b"before"]
    assert list(records(saved / "pbx1")) == list(records(journals / "pbx1"))
    assert [each["resume"] for each in marks(journals / "pbx1")] == [b"long ago", b"a moment later", b"late"]


async def test_a_journal_that_was_begun_meanwhile_says_nothing_of_the_database(tmp_path: Path) -> None:
    await written(tmp_path / "journal", NOON, b"late")
    save(tmp_path / "journal", tmp_path / "saved", {}, {})
    assert marks(tmp_path / "saved" / "pbx1") == [{}]


async def test_marks_are_those_of_the_newest_file_that_can_be_read(tmp_path: Path) -> None:
    await written(tmp_path, NOON, b"readable")
    (tmp_path / "pbx1" / "20260302T13Z.sqlite3").write_bytes(b"garbage" * 1000)
    (tmp_path / "pbx1" / "20260302T14Z.sqlite3.damaged").write_bytes(b"")
    assert marked_in(tmp_path / "pbx1").marks["resume"] == b"readable"
    assert marked_in(tmp_path / "nobody's").marks == {}


OURS, OTHERS = Take(3, NOON, NOON), Take(4, NOON + HOUR, NOON + HOUR)
KNOWN = {TAKEN: b"3 " + told(NOON), "resume": b"x"}


@pytest.mark.parametrize(
    ("found", "take", "kept", "is_ours"),
    [
        (KNOWN, OURS, {"resume": b"x"}, True),
        (KNOWN, None, {"resume": b"x"}, True),
        (KNOWN, OTHERS, {}, False),
        ({TERM: b"3", "resume": b"x"}, OURS, {"resume": b"x"}, True),
        ({TERM: b"3", "resume": b"x"}, OTHERS, {}, False),
    ],
)
def test_no_mark_of_a_lease_is_copied_nor_any_of_a_journal_that_is_not_the_newest(
    found: dict[str, bytes], take: Take | None, kept: dict[str, bytes], *, is_ours: bool
) -> None:
    assert to_go_on_from(found, take) == (kept, is_ours)
