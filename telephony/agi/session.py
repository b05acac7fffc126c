"""A conversation with the PBX in pyst2's words, awaited."""
# ruff: noqa: A002, ASYNC109, PLR0913, PLR0917 - the signatures are pyst2's

from collections import deque
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import TypeVar

from telephony.agi import vocabulary as say
from telephony.agi.codec import Reply, Usage, command
from telephony.agi.connection import AgiConnection
from telephony.agi.errors import AGIError, AgiProtocolError, AGISIGHUPHangup, AGISIGPIPEHangup, AGITimeout
from telephony.agi.vocabulary import AT_ONCE, DEFAULT_RECORD, DEFAULT_TIMEOUT, Digits, Exchange, Result, Word

T = TypeVar("T")
_PRINTED = "what was printed"
FENCED = 400
"""Bytes of a value from which on the network may cut a reply in two: no segment needs to hold more than 536 bytes, and
some of these are in front of the value."""


class AgiSession:
    """pyst2's class `AGI`, each method a coroutine with the same arguments, values and exceptions.

    Args:
        connection: whose environment is there.
        longest: seconds; no command lasts longer.

    Attributes:
        env: `agi_channel` and so on.

    Every command raises AGISIGHUPHangup when the caller has hung up, AGISIGPIPEHangup when the PBX has closed the
    connection, AGITimeout when no answer came in time, AgiProtocolError when what came was no honest answer, and on
    every command after these two.
    """

    def __init__(self, connection: AgiConnection, *, longest: float) -> None:
        if connection.environment is None:
            raise ValueError("the environment is still to come")
        self.env = dict(connection.environment.values)
        self._connection, self._longest = connection, longest
        self._sent: deque[Exchange[Result]] = deque()

    # --- any command --------------------------------------------------------------------------------------------------
    def test_hangup(self) -> None:
        """Raise AGISIGHUPHangup when the caller has hung up. Asks nobody, so it is not awaited."""
        if self._connection.hung_up:
            raise AGISIGHUPHangup("Received HANGUP from Asterisk")

    async def say(self, exchange: Exchange[T]) -> T:
        """Any exchange of the vocabulary."""
        self.test_hangup()
        self._sent.clear()
        return await self._understood(exchange, self._connection.exchange)

    async def execute(self, command: str, *args: object) -> Result:
        """Any command, its words quoted by you; `{'result': (value, data), …}`."""
        return await self.say(say.execute(command, *args))

    async def send_command(self, command: str, *args: object) -> None:
        """The first half of `execute`. Never waits."""
        self.test_hangup()
        exchange = say.execute(command, *args)
        self._connection.send(exchange.line)
        self._sent.append(exchange)

    async def get_result(self) -> Result:
        """The second half of `execute`: the reply to the first command that was sent, or printed, and has none yet."""
        if not self._sent and not self._connection.untaken:
            raise AGIError("no command was sent")
        exchange = self._sent.popleft() if self._sent else say.execute(_PRINTED)
        return await self._understood(exchange, lambda _, limit: self._connection.reply(limit))

    async def _understood(self, exchange: Exchange[T], asking: Callable[[bytes, float], Awaitable[Reply | Usage]]) -> T:
        limit = self._longest if exchange.within is None else min(exchange.within, self._longest)
        try:
            reply = await asking(exchange.line, limit)
        except TimeoutError:
            # The connection stays: somebody has yet to say the good-bye, which Asterisk hears also in mid-command.
            said = f"{exchange.line[:40]!r} was not answered within {limit:g} s"
            self._connection.fault = AgiProtocolError(f"the conversation is over: {said}")
            raise AGITimeout(said) from None
        except AGISIGPIPEHangup:
            # Asterisk says HANGUP and closes when the dialplan says AGIEXITONHANGUP.
            self.test_hangup()
            raise
        if isinstance(reply, Reply) and len((reply.data or "").encode("utf-8", "surrogateescape")) >= FENCED:
            await self._fence()
        return exchange.meaning(reply)

    async def _fence(self) -> None:
        """Make sure that the last reply was the whole of it.

        A crafted value may look like a reply with another one behind it. One that fits into a single segment comes
        with what gives it away; a longer one can be cut by the network just between the two. So something is asked
        whose answer nobody can know before.
        """
        secret = token_hex(8)
        try:
            echo = await self._connection.exchange(command("GET FULL VARIABLE", secret), AT_ONCE)
        except TimeoutError:
            echo = None
        if not isinstance(echo, Reply) or echo.data != secret:
            broken = "the answer to another question: a value was crafted to look like two replies"
            self._connection.fault = AgiProtocolError(broken)
            raise AgiProtocolError(broken)

    # --- pyst2's words ------------------------------------------------------------------------------------------------
    async def answer(self) -> None:
        """Answer the channel if it is not."""
        await self.say(say.answer())

    async def hangup(self, channel: Word = "") -> None:
        """Hang up the channel of that name, or this one."""
        await self.say(say.hangup(channel))

    async def channel_status(self, channel: Word = "") -> int:
        """0 down and available, 1 reserved, 2 off hook, 3 dialled, 4 rings, 5 far end rings, 6 up, 7 busy; -1 none."""
        return await self.say(say.channel_status(channel))

    async def set_autohangup(self, secs: Word) -> None:
        """Hang up in so many seconds; 0: not any more."""
        await self.say(say.set_autohangup(secs))

    async def set_callerid(self, number: Word) -> None:
        """Set the caller's number."""
        await self.say(say.set_callerid(number))

    async def tdd_mode(self, mode: Word = "off") -> None:
        """Text for the deaf, `on` or `off`. AGIAppError when the channel cannot."""
        await self.say(say.tdd_mode(mode))

    async def wait_for_digit(self, timeout: Word = DEFAULT_TIMEOUT) -> str:
        """The digit pressed within so many milliseconds; -1: endless. Empty without one."""
        return await self.say(say.wait_for_digit(timeout))

    async def receive_char(self, timeout: Word = DEFAULT_TIMEOUT) -> str:
        """The character received within so many milliseconds; 0: endless. Empty without one."""
        return await self.say(say.receive_char(timeout))

    async def get_data(self, filename: Word, timeout: Word = DEFAULT_TIMEOUT, max_digits: Word = 255) -> str:
        """Play, and give the digits that came, until so many milliseconds of silence or so many digits."""
        return await self.say(say.get_data(filename, timeout, max_digits))

    async def get_option(self, filename: Word, escape_digits: Digits = "", timeout: Word = 0) -> str:
        """Play, and give the digit that was pressed, up to so many milliseconds after the end."""
        return await self.say(say.get_option(filename, escape_digits, timeout))

    async def send_text(self, text: Word = "") -> None:
        """Send text on the channel."""
        await self.say(say.send_text(text))

    async def send_image(self, filename: Word) -> None:
        """Send a picture. AGIAppError, which names `channel`, when the channel cannot."""
        await self.say(say.send_image(filename, self.env.get("agi_channel", "UNKNOWN")))

    async def stream_file(self, filename: Word, escape_digits: Digits = "", sample_offset: Word = 0) -> str:
        """Play; the digit that ended it, or empty."""
        return await self.say(say.stream_file(filename, escape_digits, sample_offset))

    async def control_stream_file(
        self,
        filename: Word,
        escape_digits: Digits = "",
        skipms: Word = 3000,
        fwd: Word = "",
        rew: Word = "",
        pause: Word = "",
    ) -> str:
        """Play with keys to go forward, back and to pause; the digit that ended it, or empty."""
        return await self.say(say.control_stream_file(filename, escape_digits, skipms, fwd, rew, pause))

    async def record_file(
        self,
        filename: Word,
        format: Word = "gsm",
        escape_digits: Digits = "#",
        timeout: Word = DEFAULT_RECORD,
        offset: Word = 0,
        beep: Word = "beep",
        silence: Word = 0,
    ) -> str:
        """Record until a digit, so many milliseconds (-1: endless) or so many seconds of silence; the digit."""
        return await self.say(say.record_file(filename, format, escape_digits, timeout, offset, beep, silence))

    async def say_digits(self, digits: Digits, escape_digits: Digits = "") -> str:
        """Say digits one by one; the digit that ended it, or empty."""
        return await self.say(say.say_digits(digits, escape_digits))

    async def say_number(self, number: Digits, escape_digits: Digits = "") -> str:
        """Say a number; the digit that ended it, or empty."""
        return await self.say(say.say_number(number, escape_digits))

    async def say_alpha(self, characters: Digits, escape_digits: Digits = "") -> str:
        """Spell; the digit that ended it, or empty."""
        return await self.say(say.say_alpha(characters, escape_digits))

    async def say_phonetic(self, characters: Digits, escape_digits: Digits = "") -> str:
        """Spell in the phonetic alphabet; the digit that ended it, or empty."""
        return await self.say(say.say_phonetic(characters, escape_digits))

    async def say_date(self, seconds: Word, escape_digits: Digits = "") -> str:
        """Say a date, given in seconds since 1970; the digit that ended it, or empty."""
        return await self.say(say.say_date(seconds, escape_digits))

    async def say_time(self, seconds: Word, escape_digits: Digits = "") -> str:
        """Say a time, given in seconds since 1970; the digit that ended it, or empty."""
        return await self.say(say.say_time(seconds, escape_digits))

    async def say_datetime(self, seconds: Word, escape_digits: Digits = "", format: Word = "", zone: Word = "") -> str:
        """Say a date and time in a format of voicemail.conf; the digit that ended it, or empty."""
        return await self.say(say.say_datetime(seconds, escape_digits, format, zone))

    async def set_context(self, context: Word) -> None:
        """Where the dialplan goes on."""
        await self.say(say.set_context(context))

    async def set_extension(self, extension: Word) -> None:
        """Where the dialplan goes on."""
        await self.say(say.set_extension(extension))

    async def set_priority(self, priority: Word) -> None:
        """Where the dialplan goes on."""
        await self.say(say.set_priority(priority))

    async def appexec(self, application: str, options: Word = "") -> str:
        """Run a dialplan application; what it returned. AGIAppError when there is none such."""
        return await self.say(say.appexec(application, options))

    async def exec_command(self, command: str, *args: object) -> Result:
        """Run a dialplan application, its arguments joined by commas; the whole reply."""
        return await self.say(say.exec_command(command, *args))

    async def set_variable(self, name: Word, value: Word) -> None:
        """Set a channel variable."""
        await self.say(say.set_variable(name, value))

    async def get_variable(self, name: Word) -> str:
        """A channel variable; empty when it is not set."""
        return await self.say(say.get_variable(name))

    async def get_full_variable(self, name: Word, channel: Word | None = None) -> str:
        """An expression such as `${CALLERID(num)}`, of this channel or the one named."""
        return await self.say(say.get_full_variable(name, channel))

    async def database_get(self, family: Word, key: Word) -> str:
        """A value. AGIDBError when there is none."""
        return await self.say(say.database_get(family, key))

    async def database_put(self, family: Word, key: Word, value: Word) -> None:
        """Put a value. AGIDBError when Asterisk could not."""
        await self.say(say.database_put(family, key, value))

    async def database_del(self, family: Word, key: Word) -> None:
        """Delete a value. AGIDBError when Asterisk could not."""
        await self.say(say.database_del(family, key))

    async def database_deltree(self, family: Word, key: Word = "") -> None:
        """Delete a family, or what begins with `key` in it. AGIDBError when Asterisk could not."""
        await self.say(say.database_deltree(family, key))

    async def verbose(self, message: Word, level: Word = 1) -> None:
        """Say something on Asterisk's console."""
        await self.say(say.verbose(message, level))

    async def noop(self) -> None:
        """Do nothing."""
        await self.say(say.noop())

    async def goto_on_exit(self, context: Word = "", extension: Word = "", priority: Word = "") -> None:
        """Where the dialplan goes on; what is not given stays as it was when the script began."""
        await self.set_context(context or self.env["agi_context"])
        await self.set_extension(extension or self.env["agi_extension"])
        await self.set_priority(priority or self.env["agi_priority"])
