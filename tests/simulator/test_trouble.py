"""What is said when PostgreSQL does not start: its last complaint, whole, and a remedy."""

import pytest

from handlers.demotrouble import REMEDY, why_no_database
from telephony.cases.embedded import EmbeddedError

FULL = (
    "data_dir: /tmp/t/postgres: initdb failed: 20.108 UTC [77] LOG: x 2026-11-22 07:00:20.110 UTC [77] FATAL: could"
    ' not write to file "pg_wal/xlogtemp.77": No space left on device child process exited with exit code 1 initdb:'
    ' removing contents of data directory "/tmp/t/postgres"'
)
CUT = (
    "data_dir: /tmp/t/postgres: initdb failed: insufficient file descriptors available to start server process"
    " 2026-11-22 07:32:47.907 UTC [21069] DETAIL: System allows 31, server needs at least 58, 9 files are already open."
    ' child process exited with exit code 1 initdb: removing contents of data directory "/tmp/t/postgres"'
)
FILES = (
    "database.url: embedded PostgreSQL in /tmp/t/postgres did not start: 2026-11-22 07:00:20.110 UTC [77] FATAL:"
    "  insufficient file descriptors available to start server process; see server.log there"
)


ROOM = "make room, or name another folder: TMPDIR=/var/tmp threerings demo"
MORE = "allow more of them: ulimit -n 1024"
PASS = "name a folder that everybody may pass: TMPDIR=/tmp threerings demo"
DESCRIPTORS = "insufficient file descriptors available to start server process"


@pytest.mark.parametrize(
    ("said", "complaint", "remedy"),
    [
        (FULL, 'could not write to file "pg_wal/xlogtemp.77": No space left on device', ROOM),
        (FILES, DESCRIPTORS, MORE),
        (CUT, DESCRIPTORS, MORE),
        (
            "data_dir: /t: initdb failed: initdb: error: could not access directory /t: Permission denied",
            "could not access directory /t: Permission denied",
            PASS,
        ),
    ],
)
def test_the_complaint_is_whole_and_has_a_remedy(said: str, complaint: str, remedy: str) -> None:
    assert why_no_database(EmbeddedError(said)) == f"PostgreSQL does not start: {complaint}; {remedy}"


def test_what_has_a_remedy_is_said_as_it_is_and_what_has_none_gets_one() -> None:
    known = "data_dir: /t is longer than 100 bytes; name a shorter one"
    assert why_no_database(EmbeddedError(known)) == known
    silent = "data_dir: /t: initdb failed: "
    assert why_no_database(EmbeddedError(silent)) == f"{silent}; {REMEDY}"
