"""The simulated PBX as a whole: what it is told on its standard input, and when it ends."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from telephony.simulator.__main__ import work
from telephony.simulator.live import Live
from telephony.simulator.timeline import SECOND, Timeline
from tests.simulator.bench import ACCOUNT

LIMIT = 20
LOGIN = f"Action: Login\r\nUsername: {ACCOUNT.username}\r\nSecret: {ACCOUNT.secret}\r\n\r\n".encode()


def settings(folder: Path) -> bytes:
    told = {"username": ACCOUNT.username, "secret": ACCOUNT.secret, "queue_log": str(folder / "queue_log"), "seed": 3}
    return json.dumps(told).encode() + b"\n"


async def first_call(port: int) -> bytes:
    """What a client hears until somebody calls."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(LOGIN)
    heard = await reader.readuntil(b"Event: Newchannel\r\n")
    writer.close()
    return heard


async def test_the_doors_open_when_it_is_told_where_fastagi_is_and_close_when_its_input_ends(
    tmp_path: Path,
) -> None:
    told, said = asyncio.StreamReader(), asyncio.Queue[str]()
    told.feed_data(settings(tmp_path))
    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work(told, said.put_nowait))
        port = json.loads(await said.get())["ami"]
        told.feed_data(b'{"agi": ["127.0.0.1", 1]}\n')
        assert b"FullyBooted" in await first_call(port)
        told.feed_eof()
        await working
    log = (tmp_path / "queue_log").read_text().splitlines()
    assert log[0].endswith("|NONE|NONE|NONE|QUEUESTART|")
    assert sum("|ADDMEMBER|" in line for line in log) == 11


async def test_what_is_meant_for_a_whole_group_does_not_end_it_but_the_end_of_its_input_does(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "telephony.simulator", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT):
        process.stdin.write(settings(tmp_path))
        port = json.loads(await process.stdout.readline())["ami"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)
        process.stdin.write(b'{"agi": ["127.0.0.1", 1]}\n')
        assert b"FullyBooted" in await first_call(port)
        process.stdin.close()
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


async def test_a_timeline_keeps_up_with_its_clock_and_hears_of_what_is_new() -> None:
    loop = asyncio.get_running_loop()
    timeline, happened = Timeline(0), asyncio.Event()
    live = Live(timeline, lambda: round(loop.time() * SECOND))
    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(live.run())
        while timeline.now == 0:
            await asyncio.sleep(0)
        timeline.after(0.01, happened.set)
        live.poke()
        await happened.wait()
        running.cancel()
    assert timeline.next is None
