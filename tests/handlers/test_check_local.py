"""This machine's files and addresses, and what hangs."""

import os
import socket
import threading
from pathlib import Path

import pytest
from aiohttp import web

from handlers.check import folders_of
from handlers.checks import local
from handlers.checks.findings import Result
from handlers.http.health import Health, application
from handlers.threads import within
from telephony.config import Address, ConfigFaults, load
from telephony.metrics import Labels, Measures
from tests.support.checks import PBX, config_of
from tests.support.users import as_somebody, folder_for_all


def test_the_data_folder_must_be_writable_for_the_journal(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place, good_one in ((tmp_path / "new" / "folder", True), (tmp_path / "file" / "folder", False)):
        assert (local.data_dir(config_of(data_dir=place)).result is Result.OK) == good_one


def test_a_folder_below_a_closed_one_is_told() -> None:
    with folder_for_all() as place:
        (place / "closed").mkdir(mode=0o700)
        below = place / "closed" / "below"
        below.mkdir()
        (place / "closed").chmod(0)
        config = config_of(data_dir=below, database={"url": "embedded"})
        with as_somebody():
            finding = local.data_dir(config)
            faults = []
            for folder in (below, place / "closed"):
                with pytest.raises(ConfigFaults) as caught:
                    folders_of(config, [str(folder)])
                faults += caught.value.faults
        (place / "closed").chmod(0o700)
    assert finding.result is Result.FAULT
    assert "cannot be written by this user" in finding.what
    assert all("is no folder that this user can read" in fault for fault in faults)


def test_channel_events_need_not_be_configured_and_what_is_named_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "threerings.csv").touch()
    told = [
        local.cel(config_of(pbxs=[PBX | {"cel": str(tmp_path / name)}]).pbx[0]) for name in ("threerings.csv", "none")
    ]
    assert [(one.result, one.point) for one in told] == [(Result.OK, "cel-file"), (Result.FAULT, "cel-file")]
    without = local.cel(config_of().pbx[0])
    assert without.result is Result.OK
    assert "direct visits that nobody heard stay lost, partial or missing" in without.what


def test_a_queue_log_must_be_a_file_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "queue_log").touch()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    results = {
        name: local.queue_log(config_of(pbxs=[PBX | {"queue_log": str(tmp_path / name)}]).pbx[0])
        for name in ("queue_log", "none", "fifo", "loop", ".")
    }
    assert {name: each.result.value for name, each in results.items()} == {
        "queue_log": "ok", "none": "fault", "fifo": "fault", "loop": "fault", ".": "fault",
    }  # fmt: skip
    assert "logger.conf" in results["none"].remedy
    assert "Too many levels" in results["loop"].what
    assert local.queue_log(config_of().pbx[0]).result is Result.WARNING
    sent = config_of(pbxs=[PBX | {"queue_log_token": "0123456789abcdef"}]).pbx[0]
    assert local.queue_log(sent).result is Result.OK


def test_files_with_secrets_are_not_for_everybody(tmp_path: Path) -> None:
    file, secret = tmp_path / "t.toml", tmp_path / "secret"
    for path in (file, secret):
        path.touch()
        path.chmod(0o644)
    inside, outside = config_of(), config_of(pbxs=[PBX | {"secret_file": str(secret)}])
    assert [each.result for each in local.secrets(inside, file)] == [Result.WARNING]
    assert [each.what.split(" ")[0] for each in local.secrets(outside, file)] == ["secret_file"]
    secret.chmod(0o640)
    assert [each.result for each in local.secrets(outside, file)] == [Result.OK]
    secret.unlink()
    assert local.secrets(outside, None) == []


def test_scripts_that_cannot_be_run_are_told(tmp_path: Path) -> None:
    (tmp_path / "good.py").touch()
    (tmp_path / "bad.py").write_text("def (:\n")
    agi = {"scripts": str(tmp_path)}
    good = config_of(agi=agi, script=[{"name": "good", "run": "good.py"}])
    bad = config_of(agi=agi, script=[{"name": "bad", "run": "bad.py"}, {"name": "none", "run": "none.py"}])
    assert [each.result for each in local.scripts(good)] == [Result.OK]
    assert [each.result for each in local.scripts(bad)] == [Result.FAULT, Result.FAULT]
    assert "SyntaxError" in local.scripts(bad)[0].what
    assert local.scripts(config_of()) == []


async def test_an_address_that_is_taken_is_told_unless_we_have_it(unused_tcp_port: int) -> None:
    config = config_of(http={"listen": f"127.0.0.1:{unused_tcp_port}"}, agi={"listen": "127.0.0.1:0"})
    assert [each.result.value for each in await local.listening(config)] == ["ok", "ok"]

    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = config_of(http={"listen": f"127.0.0.1:{other.getsockname()[1]}"}, agi={"listen": "127.0.0.1:0"})
        local_limit, local.HEALTH_SECONDS = local.HEALTH_SECONDS, 0.1
        try:
            [http, _] = await local.listening(taken)
        finally:
            local.HEALTH_SECONDS = local_limit
    assert http.result is Result.FAULT
    assert http.what.endswith("address already in use")

    elsewhere = config_of(
        http={"listen": "192.0.2.1:80", "metrics_token": "x" * 16}, agi={"listen": "no-such-host.invalid:4573"}
    )
    [http, agi] = await local.listening(elsewhere)
    assert http.what.endswith("cannot assign requested address")
    assert agi.what.endswith("the name is not known")


async def test_three_rings_that_runs_already_is_no_fault(unused_tcp_port: int) -> None:
    runner = web.AppRunner(application(Health(Measures(Labels(pbxs=("pbx1",))), list, None)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    try:
        config = config_of(http={"listen": f"127.0.0.1:{unused_tcp_port}"}, agi={"listen": "127.0.0.1:0"})
        [http, _] = await local.listening(config)
        assert await local._three_rings_answers(Address("0.0.0.0", unused_tcp_port))
    finally:
        await runner.cleanup()
    assert http.result is Result.OK
    assert http.what.endswith("Three Rings runs already")


async def test_what_hangs_costs_its_limit_and_no_more() -> None:
    stuck = threading.Event()
    with pytest.raises(TimeoutError):
        await within(0.05, lambda: stuck.wait(5))
    stuck.set()

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await within(5, fail)
    assert await within(5, lambda: 3) == 3


def test_a_configuration_whose_secrets_are_files_holds_none_itself(tmp_path: Path) -> None:
    for name, text in (("url", "postgresql://h/d"), ("token", "f" * 16), ("secret", "s"), ("t.toml", "")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
    (tmp_path / "t.toml").write_text(
        '[database]\nurl_file = "url"\n[http]\nmetrics_token_file = "token"\n'
        '[[pbx]]\nname = "pbx1"\nusername = "three"\nsecret_file = "secret"\n'
    )
    config = load(tmp_path / "t.toml", {})
    warned = [one.what.partition(" = ")[0] for one in local.secrets(config, tmp_path / "t.toml")]
    assert warned == ["secret_file", "metrics_token_file", "url_file"]
