"""Journals that are closed when the test is over."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from telephony.journal.folder import Held, hold
from telephony.journal.writer import Journal
from tests.journal.shelf import Opens, Wall


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pbx1"


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def opens(folder: Path, wall: Wall) -> Iterator[Opens]:
    with ExitStack() as stack:
        given: dict[str, Any] = {"wall": wall, "boot_id": "boot-a"}

        def open_one(where: Path = folder, **settings: Any) -> Journal:
            journal = Journal.open(where, **(given | settings))
            stack.callback(journal.close)
            return journal

        yield open_one


@pytest.fixture
def held(folder: Path) -> Iterator[Held]:
    mine = hold(folder)
    mine.begin(1_000)
    yield mine
    mine.release()
