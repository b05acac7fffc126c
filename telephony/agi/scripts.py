"""What a user's script is, and what can be said about it without running it.

Three forms, as people write them for pyst2:

    run = "pin.py"          a module: executed as `__main__` for every call, makes its own `agi = AGI()`
    run = "pin.py:check"    `def check(agi)`: the module is imported once, the function called for every call
    run = "pin.py:check"    `async def check(agi)`: the same vocabulary, awaited
"""

import ast
import sys
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path, PurePosixPath
from types import CodeType

from telephony.regularfile import TEXT_BYTES, check

OURS = frozenset({"asterisk", "asyncio", "greenlet", "handlers", "six", "telephony", "uvloop"})
"""Modules that a script imported under its own name must not push aside."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Nested = ast.If | ast.Try | ast.With


@dataclass(frozen=True, slots=True)
class Script:
    """A script as configured.

    Attributes:
        name: what the dialplan calls it by: `agi://host/name`.
        file: where it is.
        function: which of its functions runs for a call; None: the whole file does.
    """

    name: str
    file: Path
    function: str | None


def parse_run(name: str, run: str, folder: Path) -> Script:
    """The script that `run` means: `pin.py` or `pin.py:check`.

    Args:
        name: the script's.
        run: a path below `folder`, and perhaps a function.
        folder: where the scripts are.

    Raises:
        ValueError: it means none; one line.
    """
    path, colon, function = run.partition(":")
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"{run!r} leads out of the folder of the scripts; name a file in it, such as 'pin.py'")
    if relative.suffix != ".py" or not relative.stem:
        raise ValueError(f"{run!r} is no Python file; write 'pin.py' or 'pin.py:function'")
    if colon and (not function.isidentifier() or iskeyword(function)):
        raise ValueError(f"{function!r} in {run!r} can be no function; write 'pin.py:function'")
    return Script(name, (folder / relative).absolute(), function if colon else None)


def source(file: Path) -> str:
    """The text of a script, in the encoding that it declares.

    Raises:
        OSError: it cannot be read.
        SyntaxError: it is no text.
    """
    try:
        with tokenize.open(file) as stream:
            return stream.read()
    except UnicodeDecodeError as error:
        raise SyntaxError(f"no text in its encoding: {error.reason}") from None
    except LookupError as error:  # `# coding: rot13`, which Python knows and is none for text
        raise SyntaxError(str(error)) from None


def compiled(script: Script) -> CodeType:
    """The code of a script, ready to run.

    Raises:
        OSError, SyntaxError: as `source`.
    """
    return compile(source(script.file), str(script.file), "exec", dont_inherit=True)


def fault(script: Script) -> str | None:
    """What keeps it from running, in one line; None: nothing that can be seen without running it."""
    body = _body(script)
    if isinstance(body, str):
        return body
    if script.function is None:
        return None
    if script.file.stem in sys.stdlib_module_names or script.file.stem in OURS:
        return f"{script.file}: would be imported as {script.file.stem!r}, a module that is needed; rename the file"
    if script.function not in set(_top_level(body)):
        return f"{script.file}: has no function {script.function!r} at its top level"
    return None


def _body(script: Script) -> list[ast.stmt] | str:
    """Its statements, or why it has none."""
    try:
        check(script.file, TEXT_BYTES)
        text = source(script.file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a user's script is no fault
            tree = ast.parse(text, str(script.file))
            compile(tree, str(script.file), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        where = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        return f"{script.file}{where}: {type(error).__name__}: {said}"
    except (MemoryError, RecursionError):  # how the compiler says so
        return f"{script.file}: is too deeply nested for Python"
    except OSError as error:
        return f"{script.file}: cannot be read: {error.strerror}"
    return tree.body


def imports(file: Path) -> list[str]:
    """The modules that the file imports at its top level, so that a host can have them before the first call.

    Raises:
        OSError, SyntaxError: as `source`.
    """
    found: list[str] = []
    for statement in _statements(ast.parse(source(file)).body):
        if isinstance(statement, ast.Import):
            found += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            found.append(statement.module)
    return list(dict.fromkeys(found))


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, _Nested):
            yield from _statements(statement.body)
        if isinstance(statement, ast.If | ast.Try):
            yield from _statements(statement.orelse)
        if isinstance(statement, ast.Try):
            for handler in statement.handlers:
                yield from _statements(handler.body)
            yield from _statements(statement.finalbody)


def _top_level(body: list[ast.stmt]) -> Iterator[str]:
    for statement in _statements(body):
        if isinstance(statement, _Function):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id
