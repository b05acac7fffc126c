"""From a TOML file and the environment to one nested dict, and from pydantic's errors to one clear line per fault."""

import json
import tomllib
import types
import typing
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from telephony.regularfile import TEXT_BYTES, read

PREFIX = "THREERINGS__"
SECRET_KEYS = frozenset(
    {"secret", "actions_secret", "click_to_call_secret", "metrics_token", "token", "queue_log_token", "url", "password"}
)
"""Keys whose value is never shown."""
MAX_DIGITS = 6
"""Of the number of an entry in the name of a variable."""
SHOWN = 80
"""So many characters of a wrong value are shown."""

Tree = dict[str, object]


class ConfigFaults(Exception):  # noqa: N818  # it carries faults, and is caught by that name
    """The configuration cannot be used. `faults`: one line each, naming key, value, what is wrong and the remedy."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def read_toml(path: Path) -> Tree:
    """The file as nested dicts.

    Raises:
        ConfigFaults: it is not there, not readable, no regular file, too large, not UTF-8 or not TOML.
    """
    try:
        return tomllib.loads(read(path, TEXT_BYTES).decode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigFaults((f"--config = {str(path)!r}: {reason}; name a readable file",)) from None
    except UnicodeDecodeError:
        raise ConfigFaults((f"--config = {str(path)!r}: is not UTF-8 text; save it as UTF-8",)) from None
    except ValueError as error:  # TOMLDecodeError is one; a number of 5,000 digits is another
        raise ConfigFaults((f"--config = {str(path)!r}: is not TOML: {error}; mend that line",)) from None
    except RecursionError:
        raise ConfigFaults((f"--config = {str(path)!r}: brackets within brackets without end; mend them",)) from None


def overlay(tree: Tree, environ: Mapping[str, str]) -> list[str]:
    """Write every `THREERINGS__SECTION__KEY` of the environment over the tree.

    A segment that is a number picks an entry of a list of tables (`THREERINGS__PBX__0__SECRET`), the next free number
    adds one. A value that is a JSON list or object is taken as such; anything else is text, which the model converts.

    Returns:
        The faults found, one line each.
    """
    faults: list[str] = []
    for name in sorted(environ):
        if name.startswith(PREFIX):
            path = name.removeprefix(PREFIX).lower().split("__")
            if not _put(tree, path, _value(environ[name])):
                faults.append(f"{name}: names no place in the configuration; write {PREFIX}SECTION__KEY")
    return faults


def _value(text: str) -> object:
    if text[:1] in "[{" and text:
        try:
            return typing.cast("object", json.loads(text))
        except (ValueError, RecursionError):
            return text
    return text


def _put(tree: Tree, path: list[str], value: object) -> bool:
    place: object = tree
    for here, below in zip(path, [*path[1:], None], strict=True):
        key: str | int = here
        if isinstance(place, list):
            if not here.isdecimal() or len(here) > MAX_DIGITS or int(here) > len(place):
                return False
            key = int(here)
            if key == len(place):
                place.append({})
        elif not isinstance(place, dict) or not here:
            return False
        if below is None:
            place[key] = value  # type: ignore[index]
        elif isinstance(place, dict):
            place = place.setdefault(here, [] if below.isdecimal() else {})
        else:
            place = place[int(here)]
    return True


def fault_lines(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each thing that pydantic found wrong, in the words of this product."""
    return [_line(detail, model) for detail in error.errors()]


def dotted(location: tuple[str | int, ...]) -> str:
    """`("pbx", 0, "port")` as `pbx[0].port`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(key: str, value: object) -> str:
    """` = 'value'` cut to a bearable length, or nothing when the value is secret or no scalar."""
    if key in SECRET_KEYS or not isinstance(value, str | int | float | bool):
        return ""
    text = repr(value)
    return f" = {text if len(text) <= SHOWN else text[:SHOWN] + '…'}"


def _line(detail: ErrorDetails, model: type[BaseModel]) -> str:
    location = detail["loc"]
    key = dotted(location)
    field, siblings = _field_at(location, model)
    if detail["type"] == "extra_forbidden":
        near = get_close_matches(str(location[-1]), siblings, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(siblings))}"
        return f"{key}: is not a known key; {remedy}"
    examples = field.examples if field is not None else None
    remedy = f"for example {examples[0]!r}" if examples else "see docs/configuration.md"
    if detail["type"] == "missing":
        return f"{key}: is missing; {remedy}"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    name = next((part for part in reversed(location) if isinstance(part, str)), "")
    # What stands in the place of a table may hold its secrets.
    table = field is not None and _model_within(field.annotation) is not None
    value = "" if table else shown(name, detail["input"])
    return f"{key}{value}: {message}; {remedy}"


def _field_at(location: tuple[str | int, ...], model: type[BaseModel]) -> tuple[FieldInfo | None, list[str]]:
    """The field at that place, if there is one, and the names known beside it."""
    here: type[BaseModel] | None = model
    field: FieldInfo | None = None
    siblings: list[str] = []
    for part in location:
        if isinstance(part, str) and here is not None:
            siblings = list(here.model_fields)
            field = here.model_fields.get(part)
            here = _model_within(field.annotation) if field is not None else None
    return field, siblings


def _model_within(annotation: object) -> type[BaseModel] | None:
    """The model in `Model`, `Model | None` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for inner in typing.get_args(annotation) if (found := _model_within(inner))), None)
