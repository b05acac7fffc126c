"""`[[hours]]`: opening hours as the configuration has them."""

from datetime import date
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from telephony.configsection import Name, Section
from telephony.publicholidays import public_holidays_of
from telephony.standard.calendar import Calendar
from telephony.standard.hours import DAYS, Period, opened_days, parse_opening, parse_period, week_of


def _period(value: str) -> str:
    parse_period(value)
    return value


def _opening(value: str) -> str:
    parse_opening(value)
    return value


def _some_time(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("is empty, so that it is never open; say when it is, and in closed on which days it is not")
    return value


class Hours(Section):
    """When somebody is there, in `timezone`."""

    name: Name = Field(examples=["office"])
    open: Annotated[tuple[Annotated[str, AfterValidator(_period)], ...], AfterValidator(_some_time)] = Field(
        examples=[["mon-fri 08:30-17:30"]]
    )
    closed: tuple[date, ...] = Field(default=(), examples=[["2026-10-01"]])
    opened: tuple[Annotated[str, AfterValidator(_opening)], ...] = Field(default=(), examples=[["2026-10-10 fri"]])
    """Days that are open otherwise than their weekday says: like another weekday, or at times of their own."""
    holidays: Literal["CN"] | None = Field(default=None, examples=["CN"])
    """Whose public holidays are days off; none: nobody's."""
    make_up: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "none"] = Field(default="mon", examples=["mon"])
    """The weekday like which a weekend is worked that is made up for a holiday; `none`: it is not."""

    @model_validator(mode="after")
    def _days_agree(self) -> Self:
        """No day is both closed and opened, and nothing is worked like a day on which nothing opens."""
        week = self._week()
        for day, times in sorted(opened_days(map(parse_opening, self.opened), week).items()):
            if day in self.closed:
                raise ValueError(f"{day} is in closed and in opened; take it out of one")
            if not times:
                raise ValueError(f"opened: {day} is to be like a day on which nothing opens; give its times")
        if self.holidays is not None and self.make_up != "none" and not week_of(week, DAYS.index(self.make_up)):
            raise ValueError(f'make_up = "{self.make_up}": nothing opens on that day; name another, or "none"')
        return self

    def _week(self) -> tuple[Period, ...]:
        return tuple(map(parse_period, self.open))

    def calendar(self, zone: ZoneInfo) -> Calendar:
        """As values."""
        week = self._week()
        return Calendar(
            zone,
            week,
            frozenset(self.closed),
            opened_days(map(parse_opening, self.opened), week),
            None if self.holidays is None else public_holidays_of(self.holidays),
            None if self.make_up == "none" else DAYS.index(self.make_up),
        )
