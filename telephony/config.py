"""The whole configuration: `threerings.toml` and `THREERINGS__SECTION__KEY`, checked at start, all faults at once.

Every key is explained in docs/configuration.md. Nothing here opens a connection; secrets have no repr.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
)

from telephony.calls.record import Kind
from telephony.configcases import Cases
from telephony.configchecks import (
    AGI_LISTEN,
    HTTP_LISTEN,
    MAX_PORT,
    Address,
    certificates,
    folder_name,
    hands,
    host_name,
    names,
    one_address,
    open_metrics,
    parse_address,
    script_folder,
    secrets,
    shipped_logs,
    tokens,
)
from telephony.configcustomers import CustomersSection
from telephony.configdesk import Desk, desk_faults
from telephony.configfile import ConfigFaults, fault_lines, overlay, read_toml
from telephony.confighours import Hours
from telephony.configsection import Name, Section
from telephony.configwebhooks import ScreenPop, Webhook
from telephony.standard.calendar import Calendar

__all__ = ["Address", "Config", "ConfigFaults", "load"]

DEFAULT_FILE = Path("threerings.toml")
EMBEDDED = "embedded"
MIN_TOKEN = 16
WRAP_UP_PAUSES = ("wrap-up", "wrap up", "wrapup", "acw", "话后", "话后处理", "整理")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("should be the name of a time zone") from None
    return value


def _database_url(value: SecretStr) -> SecretStr:
    if value.get_secret_value() != EMBEDDED and not value.get_secret_value().startswith(
        ("postgresql://", "postgres://")
    ):
        raise ValueError('should begin with "postgresql://", or be "embedded"')
    return value


def _route(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value) is None:
        raise ValueError("should be 1 to 64 letters, digits, dots, hyphens or underscores")
    return value


def _context(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value) is None:
        raise ValueError("should be the name of a context: 1 to 64 letters, digits, hyphens or underscores")
    return value


def _file_name(value: Path) -> Path:
    if not str(value).isprintable():
        raise ValueError("should be a path without control characters")
    return value


def _network(value: object) -> object:
    if not isinstance(value, str | IPv4Network | IPv6Network):  # 5 would be 0.0.0.5
        raise ValueError("should be a network in quotes")  # noqa: TRY004 - pydantic wants it so
    return value


def _somebody(value: tuple[IPvAnyNetwork, ...]) -> tuple[IPvAnyNetwork, ...]:
    if not value:
        raise ValueError("is empty, so that nobody may ask; name the networks of the PBXs, or take it out")
    return value


def _some_phone(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("is empty, so that nothing is ever shown; name the phones")
    return value


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_TOKEN or not value.get_secret_value().isascii():
        raise ValueError(f"should have at least {MIN_TOKEN} characters, all ASCII")
    return value


def _token(value: SecretStr) -> SecretStr:
    return _long_enough(value) if value.get_secret_value() else value  # `secrets` says that it is empty, or missing


def _origin(value: str) -> str:
    if re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?", value) is None:
        raise ValueError("should be http(s)://HOST, without a path")
    return value.lower()


def _device(value: str) -> str:
    if re.fullmatch(r"[^\s/]+/\S+", value) is None:
        raise ValueError("should be TECHNOLOGY/NAME")
    return value


Port = Annotated[int, Field(ge=1, le=MAX_PORT)]
FileName = Annotated[Path, AfterValidator(_file_name)]
Network = Annotated[IPvAnyNetwork, BeforeValidator(_network)]
Listen = Annotated[Address, BeforeValidator(parse_address)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Database(Section):
    """`url` None: commands that need a database refuse to start."""

    url: Annotated[SecretStr, AfterValidator(_database_url)] | None = Field(
        default=None, examples=["postgresql://threerings@127.0.0.1/threerings", EMBEDDED]
    )
    url_file: Path | None = Field(default=None, examples=["/run/secrets/database_url"])
    max_unsaved_calls: int = Field(default=200_000, ge=1_000, le=10_000_000, examples=[200_000])
    """So many calls wait in memory while the database is away; beyond that the oldest are dropped and counted."""
    keep_days: float = Field(default=0, ge=0, le=36_600, allow_inf_nan=False, examples=[0])
    """Calls that ended so long ago are forgotten, with their visits and cases; 0: never."""


class Journal(Section):
    """What was read, on disk, under `data_dir`."""

    keep_days: float = Field(default=7, gt=0, le=3_660, allow_inf_nan=False, examples=[7])
    """For so long any call can be explained from it; what a restart needs is kept however old it is."""
    max_gib: float = Field(default=8, gt=0, le=65_536, allow_inf_nan=False, examples=[8])
    """Of each PBX; beyond it, the oldest hours are given up first."""


class Http(Section):
    """The web side."""

    listen: Listen = Field(default=HTTP_LISTEN, examples=["127.0.0.1:8080"])
    metrics_token: Annotated[SecretStr, AfterValidator(_long_enough)] | None = Field(
        default=None, examples=["f3b0c4429a1c149a"]
    )
    metrics_token_file: Path | None = Field(default=None, examples=["/run/secrets/metrics"])
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(), examples=[["https://calls.example.com"]]
    )
    """Where else pages are shown that may open our WebSocket: what a proxy in front of us is called."""


class Agi(Section):
    """The FastAGI side."""

    listen: Listen = Field(default=AGI_LISTEN, examples=["127.0.0.1:4573"])
    allow: Annotated[tuple[Network, ...], AfterValidator(_somebody)] = Field(
        default=(ip_network("127.0.0.0/8"),), examples=[["127.0.0.0/8"]]
    )
    deadline_ms: int = Field(default=300, ge=10, le=60_000, examples=[300])
    max_calls: int = Field(default=2_000, ge=1, le=100_000, examples=[2_000])
    """So many requests at once; more are let go at once, and counted."""
    calls_per_second: int = Field(default=500, ge=1, le=100_000, examples=[500])
    """So many requests a second from one address, with as many at once after a pause; more are let go at once."""
    scripts: FileName = Field(default=Path("scripts"), examples=["/etc/threerings/scripts"])
    """Where the files of `[[script]]` are; relative to the configuration file."""
    hosts: int = Field(default=2, ge=1, le=64, examples=[2])
    """So many processes run users' scripts."""
    host_silence_ms: int = Field(default=1_000, ge=200, le=60_000, examples=[1_000])
    """A host that a script keeps busy for so long is ended."""
    longest_minutes: float = Field(default=60, gt=0, le=1_440, allow_inf_nan=False, examples=[60])
    """No conversation of a script with a caller lasts longer."""


class People(Section):
    """Who is signed in by an account, and for how long."""

    idle_hours: float = Field(default=12, gt=0, le=720, allow_inf_nan=False, examples=[12])
    """A session that is not used for so long ends."""
    longest_hours: float = Field(default=168, gt=0, le=8_760, allow_inf_nan=False, examples=[168])
    """No session lasts longer."""


class Script(Section):
    """A user's script: asked for as `agi://HOST:PORT/NAME`."""

    name: Annotated[str, AfterValidator(_route)] = Field(examples=["pin"])
    run: str = Field(min_length=1, max_length=1_024, examples=["pin.py"])
    """A file under `agi.scripts`, or `FILE:FUNCTION`."""


class Number(Section):
    """A published number, as `inbound` is asked about it."""

    dialled: Name = Field(examples=["4001"])
    queue: Name | None = Field(default=None, examples=["support"])
    """Where its callers go; none: what the dialplan says."""
    priority: int = Field(default=0, ge=0, le=1_000, examples=[5])
    hours: str | None = Field(default=None, examples=["office"])
    """Name of a `[[hours]]`; none: those of its queue, if that is named and has some, else always open."""


class Ring(Section):
    """The rhythm of the country's ringing tone: one on and one off."""

    period_seconds: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False, examples=[5.0])


class Standard(Section):
    """What is asked of every call; queues may have their own."""

    rings: int = Field(default=3, ge=1, le=100, examples=[3])
    abandonment: Share = Field(default=0.10, examples=[0.10])
    three_rings_share: Share = Field(default=0.90, examples=[0.90])
    """At least so many of the calls for which a phone rang are answered within `rings`; the standard names no share."""
    mean_wait_seconds: Seconds = Field(default=30, examples=[30])
    complaint_rate: Share = Field(default=0.0001, examples=[0.0001])
    service_level_seconds: Seconds = Field(default=20, examples=[20])
    short_abandon_seconds: Seconds = Field(default=0, examples=[0])
    long_talk_seconds: Seconds = Field(default=300, examples=[300])
    wrap_up_pauses: tuple[str, ...] = Field(default=WRAP_UP_PAUSES, examples=[["wrap-up", "话后"]])
    """Reasons of pauses that are wrap-up, in whatever case."""
    final_lost_minutes: int = Field(default=60, ge=1, le=1_440, examples=[60])
    """Who gave up and is not reached so soon is lost for good; no standard says how soon."""


class Pbx(Section):
    """One Asterisk. `secret` holds the content of `secret_file` when that was given."""

    name: Annotated[Name, AfterValidator(folder_name)] = Field(examples=["pbx1"])
    host: Annotated[str, AfterValidator(host_name)] = Field(default="127.0.0.1", examples=["127.0.0.1"])
    port: Port = Field(default=5038, examples=[5038])
    username: str = Field(min_length=1, examples=["threerings"])
    secret: SecretStr = Field(default=SecretStr(""))
    secret_file: Path | None = Field(default=None, examples=["/etc/threerings/pbx1.secret"])
    actions_username: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, examples=["threerings-actions"]
    )
    """Of the login with which agents sign in and pause; None: they do so at their phones."""
    actions_secret: SecretStr = Field(default=SecretStr(""))
    actions_secret_file: Path | None = Field(default=None, examples=["/etc/threerings/pbx1.actions.secret"])
    click_to_call_username: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, examples=["threerings-calls"]
    )
    """Of the login that lets an agent's phone ring and leads it on to a number; None: nobody calls from his desk."""
    click_to_call_secret: SecretStr = Field(default=SecretStr(""))
    click_to_call_secret_file: Path | None = Field(default=None, examples=["/etc/threerings/pbx1.calls.secret"])
    click_to_call_context: Annotated[str, AfterValidator(_context)] | None = Field(
        default=None, examples=["threerings-outbound"]
    )
    """The only context that numbers called from desks are looked up in."""
    tls: bool = Field(default=False, examples=[True])
    tls_ca: Path | None = Field(default=None, examples=["/etc/threerings/ca.pem"])
    ping_seconds: float = Field(default=5, gt=0, le=300, allow_inf_nan=False, examples=[5])
    queue_log: FileName | None = Field(default=None, examples=["/var/log/asterisk/queue_log"])
    queue_log_token: Annotated[SecretStr, AfterValidator(_token)] | None = Field(
        default=None, examples=["f3b0c4429a1c149a"]
    )
    """Its queue_log is on another host, and whoever shows this token sends it to us."""
    queue_log_token_file: Path | None = Field(default=None, examples=["/etc/threerings/pbx1.queue_log.token"])
    cel: FileName | None = Field(default=None, examples=["/var/log/asterisk/cel-custom/threerings.csv"])
    """Channel events as docker/asterisk/cel_custom.conf has them written: the second witness of direct calls."""
    strict: bool = Field(default=True, examples=[True])
    trunks: tuple[str, ...] = Field(default=(), examples=[["PJSIP/trunk"]])
    """Interfaces that are trunks: channels on them come from outside, and dials to them ring no phone."""
    internal_contexts: tuple[str, ...] = Field(default=(), examples=[["from-internal"]])
    """Contexts whose channels come from inside, whatever their interface."""

    @property
    def has_queue_log(self) -> bool:
        """Read here, or sent to us."""
        return self.queue_log is not None or self.queue_log_token is not None


class Queue(Section):
    """What one queue has of its own; a queue need not be listed."""

    name: Name = Field(examples=["support"])
    title: str | None = Field(default=None, examples=["客户咨询"])
    greeting: str | None = Field(default=None, examples=["您好"])
    service_level_seconds: Seconds | None = Field(default=None, examples=[20])
    short_abandon_seconds: Seconds | None = Field(default=None, examples=[5])
    wrap_up_seconds: Seconds = Field(default=0, examples=[10])
    """Its `wrapuptime` in queues.conf, which the PBX tells nobody."""
    hours: str | None = Field(default=None, examples=["office"])
    """Name of a `[[hours]]`; none: those of its branch."""


class Line(Section):
    """A direct-dialled office phone."""

    name: Name = Field(examples=["front-desk"])
    interface: str = Field(min_length=1, examples=["PJSIP/8001"])
    title: str | None = Field(default=None, examples=["前台"])
    greeting: str | None = Field(default=None, examples=["您好"])
    hours: str | None = Field(default=None, examples=["office"])
    """Name of a `[[hours]]`; none: those of its branch."""


class Branch(Section):
    """What a supervisor looks after."""

    name: Name = Field(examples=["changzhi"])
    title: str | None = Field(default=None, examples=["长治营业部"])
    queues: tuple[Name, ...] = Field(default=(), examples=[["support"]])
    lines: tuple[Name, ...] = Field(default=(), examples=[["front-desk"]])
    hours: str | None = Field(default=None, examples=["office"])
    """Name of a `[[hours]]`, of all its queues and lines that name none; none: nobody says when somebody is there."""


class Agent(Section):
    """Somebody who answers, and what his screen is told by. `token` holds the content of `token_file` when given."""

    name: Name = Field(examples=["1001"])
    title: str | None = Field(default=None, max_length=64, examples=["张敏"])
    interfaces: Annotated[tuple[Annotated[str, AfterValidator(_device)], ...], AfterValidator(_some_phone)] = Field(
        examples=[["PJSIP/1001"]]
    )
    """The phones whose calls he is shown."""
    queues: tuple[Name, ...] = Field(default=(), examples=[["support"]])
    """Those that he may serve from his desk; none named: all of the branches of his account."""
    pbx: str | None = Field(default=None, examples=["pbx1"])
    """Where these phones are; none: on any PBX."""
    token: Annotated[SecretStr, AfterValidator(_token)] = Field(default=SecretStr(""), examples=["f3b0c4429a1c149a"])
    token_file: Path | None = Field(default=None, examples=["/etc/threerings/1001.token"])


class Supervisor(Section):
    """Somebody who sees the first page."""

    name: Name = Field(examples=["zhao"])
    token: Annotated[SecretStr, AfterValidator(_token)] = Field(default=SecretStr(""), examples=["f3b0c4429a1c149a"])
    token_file: Path | None = Field(default=None, examples=["/etc/threerings/zhao.token"])


class Wall(Section):
    """A screen on a wall: it sees `/wall` and nothing else, and types nothing. `token` as above."""

    name: Name = Field(examples=["lobby"])
    branch: str | None = Field(default=None, examples=["changzhi"])
    """The only one that it shows; none: any of them, and all together."""
    token: Annotated[SecretStr, AfterValidator(_token)] = Field(default=SecretStr(""), examples=["f3b0c4429a1c149a"])
    token_file: Path | None = Field(default=None, examples=["/etc/threerings/lobby.token"])


class Config(Section):
    """Everything that can be configured."""

    timezone: Annotated[str, AfterValidator(_zone)] = Field(default="Asia/Shanghai", examples=["Asia/Shanghai"])
    data_dir: FileName = Field(default=Path("/var/lib/threerings"), examples=["/var/lib/threerings"])
    database: Database = Field(default_factory=Database)
    journal: Journal = Field(default_factory=Journal)
    http: Http = Field(default_factory=Http)
    agi: Agi = Field(default_factory=Agi)
    people: People = Field(default_factory=People)
    ring: Ring = Field(default_factory=Ring)
    standard: Standard = Field(default_factory=Standard)
    cases: Cases = Field(default_factory=Cases)
    customers: CustomersSection = Field(default_factory=CustomersSection)
    desk: Desk = Field(default_factory=Desk)
    pbx: tuple[Pbx, ...] = Field(default=(), examples=[[{"name": "pbx1"}]])
    queue: tuple[Queue, ...] = Field(default=(), examples=[[{"name": "support"}]])
    line: tuple[Line, ...] = Field(default=(), examples=[[{"name": "front-desk", "interface": "PJSIP/8001"}]])
    branch: tuple[Branch, ...] = Field(default=(), examples=[[{"name": "changzhi", "queues": ["support"]}]])
    script: tuple[Script, ...] = Field(default=(), examples=[[{"name": "pin", "run": "pin.py"}]])
    number: tuple[Number, ...] = Field(default=(), examples=[[{"dialled": "4001", "queue": "support"}]])
    hours: tuple[Hours, ...] = Field(default=(), examples=[[{"name": "office", "open": ["mon-fri 08:30-17:30"]}]])

    agent: tuple[Agent, ...] = Field(default=(), examples=[[{"name": "1001", "interfaces": ["PJSIP/1001"]}]])
    supervisor: tuple[Supervisor, ...] = Field(default=(), examples=[[{"name": "zhao"}]])
    wall: tuple[Wall, ...] = Field(default=(), examples=[[{"name": "lobby"}]])
    webhook: tuple[Webhook, ...] = Field(default=(), examples=[[{"name": "crm"}]])
    screenpop: ScreenPop = Field(default_factory=ScreenPop)

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which days and hours are counted."""
        return ZoneInfo(self.timezone)

    @property
    def ring_period(self) -> timedelta:
        """One ring, silence included."""
        return timedelta(seconds=self.ring.period_seconds)

    def calendars(self) -> dict[str, Calendar]:
        """The `[[hours]]` by name. The first use of a country's holidays takes some tenths of a second."""
        zone = self.zone
        return {hours.name: hours.calendar(zone) for hours in self.hours}

    def hours_of(self) -> dict[tuple[Kind, str, str], str]:
        """Kind and name of a queue or line, and its branch or "", to the name of its `[[hours]]`, where it has some."""
        own = {(Kind.QUEUE, queue.name): queue.hours for queue in self.queue}
        own |= {(Kind.DIRECT, line.name): line.hours for line in self.line}
        branches: dict[tuple[Kind, str], Branch] = {}
        for branch in self.branch:
            branches |= {(Kind.QUEUE, name): branch for name in branch.queues}
            branches |= {(Kind.DIRECT, name): branch for name in branch.lines}
        found: dict[tuple[Kind, str, str], str] = {}
        for kind, name in dict.fromkeys([*own, *branches]):
            of = branches.get((kind, name))
            hours = own.get((kind, name)) or (of.hours if of is not None else None)
            if hours is not None:
                found[kind, name, of.name if of is not None else ""] = hours
        return found

    def database_url(self) -> str:
        """The address of the database, or "embedded".

        Raises:
            ConfigFaults: there is none.
        """
        if self.database.url is None:
            example = "postgresql://threerings@127.0.0.1/threerings"
            own = f'"{EMBEDDED}" for our own server, with the extra threerings[embedded]'
            raise ConfigFaults((f'database.url: is missing; for example "{example}", or {own}',))
        return self.database.url.get_secret_value()


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Read and check the whole configuration.

    Args:
        path: `--config`; None means `THREERINGS_CONFIG`, else `threerings.toml` here if there is one.
        environ: the environment; its `THREERINGS__SECTION__KEY` win over the file.

    Raises:
        ConfigFaults: anything is wrong; it carries every fault.
    """
    named = path or (Path(environ["THREERINGS_CONFIG"]) if environ.get("THREERINGS_CONFIG") else None)
    file = named or DEFAULT_FILE
    tree = read_toml(file) if named or os.path.lexists(file) else {}
    faults = overlay(tree, environ)
    faults += (
        secrets(tree, file.parent)
        + shipped_logs(tree, file.parent)
        + hands(tree, file.parent)
        + certificates(tree, file.parent)
    )
    script_folder(tree, file.parent)
    try:
        config: Config | None = Config.model_validate(tree)
    except ValidationError as error:
        config = None
        faults += fault_lines(error, Config)
    faults += [] if config is None else desk_faults(config.desk, config.standard.wrap_up_pauses)
    faults += names(tree) + tokens(tree) + one_address(tree) + open_metrics(tree)
    if faults or config is None:
        raise ConfigFaults(tuple(faults))
    return config
