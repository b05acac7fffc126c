"""What really happened, as only the simulator can know it: against this the product's word is checked. Pure values."""

from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Ring:
    """One phone that was called for one stay. Times in microseconds; None: did not happen.

    Attributes:
        result: `answered`, `no_answer`, `busy`, `cancelled_elsewhere`, `caller_left`, `unreachable`.
    """

    leg: str
    interface: str
    called: int
    rang: int | None = None
    ended: int | None = None
    result: str = ""


@dataclass(eq=False, slots=True)
class Stay:
    """One caller's wait for a human; times in microseconds.

    Attributes:
        kind: `queue` or `direct`.
        queue: its name, or the interface rung.
        joined: None: he was refused.
        ended: the wait's end: put through, hung up, or sent away.
        outcome: in the product's words; empty while it goes on.
    """

    uniqueid: str
    kind: str
    queue: str
    joined: int | None
    ended: int | None = None
    outcome: str = ""
    rings: list[Ring] = field(default_factory=list)

    @property
    def alerted(self) -> int | None:
        """The first ringing of any phone."""
        return min((ring.rang for ring in self.rings if ring.rang is not None), default=None)

    def over(self, outcome: str, when: int) -> None:
        """It ended so; the first word counts."""
        if not self.outcome:
            self.outcome, self.ended = outcome, when
