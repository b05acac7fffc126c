"""Customers in a real PostgreSQL: found by any of their numbers, changed by one at a time, merged, parted, erased."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from telephony.cases.customer_lookup import Directory, OwnCustomers
from telephony.cases.customers import Customers, Doing, NoSuchCustomer, Stale
from telephony.cases.store import CallStore
from telephony.cases.turns import Turns
from telephony.customers.customer import MOST_SHARING, Customer, Details, Line, NotKept
from telephony.customers.lookup import LookupUnavailable
from telephony.customers.merging import NotMergeable
from telephony.customers.numbers import E164, Numbering
from telephony.customers.why import Why
from tests.support.calls import call, visit

pytestmark = pytest.mark.db
A, B, C = (E164(one) for one in ("+8613800138000", "+862160000001", "+8613900139000"))
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
LI = Customer(UUID(int=1), Details("李雷", "changzhi", "钻石", "", "K1"), (Line(A),))
HAN = Customer(UUID(int=2), Details("韩梅梅", "shanghai"), (Line(B),))


def doing(version: int | None = None, only: set[str] | None = None, minutes: float = 0) -> Doing:
    return Doing("zhao", NOW + timedelta(minutes=minutes), version, only)


@dataclass
class Book:
    turns: Turns
    customers: Customers
    directory: Directory
    own: OwnCustomers

    async def sql(self, statement: str, *values: object) -> list[asyncpg.Record]:
        async with self.turns.transaction() as connection:
            return await connection.fetch(statement, *values)

    async def names(self, number: E164) -> list[str]:
        return [one.name for one in (await self.own.of(number)).customers]


@pytest.fixture
async def book(database: str) -> AsyncIterator[Book]:
    turns, own = Turns(database), OwnCustomers.on(database)
    yield Book(turns, Customers(turns), Directory(turns), own)
    await turns.close()
    await own.close()


async def test_a_customer_is_found_by_each_of_his_numbers_and_by_no_other(book: Book) -> None:
    await book.customers.add(replace(LI, lines=(Line(A), Line(B))), doing())
    for number in (A, B):
        (known,) = (await book.own.of(number)).customers
        assert (known.name, known.branch, known.value_group, known.external_id, known.customer) == (
            "李雷", "changzhi", "钻石", "K1", LI.id,
        )  # fmt: skip
    assert (await book.own.of(C)).customers == ()
    assert (await book.customers.get(LI.id)).lines == (Line(A), Line(B))


async def test_a_number_is_one_customers_unless_all_who_have_it_share_it(book: Book) -> None:
    await book.customers.add(LI, doing())
    for wrong, field, why in (
        (replace(HAN, lines=(Line(A),)), "numbers", Why.OTHERS_NUMBER),
        (replace(HAN, details=replace(HAN.details, external_id="K1")), "external_id", Why.OTHERS_KEY),
    ):
        with pytest.raises(NotKept) as refused:
            await book.customers.add(wrong, doing())
        assert (refused.value.field, refused.value.why) == (field, why)
    await book.customers.add(replace(HAN, lines=(Line(A, shared=True),)), doing())
    assert await book.names(A) == ["李雷", "韩梅梅"]
    assert (await book.customers.get(LI.id)).lines == (Line(A, shared=True),)
    with pytest.raises(asyncpg.UniqueViolationError):  # whatever writes here
        await book.sql("UPDATE customer_numbers SET shared = false")


async def test_a_number_of_the_whole_town_is_refused_in_the_end(book: Book) -> None:
    for n in range(MOST_SHARING):
        await book.customers.add(Customer(UUID(int=n + 10), Details(f"员工{n:03}"), (Line(A, shared=True),)), doing())
    found = await book.own.of(A)
    assert ([one.name for one in found.customers], found.more) == ([f"员工{n:03}" for n in range(5)], True)
    with pytest.raises(NotKept, match="too_many_share"):
        await book.customers.add(LI, doing())


async def test_who_looked_at_an_old_version_changes_nothing(book: Book) -> None:
    await book.customers.add(LI, doing())
    details, lines = replace(LI.details, note="VIP"), (Line(C), Line(A))
    after = await book.customers.change(LI.id, details, lines, doing(1))
    assert (after.version, after.lines, await book.names(C)) == (2, lines, ["李雷"])
    with pytest.raises(Stale) as stale:
        await book.customers.change(LI.id, LI.details, (), doing(1))
    assert stale.value.customer == after
    assert await book.customers.change(LI.id, details, lines, doing(2)) == after  # nothing new is no change
    assert await book.customers.change(LI.id, details, (Line(A),), doing()) == replace(
        after, lines=(Line(A),), version=3
    )
    assert await book.names(C) == []
    told = await book.sql("SELECT version, what, by_name, before::text, after::text FROM customer_history ORDER BY 1")
    assert [(row["version"], row["what"], row["by_name"]) for row in told] == [
        (1, "added", "zhao"), (2, "changed", "zhao"), (3, "changed", "zhao"),
    ]  # fmt: skip
    assert '"note": ""' in told[1]["before"]
    assert '"note": "VIP"' in told[1]["after"]


async def test_of_two_who_want_one_number_at_once_one_is_told(book: Book) -> None:
    wanting = [Customer(uuid4(), Details(f"n{n}"), (Line(A),)) for n in range(6)]
    done = await asyncio.gather(*(book.customers.add(one, doing()) for one in wanting), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Customer", *["NotKept"] * 5]


async def test_whoever_is_of_a_branch_reaches_nobody_of_another(book: Book) -> None:
    await book.customers.add(LI, doing())
    await book.customers.add(HAN, doing())
    only = {"shanghai"}
    for attempt in (
        book.customers.get(LI.id, only),
        book.customers.get(UUID(int=99)),
        book.customers.change(LI.id, LI.details, (), doing(only=only)),
        book.customers.change(HAN.id, replace(HAN.details, branch="changzhi"), (), doing(only=only)),
        book.customers.add(replace(LI, id=uuid4(), lines=(), details=Details("x", "")), doing(only=only)),
        book.customers.merge(HAN.id, LI.id, doing(only=only)),
        book.customers.erase(LI.id, doing(only=only)),
    ):
        with pytest.raises(NoSuchCustomer):
            await attempt
    assert [one.id for one in (await book.directory.named("", only)).customers] == [HAN.id]
    assert (await book.directory.with_number(A, only)).customers == ()
    assert len((await book.directory.with_number(A, None)).customers) == 1


async def test_two_who_are_one_are_merged_and_can_be_parted_again(book: Book) -> None:
    await book.customers.add(LI, doing())
    await book.customers.add(replace(HAN, lines=(Line(B), Line(A, shared=True))), doing())
    before = [await book.customers.get(one) for one in (LI.id, HAN.id)]
    with pytest.raises(Stale):
        await book.customers.merge(LI.id, HAN.id, doing(7))
    kept = await book.customers.merge(LI.id, HAN.id, doing(before[1].version))
    assert [line.number for line in kept.lines] == [A, B]
    assert (await book.names(A), await book.names(B)) == (["李雷"], ["李雷"])
    gone = await book.customers.get(HAN.id)
    assert (gone.merged_into, gone.lines) == (LI.id, ())
    with pytest.raises(Stale):
        await book.customers.change(HAN.id, HAN.details, (), doing())
    with pytest.raises(NotMergeable):
        await book.customers.part(LI.id, doing())
    back = await book.customers.part(HAN.id, doing(minutes=5))
    assert back == replace(before[1], version=3)
    assert await book.customers.get(LI.id) == replace(before[0], version=3)
    assert (await book.names(A), await book.names(B)) == (["李雷", "韩梅梅"], ["韩梅梅"])
    whats = await book.sql("SELECT what FROM customer_history ORDER BY customer_id, version")
    assert [row["what"] for row in whats] == ["added", "absorbed", "released", "added", "merged", "parted"]


async def test_who_wishes_it_is_forgotten_with_all_that_he_was_and_his_calls_stay(book: Book, database: str) -> None:
    calls = CallStore(database)
    await calls.save([call(visit(), caller=A)])
    await calls.close()
    await book.customers.add(LI, doing())
    await book.customers.add(HAN, doing())
    await book.customers.merge(LI.id, HAN.id, doing())
    await book.customers.erase(LI.id, doing())
    for one in (LI, HAN):
        gone = await book.customers.get(one.id)
        assert (gone.details, gone.lines, gone.erased, gone.is_there) == (Details(""), (), True, False)
    assert (await book.own.of(A)).customers == (await book.directory.named("", None)).customers == ()
    texts = await book.sql(
        "SELECT (customers, h)::text AS told FROM customers JOIN customer_history h ON customer_id = id"
    )
    assert len(texts) == 6
    assert not any(word in row["told"] for row in texts for word in ("李雷", "韩梅梅", "138", "K1", "钻石"))
    assert len(await book.sql("SELECT FROM calls")) == 1
    await book.customers.erase(LI.id, doing())  # again is nothing new
    assert len(await book.sql("SELECT FROM customer_history")) == 6
    with pytest.raises(asyncpg.CheckViolationError):
        await book.sql("UPDATE customers SET note = 'x'")


async def test_the_history_only_grows(book: Book) -> None:
    await book.customers.add(LI, doing())
    for statement in (
        "UPDATE customer_history SET by_name = 'x'",
        "UPDATE customer_history SET before = '{}', after = '{}', detail = '{}'",  # he is not erased
        "DELETE FROM customer_history",
        "TRUNCATE customer_history",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await book.sql(statement)


async def test_customers_are_looked_for_by_the_beginning_of_the_name_and_by_external_id_page_by_page(
    book: Book,
) -> None:
    for n in range(7):
        await book.customers.add(Customer(UUID(int=n + 10), Details(f"Ｌi Lei {n}")), doing())
    await book.customers.add(LI, doing())
    first = await book.directory.named("LI", None, limit=4)
    second = await book.directory.named("LI", None, first.more, limit=4)
    assert [one.details.name[-1] for one in (*first.customers, *second.customers)] == list("0123456")
    assert second.more is None
    assert [one.details.name for one in (await book.directory.named("李", None)).customers] == ["李雷"]
    assert [one.details.name for one in (await book.directory.named(" K1 ", None)).customers] == ["李雷"]
    for hostile in ("%", "_", "'; DROP TABLE customers; --", "\0", "\ud800", "x" * 5_000):
        assert (await book.directory.named(hostile, None)).customers == ()


async def test_his_cases_are_those_of_his_numbers_however_a_pbx_wrote_them(book: Book, database: str) -> None:
    calls = CallStore(database)
    ways = ("13800138000", "+8613800138000", "013800138000", "13900139000", "")
    await calls.save([call(visit(), caller=caller, number=n) for n, caller in enumerate(ways, 1)])
    await calls.close()
    found = await book.directory.cases(Numbering().spellings(A))
    assert [(one.number, one.kind) for one in found] == [(f"00000{n}", "unknown") for n in (3, 2, 1)]


async def test_while_the_database_is_away_nobody_knows_who_calls(database: str) -> None:
    own = OwnCustomers.on(database.replace("/test_", "/gone_"))
    with pytest.raises(LookupUnavailable):
        await own.of(A)
    await own.close()
