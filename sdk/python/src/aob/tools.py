"""Tools that a model may call: Python functions with typed arguments.

    @tool
    def risk_class(country: str) -> str:
        "Risk class of a country, by its two letters."
        return RISKS.get(country, "unknown")

A model sees the name, the docstring and the types. What it sends is checked against these before
the function is called; what is wrong goes back to it. An argument called `run` gets the run and is
not shown. A tool is only offered to a model where the node lists its name under `tools`.
"""

from __future__ import annotations

import functools
import inspect
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["InvalidArguments", "Tool", "tool"]


class InvalidArguments(ValueError):
    """What a model sent does not fit a tool."""


class Tool:
    """A tool. Calling it calls the Python function."""

    def __init__(self, body: Callable[..., Any], name: str | None = None) -> None:
        functools.update_wrapper(self, body)
        self.body = body
        self.name: str = name or str(getattr(body, "__name__", "tool"))
        """What nodes and models call it."""
        self.description = inspect.getdoc(body) or ""
        """What models are told about it."""
        self.takes_run = "run" in inspect.signature(body).parameters
        self._arguments = _arguments(body, self.name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the Python function."""
        return self.body(*args, **kwargs)

    @property
    def is_async(self) -> bool:
        """True for a coroutine function."""
        return inspect.iscoroutinefunction(self.body)

    @functools.cached_property
    def parameters(self) -> dict[str, Any]:
        """JSON Schema of its arguments."""
        schema = self._arguments.model_json_schema()
        schema.pop("title", None)
        for said in schema.get("properties", {}).values():
            said.pop("title", None)
        return schema

    def read(self, text: str) -> dict[str, Any]:
        """The arguments in a JSON text.

        Raises:
            InvalidArguments: It is no JSON, or does not fit.
        """
        try:
            said = json.loads(text or "{}")
        except ValueError as error:
            raise InvalidArguments(f"the arguments are no JSON: {error}") from error
        if not isinstance(said, dict):
            raise InvalidArguments("the arguments are a JSON object")
        try:
            checked = self._arguments.model_validate(said)
        except ValidationError as error:
            lines = [
                f"/{'/'.join(str(part) for part in item['loc'])}: {item['msg']}"
                for item in error.errors(include_url=False, include_input=False)
            ]
            raise InvalidArguments("; ".join(lines)) from error
        return {name: getattr(checked, name) for name in type(checked).model_fields}


@overload
def tool(body: Callable[..., Any], /) -> Tool: ...
@overload
def tool(name: str | None = None, /) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    what: Callable[..., Any] | str | None = None, /
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Makes a Python function a tool, under its own name or another."""
    if callable(what):
        return Tool(what)
    return lambda body: Tool(body, what)


def _arguments(body: Callable[..., Any], name: str) -> type[BaseModel]:
    """A model of the arguments of a function."""
    # Without that of `run`, whose type need not be at hand at run time.
    said = {k: v for k, v in body.__annotations__.items() if k not in {"run", "return"}}
    scope = getattr(body, "__globals__", {})
    hints = get_type_hints(SimpleNamespace(__annotations__=said), scope, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(body).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise TypeError(f"tool `{name}`: a model cannot give `*{parameter.name}`")
        if parameter.name == "run":
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints.get(parameter.name, Any), default)
    return create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)
