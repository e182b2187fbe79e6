"""Tools by which a model changes the graph of its own run: `show_graph` and `propose_patch`.

Which run and which node that is comes from the job. The model cannot say it, and what it says
besides operations and a description is refused.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aob.tools import Tool, tool

__all__ = ["PATCH_TOOLS", "PatchOperation", "propose_patch", "show_graph"]


class PatchOperation(BaseModel):
    """One operation of a JSON Patch (RFC 6902)."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["add", "remove", "replace", "test"]
    path: str = Field(
        description="`/nodes/-`, `/nodes/{id}/config/...`, `/edges/-`, `/edges/{a}->{b}`"
    )
    value: Any = Field(default=None, description="For add, replace and test.")


@tool
async def propose_patch(operations: list[PatchOperation], description: str, run: Any) -> Any:
    """Proposes a change of this workflow run's graph: a JSON Patch (RFC 6902) over its document.

    Nodes and edges are addressed by id: `/nodes/-` adds a node, `/edges/-` an edge,
    `/edges/a->b` is the edge from a to b. What has started cannot be changed. A change that lets
    the graph do something new waits for a person's approval. Example, a step between a and b:
    [{"op": "add", "path": "/nodes/-", "value": {"id": "check", "type": "transform",
    "config": {"template": {"ok": true}}}}, {"op": "remove", "path": "/edges/a->b"},
    {"op": "add", "path": "/edges/-", "value": {"from": "a", "to": "check"}},
    {"op": "add", "path": "/edges/-", "value": {"from": "check", "to": "b"}}]
    """
    said = [operation.model_dump(mode="json", exclude_unset=True) for operation in operations]
    plan = await run.propose_patch(said, description=description)
    if plan is None:
        return {"proposed": True}
    answer: dict[str, Any] = {"proposed": True, "needs_approval": plan.approval is not None}
    growth = [f"{item.kind} {item.name}" for item in plan.growth or [] if not item.granted]
    if growth:
        answer["new_powers"] = growth
    if plan.warnings:
        answer["warnings"] = [item.message for item in plan.warnings]
    return answer


@tool
async def show_graph(run: Any) -> Any:
    """Shows the graph of this workflow run: its nodes with type and status, and its edges."""
    graph = await run.graph()
    return {
        "you_are": run.node,
        "nodes": [{"id": one.id, "type": one.type, "status": one.status} for one in graph.nodes],
        "edges": [
            {"id": one.id, "from": one.from_, "to": one.to, "on": one.on, "status": one.status}
            for one in graph.edges
        ],
    }


PATCH_TOOLS: tuple[Tool, ...] = (show_graph, propose_patch)
"""Offered where a node lists `propose_patch` among its tools."""
