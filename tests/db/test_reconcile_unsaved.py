"""`reconcile --heal` between a service that could not save and its next start."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.reconciling.comparing import HealingRefused, run
from telephony.calls.record import Outcome, Quality, VisitRecord
from telephony.cases.migrate import migrate
from telephony.cases.store import CallStore
from telephony.config import Config, load
from tests.db.test_backup_live import marked, moved
from tests.db.test_service import configuration, recorded, serving, until
from tests.support.ami_server import AmiServer
from tests.support.replay import RECORDINGS

pytestmark = pytest.mark.db
NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"
JOINED = datetime.fromtimestamp(1795304000, UTC)
SPAN = JOINED, JOINED + timedelta(hours=2)


async def visits(url: str) -> list[VisitRecord]:
    store = CallStore(url)
    found = [visit async for stored in store.calls() for visit in stored.call.visits]
    await store.close()
    return found


async def served(config: Config, said: bytes = b"", drain: float = 5) -> None:
    """The service, from a start to a stop in order; hears that."""
    async with AmiServer() as ami:
        ami.entries = 0
        async with serving(moved(config, ami), drain=drain) as (service, _):
            follower = service.feeds[0].follower
            await until(lambda: follower.synchronised)
            ami.say(said)
            if said:
                await until(lambda: service.saver.state().backlog and not follower.tracker.book.calls)
                await until(lambda: marked(config) is not None)
            else:
                await until(lambda: service.saver.state().database_up and not service.saver.state().backlog)


async def test_nothing_is_put_right_by_queue_log_while_the_journal_knows_better(
    tmp_path: Path, empty_database: str, unused_tcp_port: int
) -> None:
    await migrate(empty_database)
    async with AmiServer() as ami:
        away = configuration(tmp_path, ami, NOWHERE, unused_tcp_port)
    await served(away, recorded("answered"), drain=0.05)
    (tmp_path / "queue_log").write_bytes((RECORDINGS / "answered" / "queue_log").read_bytes())
    file = tmp_path / "threerings.toml"
    file.write_text(file.read_text().replace(NOWHERE, empty_database))
    config = load(file, {})
    with pytest.raises(HealingRefused, match=r"^--heal: the journal of pbx1 has \d+ records of which .*; start the"):
        await run(config, None, SPAN, heal=True)
    assert await visits(empty_database) == []
    await served(config)
    (visit,) = await visits(empty_database)
    assert (visit.outcome, len(visit.offers)) == (Outcome.ANSWERED, 1)
    assert visit.quality is not Quality.RECONSTRUCTED
    (report,) = await run(config, None, SPAN, heal=True)  # all is saved: it may
    assert report.compared == 1
