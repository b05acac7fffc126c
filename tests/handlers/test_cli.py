"""Exit codes, one line for each thing that is wrong, and no traceback."""

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from handlers.cli import app, main
from telephony.config import Config


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


def test_serve_runs_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("threerings.toml").write_text(AWAY + '[[pbx]]\nname="a"\nusername="u"\nsecret="s"\n')
    served: list[Config] = []

    async def serve(config: Config) -> None:
        served.append(config)

    monkeypatch.setattr("handlers.service.serve", serve)
    assert main(["serve"]) == 0
    assert served[0].pbx[0].name == "a"


def test_an_interruption_or_a_reader_that_leaves_is_no_traceback(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    for error, lines in ((KeyboardInterrupt, ["interrupted"]), (BrokenPipeError, [])):

        def stopped(*_: object, error: type[BaseException] = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("typer.main.get_command", lambda _app, stop=stopped: type("C", (), {"main": stop}))
        assert main(["migrate"]) == 1
        assert said()[1] == lines
    assert app.info.name == "threerings"
