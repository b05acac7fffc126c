"""Parts of which descriptions in JSON Schema are made."""

from collections.abc import Mapping

Schema = Mapping[str, object]
NULL = "null"


def maybe(kind: str, **more: object) -> Schema:
    """Or null."""
    return {"type": [kind, NULL], **more}


def an_object(description: str, properties: Mapping[str, Schema], **more: object) -> Schema:
    """Of which every property is there."""
    required = list(properties)
    return {"type": "object", "description": description, "properties": properties, "required": required, **more}


def a_list(items: Schema, description: str) -> Schema:
    """Of these."""
    return {"type": "array", "items": items, "description": description}


def ref(name: str) -> Schema:
    """One of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "number", "minimum": 0}
YES: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time", "description": "UTC, with microseconds"}


def in_query(name: str, description: str, schema: Schema, **more: object) -> Schema:
    """A parameter that may be left out."""
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema, **more}
