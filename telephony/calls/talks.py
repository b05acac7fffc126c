"""The end of a talk, and of a call: what was said is final."""

from telephony.calls.book import Book, LiveCall
from telephony.calls.effects import TalkEnded
from telephony.calls.facts import Moment, Uniqueid
from telephony.calls.record import Outcome, Party
from telephony.calls.visit import State, Step, Visit


def end_talk(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """Nothing more will be said in this visit."""
    if visit.state is not State.TALKING:
        return
    visit.stop_talk(at)
    visit.talk_heard &= not visit.talk_doubted
    visit.step(Step.CLOSE)
    heard = not visit.talk_doubted
    if heard and visit.hung_up_by is None and not visit.transferred and visit.outcome is Outcome.ANSWERED:
        visit.hung_up_by = Party.PBX
    book.touch(call)
    book.out.append(TalkEnded(book.record(call), book.visit_record(visit)))


def end_earlier_talks(book: Book, call: LiveCall, customer: Uniqueid, at: Moment) -> None:
    """The customer begins something new: what he said before is final."""
    for visit in call.of(customer):
        end_talk(book, call, visit, at)


def end_call(book: Book, call: LiveCall, at: Moment) -> None:
    """No channel of this call is left."""
    for visit in call.visits:
        end_talk(book, call, visit, at)
    call.legs.clear()
    if call.ended is None:
        call.ended = at
        book.touch(call)
    book.forget_if_over(call, at)
