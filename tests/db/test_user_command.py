"""`threerings user …`, as somebody types it, on a real PostgreSQL."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from telephony.cases.accounts import Accounts
from telephony.cases.migrate import migrate
from telephony.cases.pool import Pool
from telephony.cases.trail import TrailStore, Wanted

pytestmark = pytest.mark.db

COMMAND = Path(sys.executable).parent / "python"
PASSWORD = "correct horse battery"
TOML = """
[[branch]]
name = "changzhi"
[[agent]]
name = "1001"
interfaces = ["PJSIP/1001"]
token = "token-of-the-agent-1001"
"""


class Shell:
    """A folder with a configuration, and what was typed in it."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        (folder / "threerings.toml").write_text(f'database = {{ url = "{url}" }}\n{TOML}')

    async def types(self, *words: str, said: str = "") -> tuple[int, str, str]:
        """Exit code, output and errors."""
        done = await asyncio.to_thread(
            subprocess.run,
            [COMMAND, "-m", "handlers.cli", "user", *words],
            cwd=self._folder,
            input=said,
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "120"},
        )
        return done.returncode, done.stdout, done.stderr

    async def adds(self, name: str = "zhao", *words: str) -> tuple[int, str, str]:
        return await self.types(
            "add",
            name,
            "--role",
            "supervisor",
            "--branch",
            "changzhi",
            "--password-stdin",
            *words,
            said=PASSWORD + "\n",
        )


async def test_an_account_is_made_shown_changed_and_disabled_and_all_of_it_written_down(
    tmp_path: Path, empty_database: str
) -> None:
    shell = Shell(tmp_path, empty_database)
    assert await shell.adds() == (1, "", "database.url: the database has no schema yet; run: threerings migrate\n")
    await migrate(empty_database)
    code, out, _ = await shell.adds("Zhao", "--title", "赵敏", "--desk", "1001")
    assert (code, out.startswith("Zhao added as supervisor of changzhi at desk 1001")) == (0, True)
    assert (await shell.adds("ＺＨＡＯ"))[0] == 1
    code, out, _ = await shell.types("list")
    assert (code, "Zhao" in out, "must change password" in out) == (0, True, True)
    assert (await shell.types("role", "zhao", "quality"))[1] == "zhao is quality of all branches at desk 1001\n"
    assert (await shell.types("disable", "zhao"))[0] == 0
    assert "disabled" in (await shell.types("list"))[1]
    assert (await shell.types("enable", "zhao"))[0] == 0
    assert (await shell.types("password", "zhao", "--password-stdin", said="another long one\n"))[0] == 0
    pool = Pool(empty_database)
    entries = [one.entry for one in await TrailStore(pool).page(Wanted(whom="Zhao"), 10)]
    [account] = await Accounts(pool).all()
    await pool.close()
    verbs = [entry.verb.value for entry in entries]
    assert verbs == ["password_set", "user_enabled", "user_disabled", "user_changed", "user_added"]
    assert entries[3].detail == "supervisor of changzhi at desk 1001 -> quality of all branches at desk 1001"
    assert all(entry.who.startswith("command ") for entry in entries)
    assert account.password_hash is not None
    assert account.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_token_is_printed_once_listed_without_itself_and_ended(tmp_path: Path, database: str) -> None:
    shell = Shell(tmp_path, database)
    await shell.adds()
    code, secret, _ = await shell.types("token", "make", "zhao", "--title", "report", "--scope", "figures")
    assert (code, secret.startswith("tr_"), len(secret)) == (0, True, 47)
    _, listed, _ = await shell.types("token", "list", "zhao")
    assert ("report" in listed, "never" in listed, secret.strip() in listed) == (True, True, False)
    number = next(word for word in listed.split() if word.count("-") == 4)
    assert (await shell.types("token", "end", "zhao", number))[:2] == (0, "ended\n")
    assert (await shell.types("token", "end", "zhao", number))[0] == 1
    assert (await shell.types("token", "make", "zhao", "--title", "x", "--scope", "people"))[0] == 2


@pytest.mark.parametrize(
    ("words", "said", "fault", "exit_code"),
    [
        (["add", "a b", "--role", "agent", "--password-stdin"], PASSWORD, "NAME = 'a b': should have no blanks", 2),
        (["add", "li", "--role", "chief"], "", "Invalid value", 2),
        (["add", "li", "--role", "agent", "--branch", "x", "--password-stdin"], PASSWORD, "is no known branch", 2),
        (["add", "li", "--role", "agent", "--desk", "9", "--password-stdin"], PASSWORD, "is no known agent", 2),
        (["add", "li", "--role", "agent", "--password-stdin"], "short", "should have at least 12 characters", 1),
        (["disable", "nobody"], "", "there is no such user", 1),
    ],
)
async def test_what_is_wrong_is_said_in_one_line(  # noqa: PLR0917 - a table
    tmp_path: Path, database: str, words: list[str], said: str, fault: str, exit_code: int
) -> None:
    code, _, errors = await Shell(tmp_path, database).types(*words, said=said)
    assert (code, errors.count("\n")) == (exit_code, 1)
    assert fault in errors


async def test_without_a_terminal_and_without_a_password_one_is_made(tmp_path: Path, database: str) -> None:
    code, out, _ = await Shell(tmp_path, database).types("add", "li", "--role", "agent")
    assert (code, out.startswith("password: "), len(out.split("\n")[0])) == (0, True, 30)
