"""What a password must be: long, and not what everybody would try. Nothing of kinds of characters (NIST SP 800-63B)."""

import unicodedata
from enum import StrEnum

SHORTEST, LONGEST = 12, 256
BEYOND_NAME = 8
"""Characters that must be left when the name is taken out."""
FEWEST = 5
"""Different characters."""
_TRIED = ("password", "qwertyuiop", "1234567890", "administrator", "threerings", "letmein", "iloveyou", "abcdefgh")


class Weakness(StrEnum):
    """Why a password is none; the value is for people."""

    SHORT = f"should have at least {SHORTEST} characters"
    LONG = f"should have at most {LONGEST} characters"
    NAME = "should be more than the name"
    PLAIN = "is among the first that anybody would try"


def prepared(password: str) -> str:
    """The same whichever keyboard it was typed on."""
    return unicodedata.normalize("NFKC", password)


def weakness(password: str, *names: str) -> Weakness | None:
    """Why this password is none; None when it is one.

    Args:
        password: as typed.
        names: of who wants it.
    """
    told = prepared(password)
    if len(told) > LONGEST:
        return Weakness.LONG
    if len(told) < SHORTEST:
        return Weakness.SHORT
    if _without(told, names) < BEYOND_NAME:
        return Weakness.NAME
    if len(set(told)) < FEWEST or _without(told, _TRIED) < FEWEST:
        return Weakness.PLAIN
    return None


def _without(password: str, words: tuple[str, ...]) -> int:
    """How many characters are left without these words."""
    left = password.casefold()
    for word in words:
        if word:
            left = left.replace(unicodedata.normalize("NFKC", word).casefold(), "")
    return len(left)
