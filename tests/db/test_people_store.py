"""Accounts, sessions, tokens and the trail in a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from telephony.cases.accounts import Account, Accounts, NameTakenError, NobodyError, Terms
from telephony.cases.keys import Keys
from telephony.cases.keys import Terms as Lasts
from telephony.cases.pool import Pool
from telephony.cases.trail import TrailStore, Wanted
from telephony.people.audit import Entry, Kind, Verb
from telephony.people.roles import Role, Scope

pytestmark = pytest.mark.db

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = Lasts(timedelta(hours=12), timedelta(days=1))
ZHAO = Terms(Role.SUPERVISOR, frozenset({"changzhi"}), "赵敏", "1001")


def entry(verb: Verb = Verb.USER_CHANGED, whom: str = "zhao", **more: str) -> Entry:
    return Entry(NOON, "root", verb, Kind.USER, whom, **more)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    one = Pool(database)
    yield one
    await one.close()


async def added(pool: Pool, name: str = "Zhao", terms: Terms = ZHAO) -> Account:
    accounts = Accounts(pool)
    await accounts.add(name, terms, HASH, entry(Verb.USER_ADDED))
    found = await accounts.find(name)
    assert found is not None
    return found


async def test_an_account_is_what_it_was_made_and_found_however_its_name_is_typed(pool: Pool) -> None:
    account = await added(pool)
    assert (account.login, account.terms, account.must_change, account.disabled_at) == ("Zhao", ZHAO, True, None)
    assert await Accounts(pool).find(" ＺＨＡＯ ") == account
    assert HASH not in repr(account)
    with pytest.raises(NameTakenError):
        await Accounts(pool).add("zhao", Terms(Role.AGENT), None, entry())
    assert await Accounts(pool).find("qian") is None
    person = account.person()
    assert (person.name, person.called, person.desk, person.must_change) == ("Zhao", "赵敏", "1001", True)
    assert not account.person([Scope.LIVE]).must_change


async def test_a_change_and_what_is_written_of_it_are_kept_together(pool: Pool) -> None:
    account, accounts = await added(pool), Accounts(pool)
    await accounts.change(account.id, Terms(Role.QUALITY), entry(detail="role quality"))
    [changed] = await accounts.all()
    assert changed.terms == Terms(Role.QUALITY)
    with pytest.raises(NobodyError):
        await accounts.change(uuid4(), Terms(Role.AGENT), entry(detail="of nobody"))
    told = [one.entry.detail for one in await TrailStore(pool).page(Wanted(), 10)]
    assert told == ["role quality", ""]


async def test_a_session_is_good_until_it_is_revoked_unused_or_over(pool: Pool, database: str) -> None:
    account, keys = await added(pool), Keys(pool)
    for number in range(3):
        await keys.open_session(bytes([number]) * 32, account.id, DAY, "Firefox\0" + "x" * 200, "::1", entry())
    assert set(await keys.known([bytes([n]) * 32 for n in range(4)])) == {bytes([n]) * 32 for n in range(3)}
    [newest, *_] = await keys.sessions(account.id)
    assert (newest.remote, len(newest.user_agent)) == ("::1", 120)
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE sessions SET seen_at = now() - interval '13 h' WHERE hash = $1", bytes(32))
    await connection.execute("UPDATE sessions SET until = now() WHERE hash = $1", b"\1" * 32)
    assert set(await keys.known([bytes([n]) * 32 for n in range(3)])) == {b"\2" * 32}
    await keys.used([bytes(32)])
    assert set(await keys.known([bytes(32)])) == {bytes(32)}
    await keys.end_session(b"\2" * 32, entry(Verb.SIGNED_OUT))
    assert not await keys.known([b"\2" * 32])
    await connection.execute("UPDATE sessions SET revoked_at = now() - interval '31 d' WHERE hash = $1", b"\2" * 32)
    await keys.open_session(b"\3" * 32, account.id, DAY, "", "", entry())
    assert await connection.fetchval("SELECT count(*) FROM sessions") == 3
    await connection.close()


async def test_a_new_password_and_being_disabled_end_all_sessions_and_disabling_the_tokens_too(pool: Pool) -> None:
    account, keys, accounts = await added(pool), Keys(pool), Accounts(pool)
    mine, other, token = b"\1" * 32, b"\2" * 32, b"\3" * 32
    for one in (mine, other):
        await keys.open_session(one, account.id, DAY, "", "", entry())
    await keys.make_token(token, account.id, "report", [Scope.FIGURES], timedelta(days=1), entry(Verb.TOKEN_MADE))
    await accounts.set_password(account.id, HASH, entry(), must_change=False, kept=mine)
    known = await keys.known([mine, other, token])
    assert set(known) == {mine, token}
    assert (known[mine].scopes, known[token].scopes) == (None, frozenset({Scope.FIGURES}))
    await accounts.disable(account.id, entry(Verb.USER_DISABLED))
    assert not await keys.known([mine, other, token])
    await accounts.enable(account.id, entry(Verb.USER_ENABLED))
    assert set(await keys.known([mine, other, token])) == {token}


async def test_one_session_or_token_is_ended_by_its_number_and_of_its_owner_only(pool: Pool) -> None:
    account, other, keys = await added(pool), await added(pool, "qian"), Keys(pool)
    await keys.open_session(b"\1" * 32, account.id, DAY, "", "", entry())
    await keys.make_token(b"\2" * 32, account.id, "report", list(Scope), timedelta(days=1), entry())
    [session], [token] = await keys.sessions(account.id), await keys.tokens(account.id)
    assert (token.title, token.scopes, token.seen_at) == ("report", frozenset(Scope), None)
    await keys.end_sessions(other.id, session.id, entry())
    await keys.end_token(other.id, token.id, entry())
    assert len(await keys.known([b"\1" * 32, b"\2" * 32])) == 2
    await keys.end_sessions(account.id, session.id, entry())
    await keys.end_token(account.id, token.id, entry())
    assert not await keys.known([b"\1" * 32, b"\2" * 32])


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit", "TRUNCATE audit", "DELETE FROM audit WHERE false"],
)
async def test_nobody_changes_what_was_written_down(pool: Pool, database: str, statement: str) -> None:
    await TrailStore(pool).write([entry()])
    connection = await asyncpg.connect(database)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append only"):
        await connection.execute(statement)
    await connection.close()
    assert len(await TrailStore(pool).page(Wanted(), 10)) == 1


async def test_the_trail_is_read_page_by_page_by_who_whom_what_and_when(pool: Pool) -> None:
    trail = TrailStore(pool)
    entries = [
        Entry(NOON + timedelta(hours=n), "zhao" if n % 2 else "qian", Verb.HISTORY_SEEN, Kind.CALL, f"call {n % 3}")
        for n in range(10)
    ]
    await trail.write(entries)
    first = await trail.page(Wanted(), 6)
    rest = await trail.page(Wanted(before=first[-1].number), 6)
    assert [one.entry for one in [*first, *rest]] == entries[::-1]
    assert [one.entry for one in await trail.page(Wanted(who="zhao", whom="call 1"), 10)] == [entries[7], entries[1]]
    span = Wanted(since=NOON + timedelta(hours=2), until=NOON + timedelta(hours=4))
    assert [one.entry for one in await trail.page(span, 10)] == [entries[3], entries[2]]
    assert not await trail.page(Wanted(verb=Verb.SIGNED_IN.value), 10)


async def test_a_hostile_text_is_a_text(pool: Pool) -> None:
    told = entry(detail="'; DROP TABLE audit; --\0\ud800" + "x" * 600)
    await TrailStore(pool).write([told])
    [one] = await TrailStore(pool).page(Wanted(who="root"), 10)
    assert one.entry.detail.startswith("'; DROP TABLE audit; --")
    assert len(one.entry.detail) == 500


async def test_a_connection_that_was_cut_is_replaced(pool: Pool, database: str) -> None:
    await added(pool)
    admin = await asyncpg.connect(database)
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '%people'"
    )
    await admin.close()
    assert len(await Accounts(pool).all()) == 1
