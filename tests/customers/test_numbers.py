"""Telephone numbers: what is one number, and what is nobody's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.customers.numbers import E164, Numbering, Sort

HERE = Numbering()
SHANGHAI = Numbering(area="021")
WAYS = ["13800138000", "013800138000", "+8613800138000", "8613800138000", "008613800138000", "0086 138-0013-8000",
        "１３８００１３８０００", " 138 0013 8000 "]  # fmt: skip


@pytest.mark.parametrize("written", WAYS)
def test_one_number_is_one_however_it_is_written(written: str) -> None:
    assert HERE.read(written).e164 == "+8613800138000"


@pytest.mark.parametrize(
    ("written", "e164"),
    [
        ("021-6000 0001", "+862160000001"),
        ("(0355) 0000123", "+863550000123"),
        ("4008201234", "+864008201234"),
        ("+44 20 7946 0958", "+442079460958"),
        ("+8680088000", "+8680088000"),
        ("11912345678", "+8611912345678"),  # no such range today: they are given out faster than lists are renewed
    ],
)
def test_whole_numbers_of_all_kinds_are_full(written: str, e164: str) -> None:
    assert HERE.read(written).e164 == e164


@pytest.mark.parametrize(
    ("written", "sort", "text"),
    [
        ("1001", Sort.SHORT, "1001"),
        ("95588", Sort.SHORT, "95588"),
        ("10086", Sort.SHORT, "10086"),
        ("60000001", Sort.SHORT, "60000001"),  # of which city?
        ("", Sort.WITHHELD, ""),
        ("Anonymous", Sort.WITHHELD, ""),
        ("+86", Sort.UNREADABLE, ""),
        ("5", Sort.UNREADABLE, ""),
        ("138001380001", Sort.UNREADABLE, ""),
        ("1-800-FLOWERS", Sort.UNREADABLE, ""),
        ("+81" + "9" * 17, Sort.UNREADABLE, ""),  # possible in Japan's own plan, and too long for E.164
        ("=1+1", Sort.UNREADABLE, ""),
        ("9" * 10_000, Sort.UNREADABLE, ""),
        ("٠٢١٦٠٠٠٠٠٠٠١", Sort.UNREADABLE, ""),
    ],
)
def test_what_is_no_full_number_is_nobodys(written: str, sort: Sort, text: str) -> None:
    number = HERE.read(written)
    assert (number.sort, number.text, number.e164) == (sort, text, None)


def test_two_callers_who_hide_their_numbers_or_have_the_same_extension_are_not_equal() -> None:
    assert HERE.read("anonymous") != HERE.read("anonymous")
    assert HERE.read("1001") != HERE.read("1001")


def test_a_local_number_is_full_where_the_area_is_known() -> None:
    assert SHANGHAI.read("60000001").e164 == "+862160000001"
    assert SHANGHAI.read("95588").sort is Sort.SHORT  # lacks no area
    assert SHANGHAI.read("1234567").sort is Sort.SHORT  # nothing there begins with 1
    assert Numbering(area="9").read("60000001").sort is Sort.SHORT  # an area that is none


def test_what_a_pbx_may_have_written_is_found_again() -> None:
    assert SHANGHAI.spellings(E164("+862160000001")) == (
        "+862160000001", "862160000001", "00862160000001", "2160000001", "02160000001", "60000001",
    )  # fmt: skip
    assert HERE.spellings(E164("+442079460958")) == ("+442079460958", "442079460958", "00442079460958")
    assert set(WAYS[:5]) <= set(SHANGHAI.spellings(E164("+8613800138000")))


def test_who_is_looked_for_in_all_spellings_is_also_looked_for_as_he_was_written() -> None:
    assert HERE.ways("138 0013 8000")[:2] == ("138 0013 8000", "+8613800138000")
    assert HERE.ways("13800138000").count("13800138000") == 1
    assert HERE.ways("1001") == ("1001",)


def test_a_number_is_dialled_as_people_here_do() -> None:
    numbers = ("+8613800138000", "+862160000001", "+863550000123", "+864008201234", "+442079460958", "+8611912345678")
    assert [HERE.dialled(E164(one)) for one in numbers] == [
        "13800138000", "02160000001", "03550000123", "4008201234", "00442079460958", "11912345678",
    ]  # fmt: skip


@given(st.sampled_from(["13800138000", "02160000001", "+442079460958", "057188888888"]))
def test_each_spelling_reads_as_the_number_that_it_spells(written: str) -> None:
    number = SHANGHAI.read(written).e164
    assert number is not None
    again = {SHANGHAI.read(one).e164 for one in SHANGHAI.spellings(number)}
    assert again <= {number, None}


@given(st.text(max_size=60))
def test_hostile_text_is_no_error_and_never_a_number_of_another_form(written: str) -> None:
    e164 = HERE.read(written).e164
    assert e164 is None or (e164.startswith("+") and e164[1:].isascii() and e164[1:].isdigit() and len(e164) <= 16)
