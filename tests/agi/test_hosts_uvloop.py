"""The same on uvloop, which `serve` runs on: it starts processes, watches numbers and owns sockets in its own way."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.agi import test_hosts, test_hosts_faults, test_hosts_reload
from tests.agi.pools import tcp_pair

STORIES: list[Callable[..., Coroutine[Any, Any, None]]] = [
    test_hosts.test_a_module_that_makes_its_own_agi_and_ends_with_exit_runs_unchanged,
    test_hosts_faults.test_a_thousand_conversations_at_once_on_two_hosts,
    partial(test_hosts_faults.test_a_script_that_blocks_costs_its_host_and_nobody_on_the_other, "spin"),
    test_hosts_faults.test_callers_of_a_killed_host_go_on_at_once,
    test_hosts_faults.test_while_we_are_stopped_nobody_is_silent_and_nobody_late,
    test_hosts_faults.test_a_stop_gives_every_held_call_back_to_the_dialplan_within_a_second,
    test_hosts_reload.test_old_calls_go_on_in_the_old_code_and_new_ones_get_the_new,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: getattr(story, "func", story).__name__)
def test_on_uvloop(story: Callable[..., Coroutine[Any, Any, None]], tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(test_hosts_reload.OLD)
    found = {"folder": tmp_path} if "folder" in inspect.signature(story).parameters else {}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(first_stream())
        runner.run(story(**found))


async def first_stream() -> None:
    """With a loop's first stream, libuv opens a file for good; here, so that nobody counts it as lost."""
    ours, theirs = tcp_pair()
    theirs.close()
    _, writer = await asyncio.open_connection(sock=ours)
    writer.close()
    await writer.wait_closed()
