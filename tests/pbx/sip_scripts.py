"""SIPp scenarios, written out for one caller or one phone of a story.

Timers are `timeout`s of the message that is waited for, so a phone that waits to do something still sees the other
side hang up. Every phone answers 180 when it rings: a phone that never rings is a behaviour of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import quoteattr

Then = Literal["answers", "rings", "busy", "rejects", "silent", "dead", "early", "forwards"]
REFUSALS = {"busy": "486 Busy Here", "rejects": "603 Decline"}


@dataclass(frozen=True)
class Offered:
    """What a phone does with one call: times in seconds, `hangs_up_after` and the rest counted from its answer."""

    then: Then = "answers"
    rings: float = 0.0
    hangs_up_after: float | None = None
    holds: tuple[float, float] | None = None  # (after, for)
    transfers: tuple[float, str] | None = None  # (after, number): a blind transfer by REFER
    speaks: float = 1.0  # for so long, from the first answer on
    hands_over: tuple[float, str] | None = None  # (after, file): REFER with Replaces to the call noted in that file
    to: str | None = None  # where `forwards` sends the call (302)


@dataclass(frozen=True)
class Dialling:
    """What somebody who calls does: whom, with which name and number, and when he gives up."""

    number: str
    dials: str
    display: str | None = None  # raw, with its quotes: may be hostile
    hangs_up_after: float | None = None  # BYE this long after the answer, CANCEL this long after the INVITE
    talks_for: float | None = None  # where the BYE shall come at another time than the CANCEL
    presses: tuple[tuple[float, str], ...] = ()  # (seconds after the answer, key)
    takes_text: bool = False  # a MESSAGE within the call is answered; the wait for hanging up begins again with it
    noted_in: str | None = None  # a file that names this dialogue, once it rings or is answered, as Replaces wants it


_EMPTY = "Content-Length: 0\n"
_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=bench 1 {version} IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=ptime:20
a={direction}
"""


def _send(text: str, **attributes: str) -> str:
    return f"<send{_attributes(attributes)}><![CDATA[\n{text}\n]]></send>\n"


def _recv(kind: str, what: str, action: str = "", **attributes: str) -> str:
    return f"<recv {kind}={quoteattr(what)}{_attributes(attributes)}>{action}</recv>\n"


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())


def _speak(voice: str) -> str:
    return f"<nop><action><exec rtp_stream={quoteattr(voice)}/></action></nop>\n"


def _label(name: str) -> str:
    return f'<label id="{name}"/>\n'


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


def _patience(after: float | None, label: str) -> dict[str, str]:
    return {} if after is None else {"timeout": _milliseconds(after), "ontimeout": label}


# --- somebody calls ---------------------------------------------------------------------------------------------------
def _request(method: str, call: Dialling, sequence: int, url: str, *, to_tag: str = "", more: str = _EMPTY) -> str:
    return f"""{method} {url} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: {_display(call)}<sip:{call.number}@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:{call.dials}@[remote_ip]>{to_tag}
Call-ID: [call_id]
CSeq: {sequence} {method}
Contact: <sip:bench@[local_ip]:[local_port]>
Max-Forwards: 70
{more}"""


def caller(call: Dialling, voice: str | None, *, timed: bool = False) -> str:
    """A whole SIPp scenario for one call; `voice` is a file with a moment of audio, see `phones.voice`.

    `timed`: SIPp measures from INVITE to 200 (-trace_rtt).
    """
    begins, answered = ({"start_rtd": "answer"}, {"rtd": "answer"}) if timed else ({}, {})

    def inside(method: str, sequence: int, more: str = _EMPTY) -> str:
        return _request(method, call, sequence, "[next_url]", to_tag="[peer_tag_param]", more=more)

    giving_up = _patience(call.hangs_up_after, "cancel")
    note = _note(call.noted_in) if call.noted_in else ""
    url = f"sip:{call.dials}@[remote_ip]:[remote_port]"
    offer = _SDP.format(version=1, direction="sendrecv")
    body = _send(_request("INVITE", call, 1, url, more=offer), retrans="500", **begins)
    body += _recv("response", "100", optional="true", **giving_up)
    body += "".join(_recv("response", code, note, optional="true", **giving_up) for code in ("180", "183", "181"))
    for code in ("400", "403", "404", "408", "480", "481", "484", "486", "487", "488", "500", "503", "603"):
        body += _recv("response", code, optional="true", next="refused", **giving_up)
    body += _recv("response", "200", note, rrs="true", **answered, **giving_up)
    body += _send(inside("ACK", 1))
    body += _speak(voice) if voice is not None else ""
    sequence, now = 2, 0.0
    for after, key in sorted(call.presses):
        label = f"press{sequence}"
        body += _recv("request", "BYE", next="ended", **_patience(after - now, label)) + _label(label)
        relay = f"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={key}\nDuration=160\n"
        body += _send(inside("INFO", sequence, relay), retrans="500") + _recv("response", "200")
        sequence, now = sequence + 1, after
    leaving = call.talks_for if call.talks_for is not None else call.hangs_up_after
    if call.takes_text:
        body += _label("waits") + _recv("request", "MESSAGE", optional="true", next="text")
    body += _recv("request", "BYE", next="ended", **_patience(None if leaving is None else leaving - now, "leave"))
    if call.takes_text:
        body += _label("text") + _send(_REPLY.format(status="200 OK"), next="waits")
    body += _label("leave") + _send(inside("BYE", sequence), retrans="500")
    body += _recv("request", "BYE", optional="true", next="crossed") + _recv("response", "200", next="done")
    body += _label("crossed") + _send(_REPLY.format(status="200 OK")) + _recv("response", "200", next="done")
    body += _label("ended") + _send(_REPLY.format(status="200 OK"), next="done")
    body += _label("cancel") + _send(_CANCEL.format(url=url, display=_display(call), call=call), retrans="500")
    soon, late = {"timeout": "500", "ontimeout": "over"}, {"timeout": "5000", "ontimeout": "done"}
    body += _recv("response", "200", _MET, rrs="true", optional="true", next="met", test="met", **late)
    body += _recv("response", "200", rrs="true", optional="true", next="met", **late)  # the INVITE's after the CANCEL's
    body += _recv("response", "487", next="refused", **late)
    body += _label("met") + _send(inside("ACK", 1))
    body += _recv("response", "481", optional="true", next="over", **soon)  # the CANCEL's, if it is still to come
    body += _recv("response", "200", **soon)
    body += _label("over") + _send(inside("BYE", 2), retrans="500") + _recv("response", "200", next="done")
    body += _label("refused") + _send(_ACK_REFUSAL.format(url=url, display=_display(call), call=call))
    return _scenario("caller", body + _label("done") + '<nop/>\n<timewait milliseconds="50"/>\n')


def _note(file: str) -> str:
    """Write down the dialogue as the PBX knows it: its own tag is the `to-tag`. (Call-IDs have no @: see phones.py.)"""
    learn = '<ereg regexp="tag=([^;]+)" search_in="hdr" header="To:" assign_to="whole,tag"/>'
    line = "[call_id]%3Bto-tag%3D[$tag]%3Bfrom-tag%3D[pid]c[call_number]"
    command = f"echo -n '{line}' | tee {file}"  # no `>`: SIPp takes `&gt;` as it stands
    return f"<action>{learn}<exec command={quoteattr(command)}/></action>"


def _display(call: Dialling) -> str:
    return f"{call.display} " if call.display is not None else ""


# The PBX answered before it had read that we hang up: what is a call now is ended as a call.
_MET = """<action><ereg regexp="INVITE" search_in="hdr" header="CSeq:" assign_to="met"/></action>"""
_CANCEL = """CANCEL {url} SIP/2.0
[last_Via:]
From: {display}<sip:{call.number}@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:{call.dials}@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
Content-Length: 0
"""
_ACK_REFUSAL = """ACK {url} SIP/2.0
[last_Via:]
From: {display}<sip:{call.number}@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:{call.dials}@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0
"""

# --- a phone is called ------------------------------------------------------------------------------------------------
_REPLY = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:phone@[local_ip]:[local_port]>
Content-Length: 0
"""
_TAGGED = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]p[call_number]
[last_Call-ID:]
CSeq: [$sequence] INVITE
Contact: <sip:phone@[local_ip]:[local_port]>
"""
_FROM_PHONE = """{method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$us]
To:[$them]
Call-ID: [call_id]
CSeq: {sequence} {method}
Contact: <sip:phone@[local_ip]:[local_port]>
Max-Forwards: 70
{more}"""


def phone(offers: Sequence[Offered], voice: str) -> str:
    """A SIPp scenario for a phone: the n-th call gets the n-th behaviour, all later ones the last."""
    learn = '<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="sequence"/>'
    learn += '<add assign_to="offers" value="1"/>'
    jumps = ""
    for n in range(1, len(offers)):
        learn += f'<test assign_to="is{n}" variable="offers" compare="equal" value="{n}"/>'
        jumps += f'<nop next="offer{n}" test="is{n}"/>\n'
    learn += '<log message="offered"/>'
    body = '<Global variables="offers"/>\n'
    body += _recv("request", "INVITE", f"<action>{learn}</action>", rrs="true") + jumps
    for n in [len(offers), *range(1, len(offers))]:
        body += _label(f"offer{n}") + "".join(_one_offer(offers[n - 1], str(n), voice))
    body += _label("cancelled") + _send(_REPLY.format(status="200 OK"))
    body += _send(_TAGGED.format(status="487 Request Terminated") + _EMPTY, retrans="500")
    body += _recv("request", "ACK", next="done")
    body += _label("ended") + _send(_REPLY.format(status="200 OK"), next="done")
    body += _label("done") + '<nop/>\n<timewait milliseconds="50"/>\n'
    return _scenario("phone", body)


def _one_offer(offer: Offered, n: str, voice: str) -> Iterator[str]:
    if offer.then == "dead":
        yield _recv("request", "CANCEL", next="cancelled")
        return
    yield _send(_REPLY.format(status="100 Trying"))
    if offer.then in REFUSALS or offer.then == "forwards":
        if offer.rings:
            yield _send(_TAGGED.format(status="180 Ringing") + _EMPTY)
            yield _recv("request", "CANCEL", next="cancelled", **_patience(offer.rings, f"refuse{n}"))
            yield _label(f"refuse{n}")
        if offer.then == "forwards":
            away = _TAGGED.format(status="302 Moved Temporarily").replace("sip:phone@", f"sip:{offer.to}@")
            yield _send(away + _EMPTY, retrans="500")
        else:
            yield _send(_TAGGED.format(status=REFUSALS[offer.then]) + _EMPTY, retrans="500")
        yield _recv("request", "ACK", next="done")
        return
    if offer.then != "silent":
        yield _send(_TAGGED.format(status="180 Ringing") + _EMPTY)
    if offer.then != "answers":
        yield _recv("request", "CANCEL", next="cancelled")
        return
    yield _recv("request", "CANCEL", next="cancelled", **_patience(offer.rings, f"answer{n}"))
    yield _label(f"answer{n}")
    yield _send(_TAGGED.format(status="200 OK") + _SDP.format(version=1, direction="sendrecv"), retrans="500")
    yield _recv("request", "CANCEL", optional="true")
    names = '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="them"/>'
    names += '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="us"/>'
    yield _recv("request", "ACK", f"<action>{names}</action>")
    yield _speak(voice)
    yield from _in_talk(offer, n)


def _in_talk(offer: Offered, n: str) -> Iterator[str]:
    sequence = 1
    now = 0.0
    if offer.holds:
        now = offer.holds[0]
        for direction, wait in (("sendonly", offer.holds[0]), ("sendrecv", offer.holds[1])):
            yield _recv("request", "BYE", next="ended", **_patience(wait, f"{direction}{n}"))
            yield _label(f"{direction}{n}")
            sdp = _SDP.format(version=sequence + 1, direction=direction)
            yield _send(_FROM_PHONE.format(method="INVITE", sequence=sequence, more=sdp), retrans="500")
            yield _recv("response", "100", optional="true") + _recv("response", "200")
            yield _send(_FROM_PHONE.format(method="ACK", sequence=sequence, more=_EMPTY))
            sequence += 1
        now += offer.holds[1]
    if offer.transfers or offer.hands_over:
        after, target = offer.transfers or offer.hands_over or (0.0, "")
        yield _recv("request", "BYE", next="ended", **_patience(after - now, f"refer{n}"))
        yield _label(f"refer{n}")
        to = f"{target}@[local_ip]" if offer.transfers else f"other@[local_ip]?Replaces=[file name={target}]"
        target = f"Refer-To: <sip:{to}>\nReferred-By: <sip:phone@[local_ip]>\n"
        yield _send(_FROM_PHONE.format(method="REFER", sequence=sequence, more=target + _EMPTY), retrans="500")
        yield _recv("response", "202")
        yield _label(f"told{n}")
        yield _recv("request", "BYE", optional="true", next="ended")
        yield _recv("request", "NOTIFY", timeout="1000", ontimeout=f"leave{n}")
        yield _send(_REPLY.format(status="200 OK"), next=f"told{n}")
        sequence += 1
    yield _recv("request", "BYE", next="ended", **_patience(offer.hangs_up_after, f"leave{n}"))
    yield _label(f"leave{n}")
    yield _send(_FROM_PHONE.format(method="BYE", sequence=sequence, more=_EMPTY), retrans="500")
    yield _recv("request", "BYE", optional="true", next="ended")
    yield _recv("response", "200", next="done")


def _scenario(name: str, body: str) -> str:
    named = [v for v in ("sequence", "them", "us", "whole") if f'assign_to="{v}' in body]
    used = "".join(f'<Reference variables="{v}"/>' for v in named)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{body}{used}\n</scenario>\n'
