"""Bytes of one AGI conversation into what they say, and words into commands: pure, bounded, suspicious.

Nothing in AGI is escaped towards us, and callers choose some of the values: a caller's number may hold a line break,
and so may a variable. What frames the stream cannot be trusted to be framing. What ends a conversation here is
everything that cannot come from an honest exchange: an environment that is not complete, and above all an answer that
nobody asked for, which is how a crafted value shows.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import unquote

from telephony.agi.errors import AgiProtocolError, AGIUsageError

MAX_LINE = 4_096
"""Bytes of one line of the environment."""
MAX_LINES = 256
"""Lines of the environment. Asterisk sends 22, one for each argument, and at most 128 arguments."""
MAX_ENVIRONMENT = 65_536
MAX_REPLY = 65_536
"""Bytes of one reply, all its lines together."""
MAX_COMMAND = 2_046
"""Bytes of a command without its line feed. Asterisk read into 2,048 bytes for long, of which fgets() fills 2,047; what
is longer it takes for two commands, answers both, and every later answer belongs to another question."""
MAX_WORDS = 126
"""Words of a command, its name included: Asterisk's parse_args() has room for 128."""
MAX_USUAL = 50
"""Characters of a query, reply or command that is worth remembering, for the next call's is the same."""
MANDATORY = ("agi_request", "agi_channel", "agi_uniqueid")
"""Whose call it is. One that a line break in a number ended early is found out by its rest: nobody asked for it."""

_HEADER = re.compile(r"(agi_[A-Za-z0-9_]{1,60}): ?([^\x00-\x1f\x7f]*)")
_HEADERS = re.compile(rf"^{_HEADER.pattern}\n", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REPLY = re.compile(r"([0-9]{3})([ -])(.*)", re.DOTALL)
_RESULT = re.compile(r"result=(\S*)(?: (.*))?", re.DOTALL | re.ASCII)
_FIELD = re.compile(r' (\w{1,40}+)=("[^"]*+"|[^\s"]\S*+|(?=\s|\Z))', re.ASCII)
# `(timeout) endpos=4711`: the only data that something follows is one word of Asterisk's own. A value that holds such a
# text ends with its bracket all the same.
_TAILED = re.compile(rf"\((\w{{1,40}}+)\)((?:{_FIELD.pattern})++) ?(?<!\))", re.ASCII)
_DONE = 200
_NOT_YET = "100 result=0 Trying..."  # GOSUB says it first
_END_OF_USAGE = "520 End of proper usage."
# What cannot be said: control characters, and halves of characters that are no bytes of which we were told.
_UNSAYABLE = re.compile("[\x00-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
_WORD = re.compile(r'(?:\\.|"(?:\\.|[^"\\])*+"|[^ "\\])++')


@dataclass(frozen=True, slots=True)
class Environment:
    """What Asterisk says about the call before it listens.

    Attributes:
        values: `agi_channel` and so on, as pyst2's `agi.env`. A byte that is no UTF-8 is a surrogate escape.
        script: what comes behind the host in `agi://host/script?name=value`, without slashes around it.
        query: the names and values behind the question mark; `%2B` and the like are read, `+` is a plus.
        arguments: those of `AGI(agi://…,one,two)`.
    """

    values: Mapping[str, str]
    script: str
    query: Mapping[str, str]
    arguments: tuple[str, ...]

    @property
    def channel(self) -> str:
        """The caller's channel, such as `PJSIP/trunk-00000001`."""
        return self.values["agi_channel"]

    @property
    def uniqueid(self) -> str:
        """Asterisk's id of that channel."""
        return self.values["agi_uniqueid"]

    @property
    def extension(self) -> str:
        """Where in the dialplan the call is."""
        return self.values.get("agi_extension", "")

    @property
    def dnid(self) -> str:
        """What was dialled; `unknown` when Asterisk does not know."""
        return self.values.get("agi_dnid", "")

    @property
    def callerid(self) -> str:
        """The caller's number; `unknown` when Asterisk does not know."""
        return self.values.get("agi_callerid", "")

    @property
    def language(self) -> str:
        """The channel's language, such as `en`."""
        return self.values.get("agi_language", "")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command.

    Attributes:
        code: 200, 510, 511, or another one that Asterisk may learn.
        result: what stands behind `result=`; empty without one.
        data: what stands in brackets behind it; None without brackets.
        fields: `result` and whatever follows, such as `endpos`, each with its value and its data, as pyst2 gives them.
        text: the whole answer behind its code.
    """

    code: int
    result: str
    data: str | None
    fields: Mapping[str, tuple[str, str]] = field(hash=False)
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """520: the command was misspelt. `text` is all that Asterisk said, its lines separated by line feeds."""

    text: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller is gone. Asterisk says so once, in front of its next answer or in between."""


Item = Environment | Reply | Usage | HungUp


class Decoder:
    """One conversation, from its first byte.

    Args:
        environment: whether it is still to come. False: somebody else has read it.

    Attributes:
        expected: how many replies are due.
    """

    def __init__(self, *, environment: bool = True) -> None:
        self.expected = 0
        self._heading = environment
        self._rest = bytearray()
        self._seen = 0  # how much of `_rest` is known to have no line feed
        self._values: dict[str, str] = {}  # of the environment
        self._lines: list[str] = []  # of a reply that is not yet complete
        self._size = 0  # bytes of these
        self._until = ""  # what ends it
        self._broken = ""

    @property
    def amid(self) -> bool:
        """Whether something has begun and is not complete."""
        return bool(self._rest or self._lines)

    def expects(self, replies: int = 1) -> None:
        """Say that so many commands are about to be sent."""
        self.expected += replies

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes, give what is complete with them.

        Raises:
            AgiProtocolError: see there. What came before it in the same bytes is not given: whoever crafts a value
                must not get the first half of it believed. Every later call raises it again.
        """
        if self._broken:
            raise AgiProtocolError(self._broken)
        if self.expected and not (self._heading or self._rest or self._lines):
            reply = _usual_reply(data) if len(data) <= MAX_USUAL else _whole_reply(data)
            if reply is not None:
                self.expected -= 1
                return [reply]
        try:
            return self._feed(data)
        except AgiProtocolError as broken:
            self._broken = str(broken)
            self._rest.clear()
            self._lines.clear()
            raise

    def _feed(self, data: bytes) -> list[Item]:
        items: list[Item] = []
        self._rest += data
        if self._heading and not self._values and self._rest.endswith(b"\n\n"):
            self._read_at_once(items)
        start = 0
        while (end := self._rest.find(b"\n", max(start, self._seen))) >= 0:
            self._bounded(end + 1 - start)
            line = self._rest[start:end].decode("utf-8", "surrogateescape")
            self._size += end + 1 - start
            start = end + 1
            item = self._header(line) if self._heading else self._answer(line)
            if item is not None:
                self._lines, self._size = [], 0
                items.append(item)
        del self._rest[:start]
        self._seen = len(self._rest)
        self._bounded(self._seen)
        if self._rest and not self._heading and not self.expected and not b"HANGUP\n".startswith(self._rest):
            raise AgiProtocolError(f"Asterisk said what nobody asked for: {bytes(self._rest[:80])!r}")
        return items

    def _read_at_once(self, items: list[Item]) -> None:
        """An environment that came in one piece, as it nearly always does; whatever is odd about it is left alone."""
        if len(self._rest) > MAX_ENVIRONMENT:
            return
        text = self._rest.decode("utf-8", "surrogateescape")
        found = _HEADERS.findall(text)
        values = {name: value.strip() for name, value in found}
        whole = text.count("\n") == len(found) + 1 and len(values) == len(found) <= MAX_LINES
        if whole and (len(self._rest) <= MAX_LINE or max(map(len, self._rest.split(b"\n"))) <= MAX_LINE):
            self._rest.clear()
            self._heading = False
            items.append(_environment(values))

    def _bounded(self, more: int) -> None:
        if self._heading and more > MAX_LINE + 1:
            raise AgiProtocolError(f"a line of {more:,} bytes in the environment; the limit is {MAX_LINE:,}")
        what, most = ("an environment", MAX_ENVIRONMENT) if self._heading else ("a reply", MAX_REPLY)
        if self._size + more > most:
            raise AgiProtocolError(f"{what} of {self._size + more:,} bytes; the limit is {most:,}")

    def _header(self, line: str) -> Environment | None:
        if not line:
            self._heading = False
            return _environment(self._values)
        if len(self._values) == MAX_LINES:
            raise AgiProtocolError(f"{MAX_LINES + 1} lines in the environment; the limit is {MAX_LINES}")
        found = _HEADER.fullmatch(line)
        if found is None:
            raise AgiProtocolError(f"no line of an environment: {line[:80]!r}")
        name, value = found.groups()
        if name in self._values:
            raise AgiProtocolError(f"{name} twice in the environment")
        self._values[name] = value.strip()
        return None

    def _answer(self, line: str) -> Item | None:
        if not self._lines:
            if line == "HANGUP":
                return HungUp()
            if not self.expected:
                raise AgiProtocolError(f"Asterisk said what nobody asked for: {line[:80]!r}")
            if line == _NOT_YET:
                self._size = 0
                return None
            self._until = _closing(line)
        self._lines.append(line)
        if not line.endswith(self._until):
            return None
        self.expected -= 1
        whole = "\n".join(self._lines)
        if whole.startswith("520"):
            return Usage(whole)
        return _reply(whole)


def _closing(line: str) -> str:
    """How the last line of a reply ends that begins with this line."""
    found = _REPLY.fullmatch(line)
    if found is None:
        raise AgiProtocolError(f"this is no reply: {line[:80]!r}")
    code, dash, text = found.groups()
    if dash == "-":
        if code != "520":
            raise AgiProtocolError(f"a reply {code} of several lines: {line[:80]!r}")
        return _END_OF_USAGE
    result = _RESULT.fullmatch(text)
    if code != str(_DONE) or result is None or not (result[2] or "").startswith("("):
        return ""
    return "" if _TAILED.fullmatch(result[2]) else ")"


def _environment(values: dict[str, str]) -> Environment:
    for name in MANDATORY:
        if not values.get(name):
            raise AgiProtocolError(f"the environment lacks {name}")
    called = values.get("agi_network_script") or values["agi_request"].partition("://")[2].partition("/")[2]
    path, _, asked = called.partition("?")
    arguments = _arguments(values) if "agi_arg_" in " ".join(values) else ()
    query = _query(asked) if len(asked) > MAX_USUAL else _usual_query(asked)
    return Environment(MappingProxyType(values), path.strip("/"), query, arguments)


def _arguments(values: dict[str, str]) -> tuple[str, ...]:
    names = [f"agi_arg_{at}" for at in range(1, sum(name.startswith("agi_arg_") for name in values) + 1)]
    if any(name not in values for name in names):
        raise AgiProtocolError("the arguments in the environment are not numbered one by one")
    return tuple(values[name] for name in names)


def _query(asked: str) -> Mapping[str, str]:
    query: dict[str, str] = {}
    for pair in asked.split("&") if asked else ():
        name, _, value = (unquote(part, errors="surrogateescape") for part in pair.partition("="))
        if name in query:
            raise AgiProtocolError(f"{name[:80]!r} twice in the query")
        if _CONTROL.search(name + value):
            raise AgiProtocolError(f"a control character in the query: {pair[:80]!r}")
        query[name] = value
    return MappingProxyType(query)


_usual_query = lru_cache(maxsize=64)(_query)  # the dialplan has it from its own lines


def _reply(whole: str) -> Reply:
    """A reply from its text, which may have several lines.

    Raises:
        AgiProtocolError: it says 200 without a result, or something that is no field behind it.
    """
    code, text = int(whole[:3]), whole[4:]
    if code != _DONE:
        return Reply(code, "", None, MappingProxyType({"result": ("", "")}), text)
    found = _RESULT.fullmatch(text)
    if found is None:
        raise AgiProtocolError(f"a reply without a result: {whole[:80]!r}")
    result, rest = found[1], found[2] or ""
    data, tail = None, ""
    if rest.startswith("("):
        tailed = _TAILED.fullmatch(rest)
        data, tail = (tailed[1], tailed[2]) if tailed else (rest[1:-1], "")
    elif rest:
        tail = f" {rest}"  # what is no field in it is a remark, such as GOSUB's "Gosub complete"
    fields = {name: (value, "") for name, value in _FIELD.findall(tail)}
    fields = {"result": (result, data or "")} | {name: fields[name] for name in fields if name != "result"}
    return Reply(code, result, data, MappingProxyType(fields), text)


def _whole_reply(data: bytes) -> Reply | None:
    """What nearly every reply is: one line, and nothing else. None: it is something else, or has to be refused."""
    if not 0 <= data.find(b"\n") == len(data) - 1 <= MAX_LINE:
        return None
    line = data[:-1].decode("utf-8", "surrogateescape")
    try:
        if line == _NOT_YET or line.startswith("520") or not line.endswith(_closing(line)):
            return None
        return _reply(line)
    except AgiProtocolError:
        return None


# Most replies are one of a few; what is remembered of the others is little.
_usual_reply = lru_cache(maxsize=64)(_whole_reply)


def quoted(word: object) -> str:
    """One word of a command, whatever it holds: Asterisk reads back the same.

    Control characters become blanks. A line feed would begin another command, and Asterisk has no escape for it.

    Raises:
        TypeError: None, bytes or a collection, which nobody means to send.
    """
    if not isinstance(word, str) and (word is None or isinstance(word, Iterable)):
        raise TypeError(f"a word of an AGI command is text or a number, not {type(word).__name__}")
    return '"' + str(word).replace("\\", "\\\\").replace('"', '\\"') + '"'


def one_word(text: str) -> bool:
    """Whether Asterisk reads it, as it is, as one word: it has no blank outside quotes, and its quotes are closed."""
    return _WORD.fullmatch(text) is not None


def command(name: str, *more: object) -> bytes:
    """A command: its name as it is, its other words quoted.

    Raises:
        AGIUsageError: longer than Asterisk takes: it would take the rest for another command.
        TypeError: as `quoted`.
    """
    text = " ".join([name, *map(quoted, more)])
    return raw_command(text) if len(text) > MAX_USUAL else _usual_command(text)


def raw_command(text: str) -> bytes:
    """A command whose words somebody has quoted already. Control characters, line breaks included, become blanks.

    Raises:
        AGIUsageError: as `command`.
    """
    text = _UNSAYABLE.sub(" ", text).strip(" ")
    line = text.encode("utf-8", "surrogateescape")
    if len(line) > MAX_COMMAND:
        raise AGIUsageError(f"a command of {len(line):,} bytes; Asterisk takes {MAX_COMMAND:,}: {text[:40]!r}")
    # A quote that is never closed reaches to the end, and may make fewer words of it: the more is the safer. With fewer
    # blanks than that there are not so many words.
    count = len(_WORD.findall(text)) if text.count(" ") >= MAX_WORDS else 0
    if count > MAX_WORDS:
        raise AGIUsageError(f"a command of {count:,} words; Asterisk takes {MAX_WORDS}: {text[:40]!r}")
    return line + b"\n"


_usual_command = lru_cache(maxsize=64)(raw_command)
