"""SIGHUP: whatever is wrong with the files, calls go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest
from structlog.testing import capture_logs

from handlers import service as services
from handlers.addresses import ListenError
from handlers.build import Service
from handlers.service import reload
from telephony.agi.scripts import Script
from telephony.config import Address, Config, ConfigFaults


@dataclass
class Side:
    taken: list[Config] = field(default_factory=list)
    broken: bool = False

    refuses: bool = False

    async def reload(self, config: Config, scripts: Sequence[Script]) -> bool:
        assert not scripts
        if self.broken:
            raise RuntimeError("shutting down")
        self.taken.append(config)
        return not self.refuses


@dataclass
class Hours:
    taken: list[Config] = field(default_factory=list)

    def take(self, config: Config) -> None:
        self.taken.append(config)


@dataclass
class World:
    agi: Side = field(default_factory=Side)
    hours: Hours = field(default_factory=Hours)
    casework: Hours = field(default_factory=Hours)

    async def told(self, again: Callable[[], Config]) -> list[str]:
        with capture_logs() as logs:
            await reload(cast("Service", self), again)
        return [line["event"] for line in logs]


def faulty() -> Config:
    raise ConfigFaults(("agi.hosts = 0: too few",))


def odd() -> Config:
    raise RecursionError


async def test_a_good_configuration_is_taken_over() -> None:
    world, config = World(), Config()
    assert await world.told(lambda: config) == []
    assert world.agi.taken == [config]
    assert world.hours.taken == world.casework.taken == [config]


async def test_what_the_scripts_cannot_be_run_with_changes_no_hours_either() -> None:
    world = World(Side(refuses=True))
    await world.told(Config)
    assert world.hours.taken == []


@pytest.mark.parametrize("again", [faulty, odd])
async def test_a_bad_one_is_told_and_changes_nothing(again: Callable[[], Config]) -> None:
    world = World()
    assert await world.told(again) == ["not_reloaded"]
    assert world.agi.taken == []


async def test_an_error_of_ours_in_taking_it_over_is_told_and_ends_nothing() -> None:
    assert await World(Side(broken=True)).told(Config) == ["not_reloaded"]


async def test_files_that_cannot_be_read_in_time_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "READ_SECONDS", 0.01)
    loop, released = asyncio.get_running_loop(), asyncio.Event()

    def hangs() -> Config:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
        return Config()

    assert await World().told(hangs) == ["not_reloaded"]
    released.set()


def test_an_address_that_cannot_be_had_names_its_key() -> None:
    taken = ListenError("agi.listen", Address("127.0.0.1", 4573), OSError(98, "Address already in use"))
    assert str(taken) == 'agi.listen = "127.0.0.1:4573": address already in use; end whoever has it, or choose another'
    assert "choose another" in str(ListenError("http.listen", Address("*", 1), OSError(99, "x")))
