"""The demo's threerings.toml, and what its addresses look like on a terminal. Pure."""

import json
import secrets
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from telephony.config import Address, Config
from telephony.simulator import branch as places

PBX, USERNAME = "pbx1", "threerings"
TITLES = {places.SUPPORT: "客户咨询", places.TRADE: "交易委托"}
GREETINGS = {places.SUPPORT: "您好，客户咨询，请问有什么可以帮您？", places.TRADE: "您好，交易委托，请报您的资金账号。"}
LINES = {"front-desk": places.DESK, "manager": places.MANAGER}
WIDE = frozenset("WF")
Value = str | int | list[str]


def toml(folder: Path, http: Address, ami_port: int) -> str:
    """The whole file.

    Args:
        folder: of everything.
        http: where the pages are.
        ami_port: of the simulated PBX.
    """
    queues = [places.SUPPORT, places.TRADE]
    parts = [
        _pairs({"data_dir": str(folder)}),
        _table("database", {"url": "embedded"}),
        _table("http", {"listen": str(http)}),
        _table("agi", {"listen": "127.0.0.1:0"}),
        _entry(
            "pbx",
            {
                "name": PBX,
                "port": ami_port,
                "username": USERNAME,
                "secret_file": str(folder / "secret"),
                "queue_log": str(folder / "queue_log"),
                "trunks": [places.TRUNK],
            },
        ),
        *(_entry("queue", {"name": one, "title": TITLES[one], "greeting": GREETINGS[one]}) for one in queues),
        *(
            _entry("line", {"name": name, "interface": phone, "title": places.LINES[phone], "greeting": "您好"})
            for name, phone in LINES.items()
        ),
        _entry("branch", {"name": "changzhi", "title": "长治营业部", "queues": queues, "lines": list(LINES)}),
        *(_agent(clerk.interface, clerk.name) for clerk in places.CLERKS),
        *(_agent(phone, title) for phone, title in places.LINES.items()),
        _entry("number", {"dialled": places.SUPPORT_NUMBER, "queue": places.SUPPORT}),
        _entry("number", {"dialled": places.TRADE_NUMBER, "queue": places.TRADE}),
    ]
    return "\n".join(parts)


def _agent(interface: str, title: str) -> str:
    name = interface.partition("/")[2]
    return _entry("agent", {"name": name, "title": title, "interfaces": [interface], "token": secrets.token_hex(16)})


def _entry(section: str, values: Mapping[str, Value]) -> str:
    return f"[[{section}]]\n{_pairs(values)}"


def _table(section: str, values: Mapping[str, Value]) -> str:
    return f"[{section}]\n{_pairs(values)}"


def _pairs(values: Mapping[str, Value]) -> str:
    """JSON's texts, numbers and lists are TOML's, too."""
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


def addresses(config: Config, folder: Path, seconds: float) -> Iterator[str]:
    """What is where, line by line.

    Args:
        config: the demo's.
        folder: of everything.
        seconds: it took to start.
    """
    pages = f"http://{config.http.listen}"
    yield f"Up in {seconds:.1f} s. A call comes every four seconds; after some minutes there is a rush."
    yield ""
    yield f"  {_wide('first page')}{pages}/"
    for agent in config.agent:
        yield f"  {_wide(f'{agent.name} {agent.title}')}{pages}/desk#token={agent.token.get_secret_value()}"
    yield f"  {_wide('wallboard')}{pages}/wall"
    yield f"  {_wide('metrics')}{pages}/metrics"
    yield f"  {_wide('readiness')}{pages}/readyz"
    yield f"  {_wide('log')}{folder / 'threerings.log'}"
    yield ""
    yield "Ctrl-C ends it and cleans up."


def _wide(text: str, width: int = 14) -> str:
    """Filled with blanks; a Chinese character takes two places."""
    taken = sum(2 if unicodedata.east_asian_width(one) in WIDE else 1 for one in text)
    return text + " " * max(width - taken, 1)
