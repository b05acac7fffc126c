"""What a real PostgreSQL tells about itself to `threerings check`."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from handlers.checks.database import judge, look
from handlers.checks.findings import Finding, Result
from telephony.ami.settings import SystemClock
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.embedded import EmbeddedPostgres
from telephony.cases.inspection import TABLES, DatabaseInspection, DatabaseRefused, Refusal, _why, inspect, revisions
from telephony.config import Config
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

NEWEST = revisions()[0]
wall = SystemClock().wall


async def seen(url: str) -> DatabaseInspection:
    return await inspect(url, wall)


def not_fine(told: DatabaseInspection) -> list[tuple[Result, str, str]]:
    return [(each.result, each.point, each.what) for each in judge(told, revisions()) if each.result is not Result.OK]


@asynccontextmanager
async def admin(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def role(url: str, *settings: str) -> AsyncIterator[str]:
    """The address of the database as a role that owns nothing."""
    async with admin(url) as connection:
        await connection.execute("CREATE ROLE humble LOGIN")
        for setting in settings:
            await connection.execute(setting)
        try:
            yield url.replace("postgres@", "humble@")
        finally:
            await connection.execute("DROP OWNED BY humble")
            await connection.execute("DROP ROLE humble")


async def refusal(url: str, seconds: float = 5) -> DatabaseRefused:
    with pytest.raises(DatabaseRefused) as caught:
        await inspect(url, wall, seconds)
    return caught.value


async def test_a_migrated_database_is_as_it_should_be(database: str) -> None:
    told = await seen(database)
    assert not_fine(told) == []
    assert told.version >= 130_000
    assert (told.encoding, told.local, told.standby, told.read_only) == ("UTF8", True, False, False)
    assert (told.schema, told.not_writable, told.not_owned) == (revisions()[0], (), ())


async def test_an_empty_one_wants_the_schema(empty_database: str) -> None:
    assert not_fine(await seen(empty_database)) == [
        (Result.FAULT, "database-schema", f"has no schema, {NEWEST} is needed"),
    ]


async def test_a_schema_of_another_version_is_told_older_from_newer(database: str) -> None:
    async with admin(database) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    told = await seen(database)
    [(_, _, newer)] = not_fine(told)
    assert newer == f"its schema 9999 is of a newer version than this one (newest here {NEWEST})"
    older = [each for each in judge(told, (NEWEST, "9999")) if each.result is Result.FAULT]
    assert [each.remedy for each in older] == ["run: threerings migrate"]


async def test_a_role_that_may_not_is_told_what(database: str) -> None:
    async with role(database) as url:
        nothing = not_fine(await seen(url))
    grants = [
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO humble",
        "GRANT SELECT ON alembic_version TO humble",
    ]
    async with role(database, *grants) as url:
        writing = not_fine(await seen(url))

    tables = ", ".join(sorted(("alembic_version", *TABLES)))
    assert nothing == [(Result.FAULT, "database-rights", f"this role may not read and write {tables}")]
    assert [(result, point) for result, point, _ in writing] == [(Result.WARNING, "database-rights")]


async def test_a_role_that_cannot_make_tables_cannot_migrate(empty_database: str) -> None:
    async with role(empty_database) as url:
        told = not_fine(await seen(url))
    assert [point for _, point, _ in told] == ["database-schema", "database-rights"]


async def test_a_role_that_only_reads_is_told(database: str) -> None:
    async with role(database, "ALTER ROLE humble SET default_transaction_read_only = on") as url:
        told = not_fine(await seen(url))
    assert (Result.FAULT, "database-writable") in [(result, point) for result, point, _ in told]


async def test_another_encoding_is_told(server: EmbeddedPostgres) -> None:
    async with admin(server.url) as connection:
        await connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            told = await seen(server.url.replace("/postgres?", "/latin?"))
        finally:
            await connection.execute("DROP DATABASE latin WITH (FORCE)")
    assert "database-encoding" in [point for _, point, _ in not_fine(told)]


async def test_a_clock_that_differs_is_told(database: str) -> None:
    told = await inspect(database, lambda: wall() - timedelta(seconds=90))
    [(result, point, text)] = not_fine(told)
    assert (result, point) == (Result.WARNING, "database-clock")
    assert text == "its clock is 90.0 s ahead of ours"


async def test_why_there_is_no_connection_is_told(server: EmbeddedPostgres, unused_tcp_port: int) -> None:
    reasons = {
        server.url.replace("/postgres?", "/nosuch?"): Refusal.NO_DATABASE,
        server.url.replace("postgres@", "nosuch@"): Refusal.NOT_ALLOWED,
        f"postgresql://x@127.0.0.1:{unused_tcp_port}/x": Refusal.UNREACHABLE,
        "postgresql://x@no-such-host.invalid/x": Refusal.UNREACHABLE,
    }
    for url, reason in reasons.items():
        assert (await refusal(url)).reason is reason
    with pytest.raises(DatabaseUrlError):
        await inspect("postgresql://x@h:port/x", wall)


async def test_a_server_that_hangs_or_has_no_tls_is_told(server: EmbeddedPostgres) -> None:
    async with Proxy(server.socket) as proxy:
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"
        plain = await refusal(f"{url}?sslmode=require")
        proxy.freeze()
        frozen = await refusal(url, 0.2)
    assert plain.reason is Refusal.TLS
    assert (frozen.reason, str(frozen)) == (Refusal.UNREACHABLE, "no answer in time")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (asyncpg.InvalidPasswordError("password authentication failed"), Refusal.PASSWORD),
        (asyncpg.CannotConnectNowError("the database system is starting up"), Refusal.STARTING),
        (asyncpg.TooManyConnectionsError("sorry"), Refusal.FULL),
        (ssl.SSLError(1, "unknown"), Refusal.TLS),
        (asyncpg.InterfaceError(""), Refusal.OTHER),
        (PermissionError(13, "Permission denied"), Refusal.UNREACHABLE),
    ],
)
def test_each_refusal_has_its_reason(error: Exception, reason: Refusal) -> None:
    found, said = _why(error)
    assert found is reason
    assert said


def test_a_certificate_that_is_not_trusted_says_why() -> None:
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_message = "self-signed certificate"
    assert _why(error) == (Refusal.TLS, "its certificate is not trusted: self-signed certificate")


async def test_a_check_of_the_database_is_findings_whatever_happens(database: str, unused_tcp_port: int) -> None:
    async def found(url: str | None) -> list[Finding]:
        tree = {} if url is None else {"url": url}
        return [
            each for each in await look(Config.model_validate({"database": tree}), wall) if each.result is not Result.OK
        ]

    assert await found(database) == []
    assert [each.what for each in await found(None)] == ["database.url: is missing, so nothing could be saved"]
    [bad] = await found("postgresql://u:hunter2@h:port/x")
    assert "hunter2" not in bad.line()
    away = await found(f"postgresql://u:hunter2@127.0.0.1:{unused_tcp_port}/x")
    assert [each.result for each in away] == [Result.FAULT, Result.NOT_CHECKED]
    assert away[0].what == "unreachable: connection refused"


async def test_our_own_server_is_looked_at_when_it_was_made(server: EmbeddedPostgres, tmp_path: Path) -> None:
    async def found(data_dir: Path) -> list[Finding]:
        tree = {"data_dir": data_dir, "database": {"url": "embedded"}}
        return [each for each in await look(Config.model_validate(tree), wall) if each.result is not Result.OK]

    [unmade] = await found(tmp_path)
    assert unmade.result is Result.NOT_CHECKED
    assert "threerings migrate makes it" in unmade.remedy
    (tmp_path / "postgres").symlink_to(server.socket.parent)
    assert [each.what for each in await found(tmp_path)] == [f"has no schema, {NEWEST} is needed"]
    broken = tmp_path / "broken"
    (broken / "postgres").mkdir(parents=True)
    (broken / "postgres" / "PG_VERSION").write_text("1\n")
    [fault] = await found(broken)
    assert (fault.result, fault.point) == (Result.FAULT, "database")


def test_what_a_version_or_a_standby_lacks_is_told() -> None:
    told = DatabaseInspection(
        version=120_000, version_text="12.0", encoding="UTF8", standby=True, read_only=True, tls=False, local=False,
        schema=NEWEST, may_create=True, not_writable=(), not_owned=(), ahead=timedelta(seconds=-3), doubt=timedelta(),
    )  # fmt: skip
    assert not_fine(told) == [
        (Result.FAULT, "database-version", "PostgreSQL 12.0 is too old"),
        (Result.FAULT, "database-writable", "is a standby that only reads"),
        (
            Result.WARNING,
            "database-tls",
            "numbers of callers cross the network in clear: the connection is not encrypted",
        ),
        (Result.WARNING, "database-clock", "its clock is 3.0 s behind ours"),
    ]
