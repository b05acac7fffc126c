"""How what is sent is signed, as Standard Webhooks has it: HMAC-SHA256 over id, time and body. Pure."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from telephony.calls.record import THREE_RINGS

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64


@dataclass(frozen=True, slots=True)
class Event:
    """What happened.

    Attributes:
        id: the same for every attempt to tell it. topic: what, as `case.closed`. at: when.
        data: about what, as JSON has it.
    """

    id: UUID
    topic: str
    at: datetime
    data: Mapping[str, object]

    @property
    def body(self) -> bytes:
        """The same for every attempt."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        told = {"type": self.topic, "timestamp": at, "data": dict(self.data)}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def event_id(topic: str, subject: UUID, version: int) -> UUID:
    """Of what happened to a case or call back in becoming this version."""
    return uuid5(THREE_RINGS, f"told\x1f{topic}\x1f{subject}\x1f{version}")


def key_of(secret: str) -> bytes:
    """The key that a secret is.

    Raises:
        ValueError: it is none; says nothing of it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        key = b""
    if not secret.startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"should be {PREFIX} and {LEAST_BYTES} to {MOST_BYTES} random bytes in base64")
    return key


def headers(event: Event, at: datetime, key: bytes) -> dict[str, str]:
    """Of one attempt.

    Args:
        event: what is told.
        at: when it is sent; a receiver refuses what is old.
        key: shared with the receiver.
    """
    id_, sent = f"msg_{event.id.hex}", str(int(at.timestamp()))
    signed = f"{id_}.{sent}.".encode() + event.body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": id_, "webhook-timestamp": sent, "webhook-signature": f"v1,{signature}"}
