"""Recorded calls, repeated, through tracker and saver into PostgreSQL, until the last of them is durable."""

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random

import asyncpg

from handlers.effects import Performer
from handlers.saver import Saver
from telephony.backoff import Backoff
from telephony.calls.record import CallRecord
from telephony.cases.embedded import EmbeddedPostgres
from telephony.cases.migrate import migrate
from telephony.cases.rows import call_columns, case_columns, offer_columns, visit_columns
from telephony.cases.store import CallStore
from telephony.metrics import Labels, Measures
from tests.bench.following import PBX, Listener
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section, Way
from tests.bench.streams import busy, ordinary, pieces
from tests.bench.workers import LOADING, MEASURED, Answer, Talk, Worker

GOAL = 2_000.0
AT_ONCE = 500
"""Calls of one transaction of the limits; the saver's batches have as many."""
OURS, INSERT, COPY = "ours: bytes to durable calls", "bare INSERT from unnest", "bare COPY: the limit"


class Kept:
    """The newest state of every call, as a saver's store would have to write it."""

    def __init__(self) -> None:
        self.calls: dict[object, CallRecord] = {}

    def put(self, call: CallRecord) -> None:
        self.calls[call.id] = call


async def ours(args: Answer, talk: Talk) -> None:
    """Bytes, codec, follower, tracker, performer, saver, store; new calls each time."""
    store = CallStore(args["database"])
    saver = Saver(store, time.monotonic, Backoff(0.2, 5.0, Random(1)))
    performer = Performer(PBX, saver, Measures(Labels(pbxs=(PBX,))))
    first = 1
    async with asyncio.TaskGroup() as tasks:
        saving = tasks.create_task(saver.run())
        talk.tell({})
        async for asked in talk.questions():
            told = list(pieces(busy(ordinary(), asked["conversations"], 20.0, first=first)))
            first += asked["conversations"]
            listener = Listener(performer)
            begun = time.perf_counter()
            for at, data in told:
                listener.hear(at, data)
                await asyncio.sleep(0)  # as the feed does between two takes
            while saver.state().backlog:
                await asyncio.sleep(0.001)
            seconds, state = time.perf_counter() - begun, saver.state()
            if state.dropped or state.refused:
                raise ValueError(f"{state.dropped + state.refused:,} calls were not saved")
            talk.tell({"seconds": seconds})
        saving.cancel()
    await store.close()


async def bare(args: Answer, talk: Talk) -> None:
    """The same rows into tables with the same keys, and nothing else."""
    connection = await asyncpg.connect(args["database"])
    await connection.execute("SET timezone = 'UTC'")
    prefix = args["prefix"]
    for name in COLUMNS:
        await connection.execute(f"CREATE TABLE {prefix}_{name} (LIKE {name} INCLUDING ALL)")
    talk.tell({})
    first = 1_000_000
    async for asked in talk.questions():
        kept = Kept()
        listener = Listener(Performer(PBX, kept, Measures(Labels(pbxs=(PBX,)))))
        for at, data in pieces(busy(ordinary(), asked["conversations"], 20.0, first=first)):
            listener.hear(at, data)
        first += asked["conversations"]
        calls = list(kept.calls.values())
        begun = time.perf_counter()
        for at in range(0, len(calls), AT_ONCE):
            async with connection.transaction():
                await args["write"](connection, prefix, calls[at : at + AT_ONCE])
        talk.tell({"seconds": time.perf_counter() - begun, "calls": len(calls)})
    await connection.close()


def columns(calls: list[CallRecord]) -> dict[str, list[list[object]]]:
    """The rows of all tables, column by column."""
    return {
        "calls": [*call_columns(calls), [1] * len(calls)],
        "visits": visit_columns(calls),
        "offers": offer_columns(calls),
        "cases": case_columns(calls),
    }


async def insert(connection: "asyncpg.Connection[asyncpg.Record]", prefix: str, calls: list[CallRecord]) -> None:
    """A statement a table."""
    for table, values in columns(calls).items():
        await connection.execute(STATEMENTS[table].format(prefix=prefix), *values)


async def copy(connection: "asyncpg.Connection[asyncpg.Record]", prefix: str, calls: list[CallRecord]) -> None:
    """COPY a table."""
    for table, values in columns(calls).items():
        rows = list(zip(*values, strict=True))
        await connection.copy_records_to_table(f"{prefix}_{table}", records=rows, columns=COLUMNS[table])


COLUMNS = {
    "calls": (
        "id", "pbx", "uniqueid", "linkedid", "direction", "caller", "caller_name", "dialled", "arrived_at", "ended_at",
        "hung_up_by", "case_id", "visits", "revision", "life",
    ),
    "visits": (
        "call_id", "ordinal", "uniqueid", "kind", "queue", "joined_at", "left_at", "outcome", "settling", "wait_us",
        "alerted_at", "caller_rings", "caller_rings_heard", "agent", "answered_at", "talk_us", "hold_us",
        "hung_up_by", "quality", "reason",
    ),
    "offers": (
        "call_id", "visit", "ordinal", "agent", "interface", "leg", "called_at", "rang_at", "answered_at", "ended_at",
        "result", "setup_us", "alerting_us", "rings",
    ),
    "cases": ("id", "call_id", "opened_at"),
}  # fmt: skip
TYPES = {
    "calls": "uuid text text text text text text text timestamptz timestamptz text uuid integer bigint bigint",
    "visits": "uuid integer text text text timestamptz timestamptz text boolean bigint timestamptz integer integer "
    "text timestamptz bigint bigint text text text",
    "offers": "uuid integer integer text text text timestamptz timestamptz timestamptz timestamptz text bigint bigint "
    "integer",
    "cases": "uuid uuid timestamptz",
}
STATEMENTS = {
    table: f"INSERT INTO {{prefix}}_{table} ({', '.join(COLUMNS[table])}) SELECT * FROM unnest("
    + ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(TYPES[table].split(), 1))
    + ")"
    for table in COLUMNS
}


async def by_insert(args: Answer, talk: Talk) -> None:
    await bare(args | {"prefix": "inserted", "write": insert}, talk)


async def by_copy(args: Answer, talk: Talk) -> None:
    await bare(args | {"prefix": "copied", "write": copy}, talk)


async def postgres(args: Answer, talk: Talk) -> None:
    """A server with default durability and our schema; counts what the saver made durable."""
    async with EmbeddedPostgres(Path(args["folder"]) / "postgres") as server:
        await migrate(server.url)
        talk.tell({"url": server.url})
        async for asked in talk.questions():
            connection = await asyncpg.connect(server.url)
            talk.tell({"rows": await connection.fetchval(f"SELECT count(*) FROM {asked['table']}")})
            await connection.close()


WAYS = {OURS: ours, INSERT: by_insert, COPY: by_copy, "postgres": postgres}


def sections(bench: Bench) -> list[Section]:
    """One table."""
    conversations = bench.size(2_500, 1_000)
    found: dict[str, list[float]] = {name: [] for name in (OURS, INSERT, COPY)}
    calls = 0
    with ExitStack() as stack:
        server = stack.enter_context(Worker("database", "postgres", {"folder": str(bench.folder)}, LOADING))
        args = {"database": server.ready["url"]}
        workers = {name: stack.enter_context(Worker("database", name, args, MEASURED)) for name in found}
        for turn in range(-1, bench.turns):
            for name, worker in workers.items():
                bench.tell(f"database: {name}, turn {turn + 1}")
                answer = worker.ask({"conversations": conversations})
                calls = answer.get("calls", calls)
                if turn >= 0:
                    found[name].append(answer["seconds"])
        saved = server.ask({"table": "calls"})["rows"]
        inserted = server.ask({"table": "inserted_calls"})["rows"]
    if saved != inserted or not saved:
        raise ValueError(f"the saver made {saved:,} calls durable, of {inserted:,}")
    # The limits count what they write; at the end the saver has written as many.
    ways = tuple(Way(name, tuple(calls / seconds for seconds in taken)) for name, taken in found.items())
    section = Section("Recorded calls into PostgreSQL", "calls/s", ways, COPY)
    rate = section.way(OURS).median
    goal = Goal(f"≥ {GOAL:,.0f} calls/s", f"{rate:,.0f} calls/s", rate >= GOAL)
    note = (
        f"{conversations:,} recorded conversations a turn, {calls:,} calls, from the first byte to the last "
        "call durable, default durability, the server on the other core. The limits only write: the rows of as many "
        f"calls, ready made, in transactions of {AT_ONCE}."
    )
    return [Section(section.title, section.unit, ways, COPY, (goal,), (note,))]
