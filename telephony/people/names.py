"""The names with which people sign in: what is one, and when two are the same."""

import unicodedata

LONGEST = 64


class BadNameError(ValueError):
    """Nobody can be called so; the message says what would be right."""


def login_name(text: str) -> str:
    """The name as it is kept: composed and without blanks around it.

    Raises:
        BadNameError: it is empty, too long, or has something in it that is not seen.
    """
    name = unicodedata.normalize("NFKC", text).strip()
    if not 1 <= len(name) <= LONGEST:
        raise BadNameError(f"should have 1 to {LONGEST} characters")
    if not name.isprintable() or " " in name:
        raise BadNameError("should have no blanks, and nothing that is not seen")
    return name


def key_of(text: str) -> str:
    """The same for all ways to write a name: whoever types his in capitals is who he is."""
    return unicodedata.normalize("NFKC", text).strip().casefold()[: LONGEST * 3]
