"""The log: one snake_case event and its keys a line; numbers of people masked, control characters never raw.

JSON when nobody watches, coloured columns on a terminal. What a caller can write (names, numbers, raw messages) can
neither start a line of its own nor move the cursor of whoever reads the log.
"""

import logging
import re
import sys
import unicodedata
from collections.abc import Callable
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

PLACE_KEYS = frozenset({"file", "folder", "path", "behind", "goes_on_before", "instead_of"})
"""Keys of files and of places in them, which an operator must find; no caller has a say in them."""
NUMBER_KEYS = frozenset({"caller", "caller_number", "connected_number", "number", "dialled", "exten", "ani", "dnid"})
"""Keys whose whole value is a number of a person."""
KEPT_FIRST = 3
KEPT_LAST = 2

_ID = r"(?<![\w.])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_DATE = r"(?<![\w.])20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?"
_TIME = rf"{_DATE}(?:[T ]{_CLOCK}(?!\w)|(?!\w|[ ()/-]{{0,2}}\d))"
"""RFC 3339, and what Python makes of a time: nowhere in it are seven digits together, and none follow a date alone."""
_UNIQUEID = r"(?<![\w.])\d{9,10}\.\d{1,9}(?!\d)"
_CHANNEL_SUFFIX = r"-000[0-9a-f]{5}(?![0-9a-zA-Z])"
_JOURNAL = r"(?<![\w.])20\d\d[01]\d[0-3]\dT[0-2]\dZ(?:\.\d{1,9})?\.sqlite3(?!\w)"
"""A file of a journal, in what the system says of it."""
_SPACED = rf"\+?(?<!\w)\d(?:(?!{_CHANNEL_SUFFIX})[ ()/-]{{0,2}}\d){{6,}}"
_NUMBER = rf"{_SPACED}|\d{{7,}}"
"""With blanks and dashes it must begin a word: `pbx1-1700000000.1` is a uniqueid. Seven digits on end need not."""
_DIGITS = re.compile(rf"(?P<kept>{_ID}|{_TIME}|{_JOURNAL}|{_UNIQUEID}|{_CHANNEL_SUFFIX})|(?P<number>{_NUMBER})")
"""Digits that are nobody's number are found first, and stay."""


def mask_number(number: str) -> str:
    """The first three and the last two characters, the rest as `*`; up to five characters (an extension) stay."""
    hidden = len(number) - KEPT_FIRST - KEPT_LAST
    return number if hidden <= 0 else number[:KEPT_FIRST] + "*" * hidden + number[-KEPT_LAST:]


def mask_text(text: str) -> str:
    """Free text with everything that looks like a telephone number (seven digits or more) masked."""
    return _DIGITS.sub(lambda found: found["kept"] or mask_number(found["number"]), text)


def mask_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: mask the numbers in every value; `event` and `level` are ours and stay."""
    return {key: value if key in ("event", "level") else _masked(key, value) for key, value in event.items()}


def escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: control, format and surrogate characters written out in hexadecimal, in keys and values."""
    return {visible(key): _visible(key, value) for key, value in event.items()}


def visible(text: str) -> str:
    """The text with every control, format (bidi), separator and surrogate character written out."""
    if text.isprintable():
        return text
    return "".join(_escape(character) if _is_hidden(character) else character for character in text)


class Seldom:
    """Lets one thing be told every so often, where others decide how often it happens.

    Args:
        every: seconds.
        clock: monotonic seconds.
        kinds: so many different things are told apart; what is said of the others is counted with the oldest.
    """

    def __init__(self, every: float, clock: Callable[[], float], kinds: int = 256) -> None:
        self._every, self._clock, self._kinds = every, clock, kinds
        self._told: dict[str, tuple[float, int]] = {}

    def may(self, kind: str) -> int | None:
        """How many of this kind were not told since the last one that was; None: this one is not to be told either."""
        now = self._clock()
        at, untold = self._told.get(kind, (None, 0))
        if at is not None and now - at < self._every:
            self._told[kind] = (at, untold + 1)
            return None
        self._told.pop(kind, None)
        if len(self._told) >= self._kinds:
            del self._told[next(iter(self._told))]
        self._told[kind] = (now, 0)
        return untold


def configure(stream: TextIO | None = None, *, as_json: bool | None = None, level: int = logging.INFO) -> None:
    """Set structlog up for this process. Only the composition root calls this.

    Args:
        stream: where to write; None means standard error.
        as_json: one JSON object a line; None means yes unless the stream is a terminal.
        level: the least level that is written.
    """
    out = stream or sys.stderr
    in_json = not out.isatty() if as_json is None else as_json
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if in_json
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_numbers,
            escape_controls,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def _masked(key: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(inner): _masked(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(key, item) for item in value]
    text = _text(value)
    if key in PLACE_KEYS:
        return text
    return mask_number(text) if key in NUMBER_KEYS else mask_text(text)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value)


def _visible(key: str, value: object) -> object:
    if isinstance(value, str):
        if key == "exception":
            return "\n".join("| " + visible(line) for line in value.split("\n"))
        return visible(value)
    if isinstance(value, dict):
        return {visible(inner): _visible(inner, item) for inner, item in value.items()}
    if isinstance(value, list):
        return [_visible(key, item) for item in value]
    return value


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004
