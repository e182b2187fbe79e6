"""Structured answers: JSON out of what a model wrote, checked against a schema."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
from referencing import Registry
from referencing.exceptions import NoSuchResource

__all__ = ["AnswerRejected", "check", "correction", "example_of", "parse", "usable"]

_ERRORS_MAX = 10
_DEPTH_MAX = 6
_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


class AnswerRejected(ValueError):
    """An answer that does not fit."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{error['pointer']}: {error['message']}" for error in errors))
        self.errors = errors
        """What is wrong, each with pointer and message."""


def usable(schema: Any) -> str | None:
    """What is wrong with a schema itself; `None`: nothing."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        return error.message
    return None


def parse(text: str, schema: Any) -> Any:
    """The value that a text holds.

    Raises:
        AnswerRejected: It is no JSON, or does not fit the schema.
    """
    fenced = _FENCE.match(text)
    try:
        value = json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError) as error:
        raise AnswerRejected([{"pointer": "", "message": f"this is no JSON: {error}"}]) from error
    check(value, schema)
    return value


def check(value: Any, schema: Any) -> None:
    """Checks a value.

    Raises:
        AnswerRejected: It does not fit.
    """
    found = sorted(
        _validator(schema).iter_errors(value), key=lambda error: list(map(str, error.path))
    )
    if found:
        raise AnswerRejected(
            [
                {"pointer": _pointer(error.absolute_path), "message": error.message[:500]}
                for error in found[:_ERRORS_MAX]
            ]
        )


def correction(rejected: AnswerRejected, schema: Any) -> str:
    """What the model is told about an answer that does not fit."""
    said: dict[str, Any] = {"error": "the answer was rejected", "errors": rejected.errors}
    example = example_of(schema)
    if example is not None:
        said["valid_example"] = example
    said["do"] = "answer again, with JSON alone that fits the schema"
    return json.dumps(said, ensure_ascii=False)


def example_of(schema: Any) -> Any:
    """A value that fits, made from examples, defaults and types; `None` where none was found."""
    try:
        value = _sample(schema, schema, 0)
        check(value, schema)
    except (AnswerRejected, _NoSample, jsonschema.SchemaError, RecursionError):
        return None
    return value


def _validator(schema: Any) -> Any:
    # References lead nowhere but into the schema itself: it is the workflow's, not ours.
    registry: Registry[Any] = Registry(retrieve=_nowhere)  # type: ignore[call-arg]
    return jsonschema.Draft202012Validator(schema, registry=registry)


def _nowhere(uri: str) -> Any:
    raise NoSuchResource(ref=uri)  # type: ignore[call-arg]


def _pointer(path: Any) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


class _NoSample(Exception):
    """No example can be made."""


def _sample(schema: Any, root: Any, depth: int) -> Any:
    if depth > _DEPTH_MAX or schema is False:
        raise _NoSample
    if not isinstance(schema, dict):
        return {}
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _sample(_resolve(root, reference), root, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _sample({**schema, key: None, **_dict(schema[key][0])}, root, depth + 1)
    return _of_type(schema, root, depth)


def _of_type(schema: dict[str, Any], root: Any, depth: int) -> Any:
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        properties = schema.get("properties", {})
        wanted = schema.get("required", [])
        return {name: _sample(properties.get(name, {}), root, depth + 1) for name in wanted}
    if kind == "array":
        item = schema.get("items", {})
        return [_sample(item, root, depth + 1) for _ in range(max(schema.get("minItems", 1), 1))]
    if kind in {"integer", "number"}:
        return schema.get("minimum", min(1, schema.get("maximum", 1)))
    if kind == "string":
        return "text".ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength", 4)]
    return {"boolean": True, "null": None}.get(kind)


def _resolve(root: Any, reference: str) -> Any:
    if not reference.startswith("#"):
        raise _NoSample
    place = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(place, dict) or key not in place:
            raise _NoSample
        place = place[key]
    return place


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
