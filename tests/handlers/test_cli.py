"""Exit codes, one line for each thing that is wrong, and no traceback."""

import errno
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import asyncpg
import pytest
import structlog
from sqlalchemy.exc import DBAPIError

from handlers.addresses import ListenError
from handlers.cli import app, main
from handlers.database import BAD_URL, trouble
from handlers.journals import refused
from handlers.service import settle
from telephony.config import Address, Config


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THREERINGS_CONFIG", raising=False)
    yield
    structlog.reset_defaults()


Said = Callable[[], tuple[str, list[str]]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def read() -> tuple[str, list[str]]:
        captured = capsys.readouterr()
        return captured.out, captured.err.splitlines()

    return read


NO_FILE = "--config = 'none.toml': No such file or directory; name a readable file"
AWAY = 'database.url = "postgresql://x:y@127.0.0.1:1/x"\n'


@pytest.mark.parametrize(
    "arguments", [["--help"], ["serve", "--help"], ["migrate", "--help"], ["export", "calls", "--help"]]
)
def test_help_is_to_be_had_everywhere(arguments: list[str], said: Said) -> None:
    assert main(arguments) == 0
    assert "Usage: threerings" in said()[0]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "Missing command. See: threerings --help"),
        (["export"], "Missing command. See: threerings --help"),
        (["bogus"], "No such command 'bogus'. See: threerings --help"),
        (
            ["migrate", "--config", "none.toml"],
            NO_FILE,
        ),
        (["export", "calls", "--since", "x"], "--since = 'x': is no time; for example 2026-03-01T00:00:00Z"),
    ],
)
def test_wrong_usage_is_two_and_one_line(arguments: list[str], line: str, said: Said) -> None:
    Path("threerings.toml").write_text(AWAY)
    assert main(arguments) == 2
    assert said()[1] == [line]


@pytest.mark.parametrize("instant", ["0001-01-01", "9999-12-31T23:59:59-10:00"])
def test_a_time_that_no_clock_of_ours_has_is_a_fault(instant: str, said: Said) -> None:
    Path("threerings.toml").write_text('timezone = "Asia/Shanghai"\n' + AWAY)
    assert main(["export", "calls", "--until", instant]) == 2
    assert said()[1] == [f"--until = {instant!r}: is out of range; name a time from year 2 to year 9998"]


def test_the_version_is_said(said: Said) -> None:
    assert main(["--version"]) == 0
    assert said()[0] == f"threerings {version('threerings')}\n"


@pytest.mark.parametrize("address", ["h:abc/d", "[::1/d", "h/d?sslmode=hunter", f"{'a' * 70}/d"])
@pytest.mark.parametrize("command", ["serve", "migrate", "export calls"])
def test_an_address_of_the_database_that_is_none_is_a_fault_and_not_shown(
    address: str, command: str, said: Said, unused_tcp_port: int
) -> None:
    Path("threerings.toml").write_text(
        f'database.url = "postgresql://u:hunter2@{address}"\nhttp.listen = "127.0.0.1:{unused_tcp_port}"\n'
        'agi.listen = "127.0.0.1:0"\n'
        '[[pbx]]\nname="a"\nusername="u"\nsecret="s"\nport=1\n'
    )
    assert main(command.split()) == 2
    lines = said()[1]
    assert lines[-1] == BAD_URL
    assert "hunter" not in " ".join(lines)


def test_what_the_layers_between_add_to_an_error_is_left_out() -> None:
    cause = asyncpg.PostgresError("permission denied")
    adapter = RuntimeError("<class 'PostgresError'>: permission denied")
    adapter.__cause__ = cause
    assert trouble(DBAPIError("SELECT 1", {}, adapter)) == "permission denied"
    assert trouble(DBAPIError("SELECT 1", {}, RuntimeError("broken"))) == "broken"
    assert trouble(TimeoutError()) == "no answer in time"
    refused = "Connect call failed ('127.0.0.1', 1)"
    assert trouble(ConnectionRefusedError(errno.ECONNREFUSED, refused)) == "connection refused"


def test_without_a_database_nothing_is_tried(said: Said) -> None:
    for arguments in (["migrate"], ["export", "calls"]):
        assert main(arguments) == 2
        assert said()[1][0].startswith("database.url: is missing; for example")


@pytest.mark.parametrize("arguments", [["migrate"], ["export", "calls"], ["export", "calls", "--output", "x"]])
def test_a_database_that_is_away_is_one_and_one_line(arguments: list[str], said: Said) -> None:
    Path("threerings.toml").write_text(AWAY)
    assert main(arguments) == 1
    [line] = said()[1]
    assert line.startswith("database.url: ")
    assert line.endswith("is PostgreSQL there, and are name and password right?")
    assert not list(Path().glob("x*"))


def test_an_output_that_cannot_be_made_is_said_so(said: Said) -> None:
    Path("threerings.toml").write_text(AWAY)
    assert main(["export", "calls", "--output", "none/x"]) == 1
    assert said()[1] == ["none/x.partial: No such file or directory"]


def test_serving_without_a_pbx_is_a_fault(said: Said) -> None:
    Path("threerings.toml").write_text(AWAY)
    assert main(["serve"]) == 2
    assert said()[1] == ["pbx: is missing; add a [[pbx]] with name, host, username and secret_file"]


def test_serve_runs_the_service_and_fails_when_calls_are_not_saved(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    Path("threerings.toml").write_text(AWAY + '[[pbx]]\nname="a"\nusername="u"\nsecret="s"\n')
    served: list[Config] = []

    unsaved = [0, 3]

    async def serve(config: Config, ready: object, *, again: Callable[[], Config], standby: bool) -> int:
        assert (ready, standby) == (settle, False)
        assert again() == config
        served.append(config)
        return unsaved.pop(0)

    monkeypatch.setattr("handlers.service.serve", serve)
    assert main(["serve"]) == 0
    assert served[0].pbx[0].name == "a"
    assert main(["serve"]) == 1
    assert said()[1] == ["3 calls could not be saved; the log says why"]


def test_an_address_that_cannot_be_had_is_one_line_with_key_address_and_remedy(
    monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    Path("threerings.toml").write_text(AWAY + '[[pbx]]\nname="a"\nusername="u"\nsecret="s"\n')

    async def serve(*_: object, **__: object) -> int:
        raise ListenError("agi.listen", Address("127.0.0.1", 4573), OSError(errno.EADDRINUSE, "in use"))

    monkeypatch.setattr("handlers.service.serve", serve)
    assert main(["serve"]) == 1
    [line] = said()[1]
    assert line.startswith('agi.listen = "127.0.0.1:4573": address already in use; ')


def test_without_room_on_the_disk_a_service_manager_may_try_again(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    Path("threerings.toml").write_text(AWAY + '[[pbx]]\nname="a"\nusername="u"\nsecret="s"\n')
    full: list[OSError] = [OSError(errno.ENOSPC, "No space left on device"), PermissionError(errno.EACCES, "Not yours")]

    async def serve(*_: object, **__: object) -> int:
        raise refused(Path("/data"), full.pop(0))

    monkeypatch.setattr("handlers.service.serve", serve)
    assert main(["serve"]) == 1
    assert said()[1] == ["data_dir: /data: No space left on device; make room (see df, and df -i)"]
    assert main(["serve"]) == 2


def test_an_interruption_or_a_reader_that_leaves_is_no_traceback(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    for error, lines, code in ((KeyboardInterrupt, ["interrupted"], 130), (BrokenPipeError, [], 1)):

        def stopped(*_: object, error: type[BaseException] = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("typer.main.get_command", lambda _app, stop=stopped: type("C", (), {"main": stop}))
        assert main(["migrate"]) == code
        assert said()[1] == lines
    assert app.info.name == "threerings"
