"""What a script is, and what is seen to be wrong with one without running it."""

import os
from pathlib import Path

import pytest

from telephony.agi.scripts import Script, compiled, fault, imports, parse_run

FOLDER = Path("/srv/scripts")


@pytest.mark.parametrize(
    ("run", "file", "function"),
    [
        ("pin.py", "pin.py", None),
        ("pin.py:check", "pin.py", "check"),
        ("sub/pin.py:check_2", "sub/pin.py", "check_2"),
    ],
)
def test_a_run_names_a_file_and_perhaps_a_function(run: str, file: str, function: str | None) -> None:
    assert parse_run("pin", run, FOLDER) == Script("pin", FOLDER / file, function)


@pytest.mark.parametrize("run", ["", "pin", "pin.sh", ".py", "/etc/pin.py", "../pin.py", "a/../../pin.py", "pin.py:"])
def test_what_names_no_file_below_the_folder_is_refused(run: str) -> None:
    with pytest.raises(ValueError, match=r"pin\.py") as error:
        parse_run("pin", run, FOLDER)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("run", ["pin.py:1", "pin.py:a.b", "pin.py:class", "pin.py:f()", "pin.py:a:b"])
def test_what_can_be_no_function_is_refused(run: str) -> None:
    with pytest.raises(ValueError, match="can be no function"):
        parse_run("pin", run, FOLDER)


def script(folder: Path, text: str | bytes, function: str | None = None, name: str = "it.py") -> Script:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return Script("it", file, function)


@pytest.mark.parametrize(
    "text",
    [
        "def f(agi): pass",
        "async def f(agi): pass",
        "try:\n    import x\nexcept ImportError:\n    def f(agi): pass\n",
        "if True:\n    pass\nelse:\n    def f(agi): pass\n",
        "def g(agi): pass\nf = g",
        "f: object = print",
        "from other import g as f",
        "import f",
        "try:\n    pass\nfinally:\n    def f(agi): pass\n",
    ],
)
def test_a_function_may_stand_at_the_top_in_every_way(tmp_path: Path, text: str) -> None:
    assert fault(script(tmp_path, text, "f")) is None


@pytest.mark.parametrize(
    "text", ["", "class A:\n    def f(agi): pass", "def g():\n    def f(agi): pass", "f.x = 1", "a, b = f, 2"]
)
def test_elsewhere_it_may_not(tmp_path: Path, text: str) -> None:
    assert (fault(script(tmp_path, text, "f")) or "").endswith("it.py: has no function 'f' at its top level")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n  b\n", "it.py:2: IndentationError: unexpected indent"),
        ("return\n", "it.py:1: SyntaxError: 'return' outside function"),
        (b"\xff\xfe\n", "it.py: SyntaxError: "),
        (b"a = 1\n# \xe4\n", "it.py: SyntaxError: "),
        ("# coding: klingon\n", "it.py: SyntaxError: "),
        ("# coding: rot13\n", "it.py: SyntaxError: 'rot13' is not a text encoding"),
        ("# coding: zlib\n", "it.py: SyntaxError: 'zlib' is not a text encoding"),
        ("a\0b", "it.py: "),
    ],
)
def test_what_is_no_python_is_told_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    told = fault(script(tmp_path, text))
    assert told is not None
    assert said in told
    assert "\n" not in told


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    none = tmp_path / "none.py"
    assert fault(Script("it", none, None)) == f"{none}: cannot be read: No such file or directory"
    (tmp_path / "dir.py").mkdir()
    assert "is no regular file" in (fault(Script("it", tmp_path / "dir.py", None)) or "")
    os.mkfifo(tmp_path / "fifo.py")
    assert "is no regular file" in (fault(Script("it", tmp_path / "fifo.py", None)) or "")


@pytest.mark.parametrize("text", ["x = " + "-" * 100_000 + "1\n", "x = " + "(" * 250 + ")" * 250, "a" + ".a" * 50_000])
def test_what_is_too_deep_for_the_compiler_is_one_line(tmp_path: Path, text: str) -> None:
    said = fault(script(tmp_path, text))
    assert said is not None
    assert said.startswith(str(tmp_path / "it.py"))
    assert "\n" not in said


@pytest.mark.parametrize("name", ["json.py", "asterisk.py", "telephony.py"])
def test_a_module_that_would_push_another_aside_is_refused_where_it_is_imported(tmp_path: Path, name: str) -> None:
    assert "rename the file" in (fault(script(tmp_path, "def f(agi): pass", "f", name)) or "")
    assert fault(script(tmp_path, "pass", None, name)) is None


def test_nothing_is_run_to_find_faults(tmp_path: Path) -> None:
    assert fault(script(tmp_path, "raise SystemExit\ndef f(agi): pass", "f")) is None


def test_an_odd_escape_is_no_fault(tmp_path: Path) -> None:
    assert fault(script(tmp_path, "a = '\\d'")) is None


def test_its_encoding_is_what_it_declares(tmp_path: Path) -> None:
    found: dict[str, object] = {}
    exec(compiled(script(tmp_path, b"# coding: latin-1\na = '\xe4'\n")), found)
    assert found["a"] == "ä"


def test_what_it_imports_at_its_top_is_known(tmp_path: Path) -> None:
    text = """
import os, json.decoder
from asterisk.agi import *
from . import near
try:
    import fast as quick
except ImportError:
    import slow
with open("x"):
    import within
def f():
    import later
import os
"""
    found = imports(script(tmp_path, text).file)
    assert found == ["os", "json.decoder", "asterisk.agi", "fast", "slow", "within"]
