"""What a runner serves: agents and functions, made from Python functions by decorators.

    @agent                      every agent node of the pool
    @agent("planner")           agent nodes whose id is `planner`
    @function                   function nodes whose `name` is that of the Python function
    @function("score.v2")       function nodes with that `name`

A coroutine runs in the runner's event loop and gets a `Run`; a plain function runs in a thread of
its own and gets a `BlockingRun`, whose methods block.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from aob.run import BlockingRun, Run

__all__ = ["Agent", "Function", "agent", "function"]

AgentBody = Callable[["Run"], Awaitable[Any]] | Callable[["BlockingRun"], Any]
FunctionBody = Callable[..., Any]


class Agent:
    """Answers agent nodes. Calling it calls the Python function."""

    def __init__(self, body: AgentBody, node: str | None = None) -> None:
        functools.update_wrapper(self, body)
        self.body = body
        self.node = node
        """Id of the nodes that it answers; `None`: all that no other agent of the runner does."""

    def __call__(self, run: Any) -> Any:
        """Calls the Python function."""
        return self.body(run)

    @property
    def is_async(self) -> bool:
        """True for a coroutine function."""
        return inspect.iscoroutinefunction(self.body)


class Function:
    """Answers function nodes. Calling it calls the Python function."""

    def __init__(self, body: FunctionBody, name: str | None = None) -> None:
        functools.update_wrapper(self, body)
        self.body = body
        self.name: str = name or str(getattr(body, "__name__", "function"))
        """`name` of the nodes that it answers."""
        places = [
            one
            for one in inspect.signature(body).parameters.values()
            if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}
        ]
        if len(places) not in {1, 2}:
            raise TypeError(f"function `{self.name}` takes `(args)` or `(args, run)`")
        self.takes_run = len(places) == 2

    def __call__(self, args: Any, *run: Any) -> Any:
        """Calls the Python function."""
        return self.body(args, *run)

    @property
    def is_async(self) -> bool:
        """True for a coroutine function."""
        return inspect.iscoroutinefunction(self.body)


@overload
def agent(body: AgentBody, /) -> Agent: ...
@overload
def agent(node: str | None = None, /) -> Callable[[AgentBody], Agent]: ...
def agent(what: AgentBody | str | None = None, /) -> Agent | Callable[[AgentBody], Agent]:
    """Makes a Python function answer agent nodes: all, or those with an id.

    What it returns is the node's output, any JSON. To end the attempt as failed with a code of
    its own, it raises `Failure`; any other exception is a failure that is tried again.
    """
    if callable(what):
        return Agent(what)
    return lambda body: Agent(body, what)


@overload
def function(body: FunctionBody, /) -> Function: ...
@overload
def function(name: str | None = None, /) -> Callable[[FunctionBody], Function]: ...
def function(what: FunctionBody | str | None = None, /) -> Function | Callable[..., Function]:
    """Makes a Python function `(args)` or `(args, run)` answer function nodes.

    What it returns is the node's output, any JSON. Failures are those of `agent`.
    """
    if callable(what):
        return Function(what)
    return lambda body: Function(body, what)
