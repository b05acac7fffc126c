"""Holds a JSON value against the part of JSON Schema that our own description uses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str, "number": (int, float), "integer": int, "boolean": bool, "object": Mapping, "array": list,
    "null": type(None),
}  # fmt: skip


def check(value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], where: str = "$") -> None:
    """Fails where the value is not what the schema says; also where it has more than that."""
    if "$ref" in schema:
        check(value, schemas[schema["$ref"].rpartition("/")[2]], schemas, where)
        return
    if "enum" in schema:
        assert value in list(schema["enum"]), f"{where}: {value!r} is none of {schema['enum']}"
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        fits = [
            kind
            for kind in kinds
            if isinstance(value, KINDS[kind]) and (kind == "boolean") == (value is True or value is False)
        ]
        assert fits, f"{where}: {value!r} is no {kinds}"
    if "minimum" in schema:
        assert value >= schema["minimum"], f"{where}: {value!r} is too small"
    if schema.get("format") == "date-time" and value is not None:
        assert datetime.fromisoformat(value).tzinfo is not None, where
    if isinstance(value, Mapping):
        _members(value, schema, schemas, where)
    if isinstance(value, list):
        for number, item in enumerate(value):
            check(item, schema["items"], schemas, f"{where}[{number}]")


def _members(value: Mapping[str, Any], schema: Mapping[str, Any], schemas: Mapping[str, Any], where: str) -> None:
    named, others = schema.get("properties", {}), schema.get("additionalProperties")
    missing = set(schema.get("required", ())) - set(value)
    assert not missing, f"{where}: lacks {missing}"
    for name, item in value.items():
        if name in named:
            check(item, named[name], schemas, f"{where}.{name}")
        elif others is not None:
            check(item, others, schemas, f"{where}.{name}")
        else:
            assert not named, f"{where}: {name} is not described"
