"""Two who are one, and the way back."""

from dataclasses import replace
from uuid import UUID

import pytest

from telephony.customers.customer import Customer, Details, Line, NotKept
from telephony.customers.merging import Merge, NotMergeable, merged, separated, who_stays
from telephony.customers.numbers import E164

A, B = E164("+8613800138000"), E164("+862160000001")
LI = Customer(UUID(int=1), Details("李雷", note="VIP"), (Line(A, shared=True),))
LEI = Customer(UUID(int=2), Details("李 雷", "changzhi", "gold", "other", "K1"), (Line(A, shared=True), Line(B)), 4)


def test_who_is_known_elsewhere_stays_else_of_whom_more_is_known() -> None:
    assert who_stays(LI, LEI) == (LEI, LI)
    anonymous = replace(LEI, details=replace(LEI.details, external_id=""))
    assert who_stays(LI, anonymous) == (anonymous, LI)
    twin = replace(LI, id=UUID(int=9))
    assert who_stays(twin, LI) == (LI, twin)


def test_who_stays_keeps_his_words_gets_what_he_lacks_and_all_numbers() -> None:
    kept, gone, merge = merged(LI, LEI)
    assert kept == Customer(LI.id, Details("李雷", "changzhi", "gold", "VIP"), (Line(A, shared=True), Line(B)), 2)
    assert gone == replace(LEI, lines=(), merged_into=LI.id, version=5)
    assert not gone.is_there
    assert merge == Merge(LI.id, LEI.id, (("branch", "changzhi"), ("value_group", "gold")), LEI.lines, (B,))


def test_undone_both_are_as_they_were() -> None:
    kept, gone, merge = merged(LI, LEI)
    one, other = separated(kept, gone, merge)
    assert one == replace(LI, version=3)
    assert other == replace(LEI, version=6)


def test_undone_what_people_changed_since_stays_where_it_is() -> None:
    kept, gone, merge = merged(LI, LEI)
    since = replace(kept, details=replace(kept.details, value_group="silver"), lines=(Line(A, shared=True),))
    one, other = separated(since, gone, merge)
    assert one.details == replace(LI.details, value_group="silver")
    assert (one.lines, other.lines) == ((Line(A, shared=True),), (Line(A, shared=True),))  # B was taken away: nobody's


def test_what_cannot_be_is_refused() -> None:
    kept, gone, merge = merged(LI, LEI)
    for one, other in ((LI, LI), (kept, gone), (replace(LI, erased=True), LEI)):
        with pytest.raises(NotMergeable):
            merged(one, other)
    many = tuple(Line(E164(f"+86139000000{n:02}")) for n in range(20))
    with pytest.raises(NotKept, match="too_many_numbers"):
        merged(replace(LI, lines=many), LEI)
    for one, other in ((kept, LEI), (replace(kept, erased=True), gone), (kept, replace(gone, id=UUID(int=3)))):
        with pytest.raises(NotMergeable):
            separated(one, other, merge)
