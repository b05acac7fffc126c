"""One case whichever of AGI and AMI came first; where the call goes is known without anybody."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import pytest

from handlers.agi.claims import Claims
from handlers.agi.directory import Directory, Published
from handlers.agi.inbound import Asker, Inbound
from telephony.agi.answering import Answering
from telephony.agi.codec import Environment
from telephony.agi.connection import AgiConnection
from telephony.agi.errors import AGIHangup, AgiProtocolError
from telephony.calls.facts import Uniqueid
from telephony.calls.record import Standing, call_id, case_id
from tests.support.agi_peer import AgiPeer, Answer, environment

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
CHANNEL = "pbx1-1700000000.1"
CASE = case_id(call_id("pbx1", Uniqueid(CHANNEL)))


@dataclass
class Follower:
    """What AMI has told of channels, and is about to tell."""

    told: dict[str, Standing] = field(default_factory=dict)
    soon: dict[str, Standing] = field(default_factory=dict)
    synchronised: bool = True
    named: list[tuple[str, UUID | None]] = field(default_factory=list)

    def claimed(self, uniqueid: Uniqueid, case: UUID | None) -> None:
        self.named.append((uniqueid, case))

    @property
    def tracker(self) -> Self:
        return self

    def standing(self, uniqueid: Uniqueid) -> Standing | None:
        return self.told.get(uniqueid)

    async def sighted(self, uniqueid: Uniqueid, limit: float) -> Standing | None:
        assert 0 < limit < 0.3
        await asyncio.sleep(0)
        return self.soon.get(uniqueid)


@dataclass
class Office:
    """The route, the PBXs that ask, and what was claimed."""

    pbxs: dict[str, Asker] = field(default_factory=lambda: {"pbx1": Asker("127.0.0.1", Follower())})
    claimed: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.claims = Claims(lambda *told: self.claimed.append(told), lambda: 0.0)
        numbers = {"4001": Published("support", 5, None), "4002": Published(None, 0, None)}
        self.inbound = Inbound(self.pbxs, Directory(numbers), self.claims, lambda: MONDAY)

    async def asked(
        self, request: bytes, answers: Mapping[str, Answer] | None = None
    ) -> tuple[str, dict[str, str], list[str]]:
        """Result, variables that were set, everything that the PBX was told."""
        ours, theirs = socket.socketpair()
        ready = asyncio.Event()
        connection = AgiConnection(lambda _: ready.set())
        await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, ours)
        async with await AgiPeer.on(theirs) as peer, asyncio.TaskGroup() as tasks:
            peer.say(request)
            answering = tasks.create_task(
                peer.answer({'GET VARIABLE "SYSTEMNAME"': b"200 result=1 (pbx1)\n"} | dict(answers or {}))
            )
            await ready.wait()
            assert connection.environment is not None
            over: asyncio.Future[str | Exception] = asyncio.get_running_loop().create_future()
            Answering(connection, self.inbound(connection.environment, ""), tasks, over.set_result).begin()
            result = await over
            connection.close()
            await answering
            if isinstance(result, Exception):
                raise result
        words = [line.split('"') for line in peer.commands if line.startswith("SET VARIABLE")]
        return result, {word[1].removeprefix("THREERINGS_"): word[3] for word in words}, peer.commands

    def knows(self, case: UUID | None, channel: str = CHANNEL) -> None:
        follower = self.pbxs["pbx1"].follower
        assert isinstance(follower, Follower)
        follower.told[channel] = Standing(UUID(int=1), case)


async def test_the_case_of_a_channel_that_ami_knows_is_amis() -> None:
    office = Office()
    office.knows(UUID(int=7))
    result, told, _ = await office.asked(environment("inbound?queue=sales"))
    assert result == "ok"
    assert told == {"CASE": str(UUID(int=7)), "QUEUE": "support", "PRIORITY": "5", "HOURS": "open"}
    assert office.claimed == [("pbx1", "known")]
    follower = office.pbxs["pbx1"].follower
    assert isinstance(follower, Follower)
    assert follower.named == [(CHANNEL, UUID(int=7))]


async def test_what_ami_tells_in_a_moment_is_waited_for() -> None:
    office = Office()
    follower = office.pbxs["pbx1"].follower
    assert isinstance(follower, Follower)
    follower.soon[CHANNEL] = Standing(UUID(int=1), UUID(int=7))
    _, told, _ = await office.asked(environment("inbound"))
    assert (told["CASE"], office.claimed) == (str(UUID(int=7)), [("pbx1", "known")])


async def test_where_ami_is_away_nobody_waits_for_what_it_will_not_tell() -> None:
    office = Office()
    follower = office.pbxs["pbx1"].follower
    assert isinstance(follower, Follower)
    follower.synchronised = False
    follower.soon[CHANNEL] = Standing(UUID(int=1), UUID(int=7))
    _, told, _ = await office.asked(environment("inbound"))
    assert told["CASE"] != str(UUID(int=7))


async def test_before_ami_the_case_is_derived_from_the_calls_oldest_channel() -> None:
    office = Office()
    root = "pbx1-1700000000.0"
    linked: dict[str, Answer] = {'GET VARIABLE "CHANNEL(linkedid)"': f"200 result=1 ({root})\n".encode()}
    result, told, _ = await office.asked(environment("inbound"), linked)
    assert (result, told["CASE"]) == ("ok", str(case_id(call_id("pbx1", Uniqueid(root)))))
    assert office.claimed == []
    office.claims.opened(UUID(told["CASE"]))
    assert office.claimed == [("pbx1", "early")]


async def test_a_pbx_that_cannot_tell_the_oldest_channel_has_the_case_of_the_channel_itself() -> None:
    _, told, _ = await Office().asked(environment("inbound"), {'GET VARIABLE "CHANNEL': b"200 result=0\n"})
    assert told["CASE"] == str(CASE)


async def test_a_call_that_is_not_inbound_has_no_case_but_a_way_to_go() -> None:
    office = Office()
    office.knows(None)
    result, told, _ = await office.asked(environment("inbound", agi_dnid="unknown", agi_extension="4002"))
    assert (result, told["CASE"], told["QUEUE"]) == ("ok", "", "")
    assert office.claimed == []


async def test_the_dialplan_may_say_what_was_dialled_and_which_pbx_it_is() -> None:
    office = Office()
    office.knows(UUID(int=7))
    request = environment("inbound?dialled=4001&pbx=pbx1&queue=sales", agi_dnid="9999", agi_extension="s")
    _, told, commands = await office.asked(request)
    assert told["QUEUE"] == "support"
    assert not any("SYSTEMNAME" in command for command in commands)


@pytest.mark.parametrize("named", [b"200 result=0\n", b"200 result=1 ()\n"])
async def test_a_pbx_without_a_name_is_known_by_its_address_or_by_being_the_only_one(named: bytes) -> None:
    office = Office()
    office.knows(UUID(int=7))
    assert (await office.asked(environment(), {'GET VARIABLE "SYSTEMNAME"': named}))[1]["CASE"] == str(UUID(int=7))
    office.pbxs["pbx2"] = Asker("10.0.0.2", Follower())
    result, told, _ = await office.asked(environment(), {'GET VARIABLE "SYSTEMNAME"': named})
    # Its address here is no address at all: of two PBXs it may be either.
    assert (result, told["CASE"], told["QUEUE"]) == ("unknown_pbx", "", "support")


async def test_a_pbx_that_nobody_configured_gets_the_way_and_no_case() -> None:
    result, told, _ = await Office().asked(environment(), {'GET VARIABLE "SYSTEMNAME"': b"200 result=1 (other)\n"})
    assert (result, told["CASE"], told["QUEUE"], told["PRIORITY"]) == ("unknown_pbx", "", "support", "5")


async def test_a_caller_who_is_gone_in_between_is_no_fault() -> None:
    office = Office()
    office.knows(UUID(int=7))
    dead: dict[str, Answer] = {"SET VARIABLE": b"511 Command Not Permitted on a dead channel or intercept routine\n"}
    assert (await office.asked(environment(), dead))[0] == "hung_up"


async def test_a_pbx_that_refuses_a_variable_is_no_caller_who_is_gone() -> None:
    office = Office()
    office.knows(UUID(int=7))
    with pytest.raises(ExceptionGroup) as refused:
        await office.asked(environment(), {"SET VARIABLE": b"510 Invalid or unknown command\n"})
    assert isinstance(refused.value.exceptions[0], AgiProtocolError)


async def test_a_channel_that_died_meanwhile_is_a_caller_who_is_gone_not_a_pbx_without_a_name() -> None:
    dead = b"511 Command Not Permitted on a dead channel or intercept routine\n"
    with pytest.raises(ExceptionGroup) as gone:
        await Office().asked(environment(), {'GET VARIABLE "SYSTEMNAME"': dead})
    assert isinstance(gone.value.exceptions[0], AGIHangup)


def test_a_queue_of_which_no_pbx_has_one_is_no_honest_request() -> None:
    values = {"agi_uniqueid": CHANNEL}
    with pytest.raises(AgiProtocolError, match="81 characters; the limit is 80"):
        Office().inbound.default(Environment(values, "inbound", {"queue": "q" * 81}, ()))


def test_the_default_needs_nobody() -> None:
    office = Office()
    values = {"agi_uniqueid": CHANNEL, "agi_dnid": "4001", "agi_extension": "s"}
    lines = office.inbound.default(Environment(values, "inbound", {"queue": "sales"}, ()))
    assert lines == [
        b'SET VARIABLE "THREERINGS_CASE" ""\n',
        b'SET VARIABLE "THREERINGS_QUEUE" "support"\n',
        b'SET VARIABLE "THREERINGS_PRIORITY" "5"\n',
        b'SET VARIABLE "THREERINGS_HOURS" "open"\n',
    ]
