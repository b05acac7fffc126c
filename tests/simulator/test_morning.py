"""What the demo's branch did before anybody looked."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.demomorning import LASTS, earlier_today
from handlers.demosettings import toml
from telephony.calls.record import Outcome
from telephony.config import Address, Config, load

AFTERNOON = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "secret").write_text("secret of the simulated PBX")
    (tmp_path / "queue_log").touch()
    file = tmp_path / "threerings.toml"
    file.write_text(toml(tmp_path, Address("127.0.0.1", 8080), 5038), encoding="utf-8")
    return load(file, {})


def test_two_hours_of_calls_are_over_when_somebody_comes_to_look(config: Config) -> None:
    calls = earlier_today(config, AFTERNOON, 10)
    assert len(calls) == len({call.id for call in calls}) > 1_200
    assert all(call.ended_at is not None and call.ended_at < AFTERNOON for call in calls)
    assert min(call.arrived_at for call in calls) - (AFTERNOON - LASTS) < timedelta(minutes=1)
    outcomes = Counter(visit.outcome for call in calls for visit in call.visits)
    assert outcomes[Outcome.ANSWERED] > 0.75 * outcomes.total()
    assert len(outcomes) > 6
    assert None not in outcomes


def test_the_day_begins_at_midnight(config: Config) -> None:
    soon = earlier_today(config, MIDNIGHT + timedelta(minutes=20), 10)
    assert soon
    assert min(call.arrived_at for call in soon) >= MIDNIGHT
    assert earlier_today(config, MIDNIGHT + timedelta(minutes=3), 10) == []
