"""pyst2's AGI vocabulary: of each command the line to send, what its reply means, and how long it may take. Pure.

Names, defaults, values and exceptions are pyst2's (`asterisk.agi.AGI`), so that scripts written for it go on running.
docs/decisions/pyst2.md says where we do otherwise, and why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from telephony.agi.codec import Reply, Usage, command, one_word, quoted, raw_command
from telephony.agi.errors import (
    AGIAppError,
    AGIDBError,
    AGIDeadChannel,
    AGIError,
    AGIHangup,
    AGIInvalidCommand,
    AGIResultHangup,
    AGIUnknownError,
    AGIUsageError,
)

T = TypeVar("T")
S = TypeVar("S")
Word = str | int | float
Digits = Word | list[Any] | tuple[Any, ...]
Result = dict[str, tuple[str, str]]

DEFAULT_TIMEOUT = 2000
"""Milliseconds."""
DEFAULT_RECORD = 20000
"""Milliseconds."""
AT_ONCE = 5.0
"""Seconds for a command that neither plays nor waits, and what waiting commands get beyond their own time."""
_DATETIME = "ABdY 'digits/at' IMp"


@dataclass(frozen=True, slots=True)
class Exchange(Generic[T]):
    """One command and what its reply means.

    Attributes:
        line: to be sent.
        meaning: of the reply: pyst2's value, or pyst2's exception raised.
        within: seconds that it may take; None: as long as the conversation.
    """

    line: bytes
    meaning: Callable[[Reply | Usage], T]
    within: float | None = AT_ONCE


# --- replies ----------------------------------------------------------------------------------------------------------
def answered(reply: Reply | Usage) -> Reply:
    """The reply when the command was carried out.

    Raises:
        AGIInvalidCommand: 510.
        AGIDeadChannel: 511.
        AGIUsageError: 520.
        AGIUnknownError: any other code.
        AGIAppError: the result is -1.
    """
    if isinstance(reply, Usage):
        raise AGIUsageError(reply.text + "\n")
    match reply.code:
        case 200:
            if reply.result == "-1" and reply.data != "hangup":
                raise AGIAppError("Error executing application, or hangup")
            return reply
        case 510:
            raise AGIInvalidCommand(reply.text)
        case 511:
            raise AGIDeadChannel(511, reply.text)
        case code:
            raise AGIUnknownError(code, "Unhandled code or undefined response")


def done(reply: Reply | Usage, value: str = "") -> Reply:
    """As `answered`.

    Args:
        reply: the reply.
        value: the result with which the word in brackets is a value, and not Asterisk's own; none by default.

    Raises:
        AGIResultHangup: the caller hung up meanwhile.
    """
    reply = answered(reply)
    if reply.data == "hangup" and (not value or reply.result != value):
        raise AGIResultHangup("User hungup during execution")
    return reply


def _nothing(reply: Reply | Usage) -> None:
    done(reply)


def _result(reply: Reply | Usage) -> str:
    return done(reply).result


def _fields(reply: Reply | Usage) -> Result:
    return dict(done(reply).fields)


def _value(reply: Reply | Usage) -> str:
    return done(reply, value="1").data or ""


def _digit(reply: Reply | Usage) -> str:
    return "" if done(reply).result == "0" else _character(reply)


def _character(reply: Reply | Usage) -> str:
    result = done(reply).result
    try:
        return chr(int(result))
    except (ValueError, OverflowError):
        raise AGIError(f"Unable to convert result to char: {result}") from None


# --- words ------------------------------------------------------------------------------------------------------------
def _digits(digits: Digits) -> Word:
    return "".join(map(str, digits)) if isinstance(digits, list | tuple) else digits


def _waiting(timeout: Word, endless: tuple[float, ...]) -> float | None:
    try:
        milliseconds = float(timeout)
    except ValueError:
        return None
    return None if milliseconds in endless or milliseconds < 0 else milliseconds / 1000 + AT_ONCE


# --- the channel ------------------------------------------------------------------------------------------------------
def execute(command: str, *args: object) -> Exchange[Result]:
    """Any command, its words as the caller has quoted them."""
    line = raw_command(" ".join([command, *map(str, args)]))
    names = b" ".join(line.upper().split()[:3])
    return Exchange(line, _fields_of_value if names.startswith(_GIVES_A_VALUE) else _fields, None)


_GIVES_A_VALUE = (b"GET VARIABLE ", b"GET FULL VARIABLE", b"DATABASE GET ", b"RECEIVE TEXT")


def _fields_of_value(reply: Reply | Usage) -> Result:
    return dict(done(reply, value="1").fields)


def answer() -> Exchange[None]:
    """Answer the channel if it is not."""
    return Exchange(command("ANSWER"), _nothing)


def hangup(channel: Word = "") -> Exchange[None]:
    """Hang up the channel of that name, or this one."""
    return Exchange(command("HANGUP", *_given(channel)), _nothing)


def channel_status(channel: Word = "") -> Exchange[int]:
    """0 down and available, 1 reserved, 2 off hook, 3 dialled, 4 rings, 5 far end rings, 6 up, 7 busy; -1 none such."""

    def meaning(reply: Reply | Usage) -> int:
        try:
            return int(done(reply).result)
        except AGIHangup:
            raise
        except AGIAppError:
            return -1
        except ValueError:
            raise AGIError(f"this is no status: {reply}") from None

    return Exchange(command("CHANNEL STATUS", *_given(channel)), meaning)


def set_autohangup(secs: Word) -> Exchange[None]:
    """Hang up in so many seconds; 0: not any more."""
    return Exchange(command("SET AUTOHANGUP", secs), _nothing)


def set_callerid(number: Word) -> Exchange[None]:
    """Set the caller's number."""
    return Exchange(command("SET CALLERID", number), _nothing)


def tdd_mode(mode: Word = "off") -> Exchange[None]:
    """Text for the deaf, `on` or `off`. AGIAppError when the channel cannot."""

    def meaning(reply: Reply | Usage) -> None:
        if done(reply).result == "0":
            raise AGIAppError("The channel is not TDD-capable")

    return Exchange(command("TDD MODE", mode), meaning)


# --- digits and text from the caller ----------------------------------------------------------------------------------
def wait_for_digit(timeout: Word = DEFAULT_TIMEOUT) -> Exchange[str]:
    """The digit pressed within so many milliseconds; -1: endless. Empty without one."""
    return Exchange(command("WAIT FOR DIGIT", timeout), _digit, _waiting(timeout, ()))


def receive_char(timeout: Word = DEFAULT_TIMEOUT) -> Exchange[str]:
    """The character received within so many milliseconds; 0: endless. Empty without one."""
    return Exchange(command("RECEIVE CHAR", timeout), _digit, _waiting(timeout, (0,)))


def get_data(filename: Word, timeout: Word = DEFAULT_TIMEOUT, max_digits: Word = 255) -> Exchange[str]:
    """Play, and give the digits that came, until so many milliseconds of silence or so many digits."""
    return Exchange(command("GET DATA", filename, timeout, max_digits), _result, None)


def get_option(filename: Word, escape_digits: Digits = "", timeout: Word = 0) -> Exchange[str]:
    """Play, and give the digit that was pressed, up to so many milliseconds after the end."""
    words = [filename, _digits(escape_digits), *([timeout] if timeout else [])]
    return Exchange(command("GET OPTION", *words), _digit, None)


# --- text and pictures to the caller ----------------------------------------------------------------------------------
def send_text(text: Word = "") -> Exchange[None]:
    """Send text on the channel."""
    return Exchange(command("SEND TEXT", text), _nothing)


def send_image(filename: Word, channel: str = "UNKNOWN") -> Exchange[None]:
    """Send a picture. AGIAppError, which names `channel`, when the channel cannot."""

    def meaning(reply: Reply | Usage) -> None:
        if done(reply).result != "0":
            raise AGIAppError(f"Channel falure on channel {channel}")

    return Exchange(command("SEND IMAGE", filename), meaning, None)


# --- sound ------------------------------------------------------------------------------------------------------------
def stream_file(filename: Word, escape_digits: Digits = "", sample_offset: Word = 0) -> Exchange[str]:
    """Play; the digit that ended it, or empty."""
    return Exchange(command("STREAM FILE", filename, _digits(escape_digits), sample_offset), _digit, None)


def control_stream_file(  # noqa: PLR0913, PLR0917 - pyst2's signature
    filename: Word, escape_digits: Digits = "", skipms: Word = 3000, fwd: Word = "", rew: Word = "", pause: Word = ""
) -> Exchange[str]:
    """Play with keys to go forward, back and to pause; the digit that ended it, or empty."""
    words = (filename, _digits(escape_digits), skipms, fwd, rew, pause)
    return Exchange(command("CONTROL STREAM FILE", *words), _digit, None)


def record_file(  # noqa: PLR0913, PLR0917 - pyst2's signature
    filename: Word,
    format: Word = "gsm",  # noqa: A002 - the same
    escape_digits: Digits = "#",
    timeout: Word = DEFAULT_RECORD,
    offset: Word = 0,
    beep: Word = "beep",
    silence: Word = 0,
) -> Exchange[str]:
    """Record until a digit, so many milliseconds (-1: endless) or so many seconds of silence; the digit."""
    words = (filename, format, _digits(escape_digits), timeout, offset, beep, f"s={silence}")
    return Exchange(command("RECORD FILE", *words), _character, None)


def say_digits(digits: Digits, escape_digits: Digits = "") -> Exchange[str]:
    """Say digits one by one; the digit that ended it, or empty."""
    return Exchange(command("SAY DIGITS", _digits(digits), _digits(escape_digits)), _digit, None)


def say_number(number: Digits, escape_digits: Digits = "") -> Exchange[str]:
    """Say a number; the digit that ended it, or empty."""
    return Exchange(command("SAY NUMBER", _digits(number), _digits(escape_digits)), _digit, None)


def say_alpha(characters: Digits, escape_digits: Digits = "") -> Exchange[str]:
    """Spell; the digit that ended it, or empty."""
    return Exchange(command("SAY ALPHA", _digits(characters), _digits(escape_digits)), _digit, None)


def say_phonetic(characters: Digits, escape_digits: Digits = "") -> Exchange[str]:
    """Spell in the phonetic alphabet; the digit that ended it, or empty."""
    return Exchange(command("SAY PHONETIC", _digits(characters), _digits(escape_digits)), _digit, None)


def say_date(seconds: Word, escape_digits: Digits = "") -> Exchange[str]:
    """Say a date, given in seconds since 1970; the digit that ended it, or empty."""
    return Exchange(command("SAY DATE", seconds, _digits(escape_digits)), _digit, None)


def say_time(seconds: Word, escape_digits: Digits = "") -> Exchange[str]:
    """Say a time, given in seconds since 1970; the digit that ended it, or empty."""
    return Exchange(command("SAY TIME", seconds, _digits(escape_digits)), _digit, None)


def say_datetime(
    seconds: Word,
    escape_digits: Digits = "",
    format: Word = "",  # noqa: A002 - pyst2's signature
    zone: Word = "",
) -> Exchange[str]:
    """Say a date and time in a format of voicemail.conf; the digit that ended it, or empty."""
    words = [seconds, _digits(escape_digits)]
    if format or zone:
        words.append(format or _DATETIME)
    return Exchange(command("SAY DATETIME", *words, *_given(zone)), _digit, None)


# --- the dialplan -----------------------------------------------------------------------------------------------------
def set_context(context: Word) -> Exchange[None]:
    """Where the dialplan goes on."""
    return Exchange(command("SET CONTEXT", context), _nothing)


def set_extension(extension: Word) -> Exchange[None]:
    """Where the dialplan goes on."""
    return Exchange(command("SET EXTENSION", extension), _nothing)


def set_priority(priority: Word) -> Exchange[None]:
    """Where the dialplan goes on."""
    return Exchange(command("SET PRIORITY", priority), _nothing)


def appexec(application: str, options: Word = "") -> Exchange[str]:
    """Run a dialplan application; what it returned. AGIAppError when there is none such."""

    def meaning(reply: Reply | Usage) -> str:
        result = _result(reply)
        if result == "-2":
            raise AGIAppError(f"Unable to find application: {application}")
        return result

    return Exchange(command("EXEC", application, options), meaning, None)


def exec_command(command: str, *args: object) -> Exchange[Result]:
    """Run a dialplan application, its arguments joined by commas; the whole reply.

    Where they are one quoted word already, which is how pyst2 could be made to send blanks, they are sent as they are.
    """
    options = ",".join(map(str, args))
    one = options if '"' in options and one_word(options) else quoted(options)
    return Exchange(raw_command(f"EXEC {quoted(command)} {one}"), _fields, None)


# --- variables and Asterisk's database --------------------------------------------------------------------------------
def set_variable(name: Word, value: Word) -> Exchange[None]:
    """Set a channel variable."""
    return Exchange(command("SET VARIABLE", name, value), _nothing)


def get_variable(name: Word) -> Exchange[str]:
    """A channel variable; empty when it is not set."""
    return Exchange(command("GET VARIABLE", name), _value)


def get_full_variable(name: Word, channel: Word | None = None) -> Exchange[str]:
    """An expression such as `${CALLERID(num)}`, of this channel or the one named."""
    return Exchange(command("GET FULL VARIABLE", name, *_given(channel or "")), _value)


def database_get(family: Word, key: Word) -> Exchange[str]:
    """A value. AGIDBError when there is none."""

    def meaning(reply: Reply | Usage) -> str:
        found = done(reply, value="1")
        if found.result == "0":
            raise AGIDBError(f"Key not found in database: family={family}, key={key}")
        if found.result == "1":
            return found.data or ""
        raise AGIError(f"Unknown exception for : family={family}, key={key}, result={dict(found.fields)}")

    return Exchange(command("DATABASE GET", family, key), meaning)


def database_put(family: Word, key: Word, value: Word) -> Exchange[None]:
    """Put a value. AGIDBError when Asterisk could not."""
    refused = f"Unable to put value in database: family={family}, key={key}, value={value}"
    return Exchange(command("DATABASE PUT", family, key, value), _unless_refused(refused))


def database_del(family: Word, key: Word) -> Exchange[None]:
    """Delete a value. AGIDBError when Asterisk could not."""
    refused = f"Unable to delete from database: family={family}, key={key}"  # noqa: S608 - no SQL
    return Exchange(command("DATABASE DEL", family, key), _unless_refused(refused))


def database_deltree(family: Word, key: Word = "") -> Exchange[None]:
    """Delete a family, or what is below `key` in it.

    Raises:
        AGIUsageError: without a family Asterisk would delete its whole database.
    """
    if not str(family).strip("/ "):
        raise AGIUsageError("DATABASE DELTREE without a family would delete the whole database of the PBX")
    # Asterisk says 0 when something was deleted and 1 when nothing was there, whatever its manual says.
    return Exchange(command("DATABASE DELTREE", family, *_given(key)), _nothing)


def _unless_refused(message: str) -> Callable[[Reply | Usage], None]:
    def meaning(reply: Reply | Usage) -> None:
        if done(reply).result == "0":
            raise AGIDBError(message)

    return meaning


def _given(word: Word) -> tuple[Word, ...]:
    return () if word == "" else (word,)


# --- the rest ---------------------------------------------------------------------------------------------------------
def verbose(message: Word, level: Word = 1) -> Exchange[None]:
    """Say something on Asterisk's console."""
    return Exchange(command("VERBOSE", message, level), _nothing)


def noop() -> Exchange[None]:
    """Do nothing."""
    return Exchange(command("NOOP"), _nothing)
