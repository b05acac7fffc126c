"""FastAGI as Asterisk speaks it: what it says first, and how it answers commands. Pure."""

import re
from urllib.parse import quote

from telephony.simulator.calls import Call
from telephony.simulator.pbx import Pbx

UNKNOWN = "unknown"
MAX_COMMAND = 2_047
"""Bytes of one command with its line feed."""
_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|((?:\\.|[^\s"\\])+)')
_LINE_BREAKS = re.compile(r"[\r\n]")


def request_of(address: str, pbx: Pbx, queue: str) -> str:
    """The address that the shipped dialplan asks."""
    return f"agi://{address}/inbound?pbx={quote(pbx.systemname)}&queue={quote(queue)}&dialled="


def environment(pbx: Pbx, call: Call, request: str) -> bytes:
    """What Asterisk says about a call before it listens."""
    channel = call.channel
    pairs = {
        "network": "yes",
        "network_script": request.partition("://")[2].partition("/")[2],
        "request": request,
        "channel": channel.name,
        "language": "en",
        "type": "PJSIP",
        "uniqueid": channel.uniqueid,
        "version": "22.10.1",
        "callerid": channel.number or UNKNOWN,
        "calleridname": channel.caller_name or UNKNOWN,
        "callingpres": "0",
        "callingani2": "0",
        "callington": "0",
        "callingtns": "0",
        "dnid": call.caller.dials,
        "rdnis": UNKNOWN,
        "context": channel.context,
        "extension": channel.exten,
        "priority": channel.priority,
        "enhanced": "0.0",
        "accountcode": "",
        "threadid": pbx.booted,
    }
    lines = [f"agi_{name}: {value}\n" for name, value in pairs.items()]
    return ("".join(lines) + "\n").encode("utf-8", "surrogateescape")


def answer(pbx: Pbx, call: Call, line: str) -> bytes:
    """Execute one command, given without its line feed; give the reply."""
    words = [re.sub(r"\\(.)", r"\1", quoted or bare) for quoted, bare in _WORD.findall(line)]
    match [word.upper() for word in words[:2]]:
        case ["SET", "VARIABLE"] if len(words) == 4:  # noqa: PLR2004 - the verb, its object, name and value
            if call.channel.ended:
                return b"511 Command Not Permitted on a dead channel or intercept routine\n"
            call.variables[words[2]] = words[3]
            return b"200 result=1\n"
        case ["GET", "VARIABLE"] if len(words) == 3:  # noqa: PLR2004 - the verb, its object and the name
            value = _variable(pbx, call, words[2])
            return b"200 result=0\n" if value is None else f"200 result=1 ({value})\n".encode()
        case _:
            return b"510 Invalid or unknown command\n"


def _variable(pbx: Pbx, call: Call, name: str) -> str | None:
    known = {"SYSTEMNAME": pbx.systemname, "CHANNEL(linkedid)": call.channel.linkedid} | call.variables
    value = known.get(name)
    return None if value is None else _LINE_BREAKS.sub("", value)
