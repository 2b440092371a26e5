# SPDX-License-Identifier: LGPL-2.1-or-later
"""What JSON of p2pchatctl must look like (tests/schemas): a part of JSON Schema, in which an object has no key that
is not named. A schema with a word that is not known here is itself wrong."""
import json
import pathlib
import re

WORDS = {"$ref", "anyOf", "type", "properties", "required", "items", "minItems", "enum", "pattern", "minimum",
         "additionalProperties"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}
FOLDER = pathlib.Path(__file__).parents[1] / "schemas"


def load(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def faults(value, schema, document, where="$"):
    """→ what is wrong with the value, a list of texts; ValueError: with the schema."""
    if set(schema) - WORDS:
        raise ValueError(f"{where}: a schema may not say {set(schema) - WORDS}")
    if "$ref" in schema:
        return faults(value, document["$defs"][schema["$ref"].removeprefix("#/$defs/")], document, where)
    if "anyOf" in schema:
        tried = [faults(value, s, document, where) for s in schema["anyOf"]]
        return [] if [] in tried else min(tried, key=len)
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{where}: {value!r} is none of {schema['enum']}"]
    if "type" not in schema:
        raise ValueError(f"{where}: a schema names the type")
    wanted = TYPES[schema["type"]]
    if not isinstance(value, wanted) or wanted is int and isinstance(value, bool):
        return [f"{where}: {value!r} is not of the type {schema['type']}"]
    found = []
    if wanted is str and not re.search(schema.get("pattern", ""), value):
        found.append(f"{where}: {value!r} is not {schema['pattern']}")
    if wanted is int and value < schema.get("minimum", value):
        found.append(f"{where}: {value} is less than {schema['minimum']}")
    if wanted is list:
        if len(value) < schema.get("minItems", 0):
            found.append(f"{where}: {len(value)} are too few")
        for i, item in enumerate(value):
            found += faults(item, schema["items"], document, f"{where}[{i}]")
    if wanted is dict:
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        found += [f"{where}: {key} is missing" for key in schema.get("required", ()) if key not in value]
        for key, inner in value.items():
            if key in known or others:
                found += faults(inner, known.get(key, others), document, f"{where}.{key}")
            else:
                found.append(f"{where}: {key} is not in the schema")
    return found


def check(text, what, document):
    """What p2pchatctl wrote for a verb (or "error"), held against its schema; → the values."""
    stream = what in document["streams"]
    lines = text.splitlines()
    assert stream or len(lines) == 1, f"{what}: one line is to be one value: {text!r}"
    values = [json.loads(line) for line in lines]
    for value in values:
        wrong = faults(value, document["streams" if stream else "verbs"][what], document)
        assert not wrong, f"{what}: {wrong}"
    return values
