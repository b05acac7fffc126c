"""Who is in queue_log alone though the PBX was heard then: perhaps nobody, perhaps the line was dead already."""

from collections.abc import Container, Iterable, Mapping
from datetime import timedelta

from handlers.reconciling.judging import was_unheard
from handlers.unheard import Unheard
from telephony.queuelog.reconcile import Difference, Kinds
from telephony.queuelog.stays import Stay

DEATH_NOTICED_WITHIN = timedelta(seconds=30)
"""A line that does not answer is given up long before that: `telephony.ami.settings`, `ping_every` and the rest."""


class Doubted:
    """Their stays, and since when they are doubted: not told before a dead line would have been found to be one."""

    def __init__(self) -> None:
        self._since: dict[int, timedelta] = {}

    def put_off(
        self,
        told: Iterable[Difference],
        stays: Mapping[int, Stay],
        waiting: Container[int],
        unheard: Unheard,
        now: timedelta,
    ) -> set[int]:
        """Those (by `id`) to be looked at again before they are told.

        Args:
            told: what differs.
            stays: with whom the ledger was compared, by their numbers.
            waiting: the numbers of all that wait to be compared.
            unheard: when the PBX was not heard.
            now: monotonic.
        """
        numbers = {id(stay): number for number, stay in stays.items()}
        alone = [one.stay for one in told if one.kind is Kinds.MISSING and one.stay is not None]
        doubted = {numbers[id(stay)]: now for stay in alone if not was_unheard(stay, unheard)}
        self._since = {number: since for number, since in (doubted | self._since).items() if number in waiting}
        return {id(stays[number]) for number in doubted if now - self._since[number] < DEATH_NOTICED_WITHIN}
