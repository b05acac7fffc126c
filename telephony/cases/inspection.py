"""What a PostgreSQL tells about itself and about what we may do in it: for `threerings check`. Changes nothing."""

import asyncio
import importlib.resources
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import LiteralString

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

from telephony.cases.connecting import Connection, connect
from telephony.unreachable import reason

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 5.0
TABLES = (
    "calls", "visits", "offers", "cases", "leases", "agent_spells", "agents_heard", "users", "sessions", "api_tokens",
    "case_calls", "case_history", "callbacks", "callback_calls",
    "callback_history", "casework_due", "outbox", "webhook_deliveries",
    "customers", "customer_numbers", "customer_history", "customer_imports", "customer_import_refusals",
)  # fmt: skip
"""What we write into."""


class Refusal(StrEnum):
    """Why there is no connection."""

    UNREACHABLE = "unreachable"
    PASSWORD = "password"  # noqa: S105 - a word, no password
    NOT_ALLOWED = "not allowed"
    NO_DATABASE = "no database"
    STARTING = "starting"
    FULL = "full"
    TLS = "tls"
    OTHER = "other"


class DatabaseRefused(Exception):  # noqa: N818 - what the database did
    """There is no connection; `reason` says why, the message in the words of whoever refused, on one line."""

    def __init__(self, reason: Refusal, said: str) -> None:
        super().__init__(" ".join(said.split()))
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseInspection:
    """What one database told.

    Attributes:
        version: as a number, 160004 for 16.4.
        version_text: as PostgreSQL writes it.
        encoding: of the database.
        standby: a replica that only follows.
        read_only: transactions of ours may not write.
        tls: whether the connection is encrypted; None when not told.
        local: the server is on this machine.
        schema: our schema's revision; None when there is none.
        may_create: whether tables may be made in our schema.
        not_writable: tables of ours that are there, but not ours to read and write; all of them when never migrated.
        not_owned: tables of ours that belong to somebody else, so that no later migration could change them.
        ahead: how far its clock is before ours, give or take `doubt`.
    """

    version: int
    version_text: str
    encoding: str
    standby: bool
    read_only: bool
    tls: bool | None
    local: bool
    schema: str | None
    may_create: bool
    not_writable: tuple[str, ...]
    not_owned: tuple[str, ...]
    ahead: timedelta
    doubt: timedelta


def revisions() -> tuple[str, ...]:
    """The revisions of the schema that this version knows, the newest first."""
    with importlib.resources.as_file(importlib.resources.files("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        return tuple(step.revision for step in ScriptDirectory.from_config(config).walk_revisions())


async def inspect(
    url: str, wall: Callable[[], datetime], connect_seconds: float = CONNECT_SECONDS
) -> DatabaseInspection:
    """Connect as the service does, and ask.

    Args:
        url: a PostgreSQL address.
        wall: our clock.
        connect_seconds: limit.

    Raises:
        DatabaseUrlError: the address cannot be understood.
        DatabaseRefused: there is no connection, or it broke.
    """
    try:
        async with asyncio.timeout(connect_seconds + 1):
            connection = await connect(url, connect_seconds)
        try:
            async with asyncio.timeout(STATEMENT_SECONDS):
                return await _ask(connection, wall)
        finally:
            await _close(connection)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # TimeoutError is an OSError
        raise DatabaseRefused(*_why(error)) from None


async def _ask(connection: Connection, wall: Callable[[], datetime]) -> DatabaseInspection:
    (told,) = await connection.fetch(_SERVER)
    schema = await connection.fetchval(_REVISION) if told["migrated"] else None
    tables = await connection.fetch(_TABLES, [*TABLES, "alembic_version"])
    before = wall()
    there = await connection.fetchval("SELECT clock_timestamp()")
    took = wall() - before
    return DatabaseInspection(
        version=told["version"],
        version_text=told["version_text"],
        encoding=told["encoding"],
        standby=told["standby"],
        read_only=told["read_only"],
        tls=told["tls"],
        local=told["local"],
        schema=schema,
        may_create=told["may_create"],
        not_writable=tuple(row["name"] for row in tables if not row["writable"]),
        not_owned=tuple(row["name"] for row in tables if not row["owned"]),
        ahead=there - (before + took / 2),
        doubt=abs(took) / 2,
    )


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=1)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


_REASONS: tuple[tuple[type[Exception], Refusal], ...] = (
    (asyncpg.InvalidPasswordError, Refusal.PASSWORD),
    (asyncpg.InvalidAuthorizationSpecificationError, Refusal.NOT_ALLOWED),
    (asyncpg.InvalidCatalogNameError, Refusal.NO_DATABASE),
    (asyncpg.CannotConnectNowError, Refusal.STARTING),
    (asyncpg.TooManyConnectionsError, Refusal.FULL),
    (ssl.SSLError, Refusal.TLS),
    (OSError, Refusal.UNREACHABLE),
    (Exception, Refusal.OTHER),
)
"""The first that fits."""


def _why(error: Exception) -> tuple[Refusal, str]:
    why = next(why for kind, why in _REASONS if isinstance(error, kind))
    text = str(error)
    match error:
        case ssl.SSLCertVerificationError():
            text = f"its certificate is not trusted: {error.verify_message}"
        case ConnectionError() if "SSL" in text:  # asyncpg's own words for a server without TLS
            why = Refusal.TLS
        case OSError() if why is Refusal.UNREACHABLE:
            text = reason(error)
        case _:
            pass
    return why, text or type(error).__name__


_SERVER: LiteralString = """
SELECT current_setting('server_version_num')::integer AS version,
    current_setting('server_version') AS version_text,
    pg_encoding_to_char((SELECT encoding FROM pg_database WHERE datname = current_database())) AS encoding,
    pg_is_in_recovery() AS standby,
    current_setting('transaction_read_only')::boolean AS read_only,
    (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls,
    inet_client_addr() IS NULL OR coalesce(inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1', false)
        AS local,
    to_regclass('alembic_version') IS NOT NULL
        AND has_table_privilege(to_regclass('alembic_version'), 'SELECT') AS migrated,
    current_schema() IS NOT NULL AND has_schema_privilege(current_schema(), 'CREATE') AS may_create
"""

_REVISION: LiteralString = "SELECT version_num FROM alembic_version"

_TABLES: LiteralString = """
SELECT name,
    has_table_privilege(to_regclass(name), 'SELECT') AND (name = 'alembic_version' OR (
        has_table_privilege(to_regclass(name), 'INSERT') AND has_table_privilege(to_regclass(name), 'UPDATE')
        AND has_table_privilege(to_regclass(name), 'DELETE'))) AS writable,
    pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass(name)), 'USAGE') AS owned
FROM unnest($1::text[]) AS name
WHERE to_regclass(name) IS NOT NULL
ORDER BY name
"""
