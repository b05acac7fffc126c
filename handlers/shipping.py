"""`threerings ship-queue-log`: on the PBX's host, sends its queue_log to the service. Needs no configuration file."""

import asyncio
import signal
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from random import SystemRandom
from urllib.parse import quote

import structlog
from yarl import URL

from telephony.ami.settings import SystemClock
from telephony.ami.translate import EPOCH
from telephony.config import MIN_TOKEN, ConfigFaults
from telephony.queuelog.shipping.parcel import PATH
from telephony.queuelog.shipping.sender import Receiver, Sender
from telephony.queuelog.shipping.shipped import SenderName
from telephony.regularfile import read

QUEUE_LOG = Path("/var/log/asterisk/queue_log")
MAX_FILE = 1_000_000
LONGEST_NAME = 200
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was given."""

    file: Path
    to: str
    pbx: str
    token_file: Path
    ca: Path | None = None


def sender_of(options: Options) -> Sender:
    """Ready to run.

    Raises:
        ConfigFaults: all that is wrong with the options, a line each.
    """
    faults: list[str] = []
    url, token = _url(options, faults), _token(options.token_file, faults)
    tls = _tls(options.ca, faults) if url.scheme == "https" else None
    if options.ca is not None and url.scheme == "http":
        faults.append(f"--ca = {str(options.ca)!r}: is of no use without https; write https:// in --to, or take it out")
    if not options.file.parent.is_dir():
        faults.append(f"--file = {str(options.file)!r}: its folder is not there; see astlogdir in asterisk.conf")
    if faults:
        raise ConfigFaults(tuple(faults))
    return Sender(options.file, Receiver(url, token, tls), own_name(options.file), SystemRandom())


async def ship(options: Options) -> int:
    """Send until SIGTERM or SIGINT.

    Returns:
        0.

    Raises:
        ConfigFaults: the options cannot be used.
    """
    sender = sender_of(options)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(sender.run(), name="ship")
        await stop.wait()
        sending.cancel()
    log.info("stopped", lines=sender.sent)
    return 0


def own_name(file: Path) -> SenderName:
    """This process."""
    clock = SystemClock()
    began = (clock.wall() - EPOCH) // timedelta(microseconds=1) * 1_000
    where = f"{socket.gethostname()}:{file.absolute()}"
    return SenderName(began, quote(where, safe="/:._-~+@")[:LONGEST_NAME])


def _url(options: Options, faults: list[str]) -> URL:
    """Where the queue_log of this PBX is sent to."""
    shown = f"--to = {options.to!r}"
    try:
        url = URL(options.to)
        host = url.host or ""
    except ValueError:
        url, host = URL(), ""
    if url.scheme not in {"https", "http"} or not host or url.query_string or url.fragment or url.user:
        faults.append("--to: should be https://HOST or https://HOST:PORT")  # what was given may hold a password
    elif url.scheme == "http" and not _is_loopback(host):
        faults.append(f"{shown}: sends the token and all callers' numbers in the clear; write https://")
    if not options.pbx:
        faults.append("--pbx: is empty; give the name of the [[pbx]]")
    path = url.raw_path.rstrip("/") + PATH.format(quote(options.pbx, safe=""))
    return URL.build(scheme=url.scheme, authority=url.raw_authority, path=path, encoded=True)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _token(file: Path, faults: list[str]) -> str:
    shown = f"--token-file = {str(file)!r}"
    try:
        token = read(file, MAX_FILE).decode("ascii").strip()
    except OSError as error:
        faults.append(f"{shown}: {error.strerror}; name a file this user can read")
        return ""
    except UnicodeDecodeError:
        token = ""
    if len(token) < MIN_TOKEN or not token.isprintable():
        faults.append(f"{shown}: should hold the queue_log_token of the [[pbx]], {MIN_TOKEN} ASCII characters or more")
    return token


def _tls(ca: Path | None, faults: list[str]) -> ssl.SSLContext | None:
    if ca is None:
        return ssl.create_default_context()
    try:
        # Of empty text, it would take the system's authorities.
        return ssl.create_default_context(cadata=read(ca, MAX_FILE).decode("ascii", "ignore") or "nothing")
    except ssl.SSLError:
        faults.append(f"--ca = {str(ca)!r}: holds no certificate; name a PEM file")
    except OSError as error:
        faults.append(f"--ca = {str(ca)!r}: {error.strerror}; name a file this user can read")
    return None
