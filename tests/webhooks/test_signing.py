"""How webhooks are signed, and where they may go."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from telephony.webhooks.addresses import refused
from telephony.webhooks.deciding import Fate, fate
from telephony.webhooks.signing import Event, event_id, headers, key_of

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
CASE = UUID(int=7)


def test_the_signature_is_over_id_time_and_body_and_the_body_is_the_same_each_time() -> None:
    event = Event(event_id("case.closed", CASE, 3), "case.closed", AT, {"id": str(CASE), "owner": "张敏"})
    told = headers(event, AT + timedelta(seconds=5), key_of(SECRET))
    assert told["webhook-timestamp"] == "1772413205"
    signed = b".".join([told["webhook-id"].encode(), told["webhook-timestamp"].encode(), event.body])
    expected = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert told["webhook-signature"] == f"v1,{expected}"
    later = headers(event, AT + timedelta(hours=1), key_of(SECRET))
    assert (later["webhook-id"], later["webhook-signature"]) != (told["webhook-id"], told["webhook-signature"])
    assert later["webhook-id"] == told["webhook-id"]
    assert json.loads(event.body) == {
        "type": "case.closed", "timestamp": "2026-03-02T01:00:00.000000Z", "data": {"id": str(CASE), "owner": "张敏"},
    }  # fmt: skip
    assert event_id("case.closed", CASE, 4) != event.id


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", SECRET[6:], "whsec_ä", f"{SECRET}*", f"whsec_{'A' * 100}"]
)
def test_a_secret_is_random_bytes_of_some_length(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 random bytes") as caught:
        key_of(secret)
    assert not secret[6:] or secret[6:] not in str(caught.value)


INNER = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00:ec2::254",
    "::ffff:10.0.0.1", "2002:0a00:0001::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
)  # fmt: skip
NEVER = (
    "169.254.169.254", "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:169.254.169.254",
    "no address",
)  # fmt: skip


def test_nothing_goes_into_our_own_network_unless_that_is_said_and_never_to_where_clouds_keep_keys() -> None:
    assert not refused("93.184.216.34", private=False)
    assert not refused("2606:2800:220:1::1", private=False)
    for address in (*INNER, *NEVER):
        assert refused(address, private=False), address
    for address in ("127.0.0.1", "10.1.2.3", "::1", "fd00::1", "::ffff:10.0.0.1"):
        assert not refused(address, private=True), address
    for address in (*NEVER, "64:ff9b::a9fe:a9fe"):
        assert refused(address, private=True), address


def test_an_event_is_tried_until_it_is_taken_refused_for_good_or_too_old() -> None:
    hour, day = timedelta(hours=1), timedelta(hours=24)
    assert fate(204, 1, day, day) is Fate.DELIVERED
    assert [fate(status, 1, hour, day) for status in (None, 302, 400, 404, 429, 500)] == [Fate.AGAIN] * 6
    assert [fate(status, 5, hour, day) for status in (None, 408, 429, 503)] == [Fate.AGAIN] * 4
    assert [fate(status, 5, hour, day) for status in (400, 404, 422)] == [Fate.PARKED] * 3
    assert fate(410, 1, hour, day) is Fate.PARKED
    assert [fate(status, 1, day, day) for status in (None, 429, 500)] == [Fate.PARKED] * 3
