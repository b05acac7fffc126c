"""What a line to one PBX needs to know, and the only clock of the product."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Two clocks. Tests have their own."""

    def monotonic(self) -> timedelta:
        """Time since some fixed moment; never goes back."""
        ...

    def wall(self) -> datetime:
        """This machine's opinion of the time, in UTC. Only used until the PBX has told its own."""
        ...


class SystemClock:
    """The machine's."""

    def monotonic(self) -> timedelta:
        """CLOCK_MONOTONIC."""
        return timedelta(microseconds=time.monotonic_ns() // 1000)

    def wall(self) -> datetime:
        """CLOCK_REALTIME."""
        return datetime.now(UTC)  # noqa: TID251 - here, and nowhere else


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiSettings:
    """One PBX's manager interface.

    Attributes:
        host: name or address.
        username: of a `manager.conf` account with read=agent,call,system,user and write=reporting.
        secret: goes out as an MD5 answer to the PBX's challenge.
        systemname: of asterisk.conf; None with `strict=False` only.
        strict: refuse events without Timestamp and SystemName.
        tls: speak TLS; `tls_ca` names a PEM file of authorities beside the machine's own, and `host` must be in the
            certificate.
        plain_login: send the secret in clear, should the PBX offer no challenge. Over TLS that is always allowed.
        connect_within: for TCP and TLS.
        answer_within: for the banner and each answer during the login. Asterisk takes 1 s to refuse a wrong secret.
        ping_every: silence or not, a Ping is sent so often.
        ping_patience: a Ping unanswered for so long, with nothing else heard meanwhile, is a miss.
        pings_missed: so many misses on end, and the line is dead: with the defaults, 11 s after the last byte.
        request_within: a request of ours that is not completed by then is told to be expired.
        booted_within: how long after the login to wait for FullyBooted before saying in the log that it is missing.
        first_delay: ceiling of the first pause before a new try; doubles up to `last_delay`.
        refused_delay: ceiling of the pause after a refused login; the floor is half of it. Asterisk logs each refusal,
            and fail2ban counts them.
        events: False: an account for actions; the PBX is asked to tell it nothing.
        buffer_messages: so many messages wait for the follower; one more, and the line is closed.
        stall_sample: how often it is measured whether the event loop is late.
    """

    host: str
    port: int = 5038
    username: str
    secret: str = field(repr=False)
    systemname: str | None
    strict: bool = True
    tls: bool = False
    tls_ca: Path | None = None
    plain_login: bool = False
    connect_within: timedelta = timedelta(seconds=5)
    answer_within: timedelta = timedelta(seconds=10)
    ping_every: timedelta = timedelta(seconds=5)
    ping_patience: timedelta = timedelta(seconds=3)
    pings_missed: int = 2
    request_within: timedelta = timedelta(seconds=30)
    booted_within: timedelta = timedelta(seconds=30)
    first_delay: timedelta = timedelta(milliseconds=500)
    last_delay: timedelta = timedelta(seconds=3)
    refused_delay: timedelta = timedelta(seconds=60)
    events: bool = True
    buffer_messages: int = 50_000
    stall_sample: timedelta = timedelta(milliseconds=50)
