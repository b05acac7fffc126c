"""Two languages: messages from `translations/*.po`, read at start; English is what the messages are written in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.core import negotiate_locale
from babel.messages.pofile import read_po

TRANSLATIONS = Path(__file__).parent / "translations"
FIRST = "zh"
"""What is spoken to who asks for nothing we have."""
NO_DATA = "–"


class _Spoken(NamedTuple):
    locale: Locale
    tag: str
    own_name: str


_SPOKEN = {
    "zh": _Spoken(Locale("zh", script="Hans"), "zh-CN", "中文"),
    "en": _Spoken(Locale("en", territory="GB"), "en-GB", "English"),  # GB: hours to 24
}


def message(text: str) -> str:
    """Mark text of the program as a message to be translated where it is shown; gives it back as it is."""
    return text


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the pages.

    Attributes:
        code: `zh`, `en`.
        tag: for `<html lang>`, BCP 47.
        own_name: what its speakers call it.
        locale: how Babel writes numbers and times.
        zone: in which times are shown.
        messages: English to this language; plural forms as a tuple under the singular.
    """

    code: str
    tag: str
    own_name: str
    locale: Locale
    zone: ZoneInfo
    messages: Mapping[str, str | tuple[str, ...]]

    def gettext(self, text: str) -> str:
        """The message in this language; in English when it has no translation."""
        found = self.messages.get(text, text)
        return found if isinstance(found, str) else found[0]

    def ngettext(self, one: str, many: str, count: int) -> str:
        """The same, by the number of things."""
        found = self.messages.get(one, (one, many))
        forms = (found,) if isinstance(found, str) else found
        return forms[0] if count == 1 else forms[-1]

    def number(self, value: float | None, digits: int = 0) -> str:
        """`1,234` or `7.4`; a dash for None."""
        if value is None:
            return NO_DATA
        return numbers.format_decimal(round(value, digits), format=_pattern("#,##0", digits), locale=self.locale)

    def share(self, value: float | None, digits: int = 1) -> str:
        """A ratio of 0 … 1 as `8.3%`; a dash for None."""
        if value is None:
            return NO_DATA
        return numbers.format_percent(value, format=_pattern("#,##0", digits) + "%", locale=self.locale)

    def seconds(self, value: timedelta | float | None, digits: int = 0, below: int = 60) -> str:
        """A length of time as `7.4 s`, from `below` on as `2:07`, from one hour on as `1:02:07`; a dash for None."""
        if value is None:
            return NO_DATA
        seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
        if round(seconds, digits) < below:
            return self.gettext("{seconds} s").format(seconds=self.number(seconds, digits))
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

    def clock(self, moment: datetime | None) -> str:
        """The time of day at the site, `14:03:22`; a dash for None. `moment` must be aware."""
        return NO_DATA if moment is None else f"{moment.astimezone(self.zone):%H:%M:%S}"

    def hour(self, moment: datetime | None) -> str:
        """The time of day at the site, `14:03`; a dash for None. `moment` must be aware."""
        return NO_DATA if moment is None else f"{moment.astimezone(self.zone):%H:%M}"

    def day(self, moment: datetime | None) -> str:
        """The day at the site, `2026年11月22日星期日`; a dash for None. `moment` must be aware."""
        return NO_DATA if moment is None else dates.format_date(moment.astimezone(self.zone), "full", self.locale)


class Languages:
    """All languages, and which of them somebody gets.

    Args:
        zone: in which times are shown.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self.all = {
            code: Language(code, spoken.tag, spoken.own_name, spoken.locale, zone, _messages(code))
            for code, spoken in _SPOKEN.items()
        }

    def choose(self, asked: str | None, remembered: str | None, accept: str) -> Language:
        """First what was asked for now, then what was asked for earlier, then what the browser says it reads."""
        for code in (asked, remembered, _accepted(accept), FIRST):
            if code in self.all:
                return self.all[code]
        raise AssertionError("the first language is always there")


def _accepted(header: str) -> str | None:
    """The best of our languages for an Accept-Language header, of which only the beginning is read."""
    wishes: list[tuple[float, str]] = []
    for wish in header[:500].split(","):
        tag, _, quality = wish.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if weight > 0:
            wishes.append((-weight, tag.partition("-")[0]))
    return negotiate_locale([tag for _, tag in sorted(wishes, key=lambda one: one[0])], list(_SPOKEN))


def _messages(code: str) -> Mapping[str, str | tuple[str, ...]]:
    path = TRANSLATIONS / f"{code}.po"
    if not path.exists():  # English
        return MappingProxyType({})
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    return MappingProxyType(
        {
            one.id[0] if isinstance(one.id, tuple) else str(one.id): tuple(one.string)
            if isinstance(one.string, tuple | list)
            else str(one.string)
            for one in catalogue
            if one.id and one.string
        }
    )


def _pattern(whole: str, digits: int) -> str:
    return whole if digits == 0 else f"{whole}.{'0' * digits}"
