"""Why something cannot be reached over the network, in words that a person has heard before. Pure."""

import os
import re
import socket

_NUMBERS = re.compile(r"\[Errno (\d{1,5})\]")


def reason(error: OSError) -> str:
    """What the error means, without the words of the layers between.

    asyncio says `Connect call failed (…)` in the place of the system's words, and `Multiple exceptions: …` where a name
    has several addresses; then each reason is told once.
    """
    if isinstance(error, TimeoutError) and error.errno is None:
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return f"the name is not known: {error.strerror}"
    numbers = [error.errno] if error.errno else [int(number) for number in _NUMBERS.findall(str(error))]
    words = dict.fromkeys(os.strerror(number).lower() for number in numbers)
    return " and ".join(words) or str(error) or type(error).__name__
