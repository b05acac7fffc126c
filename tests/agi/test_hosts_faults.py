"""Scripts that block, die, fail or do not notice; hosts that are killed: what it costs, and whom."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
import structlog

from telephony.agi.host import ABANDONED_AT_ONCE
from telephony.agi.hosts import Ended, HostPool, HostSettings, NoHost
from tests.agi.pools import Pool, children, files, gone, heard, running, scripts, tcp_pair, until
from tests.support.agi_peer import AgiPeer

DIGIT = b"200 result=0\n"
QUICK = HostSettings(hosts=2, first_command=2.0)
ONE = HostSettings(hosts=1, first_command=2.0)
PUNCTUAL = HostSettings(hosts=1, first_command=0.3)


def status(why: str) -> str:
    return f'SET VARIABLE "THREERINGS_SCRIPT" "{why}"'


async def spoken(peer: AgiPeer) -> None:
    """The script has sent its first command."""
    assert await peer.hear() is not None
    peer.say(DIGIT)


async def test_a_thousand_conversations_at_once_on_two_hosts() -> None:
    async with running(scripts(talk="forms.py:talk", turns="turns.py"), HostSettings(first_command=30.0)) as pool:
        peers = [await pool.call("turns", str(number)) for number in range(1000)]
        for peer in peers:
            assert await peer.hear(30.0) == "ANSWER"
        assert pool.pool.state().conversations == 1000
        for peer in peers:
            peer.say(DIGIT)
        async with asyncio.TaskGroup() as tasks:
            answering = [tasks.create_task(peer.answer({"GET": b"200 result=1 (x)\n"})) for peer in peers]
        for number, task in enumerate(answering):
            assert task.result()[-2] == f'SET VARIABLE "NUMBER" "{number} x"'
        for peer in peers:
            await peer.close()
        await until(lambda: len(pool.ended) == 1000)
        assert {ended.result for ended in pool.ended} == {"ok"}
        assert pool.pool.state().conversations == 0


@pytest.mark.parametrize("how", ["sleep", "spin"])
async def test_a_script_that_blocks_costs_its_host_and_nobody_on_the_other(how: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with running(scripts(talk="forms.py:talk", blocks=f"forms.py:{how}"), QUICK) as pool:
            before = children()
            talkers = [await pool.call("talk") for _ in range(6)]
            for talker in talkers:
                await spoken(talker)
            async with await pool.call("blocks") as guilty:
                began = time.monotonic()
                await spoken(guilty)
                assert await guilty.hear() == status("host_lost")
                assert await guilty.hear() is None
                assert time.monotonic() - began < 2.0
            await until(lambda: pool.pool.state().hosts == {"ready": 2, "starting": 0, "draining": 0}, 2.0)
            assert len(children() - before) == 1
            others = [await on_with_it(talker) for talker in talkers]
            assert others.count(True) == 3
            for talker in talkers:
                await talker.close()
            await until(lambda: len(pool.ended) == 7)
            assert pool.results("talk").count("host_lost") == 3
            assert pool.results("blocks") == ["host_lost"]
            assert pool.pool.state().replaced == {"silent": 1, "died": 0, "stubborn": 0, "exhausted": 0}
    (told,) = [log for log in logs if log["event"] == "script_host_blocked"]
    assert told["script"] == "blocks"
    assert told["where"].startswith("forms.py:")
    assert told["where"].endswith(f"in {how}")
    assert told["callers_lost"] == 4


async def on_with_it(talker: AgiPeer) -> bool:
    """Whether its script goes on when its command is answered; a caller of a lost host was told so."""
    line = await talker.hear()
    if line == status("host_lost"):
        return False
    talker.say(DIGIT)
    return (await talker.hear() or "").startswith("WAIT FOR DIGIT")


async def test_a_caller_given_to_a_blocked_host_waits_no_longer_than_for_a_first_command() -> None:
    async with running(scripts(talk="forms.py:talk", blocks="forms.py:spin"), PUNCTUAL) as pool:
        guilty = await pool.call("blocks")
        await spoken(guilty)
        began = time.monotonic()
        async with await pool.call("talk") as victim:
            assert await victim.hear() == status("late")
        assert time.monotonic() - began < 0.8
        await guilty.close()


async def test_a_script_that_has_nothing_to_say_within_its_time_is_left_behind() -> None:
    async with running(scripts(slow="forms.py:slow"), PUNCTUAL) as pool:
        async with await pool.call("slow") as peer:
            assert await peer.hear() == status("late")
            assert await peer.hear() is None
        assert [(ended.result, ended.detail) for ended in pool.ended] == [("late", "no command within 300 ms")]
        assert pool.pool.state().replaced["silent"] == 0


async def test_a_conversation_has_a_longest_time() -> None:
    settings = HostSettings(hosts=1, longest=0.5, silence=5.0)
    async with running(scripts(talk="forms.py:talk"), settings) as pool:
        async with await pool.call("talk") as peer:
            await spoken(peer)
            assert (await peer.hear() or "").startswith("WAIT FOR DIGIT")
            assert await peer.hear() == status("timeout")
        assert pool.results("talk") == ["timeout"]


async def test_callers_of_a_killed_host_go_on_at_once() -> None:
    async with running(scripts(talk="forms.py:talk"), QUICK) as pool:
        talkers = [await pool.call("talk") for _ in range(4)]
        for talker in talkers:
            await spoken(talker)
        victim = min(children())
        os.kill(victim, signal.SIGKILL)
        others = [await on_with_it(talker) for talker in talkers]
        assert others.count(True) == 2
        await until(lambda: pool.pool.state().hosts["ready"] == 2)
        for talker in talkers:
            await talker.close()
        await until(lambda: len(pool.ended) == 4)
        assert sorted(pool.results("talk")) == ["host_lost", "host_lost", "hung_up", "hung_up"]
        assert pool.pool.state().replaced["died"] == 1


async def test_a_script_that_ends_its_process_costs_its_host() -> None:
    async with running(scripts(die="forms.py:die"), ONE) as pool:
        assert await pool.talk("die") == ["ANSWER", status("host_lost")]
        await until(lambda: pool.pool.ready)


@pytest.mark.parametrize("script", ["talk", "tolerant", "bare", "bare_coroutine"])
async def test_when_the_caller_hangs_up_the_script_ends_or_never_runs_again(script: str) -> None:
    async with running(scripts(it=f"forms.py:{script}"), ONE) as pool:
        peer = await pool.call("it")
        await spoken(peer)
        await peer.close()
        await until(lambda: pool.results("it") == ["hung_up"])
        assert pool.pool.state().conversations == 0
        async with await pool.call("it") as peer:
            await spoken(peer)
        await until(lambda: len(pool.ended) == 2)


async def test_a_host_full_of_scripts_that_ignore_the_hang_up_is_replaced() -> None:
    with structlog.testing.capture_logs() as logs:
        async with running(scripts(bare="forms.py:bare", talk="forms.py:talk"), ONE) as pool:
            talker = await pool.call("talk")
            await spoken(talker)
            before = children()
            for _ in range(5):
                peer = await pool.call("bare")
                await spoken(peer)
                await peer.close()
            await until(lambda: pool.pool.state().replaced["stubborn"] == 1, 10.0)
            await until(lambda: pool.pool.state().hosts == {"ready": 1, "starting": 0, "draining": 1})
            assert await on_with_it(talker)
            await talker.close()
            await until(lambda: pool.pool.state().hosts["draining"] == 0)
            assert not children() & before
    assert [log["scripts_parked"] for log in logs if log["event"] == "script_host_stubborn"] == [5]


async def test_while_we_are_stopped_nobody_is_silent_and_nobody_late() -> None:
    async with running(scripts(talk="forms.py:talk", slow="forms.py:talk"), PUNCTUAL) as pool:
        before = children()
        talker = await pool.call("talk")
        await spoken(talker)
        fresh = await pool.call("talk")
        time.sleep(2.0)  # this is what a stopped process does
        await spoken(fresh)
        assert await on_with_it(talker)
        await asyncio.sleep(1.5)
        assert children() == before
        assert pool.ended == []
        await fresh.close()
        await talker.close()


async def test_nobody_is_given_what_cannot_be_run() -> None:
    settings = HostSettings(hosts=1, max_calls=1, silence=5.0)
    async with running(scripts(talk="forms.py:talk"), settings) as pool:
        with pytest.raises(NoHost) as unknown:
            await pool.call("none")
        assert unknown.value.result == "unknown"
        async with await pool.call("talk"):
            with pytest.raises(NoHost) as busy:
                await pool.call("talk")
            assert busy.value.result == "busy"
        await until(lambda: pool.ended)


async def test_before_its_hosts_are_ready_a_pool_gives_the_socket_back() -> None:
    pool = HostPool(scripts(talk="forms.py:talk"), ONE, print)
    ours, theirs = tcp_pair()
    with ours, theirs:
        with pytest.raises(NoHost):
            pool.give("talk", heard("talk"), ours)
        assert ours.fileno() >= 0


async def test_a_stop_gives_every_held_call_back_to_the_dialplan_within_a_second() -> None:
    before = files(), children()
    ended: list[Ended] = []
    pool = HostPool(scripts(talk="forms.py:talk", blocks="forms.py:spin"), QUICK, ended.append)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(pool.run())
        await until(lambda: pool.state().hosts["ready"] == 2)
        held = [await Pool(pool, ended).call("talk") for _ in range(10)]
        for peer in held:
            await spoken(peer)
        guilty = await Pool(pool, ended).call("blocks")
        await spoken(guilty)
        began = time.monotonic()
        task.cancel()
        heard_of = [await peer.answer({"WAIT": None}) for peer in [*held, guilty]]
        assert time.monotonic() - began < 1.0
    assert time.monotonic() - began < 1.4
    assert all(commands[-1] == status("host_lost") for commands in heard_of)
    assert len(ended) == 11
    for peer in [*held, guilty]:
        await peer.close()
    await until(lambda: (files(), children()) == before)


async def test_a_pbx_that_never_ends_its_side_is_waited_for_only_so_long() -> None:
    ours, theirs = tcp_pair()
    before = files()
    ended: list[Ended] = []
    pool = HostPool(scripts(talk="forms.py:talk"), ONE, ended.append)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(pool.run())
        await until(lambda: pool.ready)
        pool.give("talk", heard("talk"), ours)
        await asyncio.sleep(0)
        began = time.monotonic()
        task.cancel()
    assert time.monotonic() - began < 2.0
    assert files() == before - 1
    assert theirs.recv(100).endswith(b'host_lost"\n') or theirs.recv(100).endswith(b'host_lost"\n')
    theirs.close()


async def test_a_host_that_dies_at_its_start_is_tried_again_and_told_of_once(tmp_path: Path) -> None:
    (tmp_path / "crash.py").write_text("import os\ndef f(agi): pass\nos.write(2, b'no licence\\n')\nos._exit(3)\n")
    ended: list[Ended] = []
    with structlog.testing.capture_logs() as logs:
        pool = HostPool(scripts(tmp_path, crash="crash.py:f"), ONE, ended.append)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(pool.run())
            await until(lambda: pool.state().replaced["died"] >= 2)
            assert not pool.ready
            task.cancel()
    told = [log for log in logs if log["event"] == "script_host_lost"]
    assert [(log["reason"], log["detail"]) for log in told] == [("died", "no licence")]


async def test_what_a_host_has_started_goes_with_it_even_when_it_dies_of_itself() -> None:
    async with running(scripts(left="forks.py:left"), ONE) as pool:
        _, said, _ = await pool.talk("left")
        child = int(said.split('"')[3])
        await until(lambda: gone(child))


async def test_when_memory_is_short_a_host_goes_before_the_service() -> None:
    async with running(scripts(talk="forms.py:talk"), ONE):
        (host,) = children()
        ours, its = (int(Path(f"/proc/{who}/oom_score_adj").read_text()) for who in ("self", host))
        assert its == min(ours + 500, 1000)


HOARDS = """import resource
def hoard(agi):
    agi.answer()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 100))  # as if all the others were in use
def talk(agi):
    agi.answer()
"""


@pytest.mark.parametrize(("hosts", "said"), [(1, [status("busy")]), (2, ["ANSWER", status("")])])
async def test_a_host_without_a_file_number_left_is_replaced_and_its_calls_go_to_another(
    hosts: int, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / "hoards.py").write_text(HOARDS)
    found = scripts(tmp_path, hoard="hoards.py:hoard", talk="hoards.py:talk")
    async with running(found, HostSettings(hosts=hosts, first_command=2.0)) as pool:
        await pool.talk("hoard")
        callers = [await pool.call("talk") for _ in range(hosts * hosts)]
        assert [await caller.answer() for caller in callers] == [said] * len(callers)
        await until(lambda: pool.pool.state().hosts == {"ready": hosts, "starting": 0, "draining": 0})
        assert pool.pool.state().replaced["exhausted"] == 1
        assert await pool.talk("talk") == ["ANSWER", status("")]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_however_many_callers_a_host_loses_nobody_else_waits_for_their_sake(how: signal.Signals) -> None:
    async with running(scripts(talk="forms.py:talk"), HostSettings(hosts=1, first_command=30.0)) as pool:
        for _ in range(4 * ABANDONED_AT_ONCE):
            await pool.call("talk")
        (host,) = children()
        os.kill(host, how)
        at_once = 0
        async with asyncio.timeout(10.0):
            while len(pool.ended) < 4 * ABANDONED_AT_ONCE:
                before = len(pool.ended)
                await asyncio.sleep(0)
                at_once = max(at_once, len(pool.ended) - before)
        assert at_once <= ABANDONED_AT_ONCE + 1  # and, at once, whoever is to blame
        assert set(pool.results("talk")) == {"host_lost"}


async def test_a_host_that_has_ended_is_no_ready_one_before_it_is_reaped() -> None:
    async with running(scripts(talk="forms.py:talk"), ONE) as pool:
        (host,) = children()
        os.kill(host, signal.SIGKILL)
        await until(lambda: gone(host))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not pool.pool.ready
        await until(lambda: pool.pool.ready)
