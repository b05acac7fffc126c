"""Which header names a message may have, in which order: where hostile text shows itself.

Pure. A caller who breaks out of his value with CR LF adds lines, or cuts the message in two. He cannot do either
without disturbing the order of the names, because Asterisk writes the headers around every value of a caller always in
the same order. docs/decisions/hostile-headers.md has the whole argument; `tests/ami/test_hostile.py` tries to break it.

A PBX uses one to four layouts for each event. Each is judged once; from then on, one regular expression tells in one
go that a message has that layout, that its opening is right and that no value holds a control byte.
"""

import re

MAX_LEARNED = 8
"""Layouts of one rule that become a regular expression; further ones are judged message by message, only slower."""
MAX_NAME = 120

_PRIVILEGE = r"[a-z]+(?:,[a-z]+)*,all"
_TIMESTAMP = r"[0-9]{10}\.[0-9]{6}"
# The only control bytes are the two at the end of each line. C1 controls are text: in UTF-8 they are no bytes of their
# own, and they end no line.
_TEXT = r"[^\x00-\x1f\x7f]*+"
_CLEAN = re.compile(_TEXT)
# `debug=on` in manager.conf puts these four there. They only make an opening longer, and so harder to forge.
_DEBUG = r"(?:\r\nSequenceNumber: [0-9]+\r\nFile: [\w.-]+\r\nLine: [0-9]+\r\nFunc: \w+)?"
_OPENING = ("Event", "Privilege", "Timestamp", "SequenceNumber", "File", "Line", "Func", "SystemName")
_ONLY_THERE = frozenset({"Event", "Privilege", "Timestamp", "SystemName"})

# One channel, as every event since Asterisk 12 describes it, in this order and with nothing in between. A prefix
# (`Dest`, `Transferee`) stands before all fourteen.
_CHANNEL = (
    "Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum",
    "ConnectedLineName", "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid",
)  # fmt: skip
# A caller, as QueueStatus lists him.
_QUEUE_ENTRY = (
    "Channel", "Uniqueid", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Wait",
)  # fmt: skip
# OriginateResponse; no other event begins this run, so that it makes none of them easier to forge.
_ORIGINATED = ("Response", "Channel", "Context", "Exten", "Reason", "Uniqueid", "CallerIDNum", "CallerIDName")
# Where one of these stands, the whole run must stand around it. Names that events also use elsewhere are not here.
_PARTS = (
    "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName",
    "Language", "AccountCode", "Linkedid",
)  # fmt: skip
# What follows these is fixed for the same reason: a caller may have dialled their text. Empty: nothing follows.
_FOLLOWED_BY = {"ApplicationData": "Duration", "DialString": ""}
# `Cause-txt`, `CID-CallingPres`, and the `ChanVariable(PJSIP/1001-00000001)` of old.
_HEADER = re.compile(rf"[A-Za-z][A-Za-z0-9_()/@;.-]{{0,{MAX_NAME - 1}}}")
_REPEATABLE = "ChanVariable"


class Opening:
    """How an event of one PBX opens: Event, Privilege, Timestamp, SystemName, and nothing else in between.

    Args:
        systemname: what SystemName must be; None: any.
        strict: whether Timestamp and SystemName must be there. What is there must be right in any case.
    """

    def __init__(self, systemname: str | None, *, strict: bool) -> None:
        self._values = {
            "Privilege": _PRIVILEGE,
            "Timestamp": _TIMESTAMP,
            "SystemName": _TEXT if systemname is None else re.escape(systemname),
        }
        stamp = rf"\r\nTimestamp: {_TIMESTAMP}"
        system = rf"\r\nSystemName: {self._values['SystemName']}(?=\r\n|\Z)"
        if not strict:
            stamp = rf"(?:{stamp})?(?!\r\nTimestamp: )"
            system = rf"(?:{system})?(?!\r\nSystemName: )"
        self._begin = re.compile(rf"Event: \w+\r\nPrivilege: {_PRIVILEGE}{stamp}{_DEBUG}{system}(?=\r\n|\Z)", re.ASCII)

    def begins(self, text: str) -> bool:
        """Whether a message opens so."""
        return self._begin.match(text) is not None

    def value(self, name: str) -> str:
        """The pattern of what may stand behind one of its headers."""
        return self._values.get(name, _TEXT)


class Rule:
    """What is asked of one kind of message.

    Args:
        event: the event's name; empty where the rule is for several.
        mandatory: the headers that must be there.
        opening: how it must begin; None when that is not asked.
    """

    __slots__ = ("_mandatory", "_opening", "event", "learned")

    def __init__(self, event: str, mandatory: frozenset[str], opening: Opening | None = None) -> None:
        self.event = event
        self._mandatory, self._opening = mandatory, opening
        self.learned: list[tuple[re.Pattern[str], tuple[str, ...]]] = []
        """Layouts judged good: what a whole such message matches, group by group the values, and its header names."""

    def examine(self, lines: list[list[str]], text: str) -> str:
        """What is wrong with a message; empty when nothing is. Learns a good layout.

        Args:
            lines: each line of it, split at its first `: `.
            text: the whole of it.
        """
        if self._opening is not None and not self._opening.begins(text):
            return "opens otherwise than an event of this PBX"
        if any(len(line) == 1 for line in lines):
            return "a line without a colon and a blank"
        if not all(_CLEAN.fullmatch(value) for _, value in lines):
            return "a control byte within a line"
        names = tuple([name for name, _ in lines])
        reason = self._judge(names)
        if not reason and len(self.learned) < MAX_LEARNED and not any(name.endswith(_REPEATABLE) for name in names):
            value = _text if self._opening is None else self._opening.value
            pattern = r"\r\n".join([f"{re.escape(name)}: ({value(name)})" for name in names])
            self.learned.append((re.compile(pattern), names))
        return reason

    def _judge(self, names: tuple[str, ...]) -> str:
        single = [name for name in names if not name.endswith(_REPEATABLE)]
        if len(set(single)) != len(single):
            return "a single-valued header twice"
        missing = self._mandatory.difference(single)
        if missing:
            return f"without {', '.join(sorted(missing))}"
        if self._opening is not None and not _opens_once(names):
            return "a part of the opening elsewhere"
        return next(filter(None, (_misplaced(names, at) for at in range(len(names)))), "")


def _text(_name: str) -> str:
    return _TEXT


def _misplaced(names: tuple[str, ...], at: int) -> str:
    name = names[at]
    if _HEADER.fullmatch(name) is None:
        return "a header name that is none"
    if name in _FOLLOWED_BY and "".join(names[at + 1 : at + 2]) != _FOLLOWED_BY[name]:
        return f"something foreign after {name}"
    if name.endswith(_PARTS) and not _is_within_a_run(names, at):
        return f"something foreign around {name}"
    return ""


def _opens_once(names: tuple[str, ...]) -> bool:
    length = 0
    for name in _OPENING:
        if names[length : length + 1] == (name,):
            length += 1
    return _ONLY_THERE.isdisjoint(names[length:])


def _is_within_a_run(names: tuple[str, ...], at: int) -> bool:
    for run in (_CHANNEL, _QUEUE_ENTRY, _ORIGINATED):
        for place, part in enumerate(run):
            prefix = names[at].removesuffix(part)
            start = at - place
            if prefix != names[at] and start >= 0:
                expected = tuple([prefix + name for name in run])
                if names[start : start + len(run)] == expected:
                    return True
    return False
