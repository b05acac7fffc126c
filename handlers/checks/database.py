"""The database that the configuration names."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from handlers.checks.findings import Finding, Subject
from handlers.database import BAD_URL
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.embedded import EmbeddedError, EmbeddedPostgres
from telephony.cases.inspection import DatabaseInspection, DatabaseRefused, Refusal, inspect, revisions
from telephony.config import EMBEDDED, Config

OLDEST = 130_000
CLOCK_APART = timedelta(seconds=1)
"""Nothing that we count comes from the database's clock; but of two clocks that differ, one is wrong."""
START_SECONDS = 30.0
ABOUT = Subject("database")

_REMEDIES = {
    Refusal.UNREACHABLE: "does PostgreSQL run there, and does it listen on that address (listen_addresses, firewall)?",
    Refusal.PASSWORD: "mend name and password in database.url, or ALTER ROLE … PASSWORD",
    Refusal.NOT_ALLOWED: "give the role LOGIN, and a line in pg_hba.conf for this machine, role and database",
    Refusal.NO_DATABASE: "createdb --encoding=UTF8 --template=template0 NAME, then: threerings migrate",
    Refusal.STARTING: "wait until the server has started, and look into its log if it does not",
    Refusal.FULL: "raise max_connections, or end who holds the connections (pg_stat_activity)",
    Refusal.TLS: "mend sslmode and sslrootcert in database.url, or ssl = on and the certificate of the server",
    Refusal.OTHER: "the log of PostgreSQL says more",
}


async def look(config: Config, wall: Callable[[], datetime]) -> list[Finding]:
    """Everything about the database; never longer than about 40 s."""
    if config.database.url is None:
        what = "database.url: is missing, so nothing could be saved"
        return [ABOUT.fault("database", what, f'write postgresql://USER:PASSWORD@HOST/NAME, or "{EMBEDDED}"')]
    url = config.database.url.get_secret_value()
    try:
        if url != EMBEDDED:
            return judge(await inspect(url, wall), revisions())
        return await _look_at_ours(config, wall)
    except DatabaseUrlError:
        what, _, remedy = BAD_URL.partition("; ")
        return [ABOUT.fault("database", what, remedy)]
    except EmbeddedError as error:
        what, _, remedy = str(error).partition("; ")
        return [ABOUT.fault("database", what, remedy or "server.log in its folder says more")]
    except DatabaseRefused as refused:
        unseen = ABOUT.not_checked(
            "database-inside", "version, rights, schema and clock", "no connection; mend that first"
        )
        return [ABOUT.fault("database", f"{refused.reason}: {refused}", _REMEDIES[refused.reason]), unseen]


async def _look_at_ours(config: Config, wall: Callable[[], datetime]) -> list[Finding]:
    folder = config.data_dir / "postgres"
    if not (folder / "PG_VERSION").exists():
        why = f"our own server was not made yet; threerings serve or threerings migrate makes it in {str(folder)!r}"
        return [ABOUT.not_checked("database-inside", "version, rights, schema and clock", why)]
    try:
        async with asyncio.timeout(START_SECONDS), EmbeddedPostgres(folder) as server:
            return judge(await inspect(server.url, wall), revisions())
    except TimeoutError:
        what = f"our own server in {str(folder)!r} did not start within {START_SECONDS:g} s"
        return [ABOUT.fault("database", what, "see server.log there")]


def judge(seen: DatabaseInspection, known: tuple[str, ...]) -> list[Finding]:
    """What a database told, against what we need; `known` are our revisions of the schema, the newest first."""
    found = [ABOUT.fine("database", "answers")]
    found.append(_version(seen))
    found.append(_encoding(seen))
    found.append(_writing(seen))
    found += _schema(seen, known)
    found.append(_tls(seen))
    apart = abs(seen.ahead) - seen.doubt
    if apart > CLOCK_APART:
        word = "ahead of" if seen.ahead > timedelta() else "behind"
        what = f"its clock is {abs(seen.ahead).total_seconds():.1f} s {word} ours"
        found.append(ABOUT.warning("database-clock", what, "run NTP (chrony) on both machines"))
    else:
        found.append(ABOUT.fine("database-clock", "its clock and ours agree"))
    return found


def _version(seen: DatabaseInspection) -> Finding:
    if seen.version < OLDEST:
        return ABOUT.fault("database-version", f"PostgreSQL {seen.version_text} is too old", "install 13 or later")
    return ABOUT.fine("database-version", f"PostgreSQL {seen.version_text}")


def _encoding(seen: DatabaseInspection) -> Finding:
    if seen.encoding != "UTF8":
        what = f"its encoding is {seen.encoding}, in which not every name of a caller can be written"
        remedy = "make one in UTF8: createdb --encoding=UTF8 --template=template0 NAME, and name it in database.url"
        return ABOUT.fault("database-encoding", what, remedy)
    return ABOUT.fine("database-encoding", "its encoding is UTF8")


def _writing(seen: DatabaseInspection) -> Finding:
    if seen.standby:
        return ABOUT.fault("database-writable", "is a standby that only reads", "name the primary in database.url")
    if seen.read_only:
        what = "transactions of this role may only read (default_transaction_read_only)"
        return ABOUT.fault("database-writable", what, "ALTER ROLE … SET default_transaction_read_only = off")
    return ABOUT.fine("database-writable", "can be written")


def _schema(seen: DatabaseInspection, known: tuple[str, ...]) -> list[Finding]:
    point, found = "database-schema", []
    if seen.not_writable:
        what = f"this role may not read and write {', '.join(seen.not_writable)}"
        remedy = "connect as the role that ran threerings migrate, or GRANT SELECT, INSERT, UPDATE, DELETE on them"
        found.append(ABOUT.fault("database-rights", what, remedy))
    newest = known[0]
    if "alembic_version" in seen.not_writable:
        return found
    behind = seen.schema is None or (seen.schema in known and seen.schema != newest)
    if seen.schema is None:
        found.append(ABOUT.fault(point, f"has no schema, {newest} is needed", "run: threerings migrate"))
    elif seen.schema not in known:
        what = f"its schema {seen.schema} is of a newer version than this one (newest here {newest})"
        found.append(ABOUT.fault(point, what, "install the version that made it"))
    elif behind:
        found.append(ABOUT.fault(point, f"its schema is {seen.schema}, {newest} is needed", "run: threerings migrate"))
    else:
        found.append(ABOUT.fine(point, f"its schema is {seen.schema}, the newest"))
    if behind and not seen.may_create:
        what = "this role may not make tables in its schema (search_path)"
        found.append(
            ABOUT.fault("database-rights", what, "GRANT CREATE ON SCHEMA public TO it, or let it own the database")
        )
    elif seen.not_owned:
        what = f"another role owns {', '.join(seen.not_owned)}: the next threerings migrate will be refused"
        found.append(
            ABOUT.warning("database-rights", what, "migrate as the owner, or ALTER TABLE … OWNER TO this role")
        )
    elif not found or all(each.point != "database-rights" for each in found):
        found.append(ABOUT.fine("database-rights", "this role may do what it must"))
    return found


def _tls(seen: DatabaseInspection) -> Finding:
    if seen.tls is False and not seen.local:
        what = "numbers of callers cross the network in clear: the connection is not encrypted"
        return ABOUT.warning("database-tls", what, "write ?sslmode=verify-full&sslrootcert=… behind database.url")
    return ABOUT.fine(
        "database-tls", "the connection stays on this machine" if seen.local else "the connection is encrypted"
    )
