from __future__ import annotations

from datetime import UTC, datetime

from handlers.agi.directory import Directory, Routing
from telephony.config import Config

MONDAY_NINE = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DIRECTORY = Directory.of(
    Config.model_validate(
        {
            "hours": [{"name": "office", "open": ["mon-fri 08:30-17:30"]}],
            "number": [
                {"dialled": "4001", "queue": "support", "priority": 5, "hours": "office"},
                {"dialled": "4002", "priority": 1},
            ],
        }
    )
)


def test_a_published_number_has_its_queue_its_priority_and_its_hours() -> None:
    assert DIRECTORY.look_up("4001", "other", MONDAY_NINE) == Routing("support", 5, open=True)
    assert DIRECTORY.look_up("4001", "other", MONDAY_NIGHT) == Routing("support", 5, open=False)


def test_without_a_queue_or_hours_of_its_own_the_dialplan_decides_and_it_is_open() -> None:
    assert DIRECTORY.look_up("4002", "sales", MONDAY_NIGHT) == Routing("sales", 1, open=True)


def test_a_number_that_is_not_published_goes_where_the_dialplan_says() -> None:
    assert DIRECTORY.look_up("9999", "sales", MONDAY_NIGHT) == Routing("sales", 0, open=True)


def test_a_number_without_hours_of_its_own_has_those_of_its_queue() -> None:
    directory = Directory.of(
        Config.model_validate(
            {
                "hours": [
                    {"name": "office", "open": ["mon-fri 08:30-17:30"]},
                    {"name": "always", "open": ["mon-sun 00:00-24:00"]},
                ],
                "branch": [{"name": "changzhi", "queues": ["support", "trade"], "hours": "office"}],
                "queue": [{"name": "trade", "hours": "always"}],
                "number": [
                    {"dialled": "4001", "queue": "support"},
                    {"dialled": "4002", "queue": "trade"},
                    {"dialled": "4003", "queue": "trade", "hours": "office"},
                    {"dialled": "4004", "queue": "elsewhere"},
                ],
            }
        )
    )
    at_night = {number: directory.look_up(number, "", MONDAY_NIGHT).open for number in directory.numbers}
    assert at_night == {"4001": False, "4002": True, "4003": False, "4004": True}
