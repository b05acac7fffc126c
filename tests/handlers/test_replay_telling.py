"""What a story says where the order of the journal, or the database, says more than the call."""

from datetime import UTC, timedelta

from handlers.replaying.account import Account
from handlers.replaying.steps import Step
from handlers.replaying.telling import Row, Story, document, lines
from handlers.replaying.words import ENGLISH
from telephony.cases.rows import StoredCall
from tests.support.calls import call, visit

CALL = call(visit())
NUMBER = "000017"


def story(*steps: Step, number: str | None = NUMBER) -> Story:
    return Story(Account(list(steps), CALL), Row(StoredCall(CALL, number)), UTC, ENGLISH)


def step(position: int, seconds: float, source: str, what: str, **details: str) -> Step:
    return Step(position, CALL.arrived_at + timedelta(seconds=seconds), source, what, tuple(details.items()))


def test_the_number_of_its_case_is_told_wherever_the_call_is() -> None:
    told = document(story())
    case = {"id": str(CALL.case), "number": NUMBER}
    for place in (told, told["database"]):
        assert isinstance(place, dict)
        assert place["call"]["case"] == case
    assert any(f'"number": "{NUMBER}"' in line for line in lines(story()))
    assert any("null" in line for line in lines(story(number=None)) if '"number"' in line)


def test_who_happened_before_what_stands_above_him_is_marked() -> None:
    told = list(
        lines(
            story(
                step(1, 1.0, "ami", "Newstate"),
                step(2, 2.5320, "service", "began", process="pbx pid 1"),
                step(3, 2.322, "link", "up", ami="9.0.0"),
                step(4, 2.301, "ami", "FullyBooted"),
                step(5, 2.5322, "ami", "Hangup"),
                step(6, 2.5321, "ami", "Hangup"),
            )
        )
    )
    steps = [line for line in told if "  #" in line]
    assert [line[12] for line in steps] == [" ", " ", "*", "*", " ", " "]
    assert sum(line.startswith("* ") for line in told) == 1
    assert {line.index("  #") for line in steps} == {23}


def test_where_time_goes_on_no_mark_is_explained() -> None:
    told = list(lines(story(step(1, 1.0, "ami", "Newstate"), step(2, 1.0004, "ami", "Hangup"))))
    assert not any("*" in line[:13] for line in told)


def test_positions_of_a_journal_are_nobodys_number() -> None:
    hole = step(12_345_679, 1.0, "journal", "hole", positions="12345678 to 12345999")
    assert any("positions=12345678 to 12345999" in line for line in lines(story(hole)))
    said = step(12_345_680, 1.0, "ami", "Newstate", CallerIDName="13800138000")
    assert any("CallerIDName=138******00" in line for line in lines(story(said)))
