"""Breaks real AGI conversations in every way it can think of: `python -m tests.property.fuzz_agi --seconds 60`.

The conversations are what a real Asterisk 22 said. It looks for: an exception that is not AgiProtocolError, a meaning
that is not pyst2's, an answer that depends on where the network cut the stream, a buffer that grows beyond its limit, a
value that comes as another one, a command that Asterisk would read as another one, and for time wasted on one input.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from telephony.agi import vocabulary as say
from telephony.agi.codec import (
    MAX_COMMAND,
    MAX_ENVIRONMENT,
    MAX_REPLY,
    Decoder,
    Item,
    Reply,
    Usage,
    command,
    raw_command,
)
from telephony.agi.errors import AGIError, AgiProtocolError, AGIUsageError
from telephony.agi.vocabulary import Exchange
from tests.support.agi_peer import USAGE, environment
from tests.support.agi_words import parse_args

SLOW = 0.5
"""Seconds of processor time for one input that are a finding."""

REPLIES = [
    b"200 result=1\n",
    b"200 result=1 (Local/1@agitest-00000000;1)\n",
    b'200 result=1 (a"b\\c (d) \xc3\xa9 \\" x=y;{}$%,|)\n',
    b"200 result=1 ()\n",
    b"200 result=1 (a\nb)\n",
    b"100 result=0 Trying...\n200 result=0 Gosub complete (abnormal exit)\n",
    b"200 result= (timeout)\n",
    b"200 result=49 endpos=3520\n",
    b"200 result=0 (timeout) endpos=4711\n",
    b"200 result=-1 (hangup) endpos=0\n",
    b"200 result=1 (digit) digit=* endpos=5\n",
    b'200 result=1 (speech) endpos=1 results=1 score0=9 text0="two words" grammar0=yes\n',
    b"510 Invalid or unknown command\n",
    b"511 Command Not Permitted on a dead channel or intercept routine\n",
    b"520 Invalid command syntax.  Proper usage not available.\n",
    b"HANGUP\n200 result=-1\n",
    USAGE,
]
SMALL = [
    b"HANGUP\n", b"\n", b"\r", b"\x00", b"200 result=", b"520-", b"520 ", b"520 End of proper usage.\n", b"(", b")",
    b") ", b")\n", b"(timeout)", b" endpos=1", b"x) a=b", b'="', b'"', b"\\", b" ", b"agi_", b"agi_threadid: 1\n",
    b"\xff", b"\xc3", b"100 result=0 Trying...\n", b"\xe2\x80\xa8", b"510 x\n", b"-", b"=", b"?a=1&a=2", b"%0a",
    b": ", b"hangup", b"x", b"a b",
]  # fmt: skip
LARGE = [b"x" * 5_000, b"(a) b=c " * 2_000, b'") a=' * 2_000, b"\n" * 300, b') a="' * 3_000, b"\\" * 1_500]
TOKENS = SMALL + LARGE
MEANINGS: list[Exchange[Any]] = [
    say.noop(), say.stream_file("x"), say.get_variable("x"), say.database_get("f", "k"), say.record_file("x"),
    say.channel_status(), say.get_data("x"), say.execute("GET VARIABLE", "x"), say.execute("NOOP"), say.appexec("x"),
    say.tdd_mode(), say.send_image("x"), say.database_put("f", "k", "v"), say.wait_for_digit(),
]  # fmt: skip


@dataclass
class Findings:
    """What was found: `faults` by what is wrong, each with the first input that shows it."""

    inputs: int = 0
    refused: int = 0
    slowest: float = 0.0
    faults: dict[str, bytes] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)

    def fault(self, what: str, data: bytes) -> None:
        self.faults.setdefault(what, data)


def mutated(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at, to = sorted((rng.randrange(len(out) + 1), rng.randrange(len(out) + 1)))
        match rng.randrange(7):
            case 0:
                out[at:at] = rng.choice(TOKENS)
            case 1:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                del out[at : min(to, at + rng.choice((1, 3, 50)))]
            case 3:
                out[at:at] = out[at : min(to, at + 300)] * rng.choice((1, 2, 200))
            case 4:
                out[at : at + 1] = bytes([(out[at] if at < len(out) else 0) ^ (1 << rng.randrange(8))])
            case 5:
                out[at : min(to, at + 20)] = rng.choice(TOKENS)
            case _:
                del out[at:]
        del out[200_000:]
    return bytes(out)


def heard(decoder: Decoder, chunks: list[bytes]) -> tuple[list[Item], str]:
    items: list[Item] = []
    try:
        for chunk in chunks:
            items += decoder.feed(chunk)
            kept = len(decoder._rest) + sum(map(len, decoder._lines))
            if kept > max(MAX_ENVIRONMENT, MAX_REPLY) + 1:
                raise MemoryError(f"{kept:,} bytes are kept")
    except AgiProtocolError as broken:
        return items, str(broken) or "?"
    return items, ""


def cut(rng: random.Random, data: bytes) -> list[bytes]:
    if len(data) < 2_000 and rng.random() < 0.3:
        return [data[at : at + 1] for at in range(len(data))]
    places = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((1, 2, 10))))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def conversation(rng: random.Random, found: Findings) -> None:
    """A real conversation, broken: whole and in pieces it must come to the same."""
    heading = rng.random() < 0.4
    replies = rng.choices(REPLIES, k=rng.choice((0, 1, 1, 2, 5)))
    head = environment("inbound?queue=support&pbx=pbx1", "one", "two words") if heading else b""
    data = mutated(rng, head + b"".join(replies))

    def decoder() -> Decoder:
        made = Decoder(environment=heading)
        made.expects(len(replies))
        return made

    whole, fault = heard(decoder(), [data])
    pieces, other = heard(decoder(), cut(rng, data))
    found.refused += bool(fault)
    if bool(fault) != bool(other):
        found.fault(f"cut elsewhere, it is {other or 'no fault'!r} instead of {fault or 'no fault'!r}", data)
    elif not fault and whole != pieces:
        found.fault("cut elsewhere, it says something else", data)
    for item in whole:
        found.met[type(item).__name__] += 1
        if isinstance(item, Reply | Usage):
            understood(item, data, found)


def understood(reply: Reply | Usage, data: bytes, found: Findings) -> None:
    for exchange in MEANINGS:
        try:
            exchange.meaning(reply)
        except AGIError:
            continue
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.fault(f"{exchange.line!r} raised {error!r}", data)


def crafted(rng: random.Random, found: Findings) -> None:
    """A value that somebody made: it comes as it is, or ends the conversation."""
    value = b"".join(rng.choices(SMALL, k=rng.randrange(8)))
    data = b"200 result=1 (" + value + b")\n"
    decoder = Decoder(environment=False)
    decoder.expects()
    items, fault = heard(decoder, [data])
    found.refused += bool(fault)
    if not fault:
        [reply] = items if len(items) == 1 else [None]
        if not isinstance(reply, Reply) or (reply.data or "").encode("utf-8", "surrogateescape") != value:
            found.fault(f"a value came as {reply!r}", data)
    decoder = Decoder(environment=False)
    decoder.expects()
    pieces, other = heard(decoder, cut(rng, data))
    if bool(fault) != bool(other) or (not fault and pieces != items):
        found.fault("a crafted value, cut elsewhere, comes to something else", data)


def spoken(rng: random.Random, found: Findings) -> None:
    """Any text in a command: Asterisk reads the same words back, in one line."""
    word = mutated(rng, b"".join(rng.choices(SMALL, k=3))).decode("utf-8", "surrogateescape")[:3_000]
    data = word.encode("utf-8", "surrogateescape")
    try:
        line = command("SET VARIABLE", "NAME", word)
        raw = raw_command(f"NOOP {word}")
    except AGIUsageError:
        found.refused += 1
        return
    if any(it.count(b"\n") != 1 or not it.endswith(b"\n") or len(it) > MAX_COMMAND + 1 for it in (line, raw)):
        found.fault("a command that is not one line", data)
    plain = "".join(" " if ord(char) < 32 or ord(char) == 127 else char for char in word)
    if parse_args(line.decode("utf-8", "surrogateescape")) != ["SET", "VARIABLE", "NAME", plain]:
        found.fault("a word that Asterisk reads otherwise", data)


def fuzz(seconds: float, seed: int) -> Findings:
    """Until the time is over, or the findings are many."""
    rng, found = random.Random(seed), Findings()
    kinds: list[Callable[[random.Random, Findings], None]] = [conversation, conversation, crafted, spoken]
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(found.faults) < 20:
        kind, state, began = rng.choice(kinds), rng.getstate(), time.process_time()
        try:
            kind(rng, found)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.fault(f"{kind.__name__} raised {error!r}", repr(hash(state)).encode())
        took = time.process_time() - began
        found.slowest = max(found.slowest, took)
        if took > SLOW:
            found.fault(f"{kind.__name__} took {took:.2f} s", repr(hash(state)).encode())
        found.inputs += 1
    return found


def main() -> int:
    """Say what was found; 1 when anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    asked = parser.parse_args()
    found = fuzz(asked.seconds, asked.seed)
    print(
        f"seed {asked.seed}: {found.inputs:,} inputs, {found.inputs / asked.seconds:,.0f}/s; {found.refused:,} refused;"
    )
    print(f"{dict(found.met)}; slowest {found.slowest * 1000:.0f} ms; {len(found.faults)} faults")
    for what, data in found.faults.items():
        print(f"  {what}: {data[:300]!r}")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
