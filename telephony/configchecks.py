"""What one table of the configuration cannot know about another: read from the raw tree, so all faults come at once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from telephony.configfile import Tree, dotted, shown
from telephony.regularfile import check, read

MAX_PORT = 65535
MAX_SECRET = 1_000_000
MAX_CERTIFICATES = 16_000_000
"""Bytes of a file."""
MAX_HOST = 253
MAX_FOLDER = 255
"""Bytes of the name of a folder."""
ANYWHERE = ("0.0.0.0", "::", "*")  # noqa: S104 - nobody binds here
ANY_OF = {"localhost": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def collides(self, other: "Address") -> bool:
        """Whether the two cannot be listened on at once; a port 0 is any free one."""
        hosts = {ANY_OF.get(self.host, self.host), ANY_OF.get(other.host, other.host)}
        return self.port == other.port != 0 and (len(hosts) == 1 or not hosts.isdisjoint(ANYWHERE))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


HTTP_LISTEN, AGI_LISTEN = Address("127.0.0.1", 8080), Address("127.0.0.1", 4573)


def parse_address(value: object) -> object:
    """`HOST:PORT` as an `Address`; whatever is no text comes back as it is.

    Raises:
        ValueError: it is text of another shape.
    """
    if not isinstance(value, str):
        return value
    host, colon, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal() or int(port) > MAX_PORT or not (host in ANYWHERE or can_be_host(host)):
        raise ValueError("should be HOST:PORT with a port up to 65535")
    return Address(host, int(port))


def can_be_host(value: str) -> bool:
    """Whether it is an address, or could be the name of a machine: what else is asked for ends in an exception."""
    try:
        ip_address(value)
    except ValueError:
        try:
            name = value.encode("idna").decode()
        except UnicodeError:
            return False
        return len(name) <= MAX_HOST and re.fullmatch(r"[A-Za-z0-9_.-]+", name) is not None
    return True


def host_name(value: str) -> str:
    """Where a PBX is.

    Raises:
        ValueError: nobody can be there.
    """
    if not can_be_host(value):
        raise ValueError("should be an address or the name of a machine, without a port")
    return value


def folder_name(value: str) -> str:
    """The name of a PBX, after which a folder is named.

    Raises:
        ValueError: none can be.
    """
    if value in {".", ".."}:
        raise ValueError("should not be the name of a folder that is there already")
    if len(quote(value, safe="")) > MAX_FOLDER:
        raise ValueError("should be shorter, for it names a folder: 28 Chinese characters will do")
    return value


def _tables(tree: Tree, section: str) -> Iterator[tuple[int, Tree]]:
    """The entries of a list of tables as far as they are tables at all; what is not, the model refuses."""
    entries = tree.get(section)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict):
            yield index, entry


SECRETS = {
    "pbx": ("secret", "write the secret of manager.conf"),
    "agent": ("token", "write a token of at least 16 characters"),
    "supervisor": ("token", "write a token of at least 16 characters"),
    "wall": ("token", "write a token of at least 16 characters"),
    "webhook": ("secret", "write whsec_ and 24 to 64 random bytes in base64"),
}
"""What is secret in an entry of a section, and what to do when it is empty."""
ONCE = {
    ("database",): ("url", "write the address of the database"),
    ("http",): ("metrics_token", "write a token of at least 16 characters"),
    ("customers", "crm"): ("token", "write the token that the CRM asks for, or take it out"),
}
"""The same of sections that are there once; these need not be given."""


def secrets(tree: Tree, folder: Path) -> list[str]:
    """Put the content of each `…_file` (relative to the configuration file) in the place of the secret itself."""
    faults = [
        fault
        for section, (word, remedy) in SECRETS.items()
        for index, entry in _tables(tree, section)
        for fault in _secret(entry, word, remedy, (section, index), folder)
    ]
    for place, (word, remedy) in ONCE.items():
        table = _table(tree, place)
        if table.get(f"{word}_file") is not None:
            faults += _secret(table, word, remedy, place, folder)
    return faults


def _table(tree: Tree, place: tuple[str, ...]) -> Tree:
    """The table there; an empty one when there is none."""
    found: object = tree
    for name in place:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def shipped_logs(tree: Tree, folder: Path) -> list[str]:
    """A queue_log is read here, or sent to us, or there is none; its token is had as other secrets are."""
    word, faults = "queue_log_token", list[str]()
    for index, pbx in _tables(tree, "pbx"):
        if word in pbx or pbx.get(f"{word}_file") is not None:
            faults += _secret(pbx, word, "write a token of at least 16 characters", ("pbx", index), folder)
            if pbx.get("queue_log") is not None:
                key = dotted(("pbx", index, "queue_log"))
                faults.append(f"{key}: is read here, and with {word} it is sent to us, too; take one of them out")
    return faults


def hands(tree: Tree, folder: Path) -> list[str]:
    """The logins that act on a PBX: name and secret come together, and calls have one fixed context."""
    faults = list[str]()
    for index, pbx in _tables(tree, "pbx"):
        for login in ("actions", "click_to_call"):
            word, name = f"{login}_secret", f"{login}_username"
            if name in pbx:
                faults += _secret(pbx, word, "write the secret of manager.conf", ("pbx", index), folder)
                if pbx[name] == pbx.get("username") or pbx[name] == pbx.get(OTHER_LOGIN[login]):
                    faults.append(f"{dotted(('pbx', index, name))}: is the name of another login; give each its own")
            elif word in pbx or f"{word}_file" in pbx:
                faults.append(f"{dotted(('pbx', index, name))}: is missing, and its secret is given; add it")
        if ("click_to_call_username" in pbx) != ("click_to_call_context" in pbx):
            key = dotted(("pbx", index, "click_to_call_context"))
            faults.append(f"{key}: goes with click_to_call_username; give both, or neither")
    return faults


OTHER_LOGIN = {"actions": "click_to_call_username", "click_to_call": "actions_username"}


def _secret(entry: Tree, word: str, remedy: str, where: tuple[str | int, ...], folder: Path) -> Iterator[str]:
    from_file = f"{word}_file"
    key, name = dotted((*where, from_file)), entry.get(from_file)
    if (word in entry) == (name is not None):
        given = "both are" if name is not None else "neither is"
        yield f"{dotted((*where, word))}: {given} given; give exactly one of {word} and {from_file}"
    elif isinstance(name, str):
        entry[from_file] = str(folder / name)
        try:
            entry[word] = read(folder / name, MAX_SECRET).decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8 text"
            yield f"{key}{shown(from_file, name)}: {reason}; name a file this user can read"
    if entry.get(word) == "":
        yield f"{dotted((*where, word))}: is empty; {remedy}"


def tokens(tree: Tree) -> list[str]:
    """Two people, or a person and a machine, with one token could not be told apart; the PBX, the branch are known."""
    faults = []
    http = tree.get("http")
    owner = (
        {str(http["metrics_token"]): "http.metrics_token"} if isinstance(http, dict) and "metrics_token" in http else {}
    )
    for section, word in (("agent", "token"), ("supervisor", "token"), ("wall", "token"), ("pbx", "queue_log_token")):
        for index, entry in _tables(tree, section):
            token, key = entry.get(word), dotted((section, index, word))
            if isinstance(token, str) and token and owner.setdefault(token, key) != key:
                faults.append(f"{key}: is that of {owner[token]}, too; give each its own")
    known = _known(tree, "pbx")
    for index, agent in _tables(tree, "agent"):
        pbx = agent.get("pbx")
        if isinstance(pbx, str) and pbx not in known:
            faults.append(f"{dotted(('agent', index, 'pbx'))} = {pbx!r}: is no known PBX; add [[pbx]] or take it out")
    branches = _known(tree, "branch")
    for index, wall in _tables(tree, "wall"):
        branch = wall.get("branch")
        if isinstance(branch, str) and branch not in branches:
            key = dotted(("wall", index, "branch"))
            faults.append(f"{key} = {branch!r}: is no known branch; add [[branch]] or take it out")
    return faults


def certificates(tree: Tree, folder: Path) -> list[str]:
    """A `tls_ca` (relative to the configuration file) must be readable, and is of no use without `tls`."""
    faults = []
    for index, pbx in _tables(tree, "pbx"):
        key, name = dotted(("pbx", index, "tls_ca")), pbx.get("tls_ca")
        if isinstance(name, str):
            pbx["tls_ca"] = str(folder / name)
            try:
                check(folder / name, MAX_CERTIFICATES)
            except OSError as error:
                text = f"{error.strerror}; name a PEM file this user can read"
                faults.append(f"{key}{shown('tls_ca', name)}: {text}")
            if "tls" not in pbx:
                faults.append(f"{key}{shown('tls_ca', name)}: is given without tls; add tls = true, or take it out")
    crm = _table(tree, ("customers", "crm"))
    if isinstance(name := crm.get("certificates"), str):
        crm["certificates"] = str(folder / name)
        try:
            check(folder / name, MAX_CERTIFICATES)
        except OSError as error:
            key = f"customers.crm.certificates{shown('certificates', name)}"
            faults.append(f"{key}: {error.strerror}; name a PEM file this user can read")
    return faults


def script_folder(tree: Tree, folder: Path) -> None:
    """Relative to the configuration file."""
    agi = tree.setdefault("agi", {})
    if isinstance(agi, dict) and isinstance(agi.get("scripts", "scripts"), str):
        agi["scripts"] = str(folder / str(agi.get("scripts", "scripts")))


UNIQUE = dict.fromkeys(
    ("pbx", "queue", "line", "branch", "script", "hours", "agent", "supervisor", "wall", "webhook"), "name"
) | {"number": "dialled"}
BUILT_IN_ROUTES = ("inbound",)


def names(tree: Tree) -> list[str]:
    """Names must be unique, and a branch's lines known; the queue or line of two branches has no one branch."""
    faults = []
    for section, unique in UNIQUE.items():
        seen: set[str] = set()
        for index, entry in _tables(tree, section):
            name = entry.get(unique)
            if not isinstance(name, str):  # the model refuses it
                continue
            if name in seen:
                word = "name" if unique == "name" else "number"
                faults.append(
                    f"{dotted((section, index, unique))} = {name!r}: is there twice; give each its own {word}"
                )
            seen.add(name)
    faults += _routes(tree)
    lines = _known(tree, "line")
    for part in ("queues", "lines"):
        owner: dict[str, int] = {}
        for index, branch in _tables(tree, "branch"):
            listed = branch.get(part)
            for name in [n for n in listed if isinstance(n, str)] if isinstance(listed, list) else []:
                key = dotted(("branch", index, part))
                if part == "lines" and name not in lines:
                    faults.append(f"{key} = {name!r}: is no known line; add a [[line]] of that name or take it out")
                if owner.setdefault(name, index) != index:
                    faults.append(f"{key} = {name!r}: is in another branch already; leave it in one")
    return faults


def _known(tree: Tree, section: str) -> set[str]:
    return {name for _, entry in _tables(tree, section) if isinstance(name := entry.get("name"), str)}


def _routes(tree: Tree) -> list[str]:
    """A script does not hide a route of ours, and hours that are named are known."""
    faults = []
    for index, script in _tables(tree, "script"):
        if script.get("name") in BUILT_IN_ROUTES:
            key = dotted(("script", index, "name"))
            faults.append(f"{key} = {script['name']!r}: is a route of Three Rings itself; choose another name")
    known = _known(tree, "hours")
    for section in ("number", "queue", "line", "branch"):
        for index, entry in _tables(tree, section):
            hours = entry.get("hours")
            if isinstance(hours, str) and hours not in known:
                key = dotted((section, index, "hours"))
                faults.append(f"{key} = {hours!r}: are no known hours; add [[hours]] of that name or take it out")
    return faults


def _listens(tree: Tree, section: str, default: Address) -> Address | None:
    """Where a section listens; None for what the model refuses."""
    table = tree.get(section, {})
    try:
        address = parse_address(table.get("listen", default)) if isinstance(table, dict) else None
    except ValueError:
        return None
    return address if isinstance(address, Address) else None


def one_address(tree: Tree) -> list[str]:
    """Pages and FastAGI cannot listen on one address."""
    http, agi = _listens(tree, "http", HTTP_LISTEN), _listens(tree, "agi", AGI_LISTEN)
    if http is None or agi is None or not http.collides(agi):
        return []
    what = f"agi.listen = {str(agi)!r}: http.listen = {str(http)!r} has that port already"
    return [f"{what}; give each a port of its own, as {AGI_LISTEN} and {HTTP_LISTEN} are"]


def open_metrics(tree: Tree) -> list[str]:
    """Metrics that other machines can read need a token."""
    http = tree.get("http")
    listen = _listens(tree, "http", HTTP_LISTEN)
    if isinstance(http, dict) and listen is not None and not listen.loopback and not http.get("metrics_token"):
        text = (
            f"http.metrics_token: is missing, and http.listen = {str(listen)!r} is open to other machines;"
            " set a token of at least 16 characters, or listen on 127.0.0.1"
        )
        return [text]
    return []
