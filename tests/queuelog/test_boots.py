"""How the PBX ended, from its queue_log: in order everybody is hung up; when it dies, somebody has no end."""

from telephony.queuelog.boots import BootEnd, Boots, hung_up_himself
from telephony.queuelog.grammar import Entry
from telephony.queuelog.stays import Stays
from tests.queuelog.written import abandons, at, entry, joins

HOUR = 3600


def ends_of(*entries: Entry) -> list[BootEnd]:
    boots, stays = Boots(), Stays()
    for one in entries:
        boots.feed(one, stays)
        stays.feed(one)
    return list(boots.ends)


def test_where_somebody_waited_to_the_last_the_pbx_died() -> None:
    assert ends_of(joins(0), joins(1, "b"), abandons(5, 5), entry(60, "QUEUESTART")) == [
        BootEnd(at(5), at(60), died=True)
    ]


def test_where_everybody_has_an_end_it_may_have_been_shut_down() -> None:
    assert ends_of(joins(0), abandons(5, 5), entry(60, "QUEUESTART")) == [BootEnd(at(5), at(60), died=False)]


def test_who_joined_hours_ago_and_was_not_seen_to_leave_proves_nothing() -> None:
    lines = joins(0), joins(2 * HOUR, "b"), abandons(2 * HOUR + 5, 5, "b"), entry(2 * HOUR + 60, "QUEUESTART")
    assert [end.died for end in ends_of(*lines)] == [False]


def test_each_boot_has_an_end_of_its_own_and_the_first_line_of_all_is_none() -> None:
    again = (
        entry(0, "QUEUESTART"),
        joins(1),
        entry(9, "QUEUESTART"),
        joins(10),
        abandons(11, 1),
        entry(20, "QUEUESTART"),
    )
    assert [(end.next, end.died) for end in ends_of(*again)] == [(at(9), True), (at(20), False)]


def test_who_gave_up_more_than_three_seconds_before_the_last_line_did_so_himself() -> None:
    ends = [BootEnd(at(10), at(60), died=False)]
    assert [hung_up_himself(at(second), ends) for second in (6, 7, 10, 61)] == [True, False, False, False]
