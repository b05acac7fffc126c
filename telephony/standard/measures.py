"""What a measure is: its name, what it means, how it is read from sums, and what the standard asks of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from telephony.standard.measures_sums import Sums
from telephony.standard.verdict import Bound, Limits


class Unit(StrEnum):
    """What a value is. A share is 0 to 1."""

    SHARE = "share"
    SECONDS = "seconds"


class Population(StrEnum):
    """What is counted."""

    CALLS = "calls"
    VISITS = "visits"
    OFFERS = "offers"
    TALKS = "talks"
    NUMBERS = "numbers"
    AGENTS = "agents"


BY_AGENT = frozenset({Population.OFFERS, Population.TALKS, Population.AGENTS})
"""What is told of an agent. No call and no visit is an agent's: callers wait for whoever comes."""


class Reading(NamedTuple):
    """One measure of one group in one interval.

    Attributes:
        value: in the unit of the measure; None: no data.
        numerator: what stands over the line, in the unit (seconds) or counted; None where nothing is divided.
        denominator: how many of the population; of agents: seconds.
    """

    value: float | None
    numerator: float | None
    denominator: float


NOTHING = Reading(None, None, 0)


@dataclass(frozen=True, slots=True)
class Limit:
    """What the standard asks of a measure.

    Attributes:
        bound: the side that keeps it. of: the limit itself, in the unit of the measure, from the configuration.
    """

    bound: Bound
    of: Callable[[Limits], float]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Attributes:
        name: for ever the same; what it means may change with its `version`.
        title, definition: English; the definition is one sentence. `_zh`: the same in Chinese.
        clause: of the standard, `STD-…`; empty: the standard does not ask for it.
        read: from the sums of a group.
        limit: what the standard asks; None: nothing.
        threshold: the key of `[standard]` (and perhaps of `[[queue]]`) on which it depends; empty: none.
        untold: why it has no value yet; empty: it has.
    """

    name: str
    version: int
    title: str
    title_zh: str
    clause: str
    unit: Unit
    population: Population
    definition: str
    definition_zh: str
    read: Callable[[Sums], Reading]
    limit: Limit | None = None
    threshold: str = ""
    untold: str = ""

    def met(self, reading: Reading, limits: Limits) -> bool | None:
        """Whether the reading keeps the standard; None without data, or where it asks nothing."""
        if reading.value is None or self.limit is None:
            return None
        return self.limit.bound.kept(reading.value, self.limit.of(limits))
