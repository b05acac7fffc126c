"""The public holidays of a country, from the library `holidays`: days off, days made up for them, years it knows of.

The library works out what the law says for any year. Which weekend is worked for which long holiday (调休) the State
Council says each November for the year to come; the library has it some weeks later, in its next version. A year in
which no day is made up is one of which it does not know yet: there has been none without since the rule of 2007.
"""

from functools import cache

from telephony.standard.calendar import PublicHolidays, public_holidays

LANGUAGES = {"CN": "zh_CN"}
"""The countries that can be asked about, and in which language each calls its holidays."""
YEARS = range(2008, 2061)
"""Those asked about; wide enough for what is stored, and for a process that is never started again."""


@cache
def public_holidays_of(country: str) -> PublicHolidays:
    """Every public holiday of `YEARS`. `country`: one of `LANGUAGES`; takes some tenths of a second, once."""
    import holidays  # noqa: PLC0415 - a tenth of a second, which only those wait for who observe any

    found = holidays.country_holidays(country, years=YEARS, language=LANGUAGES[country])
    made_up = frozenset(day for day in found.weekend_workdays if day.year in YEARS)
    return public_holidays(dict(found), made_up, frozenset(day.year for day in made_up))
