"""Writes the clients: one method for each operation of an OpenAPI document.

A client is a tree of resources (`client.runs.patches.propose`), by the words of the operations'
ids. Path parameters and required fields of a body are arguments by place or name, everything else
by name only. The blocking and the asynchronous client come from one template.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

SKIPPED = {"runs_patch", "webhooks_deliver", "runs_webhook_deliver"}
"""Another name of `runs_patches_propose`; what needs no key and is not for clients of this kind."""

HARMLESS = {
    "runners_heartbeat",
    "runners_reserve",
    "runners_result",
    "runners_settle",
    "workflows_create",
    "workflows_validate",
}
"""POSTs that may be sent again though they take no `Idempotency-Key`."""

BY_PLACE = {"runs_start": ["workflow"]}
"""Optional fields of a body that may be given by place all the same."""

BODY_NAMES = {
    "artifacts_put": "value",
    "runs_signal": "payload",
    "workflows_create": "document",
    "workflows_validate": "document",
}
"""What a body is called that is any JSON."""

TOP = {"meta"}
"""Groups whose methods stand on the client itself."""

Schema = dict[str, Any]


@dataclass
class Argument:
    """One argument of a method."""

    name: str
    kind: str
    text: str
    default: str | None = None
    by_name: bool = True


@dataclass
class Method:
    """One method of a resource."""

    name: str
    verb: str
    path: str
    text: str
    answer: str
    repeatable: bool
    arguments: list[Argument] = field(default_factory=list)
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    waits: bool = False
    item: str | None = None


@dataclass
class Resource:
    """A node of the tree."""

    path: tuple[str, ...]
    methods: list[Method] = field(default_factory=list)
    children: dict[str, Resource] = field(default_factory=dict)

    @property
    def class_name(self) -> str:
        """Name of its class: `Runs`, `RunsPatches`."""
        return "".join(part.capitalize() for part in self.path)


def modules(document: Schema) -> dict[str, str]:
    """The generated modules by file name."""
    tree = resources(document)
    return {
        "_operations.py": module(tree, blocking=True),
        "_async_operations.py": module(tree, blocking=False),
    }


def resources(document: Schema) -> Resource:
    """The tree of all operations."""
    schemas = document["components"]["schemas"]
    root = Resource(())
    for path, item in sorted(document["paths"].items()):
        for verb, said in sorted(item.items()):
            if said["operationId"] in SKIPPED or said["tags"] == ["streams"]:
                continue
            *groups, name = place_of(said["operationId"])
            resource = root
            for group in groups:
                below = Resource((*resource.path, group))
                resource = resource.children.setdefault(group, below)
            resource.methods.extend(Reader(schemas, path, verb, said).methods(name))
    return root


def place_of(operation: str) -> list[str]:
    """Where in the tree an operation belongs."""
    words = operation.split("_")
    if words[0] in TOP:
        return words[1:]
    depth = 2 if len(words) > 2 and words[1] == "patches" else 1
    return [*words[:depth], "_".join(words[depth:])]


class Reader:
    """Reads one operation."""

    def __init__(self, schemas: Schema, path: str, verb: str, said: Schema) -> None:
        self.schemas = schemas
        self.path = path
        self.verb = verb.upper()
        self.said = said

    def methods(self, name: str) -> list[Method]:
        """Its methods: one, and one more that only plans where it can be asked to."""
        parameters = self.said.get("parameters", [])
        plans = any(parameter["name"] == "dry_run" for parameter in parameters)
        does = self.method(name, planning=False if plans else None)
        return [does, self.method("plan", planning=True)] if plans else [does]

    def method(self, name: str, *, planning: bool | None) -> Method:
        """One method. `planning`: which of two, where the operation can also be a plan."""
        text = "\n\n".join(filter(None, [self.said.get("summary"), self.said.get("description")]))
        if planning:
            text = "Says what the same proposal would do, and does nothing."
        method = Method(
            name=safe(name),
            verb=self.verb,
            path=self.path,
            text=text,
            answer=self.answer(planning=planning),
            repeatable=self.verb != "POST" or self.said["operationId"] in HARMLESS,
        )
        for parameter in self.said.get("parameters", []):
            self.parameter(method, parameter)
        if planning is not None:
            method.arguments = [one for one in method.arguments if one.name != "dry_run"]
            method.query.pop("dry_run")
            if planning:
                method.query["dry_run"] = "True"
        self.body(method)
        if "cursor" in method.query:
            method.item = self.item(method.answer)
        return method

    def parameter(self, method: Method, parameter: Schema) -> None:
        """Adds an argument for a parameter."""
        name, where = parameter["name"], parameter["in"]
        text = parameter.get("description", "")
        if where == "header":
            self.header(method, name, text)
            return
        kind = self.kind(parameter["schema"])
        python = safe(name)
        if where == "path":
            method.arguments.append(Argument(python, "str", text, by_name=False))
            method.path = method.path.replace(f"{{{name}}}", f"{{segment({python})}}")
            return
        required = parameter.get("required", False)
        if name in {"status", "label"} and where == "query":
            kind = "str | Sequence[str]"
        argument = Argument(python, kind if required else optional(kind), text)
        argument.default = None if required else "None"
        argument.by_name = not required
        method.arguments.append(argument)
        method.query[name] = python

    def header(self, method: Method, name: str, text: str) -> None:
        """Adds an argument for a header."""
        if name == "Idempotency-Key":
            text = "Makes repetitions harmless; without one, the client draws one for this call."
            method.arguments.append(Argument("idempotency_key", "str | None", text, "None"))
            method.headers[name] = "idempotency_key or fresh_key()"
            method.repeatable = True
        elif name == "Prefer":
            text = "Seconds to wait for the outcome, at most 60."
            method.arguments.append(Argument("wait", "int | None", text, "None"))
            method.headers[name] = "prefer(wait)"
            method.waits = True
        elif name == "If-Match":
            text = text or "Refused unless that is the version."
            method.arguments.append(Argument("if_match", "int | None", text, "None"))
            method.headers[name] = "if_match_of(if_match)"
        else:
            python = safe(name.lower().replace("-", "_"))
            method.arguments.append(Argument(python, "str | None", text, "None"))
            method.headers[name] = python

    def body(self, method: Method) -> None:
        """Adds arguments for what the body has."""
        content = self.said.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return
        operation = self.said["operationId"]
        schema = self.resolved(content["application/json"]["schema"])
        if operation in BODY_NAMES:
            name = BODY_NAMES[operation]
            at = sum(1 for argument in method.arguments if not argument.by_name)
            kind = "documents.Workflow | Mapping[str, Any]" if name == "document" else "Any"
            default = "None" if name == "payload" else None
            method.arguments.insert(at, Argument(name, kind, "Any JSON.", default, by_name=False))
            method.body = name
            return
        fields = []
        required = schema.get("required", [])
        for name, said in sorted(
            schema.get("properties", {}).items(), key=lambda f: f[0] not in required
        ):
            needed = name in required
            kind = self.kind(said)
            if not needed:
                kind = optional(kind)
            argument = Argument(safe(name), kind, described(said))
            argument.default = None if needed else "None"
            argument.by_name = not needed and name not in BY_PLACE.get(operation, [])
            fields.append((name, argument))
        places = [one for _, one in fields if not one.by_name]
        at = sum(1 for argument in method.arguments if not argument.by_name)
        method.arguments[at:at] = places
        method.arguments.extend(one for _, one in fields if one.by_name)
        said = ", ".join(f'"{name}": {argument.name}' for name, argument in fields)
        needed_too = ", ".join(f'"{name}"' for name, _ in fields if name in required)
        method.body = f"body_of({{{said}}}, [{needed_too}])" if fields else "{}"

    def answer(self, *, planning: bool | None) -> str:
        """Type of a successful answer."""
        kinds: list[str] = []
        for status, response in self.said["responses"].items():
            if not status.startswith("2") or (
                planning is not None and planning != (status == "200")
            ):
                continue
            content = response.get("content", {}).get("application/json")
            kind = self.kind(content["schema"], answer=True) if content else "None"
            if kind not in kinds:
                kinds.append(kind)
        if self.said["operationId"] == "meta_openapi":
            return "Any"
        return " | ".join(kinds)

    def item(self, page: str) -> str:
        """Type of the items of a page."""
        return page.removeprefix("models.Page")

    def resolved(self, schema: Schema) -> Schema:
        """The schema behind a reference."""
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def kind(self, schema: Schema, *, answer: bool = False) -> str:
        """A schema as an annotation."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            target = self.resolved(schema)
            if "enum" in target:
                return self.kind(target)
            if not target.get("properties") and "oneOf" not in target and "allOf" not in target:
                return "Any"
            model = f"models.{class_name(name)}"
            return model if answer else f"{model} | Mapping[str, Any]"
        for word in ("oneOf", "anyOf"):
            if word in schema:
                kinds = [self.kind(one, answer=answer) for one in schema[word]]
                return " | ".join(dict.fromkeys(kinds))
        if "enum" in schema:
            return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
        kinds = schema.get("type", "any")
        if isinstance(kinds, list):
            return " | ".join(self.kind({**schema, "type": one}, answer=answer) for one in kinds)
        if kinds == "array":
            return f"Sequence[{self.kind(schema.get('items', {}), answer=answer)}]"
        if kinds == "object":
            values = schema.get("additionalProperties", {})
            inner = self.kind(values) if isinstance(values, dict) else "Any"
            return f"Mapping[str, {inner}]"
        plain = {
            "string": "str",
            "integer": "int",
            "number": "float",
            "boolean": "bool",
            "null": "None",
        }
        return plain.get(kinds, "Any")


def class_name(name: str) -> str:
    """Name of a schema's class."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def safe(name: str) -> str:
    """A name that Python takes."""
    name = re.sub(r"\W", "_", name)
    return f"{name}_" if keyword.iskeyword(name) else name


def optional(kind: str) -> str:
    """The annotation of what may be left out."""
    return kind if kind == "Any" or "None" in kind.split(" | ") else f"{kind} | None"


HEADER = '''# Written by `tools/generate.py`.
"""The operations of the API, one method each ({flavour})."""

from __future__ import annotations

from collections.abc import {iterator}, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from aob import documents, models
from aob._calls import Call, body_of, fresh_key, if_match_of, prefer, segment

if TYPE_CHECKING:
    from aob._transport import {transport}
'''


def module(tree: Resource, *, blocking: bool) -> str:
    """The module of one of the two clients."""
    writer = Writer(blocking=blocking)
    writer.resource(tree)
    text = HEADER.format(
        flavour="blocking" if blocking else "asynchronous",
        iterator="Iterator" if blocking else "AsyncIterator",
        transport=writer.transport,
    )
    return text + "\n\n".join(writer.classes)


class Writer:
    """Writes classes."""

    def __init__(self, *, blocking: bool) -> None:
        self.blocking = blocking
        self.transport = "Transport" if blocking else "AsyncTransport"
        self.prefix = "" if blocking else "Async"
        self.classes: list[str] = []

    def resource(self, resource: Resource) -> str:
        """Writes a resource and what is below it; the name of its class."""
        below = {name: self.resource(child) for name, child in resource.children.items()}
        name = f"{self.prefix}{resource.class_name or 'Operations'}"
        lines = [f"class {name}:", f'    """`{".".join(("client", *resource.path))}`."""', ""]
        lines.append(f"    def __init__(self, transport: {self.transport}) -> None:")
        lines.append("        self._transport = transport")
        lines += [f"        self.{child} = {kind}(transport)" for child, kind in below.items()]
        for method in resource.methods:
            lines += ["", *self.method(method)]
            if method.item is not None:
                lines += ["", *self.every(method)]
        self.classes.append("\n".join(lines) + "\n")
        return name

    def signature(self, method: Method, name: str, answer: str, leaving: str = "") -> list[str]:
        """The first lines of a method."""
        word = "def" if self.blocking or leaving else "async def"
        if leaving and not self.blocking:
            word = "async def"
        arguments = [one for one in method.arguments if one.name != leaving]
        places = [one for one in arguments if not one.by_name]
        names = [one for one in arguments if one.by_name]
        parts = ["self", *(argument_text(one) for one in places)]
        if names:
            parts += ["*", *(argument_text(one) for one in names)]
        text = doc(method.text, arguments)
        return [f"    {word} {name}({', '.join(parts)}) -> {answer}:", *text]

    def method(self, method: Method) -> list[str]:
        """One method."""
        lines = self.signature(method, method.name, method.answer)
        sent = "self._transport.send" if self.blocking else "await self._transport.send"
        parts = [f'"{method.verb}"', path_text(method.path), method.answer]
        if method.query:
            parts.append(
                "query={" + ", ".join(f'"{k}": {v}' for k, v in method.query.items()) + "}"
            )
        if method.headers:
            said = ", ".join(f'"{k}": {v}' for k, v in method.headers.items())
            parts.append("headers={" + said + "}")
        if method.body is not None:
            parts.append(f"body={method.body}")
        if not method.repeatable:
            parts.append("repeatable=False")
        if method.waits:
            parts.append("wait_s=float(wait or 0)")
        if method.verb == "POST" and method.path.endswith("/runners/lease"):
            parts.append("wait_s=(wait_ms or 0) / 1000")
        call = f"        call: Call[{method.answer}] = Call({', '.join(parts)})"
        if method.answer == "None":
            return [*lines, call, f"        {sent}(call)"]
        return [*lines, call, f"        return {sent}(call)"]

    def every(self, method: Method) -> list[str]:
        """The method that goes through all pages of a list."""
        iterator = "Iterator" if self.blocking else "AsyncIterator"
        name = "all" if method.name == "list" else f"all_{method.name}"
        item = item_of(method)
        lines = self.signature(method, name, f"{iterator}[{item}]", leaving="cursor")
        arguments = [one for one in method.arguments if one.name != "cursor"]
        given = [one.name if not one.by_name else f"{one.name}={one.name}" for one in arguments]
        fetch = "" if self.blocking else "await "
        return [
            *lines,
            "        cursor: str | None = None",
            "        while True:",
            f"            page = {fetch}self.{method.name}({', '.join([*given, 'cursor=cursor'])})",
            "            for item in page.items:",
            "                yield item",
            "            cursor = page.next_cursor",
            "            if cursor is None:",
            "                return",
        ]


def item_of(method: Method) -> str:
    """Annotation of the items of a list."""
    return f"models.{method.item}"


def path_text(path: str) -> str:
    """A path as it is written down: with an `f` where something goes into it."""
    return f'f"{path}"' if "{" in path else f'"{path}"'


def described(schema: Schema) -> str:
    """What a schema says of itself, or one of its alternatives does."""
    inner = [one.get("description", "") for one in schema.get("oneOf", [])]
    return schema.get("description") or next(filter(None, inner), "")


def argument_text(argument: Argument) -> str:
    """An argument as a signature shows it."""
    default = "" if argument.default is None else f" = {argument.default}"
    return f"{argument.name}: {argument.kind}{default}"


def doc(text: str, arguments: list[Argument]) -> list[str]:
    """A docstring, indented for a method."""
    body = [textwrap.fill(" ".join(part.split()), 92) for part in text.strip().split("\n\n")]
    said = [one for one in arguments if one.text]
    if said:
        lines = ["Args:"]
        for one in said:
            line = " ".join(f"{one.name}: {one.text}".split())
            lines.append(
                textwrap.fill(line, 92, initial_indent="    ", subsequent_indent="        ")
            )
        body.append("\n".join(lines))
    whole = '"""' + "\n\n".join(body).replace("\\", "\\\\")
    whole += "\n" + '"""' if "\n" in whole else '"""'
    return textwrap.indent(whole, "        ").splitlines()
