"""Tools: what models see of them, and what they may send."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from aob import Tool, tool
from aob.patching import propose_patch
from aob.tools import InvalidArguments


@tool
def search(
    query: Annotated[str, Field(description="words")],
    kind: Literal["news", "law"] = "news",
    most: int = 5,
    run: Any = None,
) -> list[str]:
    """Finds documents."""
    return [query, kind, str(most), str(run)]


def test_a_model_sees_name_docstring_and_types_but_no_run() -> None:
    assert (search.name, search.description, search.takes_run) == (
        "search",
        "Finds documents.",
        True,
    )
    assert search.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["query"],
        "properties": {
            "query": {"type": "string", "description": "words"},
            "kind": {"type": "string", "enum": ["news", "law"], "default": "news"},
            "most": {"type": "integer", "default": 5},
        },
    }


def test_arguments_are_read_with_their_defaults() -> None:
    assert search.read('{"query": "tax"}') == {"query": "tax", "kind": "news", "most": 5}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "a JSON object"),
        ("", "/query"),
        ('{"query": 7}', "/query"),
        ('{"query": "x", "kind": "gossip"}', "/kind"),
        ('{"query": "x", "run": "another run"}', "/run"),
        ('{"query": "x", "node_id": "admin"}', "/node_id"),
    ],
)
def test_what_does_not_fit_is_refused_by_place(text: str, said: str) -> None:
    with pytest.raises(InvalidArguments, match=said):
        search.read(text)


def test_a_tool_is_still_a_function_and_may_have_another_name() -> None:
    assert search("a", most=2) == ["a", "news", "2", "None"]
    assert isinstance(tool("find")(search.body), Tool)
    assert tool("find")(search.body).name == "find"


def test_what_a_model_cannot_give_is_refused_at_once() -> None:
    def anything(*args: int) -> None:
        del args

    with pytest.raises(TypeError, match="args"):
        tool(anything)


def test_the_patch_tool_takes_operations_and_a_description_and_nothing_else() -> None:
    schema = propose_patch.parameters
    assert sorted(schema["properties"]) == ["description", "operations"]
    operation = schema["$defs"]["PatchOperation"]
    assert operation["properties"]["op"]["enum"] == ["add", "remove", "replace", "test"]
    for more in ("run", "node_id", "workspace", "by", "origin"):
        text = f'{{"operations": [], "description": "d", "{more}": "x"}}'
        with pytest.raises(InvalidArguments):
            propose_patch.read(text)
