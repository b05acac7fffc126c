"""Who calls, for a screen: the number as the PBX holds it, normalised, and looked up. Never raises."""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import structlog

from telephony.cases.customer_lookup import OwnCustomers
from telephony.config import Config
from telephony.configcustomers import Crm as CrmSection
from telephony.crm.client import Crm, Settings
from telephony.customers.lookup import Lookup, LookupUnavailable
from telephony.customers.numbers import Numbering
from telephony.logs import Seldom
from telephony.screenpop.pop import Knowledge, Who

TOLD_EVERY = 60.0


class Closes(Lookup, Protocol):
    """A look-up with connections."""

    async def close(self) -> None:
        """Let them go."""
        ...


class Callers:
    """Whose number a call comes from.

    Args:
        lookup: knows the customers.
        numbering: how numbers are written here.
        clock: monotonic seconds.
    """

    def __init__(self, lookup: Closes, numbering: Numbering, clock: Callable[[], float]) -> None:
        self._lookup, self._numbering = lookup, numbering
        self._seldom = Seldom(TOLD_EVERY, clock)
        self._log = structlog.get_logger(__name__)

    async def of(self, caller: str) -> Who:
        """The customer, or that nobody can tell: an extension and a hidden number are nobody's."""
        try:
            number = self._numbering.read(caller).e164
            if number is None:
                return Who(Knowledge.ANONYMOUS)
            return Who(Knowledge.KNOWN, await self._lookup.of(number))
        except LookupUnavailable as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the call is shown without a customer
            self._log.exception("customers_failed")
            self._tell(type(error).__name__)
        return Who(Knowledge.UNAVAILABLE)

    async def close(self) -> None:
        """Let the connections go."""
        await self._lookup.close()

    def _tell(self, error: str) -> None:
        if (untold := self._seldom.may("away")) is not None:
            remedy = "none: calls are shown without a customer, and asked for again"
            self._log.warning("customers_unavailable", error=error, untold=untold, remedy=remedy)


def callers_of(config: Config, database: str, monotonic: Callable[[], timedelta]) -> Callers:
    """The house's CRM where one is configured, else our own customers.

    Raises:
        OSError: the authorities of the CRM's certificate cannot be read.
    """
    section = config.customers.crm
    lookup: Closes = OwnCustomers.on(database) if section is None else Crm(settings_of(section), monotonic)
    return Callers(lookup, config.customers.numbering, lambda: monotonic().total_seconds())


def settings_of(section: CrmSection) -> Settings:
    """As the configuration has them."""
    return Settings(
        url=section.url,
        header=section.header,
        token=section.token.get_secret_value(),
        certificates=None if section.certificates is None else str(section.certificates),
        answer_within=timedelta(milliseconds=section.answer_ms),
        remember=timedelta(seconds=section.remember_seconds),
        most=section.remember_most,
    )
