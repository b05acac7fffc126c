"""Who has a number: the port that our own customers answer, or the house's CRM. Pure.

Whoever answers may be slow or away: nobody who rings ever waits for it.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from telephony.customers.numbers import E164

MOST_KNOWN = 5
"""So many customers of one number are told."""


class LookupUnavailable(Exception):  # noqa: N818 - what it is
    """Who has the number cannot be told now; the message says why, without the number."""


@dataclass(frozen=True, slots=True)
class Known:
    """A customer, as an agent is shown him while his call rings. Empty: not known.

    Attributes:
        name: as he is called.
        branch: that looks after him: a name of ours, or a CRM's words.
        value_group: in the house's words.
        external_id: his key in another system.
        customer: his id here; None: only the CRM knows him.
    """

    name: str
    branch: str = ""
    value_group: str = ""
    external_id: str = ""
    customer: UUID | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Who has a number: nobody, one, or several who share it, by name. `more`: and others."""

    customers: tuple[Known, ...] = ()
    more: bool = False


class Lookup(Protocol):
    """Who has a number."""

    async def of(self, number: E164, /) -> Found:
        """Whom it belongs to.

        Raises:
            LookupUnavailable: nobody knows at the moment.
        """
        ...
