"""Lists of customers brought into a real PostgreSQL: all lines accounted for, cut off anywhere, and sent again."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from handlers.cli import main
from handlers.customers import importing
from handlers.customers.importing import Importing
from handlers.customers.reading import List, TooMuch, Unreadable
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.customer_imports import (
    MOST_REFUSALS,
    AnotherRuns,
    Batch,
    Bringer,
    GoneOn,
    Imported,
    Imports,
)
from telephony.cases.customer_lookup import OwnCustomers
from telephony.cases.turns import Turns
from telephony.customers.columns import NoHeader
from telephony.customers.numbers import E164, Numbering
from telephony.customers.rows import Terms
from telephony.customers.why import Refused, Why

pytestmark = pytest.mark.db
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ZHAO = Bringer("zhao")
TERMS = Terms(Numbering())


def body(lines: int, *more: str, first: int = 0) -> bytes:
    rows = [f"客户{n},138{n:08d},,K{n}" for n in range(first, first + lines)]
    return "\n".join(["姓名,电话,备注,客户号", *rows, *more]).encode()


@dataclass
class Clock:
    at: datetime = NOW

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Desk:
    turns: Turns
    imports: Imports
    clock: Clock = field(default_factory=Clock)

    async def bring(self, content: bytes, terms: Terms = TERMS, bringer: Bringer = ZHAO) -> Imported:
        work = Importing(self.imports, self.clock.now)
        return await work.bring(List(io.BytesIO(content), terms), uuid4(), bringer, "list.csv")

    async def count(self, statement: str) -> int:
        async with self.turns.transaction() as connection:
            return int(await connection.fetchval(statement))


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    turns = Turns(database)
    yield Desk(turns, Imports(turns))
    await turns.close()


def counts(done: Imported) -> tuple[int, int, int, int, int]:
    return done.rows, done.added, done.changed, done.unchanged, done.refused


async def test_every_line_of_a_list_is_accounted_for_and_sent_again_it_changes_nothing(desk: Desk) -> None:
    content = body(1_200, "Li Lei,1001,,", "客户3,13800000003,VIP,K3", ",13900139000,,", "Han,13800000001,,")
    done = await desk.bring(content)
    assert (done.state, done.read, done.size) == ("done", len(content), len(content))
    assert counts(done) == (1_204, 1_200, 1, 0, 3)
    assert await desk.imports.refusals(done.id) == (
        Refused(1_202, "numbers", Why.SHORT_NUMBER),
        Refused(1_204, "name", Why.NO_NAME),
        Refused(1_205, "numbers", Why.OTHERS_NUMBER),
    )
    again = await desk.bring(content)
    assert counts(again) == (1_204, 0, 0, 1_201, 3)
    assert [one.id for one in await desk.imports.newest(NOW)] == [again.id, done.id]
    assert await desk.count("SELECT count(*) FROM customer_numbers") == 1_200
    assert await desk.count("SELECT count(*) FROM customer_history WHERE what = 'imported'") == 1_201


async def test_cut_off_in_the_middle_whole_lines_stay_and_the_rest_comes_when_it_is_sent_again(desk: Desk) -> None:
    content, id_ = body(1_200), uuid4()
    list_ = List(io.BytesIO(content), TERMS)
    list_.begin()
    await desk.imports.begin(id_, ZHAO, "list.csv", list_.size, NOW)
    batch = list_.next()
    assert batch is not None
    await desk.imports.take(id_, batch, ZHAO, NOW)
    with pytest.raises(AnotherRuns):
        await desk.imports.begin(uuid4(), ZHAO, "other.csv", 1, NOW + timedelta(seconds=59))
    late = NOW + timedelta(seconds=61)
    found = await desk.imports.get(id_, late)
    assert found is not None
    assert (found.state, counts(found)) == ("interrupted", (500, 500, 0, 0, 0))
    with pytest.raises(GoneOn):  # it was only slow: what it still brings is not taken
        await desk.imports.take(id_, batch, ZHAO, late)
    assert counts(await desk.bring(content)) == (1_200, 700, 0, 500, 0)
    assert await desk.imports.get(uuid4(), NOW) is None


@dataclass
class Flaky:
    """The imports on a database that fails so often in a row."""

    imports: Imports
    failures: int
    error: Exception = field(default_factory=lambda: ConnectionResetError("cut"))

    async def begin(self, *words: object) -> None:
        await self.imports.begin(*words)  # type: ignore[arg-type]

    async def take(self, list_: UUID, batch: Batch, bringer: Bringer, at: datetime) -> Imported:
        done = await self.imports.take(list_, batch, bringer, at)
        if self.failures:
            self.failures -= 1
            raise self.error  # the line was cut when all was written, and nobody knows
        return done

    async def end(self, list_: UUID, at: datetime, trouble: str = "", *, state: str = "done") -> Imported:
        return await self.imports.end(list_, at, trouble, state=state)


async def test_a_batch_of_which_nobody_knows_whether_it_was_written_is_written_once(desk: Desk) -> None:
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    def work(failures: int, error: Exception | None = None) -> Importing:
        flaky = Flaky(desk.imports, failures, error or ConnectionResetError("cut"))
        return Importing(flaky, desk.clock.now, pause=pause)

    done = await work(3).bring(List(io.BytesIO(body(3)), TERMS), uuid4(), ZHAO, "x")
    assert (done.state, len(paused), await desk.count("SELECT count(*) FROM customers")) == ("done", 3, 3)
    with pytest.raises(ConnectionResetError):
        await work(importing.TRIES).bring(List(io.BytesIO(body(3)), TERMS), uuid4(), ZHAO, "x")
    desk.clock.at += timedelta(minutes=2)
    with pytest.raises(DatabaseUrlError):
        await work(1, DatabaseUrlError("none")).bring(List(io.BytesIO(body(3)), TERMS), uuid4(), ZHAO, "x")


async def test_what_is_no_list_is_refused_before_anything_is_kept(desk: Desk) -> None:
    class Torn(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    for content, said in (
        (b"", "write 姓名"),
        (b'"\nx', "write 姓名"),
        ("姓名,电话".encode("utf-16"), "UTF-8"),
        (b"a,b\nc,d", "names no column of a name"),
    ):
        with pytest.raises(importing.REFUSES, match=said):
            await desk.bring(content)
    with pytest.raises(Unreadable, match="Input/output error"):
        List(Torn(b"x"), TERMS).begin()
    assert await desk.count("SELECT count(*) FROM customer_imports") == 0


async def test_of_a_list_of_too_many_lines_what_was_taken_stays(desk: Desk) -> None:
    work = Importing(desk.imports, desk.clock.now)
    done = await work.bring(List(io.BytesIO(body(1_100)), TERMS, most_lines=600), uuid4(), ZHAO, "x")
    assert (done.state, done.rows, done.trouble) == (
        "interrupted", 500, "the list has more than 600 lines; divide it",
    )  # fmt: skip
    with pytest.raises(TooMuch, match="more than 50 bytes; divide it"):
        List(io.BytesIO(body(10)), TERMS, most_bytes=50).begin()


async def test_of_very_many_refused_lines_the_first_are_kept_and_all_are_counted(desk: Desk) -> None:
    content = "姓名,电话\n" + "李雷,1001\n" * (MOST_REFUSALS + 1_500)
    done = await desk.bring(content.encode())
    assert done.refused == MOST_REFUSALS + 1_500
    assert len(await desk.imports.refusals(done.id, 50_000)) == MOST_REFUSALS


async def test_a_list_of_one_branch_changes_nobody_of_another(desk: Desk) -> None:
    await desk.bring("姓名,电话,营业部\n李雷,13800138000,north\n".encode(), Terms(Numbering(), {"north": "north"}))
    only = frozenset({"south"})
    terms = Terms(Numbering(), {"north": "north", "south": "south"}, "south", only)
    done = await desk.bring(
        "姓名,电话,备注\n李雷,13800138000,taken\n韩,13900139000,\n".encode(), terms, Bringer("qian", "south", only)
    )
    assert counts(done) == (2, 1, 0, 0, 1)


async def test_two_lists_at_once_are_one_after_the_other(desk: Desk) -> None:
    done = await asyncio.gather(desk.bring(body(600)), desk.bring(body(600)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) in (["AnotherRuns", "Imported"], ["Imported", "Imported"])
    assert await desk.count("SELECT count(*) FROM customers") == 600


def test_the_command_brings_a_list_and_tells_which_lines_it_could_not_take(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREERINGS__DATABASE__URL", database)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "threerings.toml").write_text('[[branch]]\nname = "north"\ntitle = "北方营业部"\n')
    list_ = tmp_path / "list.csv"
    list_.write_bytes("姓名;手机;营业部\n李雷;13800138000;北方营业部\n=cmd;1;\n韩梅梅;1001;\n".encode("gb18030"))
    assert main(["customers", "import", str(list_), "--branch", "north"]) == 1
    out, err = capfd.readouterr()
    assert out == "3 lines: 1 added, 0 changed, 0 known already, 2 refused\n"
    assert err.splitlines() == [
        "line 3, name: This begins like a formula. Take the first character away.",
        "line 4, numbers: This is an extension or a short number. Write the whole number with its area code.",
    ]
    list_.write_text("name,phone\nLi Lei,13800138001\n")
    assert main(["customers", "import", str(list_)]) == 0
    for words, said, code in (
        ([str(list_), "--branch", "south"], "--branch 'south': is no known branch", 2),
        ([str(tmp_path / "none.csv")], "No such file or directory; name a CSV file", 1),
        ([str(tmp_path / "threerings.toml")], "names no column of a name", 1),
    ):
        capfd.readouterr()
        assert main(["customers", "import", *words]) == code
        assert said in capfd.readouterr().err

    async def looked() -> tuple[list[str], list[str]]:
        own, turns = OwnCustomers.on(database), Turns(database)
        found = await own.of(E164("+8613800138000"))
        async with turns.transaction() as connection:
            trail = await connection.fetch("SELECT verb, detail FROM audit ORDER BY id")
        await own.close()
        await turns.close()
        return [one.branch for one in found.customers], [f"{row['verb']} {row['detail']}" for row in trail]

    branches, trail = asyncio.run(looked())
    assert branches == ["north"]
    assert trail[0] == "customers_imported list.csv"


def test_headers_that_cannot_be_read_say_what_to_write() -> None:
    with pytest.raises(NoHeader, match="姓名,电话"):
        List(io.BytesIO(b"\n\n"), TERMS).begin()
