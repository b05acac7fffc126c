"""What the command reads of queue_log for a span: all of it, whatever one line says of its time."""

from datetime import timedelta

import pytest

from handlers.reconciling.span import AFTER, BEHIND, LogSpan, TooMuchError, read_span
from telephony.queuelog.doubtful import DAMAGED, OUT_OF_ORDER, STEP
from tests.queuelog.written import START, at

EPOCH = int(START.timestamp())
HOUR = timedelta(hours=1)


def line(seconds: float, rest: str) -> bytes:
    return f"{EPOCH + int(seconds)}|{rest}".encode()


def stay(who: str, joined: int) -> list[bytes]:
    entered, left = f"{who}|support|NONE|ENTERQUEUE||021|1", f"{who}|support|NONE|ABANDON|1|1|9"
    return [line(joined, entered), line(joined + 9, left)]


def spanned(lines: list[bytes]) -> LogSpan:
    return read_span(lines, START, START + HOUR)


STAYS = [one for n in range(50) for one in stay(f"c{n}", 60 * n)]


@pytest.mark.parametrize("year", ["1111111111", "1999999999"])
def test_one_line_of_another_year_ends_nothing(year: str) -> None:
    forged = f"{year}|c.19|support|NONE|ENTERQUEUE||8|1".encode()
    span = spanned([*STAYS[:40], forged, *STAYS[40:]])
    assert len(span.stays) == 50
    assert span.newest == at(49 * 60 + 9)
    assert not span.doubtful.why(span.stays[10])


def test_many_lines_in_a_row_behind_it_end_the_reading_and_say_that_the_log_goes_on() -> None:
    behind = (HOUR + AFTER).total_seconds() + 1
    others = [line(behind, f"d{n}|support|NONE|DID|1") for n in range(BEHIND)]
    lines = iter([*STAYS, *others, b"never looked at", b"nor this"])
    span = read_span(lines, START, START + HOUR)
    assert (len(span.stays), span.newest) == (50, START + HOUR + AFTER)
    assert len(list(lines)) == 2
    assert spanned([*STAYS, *others[:STEP]]).newest == at(49 * 60 + 9)
    assert spanned([*STAYS, *others[: STEP + 1]]).newest == START + HOUR + AFTER


def test_what_is_doubtful_is_so_by_the_same_rule_as_while_the_service_runs() -> None:
    span = spanned([*STAYS[:4], b"broken", *STAYS[4:10], *stay("forged", 90), *STAYS[10:]])
    why = {one.uniqueid: told for one in span.stays if (told := span.why_doubtful(one))}
    assert why == {"c1": DAMAGED, "c2": DAMAGED, "forged": OUT_OF_ORDER}
    assert span.quarantined == 1


def test_what_began_long_before_is_read_and_not_told_and_too_much_is_refused() -> None:
    span = spanned([*stay("before", -10_000), *STAYS])
    assert (len(span.stays), span.covers, span.lines) == (50, at(-10_000), 100)
    with pytest.raises(TooMuchError, match="narrow"):
        read_span(STAYS, START, START + HOUR, most=49)
