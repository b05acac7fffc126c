"""At the start: a reading again that is cut short by a stop leaves everything to the next."""

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from handlers.build import build
from handlers.journals import kept
from handlers.rebuilding import heard_again, rebuild
from handlers.resume import MARK, Resume
from tests.support.checks import config_of

URL = "postgresql://nobody@127.0.0.1:1/none"
KEPT = Resume(start=3, calls_from=3, saved=2, older=("pbx1-1.1",)).dump()


async def test_what_must_be_read_again_is_not_forgotten_by_who_was_stopped_while_reading(tmp_path: Path) -> None:
    config = config_of(data_dir=tmp_path)
    name = config.pbx[0].name
    async with kept(config) as journals:
        journals[name].mark(MARK, KEPT)
    async with kept(config) as journals:
        service = build(config, URL, journals=journals)
        (feed,) = service.feeds
        assert feed.follower.recovering
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(rebuild(service, URL))
            await asyncio.sleep(0)  # it has begun
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
        feed.follower.mark()
    async with kept(config) as journals:
        assert journals[name].marks()[MARK] == KEPT
        service = build(config, URL, journals=journals)
        await rebuild(service, URL)
        (feed,) = service.feeds
        assert not feed.follower.recovering
        feed.follower.mark()
    async with kept(config) as journals:
        assert journals[name].marks()[MARK] != KEPT


@pytest.mark.parametrize("error", [OSError("gone"), sqlite3.DatabaseError("damaged"), RuntimeError("a fault of ours")])
async def test_what_cannot_be_compared_again_ends_no_start(error: Exception) -> None:
    async def hears() -> None:
        raise error

    with structlog.testing.capture_logs() as said:
        await heard_again("pbx1", hears())
    assert [(line["event"], line["pbx"]) for line in said] == [("not_heard_again", "pbx1")]
    assert "threerings reconcile" in said[0]["remedy"]
