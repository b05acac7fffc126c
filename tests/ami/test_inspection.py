"""What a PBX is asked by `threerings check`, and what is made of its answers."""

import asyncio
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from telephony.ami.inspection import FellSilent, Inspection, QueueMember, askable, commands, inspect, privileges
from telephony.ami.line import Fault, LinkFailed
from telephony.ami.settings import AmiSettings, SystemClock
from tests.support.ami_server import AmiServer
from tests.support.wire import event, lines, opening

MS = timedelta(milliseconds=1)
SETTINGS = AmiSettings(
    host="127.0.0.1", username="threerings", secret="secret", systemname="pbx1", connect_within=2000 * MS,
    answer_within=2000 * MS,
)  # fmt: skip
SECOND = timedelta(seconds=1)


class TalkativePbx(AmiServer):
    """Answers what a check asks.

    Attributes:
        refused: actions that it does not allow.
        started: its CoreStartupDate.
        meanwhile: what else it says, right before the answer to CoreShowChannels.
        ends_at: it ends the line when asked this.
        silent_at: it does not answer this.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
        self.refused: tuple[str, ...] = ()
        self.started = "2026-03-02"
        self.meanwhile = b""
        self.ends_at = self.silent_at = ""
        self.max = "5"

    def _answer(self, action: dict[str, str], number: str) -> bytes:
        yes, id_ = ("Response", "Success"), ("ActionID", number)
        name = action["Action"]
        if name == self.ends_at:
            self.cut()
        answer = super()._answer(action, number)
        if name == self.silent_at:
            return b""
        if name in self.refused:
            return lines(("Response", "Error"), id_, ("Message", "Permission denied"))
        match name:
            case "CoreSettings":
                answer = lines(
                    yes, id_, ("AsteriskVersion", "22.1.0"), ("SystemName", "pbx1"), ("CoreRealTimeEnabled", "Yes")
                )
            case "CoreStatus":
                answer = lines(yes, id_, ("CoreStartupDate", self.started))
            case "ListCommands":
                listed = ("Originate", "Originate\ta call.  (Priv: originate,all)"), ("Ping", "Keep.  (Priv: <none>)")
                answer = lines(yes, id_, *listed)
            case "QueueStatus":
                params = ("Event", "QueueParams"), ("Queue", "support"), ("Max", self.max), ("Calls", "0"), id_
                member = (
                    ("Event", "QueueMember"), ("Queue", "support"), ("Name", "Agent 1001"), ("Location", "PJSIP/1001"),
                    ("Status", "4"), ("Paused", "0"), id_,
                )  # fmt: skip
                end = ("Event", "QueueStatusComplete"), id_, ("EventList", "Complete")
                answer = lines(yes, id_, ("EventList", "start")) + lines(*params) + lines(*member) + lines(*end)
            case "CoreShowChannels":
                answer = self.meanwhile + answer
            case "Getvar":
                state = "INVALID" if "9999" in action["Variable"] else "NOT_INUSE"
                answer = lines(yes, id_, ("Variable", action["Variable"]), ("Value", state))
        return answer


async def asked(pbx: AmiServer, listen: timedelta = timedelta(), *devices: str) -> Inspection:
    async with asyncio.timeout(10):
        return await inspect(replace(SETTINGS, port=pbx.port), SystemClock(), devices=devices, listen=listen)


async def failed(settings: AmiSettings) -> LinkFailed:
    with pytest.raises(LinkFailed) as caught:
        await inspect(settings, SystemClock())
    return caught.value


async def test_everything_that_least_privilege_can_learn_is_learned() -> None:
    async with TalkativePbx() as pbx:
        pbx.meanwhile = event("Newchannel") + lines(*opening("VarSet", "dialplan,all"))
        seen = await asked(pbx, SECOND, "PJSIP/1001", "PJSIP/9999", "no device")

    assert (seen.version, seen.systemname, seen.realtime, seen.started, seen.booted) == (
        "22.1.0",
        "pbx1",
        True,
        True,
        True,
    )
    assert seen.actions == {"Originate": {"originate"}, "Ping": frozenset()}
    assert seen.queues == {"support": 5}
    assert seen.members == (QueueMember("support", "Agent 1001", "PJSIP/1001", "4"),)
    assert seen.channels
    assert seen.devices == {"PJSIP/1001": "NOT_INUSE", "PJSIP/9999": "INVALID"}
    assert seen.peer == "127.0.0.1"
    heard = seen.heard
    assert (heard.stamped, heard.unstamped, heard.systemnames) == (2, 0, {"pbx1"})
    assert heard.classes == {"call", "dialplan"}
    assert seen.ahead is not None
    assert seen.ahead < timedelta(days=-300), "its Pongs say 2023"


async def test_what_is_refused_is_unknown_and_no_failure() -> None:
    async with TalkativePbx() as pbx:
        pbx.refused = (
            "CoreSettings",
            "CoreStatus",
            "ListCommands",
            "QueueStatus",
            "CoreShowChannels",
            "Getvar",
            "Ping",
        )
        seen = await asked(pbx, timedelta(), "PJSIP/1001")

    assert (seen.version, seen.systemname, seen.realtime, seen.started) == (None, None, None, None)
    assert (seen.actions, seen.queues, seen.channels, seen.ahead) == (None, None, False, None)
    assert seen.devices == {"PJSIP/1001": ""}


async def test_a_pbx_that_still_starts_is_waited_for() -> None:
    async with TalkativePbx() as pbx:
        pbx.booted, pbx.started = False, "1970-01-01"
        booting = await asked(pbx)
        pbx.meanwhile = lines(*opening("FullyBooted", "system,all"), ("Status", "Fully Booted"))
        booted = await asked(pbx, SECOND)

    assert (booting.booted, booting.started) == (False, False)
    assert (booted.booted, booted.heard.stamped) == (True, 1)


async def test_events_without_stamp_and_name_are_counted_as_such() -> None:
    async with TalkativePbx() as pbx:
        pbx.max = "many"
        pbx.meanwhile = lines(("Event", "Hold"), ("Privilege", "call,all"), ("Channel", "x")) * 2
        seen = await asked(pbx, SECOND)
    assert (seen.heard.stamped, seen.heard.unstamped, seen.heard.systemnames) == (0, 2, {""})
    assert seen.queues == {"support": 0}


async def test_what_answers_nothing_that_was_asked_is_passed_over() -> None:
    async with TalkativePbx() as pbx:
        pbx.meanwhile = b"nonsense\r\n\r\n" + lines(("Response", "Success"), ("ActionID", "somebody's"))
        assert (await asked(pbx)).channels


@pytest.mark.parametrize("action", ["Ping", "ListCommands", "QueueStatus", "CoreShowChannels"])
async def test_a_pbx_that_dies_meanwhile_is_a_failure(action: str) -> None:
    async with TalkativePbx() as pbx:
        pbx.ends_at = action
        with pytest.raises(LinkFailed) as caught:
            await asked(pbx)
    assert caught.value.fault is Fault.CLOSED


async def test_a_pbx_that_falls_silent_is_a_failure_and_a_device_that_is_not_told_is_none() -> None:
    async with TalkativePbx() as pbx:
        pbx.silent_at = "CoreStatus"
        silent = await failed(replace(SETTINGS, port=pbx.port, answer_within=50 * MS))
        pbx.silent_at = "Getvar"
        told = await inspect(
            replace(SETTINGS, port=pbx.port, answer_within=50 * MS), SystemClock(), devices=["PJSIP/1001"]
        )
    assert isinstance(silent, FellSilent)
    text = "this is a manager interface, but one which does not answer: the PBX said nothing for 0.05 s"
    assert (silent.fault, str(silent)) == (Fault.SILENT, text)
    assert told.devices == {"PJSIP/1001": ""}


async def test_a_pbx_that_dies_while_we_listen_is_a_failure() -> None:
    async with TalkativePbx() as pbx, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(failed_while_listening(pbx))
        await pbx.until(lambda: pbx.asked("CoreShowChannels") == 1)
        pbx.cut()
    assert listening.result().fault is Fault.CLOSED


async def failed_while_listening(pbx: AmiServer) -> LinkFailed:
    with pytest.raises(LinkFailed) as caught:
        await asked(pbx, timedelta(seconds=5))
    return caught.value


async def test_why_there_is_no_line_is_said_exactly(unused_tcp_port: int) -> None:
    refused = await failed(replace(SETTINGS, port=unused_tcp_port))
    assert (refused.fault, str(refused)) == (Fault.UNREACHABLE, "connection refused")
    unknown = await failed(replace(SETTINGS, host="no such host."))
    assert unknown.fault is Fault.UNREACHABLE
    assert str(unknown).startswith("the name is not known: ")
    late = await failed(replace(SETTINGS, host="127.0.0.1", connect_within=timedelta()))
    assert str(late) == "no connection within 0 s"
    network = await failed(replace(SETTINGS, host="255.255.255.255"))
    assert network.fault is Fault.UNREACHABLE
    ca = await failed(replace(SETTINGS, tls=True, tls_ca=Path("none.pem")))
    assert (ca.fault, str(ca)) == (Fault.TLS, "cannot use tls_ca none.pem: No such file or directory")


async def test_a_login_that_is_refused_says_so() -> None:
    async with TalkativePbx() as pbx:
        pbx.secret = "another"
        refused = await failed(replace(SETTINGS, port=pbx.port))
    assert refused.fault is Fault.REFUSED


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[], ssl.SSLContext]:
    def make() -> ssl.SSLContext:
        words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pbx -addext subjectAltName=IP:127.0.0.1"
        files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
        subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        return context

    return make


async def test_tls_is_told_apart_from_no_tls_and_from_no_trust(
    certificate: Callable[[], ssl.SSLContext], tmp_path: Path
) -> None:
    async with TalkativePbx(tls=certificate()) as pbx:
        strange = await failed(replace(SETTINGS, port=pbx.port, tls=True))
        trusted = await inspect(
            replace(SETTINGS, port=pbx.port, tls=True, tls_ca=tmp_path / "cert.pem"), SystemClock(), devices=()
        )
    async with TalkativePbx() as plain:
        none = await failed(replace(SETTINGS, port=plain.port, tls=True))

    assert (strange.fault, none.fault) == (Fault.TLS, Fault.TLS)
    assert str(strange).startswith("its certificate is not trusted: ")
    assert str(none).startswith("no TLS: ")
    assert trusted.booted


def test_privileges_are_read_from_the_end_of_a_description() -> None:
    assert privileges("Show (Priv: x) it.  (Priv: system,reporting,all)") == {"system", "reporting"}
    assert privileges("Keepalive command.  (Priv: <none>)") == frozenset()
    assert privileges("none at all") == frozenset()
    assert commands(b"Response: Error\r\nActionID: 1\r\nMessage: Permission denied") is None


@pytest.mark.parametrize("interface", ["PJSIP/1001", "Local/1001@agents/n", "PJSIP/a.b-c_d"])
def test_a_device_that_can_be_asked_about(interface: str) -> None:
    assert askable(interface)


@pytest.mark.parametrize("interface", ["", "1001", "PJSIP/", "PJSIP/1)", "PJSIP/${X}", "PJSIP/1 2", "PJSIP/1\r\nX: y"])
def test_what_could_be_more_than_a_device_is_not_asked_about(interface: str) -> None:
    assert not askable(interface)
