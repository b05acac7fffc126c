"""Telephone numbers as they are compared: E.164, or else something that is never taken for anybody's. Pure.

PBXs and lists write one number in many ways (`013800138000`, `86 138-0013-8000`). What is a full number anywhere in
the world becomes its E.164 form, and only that is compared. Extensions and short numbers belong to whoever has that
PBX, network or city, and what is withheld or unreadable to nobody: two of these are never the same customer.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

E164 = NewType("E164", str)
"""`+` and up to 15 digits."""
LONGEST_E164 = 16
LONGEST = 40
"""Characters of anything that is a telephone number."""
WITHHELD = frozenset({"", "anonymous", "unknown", "<unknown>", "unavailable", "restricted", "private", "withheld"})
"""What a PBX or a carrier writes where there is no number; in lower case."""
SHORTEST_SHORT, LONGEST_SHORT = 2, 9
"""Digits of extensions, service numbers, and local numbers without their area."""
LOCAL = 7
"""Digits of a number that lacks nothing but its area, at the least; 95588 lacks nothing."""
_WRITTEN_WITH = frozenset("0123456789+ ()-./\u00a0")


class Sort(StrEnum):
    """What a caller's number is.

    FULL: a number of the public network. SHORT: an extension, a service number, or a local number without its area.
    WITHHELD: the caller hides it. UNREADABLE: none of these.
    """

    FULL = "full"
    SHORT = "short"
    WITHHELD = "withheld"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number, normalised. No two are equal: `e164` is what can be.

    Attributes:
        sort: what it is.
        text: E.164 of a full one, the digits of a short one; else empty.
    """

    sort: Sort
    text: str = ""

    @property
    def e164(self) -> E164 | None:
        """What is compared; None unless `sort` is FULL: then this is never anybody's."""
        return E164(self.text) if self.sort is Sort.FULL else None


@dataclass(frozen=True, slots=True)
class Numbering:
    """How numbers are written where the PBX stands.

    Attributes:
        region: of numbers without a country code, as in ISO 3166: `CN`.
        area: of local numbers without an area code, with its 0: `021`; empty: those are short numbers.
    """

    region: str = "CN"
    area: str = ""

    def read(self, written: str) -> Number:
        """What somebody wrote or a PBX holds; hostile text is unreadable, never an error."""
        text = unicodedata.normalize("NFKC", written[: LONGEST + 1]).strip()
        if text.lower() in WITHHELD:
            return Number(Sort.WITHHELD)
        if len(text) > LONGEST or not _WRITTEN_WITH.issuperset(text):
            return Number(Sort.UNREADABLE)
        full = self._full(text)
        if full is not None:
            return full
        digits = "".join(filter(str.isdigit, text))
        plain = not text.startswith("+") and SHORTEST_SHORT <= len(digits) <= LONGEST_SHORT
        if plain and self.area and len(digits) >= LOCAL and digits[0] not in "01":
            local = self._full(self.area + digits)
            if local is not None:
                return local
        return Number(Sort.SHORT, digits) if plain else Number(Sort.UNREADABLE)

    def spellings(self, number: E164) -> tuple[str, ...]:
        """The ways in which PBXs write this number, the E.164 form first: for rows that were kept as they came."""
        digits = number.removeprefix("+")
        found = [str(number), digits, f"00{digits}"]
        country = str(phonenumbers.country_code_for_region(self.region))
        if digits.startswith(country):
            national = digits.removeprefix(country)
            found += [national, f"0{national}"]
            area = self.area.removeprefix("0")
            if area and national.startswith(area):
                found.append(national.removeprefix(area))
        return tuple(dict.fromkeys(found))

    def ways(self, written: str) -> tuple[str, ...]:
        """That, and the other ways of writing it where it is a full number."""
        number = self.read(written).e164
        return (written,) if number is None else tuple(dict.fromkeys((written, *self.spellings(number))))

    def dialled(self, number: E164) -> str:
        """As somebody here dials it: `13800138000`, `02160000001`, `00442079460958`."""
        written = phonenumbers.format_out_of_country_calling_number(phonenumbers.parse(number), self.region)
        return "".join(filter(str.isdigit, written))

    def _full(self, text: str) -> Number | None:
        try:
            parsed = phonenumbers.parse(text, self.region)
        except NumberParseException:
            return None
        # New ranges are given out faster than any list of them is renewed; where the way of writing says that it is a
        # whole number, its length is enough. Without that, eight digits are a local number of whichever city.
        whole = text.startswith(("+", "0"))
        if not (phonenumbers.is_valid_number(parsed) or (whole and _possible(parsed)) or _mobile(parsed)):
            return None
        number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
        return Number(Sort.FULL, number) if len(number) <= LONGEST_E164 else None


def _possible(parsed: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(parsed) == ValidationResult.IS_POSSIBLE


def _mobile(parsed: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_for_type(parsed, PhoneNumberType.MOBILE)
