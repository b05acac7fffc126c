"""The PBX's side of FastAGI, against the product's own reading of it."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from telephony.agi.codec import Decoder, Environment, Reply, command
from telephony.simulator import agi
from telephony.simulator import branch as places
from telephony.simulator.agiclient import AgiClient
from telephony.simulator.branch import Branch
from telephony.simulator.calls import Call
from telephony.simulator.dialplan import Dialplan
from telephony.simulator.live import Live
from telephony.simulator.pbx import Pbx
from telephony.simulator.people import Caller
from telephony.simulator.timeline import Timeline
from telephony.simulator.traffic import new_pbx
from tests.simulator.bench import C1, START

CASE = "5b7c1f3e-0000-5000-8000-000000000000"


def one_call(caller: Caller | None = None) -> tuple[Pbx, Call]:
    timeline = Timeline(START)
    pbx = new_pbx(timeline, "pbx1", Branch(), Random(1))
    call = Dialplan(pbx, places.extensions()).call(caller or Caller(number=C1, name="王 \\ 小明", dials="4001"))
    return pbx, call


def test_the_product_reads_who_calls_and_what_was_dialled() -> None:
    pbx, call = one_call()
    request = agi.request_of("127.0.0.1:4573", pbx, "support")
    (heard,) = Decoder().feed(agi.environment(pbx, call, request))
    assert isinstance(heard, Environment)
    assert (heard.uniqueid, heard.channel, heard.callerid) == (call.channel.uniqueid, call.channel.name, C1)
    assert (heard.dnid, heard.script, dict(heard.query)) == (
        "4001",
        "inbound",
        {"pbx": "pbx1", "queue": "support", "dialled": ""},
    )


def test_a_variable_that_the_product_sets_is_set_whatever_is_in_it() -> None:
    pbx, call = one_call()
    line = command("SET VARIABLE", "THREERINGS_QUEUE", 'a "b" \\ c').decode().rstrip("\n")
    assert agi.answer(pbx, call, line) == b"200 result=1\n"
    assert call.variables == {"THREERINGS_QUEUE": 'a "b" \\ c'}


@pytest.mark.parametrize(
    ("name", "value"), [("SYSTEMNAME", "pbx1"), ("CHANNEL(linkedid)", f"pbx1-{START // 10**6}.0"), ("NOTHING", None)]
)
def test_what_the_product_asks_it_is_told(name: str, value: str | None) -> None:
    pbx, call = one_call()
    decoder = Decoder(environment=False)
    decoder.expects()
    (reply,) = decoder.feed(agi.answer(pbx, call, command("GET VARIABLE", name).decode().rstrip("\n")))
    assert isinstance(reply, Reply)
    assert (reply.code, reply.result, reply.data) == (200, "0" if value is None else "1", value)


def test_a_dead_channel_says_so_and_an_unknown_command_is_one() -> None:
    pbx, call = one_call()
    assert agi.answer(pbx, call, "PLAY FANFARE").startswith(b"510")
    pbx.end(call.channel)
    assert agi.answer(pbx, call, "SET VARIABLE a b").startswith(b"511")


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def asked(serve: Serve | None, *, guard: float = 2.0) -> tuple[AgiClient, Call]:
    """A call to support, asked about on this server (None: nobody listens), until it has been answered or let go."""
    timeline = Timeline(START)
    pbx = new_pbx(timeline, "pbx1", Branch(), Random(1))
    live = Live(timeline, lambda: timeline.now)
    server = await asyncio.start_server(serve or _nothing, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()[:2]
    if serve is None:
        server.close()
        await server.wait_closed()
    async with asyncio.TaskGroup() as tasks:
        client = AgiClient(pbx, live, tasks, guard)
        client.address = address
        call = Dialplan(pbx, places.extensions(), ask=client.ask).call(Caller(number=C1, dials="4001"))
        timeline.advance(START)
    server.close()
    timeline.advance(START + 20_000)
    return client, call


async def _nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def names_trade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\n\n")
    for name, value in (("THREERINGS_CASE", CASE), ("THREERINGS_QUEUE", "trade"), ("THREERINGS_PRIORITY", "3")):
        writer.write(command("SET VARIABLE", name, value))
        assert await reader.readline() == b"200 result=1\n"
    writer.close()


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def test_the_call_goes_where_the_answer_says() -> None:
    client, call = await asked(names_trade)
    assert (client.asked, client.unanswered) == (1, 0)
    assert call.variables["THREERINGS_CASE"] == CASE
    assert call.stay is not None
    assert call.stay.queue == "trade"
    assert call.stay.outcome == "refused_empty"  # nobody has logged in there


async def test_where_nobody_listens_the_call_goes_on_with_the_default() -> None:
    client, call = await asked(None)
    assert (client.asked, client.unanswered) == (1, 1)
    assert call.stay is not None
    assert call.stay.queue == "support"


async def test_a_server_that_says_nothing_is_let_go_after_the_guard() -> None:
    client, call = await asked(hangs, guard=0.05)
    assert client.unanswered == 1
    assert call.stay is not None
    assert call.stay.queue == "support"
