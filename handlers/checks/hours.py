"""Opening hours: the next days as the calendar sees them, and whether its holidays are known."""

from datetime import date, timedelta

from handlers.businesshours import unknown
from handlers.checks.findings import Finding, Subject
from telephony.config import Config
from telephony.standard.calendar import CalendarDay, Why
from telephony.standard.hours import DAYS, MIDNIGHT, Times

DAYS_SHOWN = 10
WORDS = {Why.CLOSED: "exception", Why.OPENED: "exception", Why.HOLIDAY: "holiday", Why.MADE_UP: "made up", Why.WEEK: ""}
CONFIGURATION = Subject("configuration")


def look(config: Config, today: date) -> list[Finding]:
    """One line for each `[[hours]]`, and one for each whose holidays are not known. `today`: of the site's clock."""
    calendars = config.calendars()
    days = [today + timedelta(days=ahead) for ahead in range(DAYS_SHOWN)]
    found = [
        CONFIGURATION.fine("hours", f"hours {name!r}: {'; '.join(told(calendar.day(day)) for day in days)}")
        for name, calendar in calendars.items()
    ]
    return found + [CONFIGURATION.warning("holidays", one.what, one.remedy) for one in unknown(calendars, today)]


def told(day: CalendarDay) -> str:
    """`2026-10-01 thu closed (holiday 国庆节)`, `2026-10-10 sat 08:30-17:30 (made up)`."""
    times = ", ".join(map(_clock, day.times)) or "closed"
    why = f"{WORDS[day.why]} {day.name}".strip()
    return f"{day.day} {DAYS[day.day.weekday()]} {times}" + (f" ({why})" if why else "")


def _clock(times: Times) -> str:
    opens, closes = times
    until = closes if closes <= MIDNIGHT else closes - MIDNIGHT
    return f"{opens // 60:02}:{opens % 60:02}-{until // 60:02}:{until % 60:02}"
