"""The end of a conversation that its script does not end."""

import asyncio
import socket

from telephony.agi.takeover import Takeover
from tests.agi.pools import tcp_pair, until
from tests.support.agi_peer import AgiPeer


async def test_it_says_why_ends_our_side_and_hears_the_pbx_out() -> None:
    ours, theirs = tcp_pair()
    done: list[Takeover] = []
    async with await AgiPeer.on(theirs) as peer:
        takeover = Takeover(ours, "late", done.append)
        assert await peer.hear() == 'SET VARIABLE "THREERINGS_SCRIPT" "late"'
        assert await peer.hear() is None
        peer.say(b"200 result=0\n" * 10_000)
        await asyncio.sleep(0)
        assert not done
    await until(lambda: done)
    takeover.close()
    assert done == [takeover]
    assert ours.fileno() < 0


async def test_a_duplicate_elsewhere_does_not_keep_the_call() -> None:
    ours, theirs = tcp_pair()
    done: list[Takeover] = []
    with ours.dup() as elsewhere:
        async with await AgiPeer.on(theirs) as peer:
            Takeover(ours, "host_lost", done.append).close()
            await peer.hear()
            assert await peer.hear() is None
        assert elsewhere.fileno() >= 0
    assert len(done) == 1


async def test_a_peer_that_is_gone_is_told_nothing() -> None:
    ours, theirs = tcp_pair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    done: list[Takeover] = []
    Takeover(ours, "late", done.append)
    await until(lambda: done)
