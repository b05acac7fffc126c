"""What falls due happens in order, and whoever waits is woken once."""

from telephony.simulator.timeline import SECOND, Running, Thread, Timeline


def test_what_is_due_at_one_instant_happens_in_the_order_in_which_it_was_asked_for() -> None:
    timeline, seen = Timeline(0), list[str]()
    timeline.after(2, lambda: seen.append("late"))
    timeline.after(1, lambda: seen.append("first"))
    timeline.after(1, lambda: seen.append("second"))
    timeline.advance(SECOND)
    assert seen == ["first", "second"]
    assert timeline.next == 2 * SECOND


def test_what_was_called_off_does_not_happen_and_holds_nothing_up() -> None:
    timeline, seen = Timeline(0), list[str]()
    timeline.after(1, lambda: seen.append("never")).call_off()
    assert timeline.next is None
    timeline.advance(5 * SECOND)
    assert (seen, timeline.now) == ([], 5 * SECOND)


def test_what_should_have_happened_in_the_past_happens_next_and_time_does_not_go_back() -> None:
    timeline, seen = Timeline(10), list[int]()
    timeline.at(3, lambda: seen.append(timeline.now))
    timeline.advance(5)
    assert (seen, timeline.now) == ([], 10)
    timeline.advance(10)
    assert seen == [10]


def waits(timeline: Timeline, seen: list[tuple[int, bool | None]]) -> Running[None]:
    while timeline.now < 3 * SECOND:
        woken = yield 3 * SECOND
        seen.append((timeline.now, woken))


def test_a_thread_goes_on_when_its_time_has_come_or_when_it_is_woken() -> None:
    timeline, seen = Timeline(0), list[tuple[int, bool | None]]()
    thread = Thread(timeline, waits(timeline, seen))
    timeline.after(1, thread.wake)
    timeline.after(1, thread.wake)
    timeline.advance(5 * SECOND)
    assert seen == [(SECOND, True), (3 * SECOND, False)]
    assert thread.over
    thread.wake()
    assert timeline.next is None


def test_a_thread_that_wakes_itself_looks_around_once_more_at_the_same_instant() -> None:
    timeline, seen = Timeline(0), list[bool | None]()
    threads: list[Thread] = []

    def body() -> Running[None]:
        threads[0].wake()
        seen.append((yield None))

    threads.append(Thread(timeline, body()))
    timeline.advance(0)
    assert seen == [True]
    assert threads[0].over
