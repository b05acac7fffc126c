"""Late reading and a clock that was set are told apart."""

from datetime import timedelta

from telephony.ami.clock import PbxClock
from telephony.ami.translate import EPOCH
from telephony.calls.clocks import span
from telephony.calls.facts import Moment

OFFSET = timedelta(seconds=1_795_000_000)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


class Line:
    """Messages stamped at `stamp` (seconds of the PBX's clock since OFFSET) and read at `read`."""

    def __init__(self) -> None:
        self.clock = PbxClock()

    def at(self, stamp: float, read: float, offset: float = 0) -> Moment:
        headers = {"Timestamp": f"{(OFFSET + seconds(stamp)).total_seconds():.6f}"}
        return self.clock.moment(headers, seconds(read), OFFSET + seconds(offset))


def test_a_message_happened_when_it_was_stamped_not_when_it_was_read() -> None:
    moment = Line().at(10, 10.25)
    assert moment.wall == EPOCH + OFFSET + seconds(10)
    assert moment.mono == seconds(10)


def test_a_stall_of_the_network_changes_no_duration() -> None:
    line = Line()
    joined, answered = line.at(10, 10), line.at(14.3, 17.3)
    assert span(joined, answered) == span(Line().at(10, 10), Line().at(14.3, 14.3))
    assert span(joined, answered).exact
    assert span(answered, line.at(20, 20)).length == seconds(5.7)


def test_after_we_stood_still_ourselves_what_gathered_is_as_late_as_that() -> None:
    """The process was stopped for twenty seconds; the kernel kept what the PBX said."""
    line = Line()
    joined = line.at(10, 10)
    left, again, answered = line.at(11.5, 30), line.at(12, 30), line.at(29, 30.001)
    assert [span(joined, one).length for one in (left, again, answered)] == [seconds(1.5), seconds(2), seconds(19)]
    assert all(span(joined, one).exact for one in (left, again, answered))
    line.at(31, 31)
    line.at(31.05, 40)
    assert not span(answered, line.at(31.1, 47)).exact  # nobody stood still: sixteen seconds late is a clock set back


def test_a_clock_set_back_is_seen_by_its_order() -> None:
    line = Line()
    joined = line.at(10, 10)
    line.at(14, 14)
    answered = line.at(11, 16)  # five seconds back
    assert span(joined, answered).length == seconds(6)
    assert not span(joined, answered).exact
    assert span(answered, line.at(13, 18)).length == seconds(2)
    assert span(answered, line.at(13, 18)).exact


def test_a_clock_set_forward_is_seen_by_being_ahead() -> None:
    line = Line()
    joined, answered = line.at(10, 10), line.at(3614, 14)
    assert span(joined, answered).length == seconds(4)
    assert not span(joined, answered).exact
    assert span(answered, line.at(3620, 20)).exact


def test_pings_correct_what_drifts_but_not_what_jumped_before_they_noticed() -> None:
    line = Line()
    line.at(10, 10)
    assert line.at(20.5, 20, offset=0.5).mono == seconds(20)
    forward = line.at(130, 30, offset=0.5)
    assert forward.mono == seconds(30)
    assert line.at(131, 31, offset=0.5).mono == seconds(31)
    assert line.at(132, 32, offset=100).mono == seconds(32)


def test_stamps_of_two_threads_may_cross() -> None:
    line = Line()
    line.at(10, 10)
    assert line.at(9.9, 10).mono == seconds(9.9)


def test_no_living_line_is_this_late() -> None:
    line = Line()
    assert line.at(10, 30).mono == seconds(30)


def test_without_a_stamp_the_time_of_reading_is_all_there_is() -> None:
    moment = PbxClock().moment({}, seconds(5), OFFSET)
    assert (moment.mono, moment.stamped) == (seconds(5), False)
