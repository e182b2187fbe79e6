"""Writes what is generated from the schemas of the repository, or says what is out of date.

    python tools/generate.py          write
    python tools/generate.py --check  compare, and fail where something differs

* `models.py`: models of the API's answers (pydantic), from `docs/reference/openapi.json`.
* `documents.py`: types of workflow documents (TypedDict), from `schema/workflow.schema.json`.
* `events.py`: types of the events of a log (TypedDict), from `schema/events`.
* `_operations.py`, `_async_operations.py`: a method for each operation, from the former.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import operations

PACKAGE = Path(__file__).resolve().parent.parent
REPOSITORY = PACKAGE.parent.parent
GENERATED = PACKAGE / "src" / "aob"
OPENAPI = REPOSITORY / "docs" / "reference" / "openapi.json"
WORKFLOW = REPOSITORY / "schema" / "workflow.schema.json"
EVENTS = REPOSITORY / "schema" / "events"

TITLES = {
    "models.py": "Models of the API's answers",
    "documents.py": "Types of workflow documents: plain JSON, checked where it is written",
    "events.py": "Types of the events of a log; `LogEvent` is any of them, told apart by `type`",
}

COMMON = [
    "--disable-timestamp",
    "--formatters=builtin",
    "--target-python-version=3.11",
    "--use-standard-collections",
    "--use-union-operator",
    "--use-schema-description",
    "--use-field-description",
    "--enum-field-as-literal=all",
]


def main() -> int:
    """Writes or checks; the exit status."""
    check = "--check" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        write(fresh)
        files = sorted(fresh.glob("*.py"))
        if not check:
            for file in files:
                (GENERATED / file.name).write_bytes(file.read_bytes())
            return 0
        stale = [file.name for file in files if changed(file, GENERATED / file.name)]
    for name in stale:
        print(f"src/aob/{name} is out of date: scripts/sdk-test generate", file=sys.stderr)
    return 1 if stale else 0


def changed(fresh: Path, committed: Path) -> bool:
    """True where what is committed is not what comes out."""
    return not committed.exists() or committed.read_bytes() != fresh.read_bytes()


def write(folder: Path) -> None:
    """Writes everything into a folder."""
    document = named(json.loads(OPENAPI.read_text(encoding="utf-8")))
    schemas = folder / "openapi.json"
    schemas.write_text(json.dumps(readable(document)), encoding="utf-8")
    codegen(
        schemas,
        folder / "models.py",
        "--input-file-type=openapi",
        "--output-model-type=pydantic_v2.BaseModel",
        "--base-class=aob._model.Model",
        "--collapse-root-models",
        "--type-mappings",
        "uuid=string",
        "uri=string",
        "--output-datetime-class=AwareDatetime",
        "--use-annotated",
    )
    typed = ("--input-file-type=jsonschema", "--output-model-type=typing.TypedDict")
    codegen(WORKFLOW, folder / "documents.py", *typed)
    events = folder / "events.schema.json"
    events.write_text(json.dumps(all_events()), encoding="utf-8")
    codegen(events, folder / "events.py", *typed)
    for name, text in operations.modules(document).items():
        (folder / name).write_text(text, encoding="utf-8")
    run("ruff", "format", "--isolated", "--line-length=100", "--quiet", str(folder))


def readable(document: dict[str, Any]) -> dict[str, Any]:
    """The document as models are made from it: without operations, and with any JSON where a
    property is an object of which nothing is said.
    """
    schemas = {name: loosened(schema) for name, schema in document["components"]["schemas"].items()}
    return {**document, "paths": {}, "components": {"schemas": schemas}}


def loosened(schema: Any) -> Any:
    """A schema in which properties that are any object are any JSON."""
    if isinstance(schema, list):
        return [loosened(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    said = {key: loosened(value) for key, value in schema.items()}
    for name, value in said.get("properties", {}).items():
        if isinstance(value, dict) and is_any_object(value):
            said["properties"][name] = {k: v for k, v in value.items() if k != "type"}
    return said


def is_any_object(schema: dict[str, Any]) -> bool:
    """True for an object of which nothing is said."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return "object" in kinds and not {"properties", "additionalProperties", "allOf"} & schema.keys()


def all_events() -> dict[str, Any]:
    """One schema of all events: each by its name, and `LogEvent`, which is any of them."""
    shared: dict[str, Any] = {}
    kinds: list[dict[str, str]] = []
    for file in sorted(EVENTS.glob("*.schema.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        name = "".join(word.capitalize() for word in schema["title"].split("_"))
        shared |= schema.pop("$defs", {})
        data = schema["properties"].pop("data")
        schema["properties"]["data"] = {"$ref": f"#/$defs/{name}Data"}
        shared[f"{name}Data"] = {**data, "title": f"{name}Data"}
        shared[name] = {
            key: schema[key] for key in ("description", "type", "required", "properties")
        }
        kinds.append({"$ref": f"#/$defs/{name}"})
    described = "Any event of a log."
    return {"title": "LogEvent", "description": described, "oneOf": kinds, "$defs": shared}


def named(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a name for what stands in a page of a list."""
    schemas = document["components"]["schemas"]
    for name, page in list(schemas.items()):
        if name.startswith("Page_"):
            item = name.removeprefix("Page_")
            items = page["properties"]["items"]
            schemas.setdefault(item, items["items"])
            items["items"] = {"$ref": f"#/components/schemas/{item}"}
    return document


def codegen(source: Path, target: Path, *options: str) -> None:
    """Runs the generator of models."""
    title = f'# Written by `tools/generate.py`.\n"""{TITLES[target.name]}."""'
    run(
        "datamodel_code_generator",
        *COMMON,
        *options,
        f"--input={source}",
        f"--output={target}",
        f"--custom-file-header={title}",
    )


def run(module: str, *arguments: str) -> None:
    """Runs a tool of this environment."""
    subprocess.run([sys.executable, "-W", "ignore", "-m", module, *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
