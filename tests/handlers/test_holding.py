"""Which journals are believed at a start: those whose writer had the lease last, whatever became of starts since."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from handlers.build import Service, build
from handlers.holding import TAKEN, TERM, believe, note, overtaken
from handlers.journals import kept
from handlers.resume import MARK, Resume
from handlers.standby import LeaseLost, owned
from telephony.cases.lease import Take
from telephony.config import Config
from telephony.journal.writer import Journal
from tests.support.checks import config_of

URL = "postgresql://nobody@127.0.0.1:1/none"
T0 = datetime(2026, 11, 22, 9, tzinfo=UTC)
RESUME = Resume(start=3, calls_from=3, saved=2).dump()
REMEMBERED = {MARK: RESUME, "compared": b"[3, []]", "cel": b"x 1 1", "needed_from": b"3"}


class Had:
    """Leases in which everybody takes: the only PBX, at these seconds."""

    def __init__(
        self,
        pbx: str,
        at: float | None,
        before: float | None = None,
        term: int = 1,
        behind: Sequence[float | None] = (),
    ) -> None:
        was, *rest = (None if one is None else T0 + timedelta(seconds=one) for one in (before, *behind))
        self.takes = {} if at is None else {pbx: Take(term, was, T0 + timedelta(seconds=at), tuple(rest))}
        self.is_noted = False

    def noted(self) -> None:
        self.is_noted = True


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_of(data_dir=tmp_path)


async def starts(
    config: Config,
    at: float | None,
    before: float | None = None,
    *,
    marks: bool = False,
    term: int = 1,
    behind: Sequence[float | None] = (),
) -> set[str]:
    """A process that takes the lease, and comes no farther unless it leaves marks; which PBXs are not believed."""
    name = config.pbx[0].name
    async with kept(config) as journals:
        had = Had(name, at, before, term, behind)
        stale = overtaken(journals, had)
        assert had.is_noted == bool(had.takes)
        for mark, value in REMEMBERED.items() if marks else ():
            journals[name].mark(mark, value)
    return stale


async def remembered(config: Config) -> dict[str, bytes]:
    async with kept(config) as journals:
        return {name: value for name, value in journals[config.pbx[0].name].marks().items() if name != TAKEN and value}


async def test_who_had_the_lease_last_believes_his_journal(config: Config) -> None:
    assert await starts(config, 1, marks=True) == set()
    assert await starts(config, 2, 1) == set()
    assert await starts(config, 3, 2) == set()
    assert await remembered(config) == REMEMBERED


async def test_what_is_stale_stays_so_for_whoever_starts_after_one_that_came_not_far(config: Config) -> None:
    await starts(config, 1, marks=True)
    assert await starts(config, 9, 5, term=3) == {config.pbx[0].name}
    await starts(config, 10, 9, term=3)
    assert await remembered(config) == {}


async def test_what_a_start_that_came_far_remembers_is_believed_again(config: Config) -> None:
    await starts(config, 1, marks=True)
    assert await starts(config, 9, 5, term=3, marks=True)
    assert await starts(config, 10, 9, term=3) == set()
    assert await remembered(config) == REMEMBERED


async def test_without_a_database_the_journal_is_believed_and_the_next_start_judges_as_if_it_had_not_been(
    config: Config,
) -> None:
    await starts(config, 1, marks=True)
    assert await starts(config, None) == set()
    assert await starts(config, 2, 1) == set()
    assert await starts(config, None) == set()
    assert await starts(config, 9, 5) == {config.pbx[0].name}


async def test_a_start_that_was_killed_before_its_journal_said_so_was_no_other_instance(config: Config) -> None:
    await starts(config, 1, marks=True)
    assert await starts(config, 4, 3, behind=(2, 1)) == set()  # 2 and 3 were ours, and killed at once
    assert await remembered(config) == REMEMBERED
    assert await starts(config, 9, 8, behind=(7,)) == {config.pbx[0].name}  # 8 was ours; who was it at 7?


async def test_a_start_that_was_killed_in_a_database_in_which_nobody_had_followed_knows_no_more(config: Config) -> None:
    await starts(config, 5, marks=True)
    assert await starts(config, 2, 1, behind=(None,)) == set()


async def test_a_copy_is_noticed_though_it_is_the_same_holder_in_the_same_term(config: Config) -> None:
    await starts(config, 1, marks=True)
    with structlog.testing.capture_logs() as said:
        assert await starts(config, 9, 5)
        assert await starts(config, 99, 50, term=2)
    (copy, another) = said
    assert (copy["log_level"], another["log_level"]) == ("warning", "info")
    assert "copy" in copy["reason"]
    assert copy["remedy"]


async def test_a_database_in_which_nobody_ever_followed_knows_no_more_than_the_journal(config: Config) -> None:
    await starts(config, 5, marks=True)
    assert await starts(config, 1) == set()


@pytest.mark.parametrize(("mark", "term", "stale"), [(None, 4, False), (b"4", 4, False), (b"3", 4, True)])
async def test_a_journal_of_a_version_that_counted_holders_is_judged_by_its_count(
    config: Config, mark: bytes | None, term: int, *, stale: bool
) -> None:
    name = config.pbx[0].name
    async with kept(config) as journals:
        journals[name].mark(MARK, RESUME)
        if mark is not None:
            journals[name].mark(TERM, mark)
    assert await starts(config, 9, 5, term=term) == ({name} if stale else set())
    assert await remembered(config) == ({} if stale else {MARK: RESUME} | ({} if mark is None else {TERM: mark}))


async def late(config: Config, journals: dict[str, Journal], had: Had) -> Service:
    """The database answers only when the PBX has been followed for a while."""
    assert overtaken(journals, Had(config.pbx[0].name, None)) == set()
    service = build(config, URL, journals=journals)
    believe(service, had)
    return service


async def test_a_lease_that_is_had_late_is_noted_when_nobody_else_had_it(config: Config) -> None:
    name = config.pbx[0].name
    await starts(config, 1, marks=True)
    async with kept(config) as journals:
        had = Had(name, 2, 1)
        await late(config, journals, had)
        assert had.is_noted
    assert await starts(config, 3, 2) == set()


async def test_who_believed_without_a_database_begins_anew_when_another_had_it(config: Config) -> None:
    name = config.pbx[0].name
    await starts(config, 1, marks=True)
    async with kept(config) as journals:
        had = Had(name, 9, 5, term=3)
        with pytest.raises(LeaseLost, match=f"^{name}: another instance has followed it meanwhile"):
            await late(config, journals, had)
        assert not had.is_noted  # given back as it was found
    assert await starts(config, 10, 5, term=3) == {name}


async def test_who_has_a_copy_is_another_instance_from_the_next_start_on(config: Config) -> None:
    with owned(config.data_dir) as number:
        for at, before, term in ((1, None, 1), (2, 1, 1), (9, 5, 3)):
            had = Had(config.pbx[0].name, at, before, term)
            async with kept(config) as journals:
                stale = overtaken(journals, had)
                believe(build(config, URL, journals=journals, stale=stale), had)
    with owned(config.data_dir) as again:
        assert again == number  # whoever else followed had a number of his own
        had = Had(config.pbx[0].name, 99, 50, 3)
        async with kept(config) as journals:
            stale = overtaken(journals, had)
            believe(build(config, URL, journals=journals, stale=stale), had)
    with owned(config.data_dir) as other:
        assert other != number
    with owned(config.data_dir) as again:
        assert again == other


async def test_who_had_nothing_to_believe_goes_on_whoever_had_it(config: Config) -> None:
    name = config.pbx[0].name
    async with kept(config) as journals:
        note(journals, Had(name, 1))
    async with kept(config) as journals:
        had = Had(name, 9, 5, term=3)
        await late(config, journals, had)
        assert had.is_noted
