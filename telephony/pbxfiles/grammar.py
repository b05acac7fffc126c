"""One line of Asterisk's configuration format. Pure.

As `main/config.c` of branch 22 does it, oddities included: what Asterisk makes of a file is what counts, not what its
author meant.
"""

import itertools
from dataclasses import dataclass

MAX_LINE = 8190
"""Bytes of a line without its end; Asterisk skips what is longer."""
MAX_NESTED = 128
SHOWN = 3
"""So many letters of a word that is not known are told."""
_BLANKS = "".join(map(chr, range(33)))
_YES = frozenset({"yes", "true", "y", "t", "1", "on"})


@dataclass(frozen=True, slots=True)
class Header:
    """`[name](options)`: `appends` for `+`, `template` for `!`, `bases` for what it inherits from, in order."""

    name: str
    template: bool = False
    appends: bool = False
    bases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Directive:
    """`#include "file"`: its word in lower case, and its argument without quotes; empty when there is none."""

    word: str
    argument: str


@dataclass(frozen=True, slots=True)
class Setting:
    """`name = value`, `name => value`, or `name += value` (`adds`: to the last one of that name)."""

    name: str
    value: str
    adds: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that Asterisk does not take. `fatal`: nor the rest of the file."""

    reason: str
    fatal: bool


Parsed = Header | Directive | Setting | Refusal


def is_true(value: str) -> bool:
    """Whether Asterisk takes it for a yes."""
    return value.strip(_BLANKS).lower() in _YES


def outside_comments(line: str, depth: int) -> tuple[str, int]:
    r"""What of a line is no comment, and how deep the next line begins in `;-- … --;`.

    `\;` is a semicolon. A stray `--;` makes the depth -1, and Asterisk passes over all that follows, as it does here.
    """
    begin: int | None = 0 if depth == 0 else None
    kept, at = "", 0
    while (mark := line.find(";", at)) >= 0:
        if mark > at and line[mark - 1] == "\\":
            line, at = line[: mark - 1] + line[mark:], mark
        elif line.startswith(";--", mark) and line[mark + 3 : mark + 4] != "-":
            kept, begin = kept + ("" if begin is None else line[begin:mark]), None
            # In one comment too many, Asterisk itself would turn in a circle for ever.
            depth, at = min(depth + 1, MAX_NESTED), mark + 3
        elif mark >= at + 2 and line[mark - 2 : mark] == "--":
            depth, at = depth - 1, mark + 1
            begin = at if depth == 0 else begin
        elif depth == 0:
            line, at = line[:mark], mark
        else:
            at = mark + 1
    return (kept if begin is None else kept + line[begin:]).strip(_BLANKS), depth


def parse(text: str) -> Parsed:
    """What a line says that is neither empty nor a comment."""
    if text[0] == "[":
        return _header(text)
    if text[0] == "#":
        return _directive(text)
    return _setting(text)


def _header(text: str) -> Parsed:
    name, end, rest = text[1:].partition("]")
    if not end:
        return Refusal("no closing ']'", fatal=True)
    if not rest.startswith("("):
        return Header(name)
    inside, end, _ = rest[1:].partition(")")
    if not end:
        return Refusal("no closing ')'", fatal=True)
    options = inside.split(",")
    bases = tuple(option for option in options if option != "!" and not option.startswith("+"))
    return Header(name, "!" in options, any(option.startswith("+") for option in options), bases)


def _directive(text: str) -> Parsed:
    word, _, argument = text[1:].replace("\t", " ").partition(" ")
    argument = argument.strip(_BLANKS)
    word = word.lower()
    if word not in {"include", "tryinclude", "exec"}:
        # What stands there may be a setting that somebody meant to comment out, with its secret.
        letters = "".join(itertools.takewhile(str.isalpha, word[:SHOWN]))
        return Refusal(f"unknown directive #{letters}{'…' * (letters != word)}", fatal=False)
    if not argument:
        return Refusal(f"#{word} names nothing", fatal=False)
    closing = {'"': '"', "<": ">"}.get(argument[0])
    if closing is not None and argument.endswith(closing):
        argument = argument[1:-1]
    return Directive(word, argument)


def _setting(text: str) -> Parsed:
    escaped = text.startswith("\\")
    text = text[1:] if escaped else text
    if not text or text[0] in _BLANKS:
        return Refusal("a backslash before nothing", fatal=True)
    at = text.find("=", 1 if escaped else 0)
    if at < 0:
        return Refusal("no '='", fatal=False)
    name, value = text[:at], text[at + 1 :]
    adds = name.endswith("+")
    if adds:
        name = name[:-1]
    elif value.startswith(">"):
        value = value[1:]
    name = name.strip(_BLANKS)
    if not name:
        return Refusal("no name before '='", fatal=False)
    # What is added keeps the blank before it; the whole is stripped where it is put together.
    return Setting(name, value if adds else value.strip(_BLANKS), adds)
