"""Agents, functions and clients for aob workflows.

* `AgentRunner` with `@agent`, `@function` and `@tool`: serves nodes of workflows.
* `Kafka`: where a runner finds jobs that are offered on a topic.
* `Run`, `BlockingRun`: what an agent gets. `Failure`: how it says that it failed.
* `LLM`, `Price`: models that agents ask.
* `Client`, `AsyncClient`: the whole API.
* `models`: what the API answers. `documents`: types of workflow documents. `events`: types of the
  events of a log.
* `errors`: everything that is raised. `testing`: agents run without a server or a model.
"""

from aob import documents, errors, events, models
from aob._version import __version__
from aob.client import AsyncClient, Client
from aob.errors import (
    AobError,
    ApiError,
    Cancelled,
    Failure,
    PatchRejected,
    SettingsError,
    StreamReset,
    Unreachable,
)
from aob.handlers import Agent, Function, agent, function
from aob.kafka import Kafka
from aob.llm import LLM, Limits, Price
from aob.run import BlockingRun, Run
from aob.runner import AgentRunner
from aob.settings import Settings
from aob.streams import Event
from aob.tools import Tool, tool

__all__ = [
    "LLM",
    "Agent",
    "AgentRunner",
    "AobError",
    "ApiError",
    "AsyncClient",
    "BlockingRun",
    "Cancelled",
    "Client",
    "Event",
    "Failure",
    "Function",
    "Kafka",
    "Limits",
    "PatchRejected",
    "Price",
    "Run",
    "Settings",
    "SettingsError",
    "StreamReset",
    "Tool",
    "Unreachable",
    "__version__",
    "agent",
    "documents",
    "errors",
    "events",
    "function",
    "models",
    "tool",
]
