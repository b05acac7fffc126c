"""The journals are open while the service runs, and nobody else's."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from handlers.journals import DiskTrouble, journal_folder, kept, refused
from telephony.config import ConfigFaults
from tests.support.checks import PBX, config_of


async def test_nobody_else_may_look_into_them_and_no_other_process_write(tmp_path: Path) -> None:
    config = config_of(data_dir=tmp_path / "data", pbxs=[PBX | {"name": "a/b"}])
    async with kept(config) as journals:
        folder = journal_folder(config, "a/b")
        assert folder.parent == tmp_path / "data" / "journal"
        assert [path.stat().st_mode & 0o777 for path in (folder.parent, folder)] == [0o700, 0o700]
        with pytest.raises(ConfigFaults, match="data_dir: "):
            async with kept(config):
                pass
    async with kept(config) as again:
        assert again["a/b"].life == journals["a/b"].life


async def test_a_place_where_nothing_can_be_kept_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigFaults, match="name a folder we may write"):
        async with kept(config_of(data_dir=tmp_path / "file")):
            pass


def test_a_disk_without_room_is_no_fault_of_the_configuration_and_may_be_tried_again() -> None:
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        trouble = refused(Path("/data/journal"), OSError(number, os.strerror(number)))
        assert isinstance(trouble, DiskTrouble)
        assert str(trouble).startswith(f"data_dir: /data/journal: {os.strerror(number)}; m")
    fault = refused(Path("/data"), PermissionError(errno.EACCES, "Permission denied"))
    assert isinstance(fault, ConfigFaults)
    assert fault.faults == ("data_dir: /data: Permission denied; name a folder we may write",)


async def test_journals_are_opened_together_and_one_that_hangs_keeps_no_stop_waiting(tmp_path: Path) -> None:
    """Its state is a pipe here that nobody writes: reading it hangs as a share does that is gone."""
    config = config_of(data_dir=tmp_path, pbxs=[PBX | {"name": "hangs"}, PBX | {"name": "sound"}])
    hangs, sound = (journal_folder(config, name) for name in ("hangs", "sound"))
    hangs.mkdir(parents=True)
    os.mkfifo(hangs / "life")

    async def work() -> None:
        async with kept(config):
            pytest.fail("one is not open")

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        opening = tasks.create_task(work())
        while not (sound / "life").exists():
            await asyncio.sleep(0.001)
        opening.cancel()
        await asyncio.wait([opening])
    assert opening.cancelled()
