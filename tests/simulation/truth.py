"""What really happened, told by the model itself: it is the witness against which the product is held."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulation.story import SECOND

PERIOD = 5 * SECOND
"""From the start of one ring to the next."""


def rings(alerting: int) -> int:
    """How many rings are heard in so many microseconds."""
    return max(1, -(-alerting // PERIOD))


@dataclass
class Offer:
    """A phone called for a visit. Stamps in microseconds of the PBX's clock."""

    agent: str
    leg: str
    called: int
    rang: int | None = None
    ended: int | None = None
    result: str = ""

    @property
    def rings(self) -> int | None:
        """How often it rang; None: it rings still."""
        if self.rang is None:
            return 0 if self.ended is not None else None
        return None if self.ended is None else rings(max(0, self.ended - self.rang))


@dataclass
class Visit:
    """A stay.

    Attributes:
        joined: Join, or the first dial. left: where the wait ended.
        outcome: empty while it is open. decided: the stamp of the last event that is needed to know it.
        word: what queue_log says of it: the event's name; empty: nothing.
        worded: when.
        quiet: queue_log speaks of it under another id.
    """

    kind: str
    queue: str
    joined: int
    left: int | None = None
    outcome: str = ""
    agent: str | None = None
    decided: int | None = None
    word: str = ""
    worded: int | None = None
    quiet: bool = False
    told: bool = False
    offers: list[Offer] = field(default_factory=list)
    talks: list[tuple[int, int]] = field(default_factory=list)
    held: int = 0
    hung_up_by: str | None = None

    @property
    def wait(self) -> int:
        return 0 if self.outcome.startswith("refused") or self.left is None else self.left - self.joined

    @property
    def alerted(self) -> int | None:
        """The first ringing of any of its phones."""
        return min((offer.rang for offer in self.offers if offer.rang is not None), default=None)

    @property
    def caller_rings(self) -> int | None:
        """Rings up to the answer."""
        if self.outcome != "answered" or self.alerted is None or self.left is None:
            return None
        return rings(max(0, self.left - self.alerted))


@dataclass
class Call:
    """A call from outside."""

    uniqueid: str
    boot: int
    born: int
    ended: int | None = None
    visits: list[Visit] = field(default_factory=list)


@dataclass
class Truth:
    """Of one boot, or of all."""

    calls: list[Call] = field(default_factory=list)

    def visits(self) -> Iterator[tuple[Call, Visit]]:
        """Every stay."""
        for call in self.calls:
            for visit in call.visits:
                yield call, visit

    def cut(self, at: int, over: int) -> None:
        """The PBX began to end at `at`: what was open then is lost. It had ended at `over`."""
        self.calls = [call for call in self.calls if call.born <= at]
        for call in self.calls:
            if call.ended is not None and call.ended > at:
                call.ended = None
            call.visits = [visit for visit in call.visits if visit.joined <= at]
            for visit in call.visits:
                cut_visit(visit, at, over)


def cut_visit(visit: Visit, at: int, over: int) -> None:
    """What of a stay had happened by then."""
    visit.offers = [offer for offer in visit.offers if offer.called <= at]
    for offer in visit.offers:
        offer.rang = offer.rang if offer.rang is not None and offer.rang <= at else None
        if offer.ended is None or offer.ended > at:
            offer.ended, offer.result = None, ""
    visit.talks = [(begun, min(ended, over)) for begun, ended in visit.talks if begun <= at]
    if visit.worded is not None and visit.worded > at:
        visit.word, visit.worded = "", None
    if visit.decided is None or visit.decided > at:
        visit.outcome, visit.agent = "lost", None
        visit.left = min(visit.left, at) if visit.left is not None else at
