"""Names that people can sign in with, passwords that are worth having, and what may be written down."""

from datetime import UTC, datetime

import pytest

from telephony.people.audit import LONGEST, Entry, Kind, Verb
from telephony.people.names import BadNameError, key_of, login_name
from telephony.people.passwords import Weakness, prepared, weakness


def test_a_name_is_the_same_however_it_is_typed() -> None:
    assert login_name("  Ｚｈａｏ ") == "Zhao"
    assert key_of("ＺＨＡＯ") == key_of(" zhao ") == "zhao"
    assert login_name("赵敏") == "赵敏"


@pytest.mark.parametrize("name", ["", "  ", "a" * 65, "zhao min", "zhao\u202e", "a\0b", "a\nb"])
def test_what_nobody_can_type_is_no_name(name: str) -> None:
    with pytest.raises(BadNameError, match="should have"):
        login_name(name)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevenchars", Weakness.SHORT),
        ("a" * 257, Weakness.LONG),
        ("zhaozhaozhaozhao", Weakness.NAME),
        ("ZhaoMin-2026", Weakness.NAME),
        ("aaaaaaaaaaaaaaaa", Weakness.PLAIN),
        ("Password1234567890", Weakness.PLAIN),
        ("threerings三响", Weakness.PLAIN),
        ("password-三响", Weakness.SHORT),
        ("passwordpassword三响", Weakness.PLAIN),
        ("correct horse battery", None),
        ("只有小写的汉字也是可以的啊", None),
        ("qwertyuiop but longer", None),
    ],
)
def test_a_password_is_long_and_none_of_those_that_are_tried_first(password: str, why: Weakness | None) -> None:
    assert weakness(password, "zhao", "min", "") is why


def test_a_password_is_the_same_on_every_keyboard() -> None:
    assert prepared("ｐａｓｓ") == "pass"


def test_what_is_written_down_is_bounded_and_can_be_stored() -> None:
    entry = Entry(datetime(2026, 3, 2, tzinfo=UTC), "zh\0ao", Verb.HISTORY_SEEN, Kind.CALL, "\ud800", detail="x" * 600)
    texts = entry.texts()
    assert texts[:4] == ("zh\ufffdao", "history_seen", "call", "?")
    assert len(texts[-1]) == LONGEST
