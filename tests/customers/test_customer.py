"""What may stand of a customer, and who is looked for."""

import pytest

from telephony.customers.customer import Details, Line, NotKept, checked, checked_lines, key_of
from telephony.customers.numbers import E164, Numbering
from telephony.customers.why import Why


def test_what_is_kept_is_trimmed_and_in_one_form() -> None:
    assert checked(Details("  Ame\u0301lie ", note=" a\r\nb\t")) == Details("Am\u00e9lie", note="a\nb")


def test_a_name_of_one_line_and_no_text_of_any_length() -> None:
    for details, field, why in (
        (Details("a\nb"), "name", Why.HIDDEN_CHARACTER),
        (Details("a", note="b\0"), "note", Why.HIDDEN_CHARACTER),
        (Details("a", note="b" * 2_001), "note", Why.TOO_LONG),
        (Details(" "), "name", Why.NO_NAME),
    ):
        with pytest.raises(NotKept) as refused:
            checked(details)
        assert (refused.value.field, refused.value.why, str(refused.value)) == (field, why, f"{field}: {why.value}")


def test_numbers_of_a_text_are_kept_once_each_in_their_order() -> None:
    read = Numbering().read
    lines = checked_lines("13900139000\n 13800138000，+86 139 0013 9000;", read, shared=True)
    assert lines == (Line(E164("+8613900139000"), shared=True), Line(E164("+8613800138000"), shared=True))
    with pytest.raises(NotKept, match="short_number"):
        checked_lines("1001", read)


def test_names_are_found_whatever_their_letters() -> None:
    assert key_of(" Ｌｉ  ＬＥＩ ") == key_of("li lei")
    assert len(key_of("\ufdfa" * 100)) == 200
