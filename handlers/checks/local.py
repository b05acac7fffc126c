"""This machine: files that the configuration names, and the addresses to listen on."""

import errno
import os
import socket
import stat
from functools import partial
from pathlib import Path

import aiohttp

from handlers.agi.side import scripts_of
from handlers.checks.findings import Finding, Subject
from handlers.threads import within
from telephony.config import Address, Config, ConfigFaults, Pbx

HEALTH_SECONDS = 3.0
NAME_SECONDS = 5.0
CONFIGURATION = Subject("configuration")


def files(config: Config, file: Path | None) -> list[Finding]:
    """The files and folders that the configuration names. Looks at each, opens only regular ones."""
    found = [data_dir(config)]
    found += [queue_log(pbx) for pbx in config.pbx]
    found += [cel(pbx) for pbx in config.pbx]
    found += secrets(config, file)
    found += scripts(config)
    return found


def scripts(config: Config) -> list[Finding]:
    """What can be said of users' scripts without running them."""
    try:
        known = scripts_of(config)
    except ConfigFaults as error:
        remedy = "mend it, or take that [[script]] out; threerings serve does not start with it"
        return [CONFIGURATION.fault("scripts", fault, remedy) for fault in error.faults]
    return [CONFIGURATION.fine("scripts", f"{len(known)} scripts can be run")] if known else []


def data_dir(config: Config) -> Finding:
    """It must be there, or be made: the journal lives in it, and our own PostgreSQL."""
    point, path = "data-dir", config.data_dir
    nearest = path
    # pathlib's ways raise where a folder above is closed.
    while not os.path.exists(nearest) and nearest != nearest.parent:  # noqa: PTH110
        nearest = nearest.parent
    is_folder = os.path.isdir(nearest)  # noqa: PTH112
    if is_folder and os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
        return CONFIGURATION.fine(point, f"data_dir = {str(path)!r} can be written")
    what = f"data_dir = {str(path)!r} cannot be written by this user ({_user()})"
    if not is_folder:
        what = f"data_dir = {str(path)!r}: {str(nearest)!r} is no folder"
    return CONFIGURATION.fault(point, what, "name a folder that the service may write, or give it that one")


def queue_log(pbx: Pbx) -> Finding:
    """The second witness must be readable."""
    about, point = Subject(pbx.name), "queue-log-file"
    if pbx.queue_log_token is not None:
        return about.fine(point, "queue_log is sent to us from its host; /readyz tells whether it is")
    if pbx.queue_log is None:
        what = "no queue_log is configured: why waiting callers leave is known from the dialplan alone"
        remedy = "give its path in queue_log, if this machine has it, else see docs/queue-log.md"
        return about.warning(point, what, remedy)
    remedy = "see astlogdir in asterisk.conf and queue_log_name in logger.conf, and that it is written to this machine"
    return _readable(about, point, ("queue_log", pbx.queue_log), remedy)


def cel(pbx: Pbx) -> Finding:
    """The second witness of direct calls: nobody needs it, but what it is worth should be known."""
    about, point = Subject(pbx.name), "cel-file"
    if pbx.cel is None:
        what = "no channel events (cel) are configured: direct visits that nobody heard stay lost, partial or missing"
        return about.fine(point, f"{what}; see docs/direct-calls.md")
    remedy = (
        "include docker/asterisk/cel.conf and cel_custom.conf, load cel_custom, and call a phone: docs/direct-calls.md"
    )
    return _readable(about, point, ("cel", pbx.cel), remedy)


def _readable(about: Subject, point: str, key: tuple[str, Path], remedy: str) -> Finding:
    """Whether a log that Asterisk writes can be read; `remedy` where it is not there."""
    name, path = key
    named = f"{name} = {str(path)!r}"
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return about.fault(point, f"{named} is no regular file", "name the file that Asterisk writes")
        with path.open("rb"):
            return about.fine(point, f"{named} can be read")
    except FileNotFoundError:
        return about.fault(point, f"{named} is not there", remedy)
    except OSError as error:
        remedy = f"let this user ({_user()}) read it, for example as a member of the group asterisk"
        return about.fault(point, f"{named}: {error.strerror}", remedy)


def secrets(config: Config, file: Path | None) -> list[Finding]:
    """Files with secrets in them should be their owner's alone."""
    named = [("secret_file", pbx.secret_file) for pbx in config.pbx if pbx.secret_file is not None]
    files = [pbx.queue_log_token_file for pbx in config.pbx]
    named += [("queue_log_token_file", path) for path in files if path is not None]
    once = (("metrics_token_file", config.http.metrics_token_file), ("url_file", config.database.url_file))
    named += [(key, path) for key, path in once if path is not None]
    written = [
        config.database.url if config.database.url_file is None else None,
        config.http.metrics_token if config.http.metrics_token_file is None else None,
    ]
    inside = any(pbx.secret_file is None for pbx in config.pbx) or any(written)
    if file is not None and inside:
        named.append(("--config", file))
    found = []
    for key, path in named:
        try:
            open_to_all = bool(path.stat().st_mode & stat.S_IROTH)
        except OSError:  # load() has told
            continue
        if open_to_all:
            what = f"{key} = {str(path)!r} holds secrets, and every user of this machine may read it"
            found.append(CONFIGURATION.warning("secret-files", what, f"chmod 640 {path}, or less"))
        else:
            found.append(CONFIGURATION.fine("secret-files", f"{key} = {str(path)!r} is not open to everybody"))
    return found


async def listening(config: Config) -> list[Finding]:
    """Whether the addresses can be had, or we have them already."""
    ours = await _three_rings_answers(config.http.listen)
    found = []
    for point, key, address in (
        ("http-listen", "http.listen", config.http.listen),
        ("agi-listen", "agi.listen", config.agi.listen),
    ):
        try:
            trouble = await within(NAME_SECONDS, partial(_cannot_bind, address))
        except TimeoutError:
            trouble = _UNKNOWN_NAME
        if trouble is None:
            found.append(CONFIGURATION.fine(point, f'{key} = "{address}" is free'))
        elif trouble == errno.EADDRINUSE and ours:
            found.append(CONFIGURATION.fine(point, f'{key} = "{address}" is in use, and Three Rings runs already'))
        else:
            found.append(CONFIGURATION.fault(point, f'{key} = "{address}": {_words(trouble)}', _REMEDIES[trouble]))
    return found


class _Remedies(dict[int, str]):
    def __missing__(self, _trouble: int) -> str:
        return "listen on an address that this machine has"


_REMEDIES = _Remedies(
    {
        errno.EADDRINUSE: "another program has it (ss -ltnp shows which): end that, or listen elsewhere",
        errno.EACCES: "ports below 1024 are for root: listen on a higher one",
    }
)
_UNKNOWN_NAME = -1


def _words(trouble: int) -> str:
    return "the name is not known" if trouble == _UNKNOWN_NAME else os.strerror(trouble).lower()


def _cannot_bind(address: Address) -> int | None:
    """Why nobody could listen there now; nobody is let in meanwhile."""
    try:
        places = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return _UNKNOWN_NAME
    for family, kind, protocol, _, place in places:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(place)
            except OSError as error:
                return error.errno or errno.EADDRNOTAVAIL
    return None


async def _three_rings_answers(address: Address) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - nobody binds here
    url = f"http://{Address(host, address.port)}/healthz"
    timeout = aiohttp.ClientTimeout(total=HEALTH_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            document = await answer.content.read(1_000)
            return answer.status == 200 and document.strip() == b'{"status": "ok"}'  # noqa: PLR2004
    except (aiohttp.ClientError, OSError, ValueError):
        return False


def _user() -> str:
    return f"uid {os.geteuid()}"
