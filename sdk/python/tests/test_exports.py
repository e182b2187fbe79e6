"""What the package offers: names that do not go away by accident."""

from __future__ import annotations

import inspect
import pkgutil
import typing

import pytest
from conftest import REPOSITORY

import aob
import aob.llm
import aob.testing


def test_the_names_of_the_package() -> None:
    assert aob.__all__ == [
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


@pytest.mark.parametrize("module", [aob, aob.llm, aob.testing, aob.errors])
def test_every_name_is_there_and_documented(module: object) -> None:
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name


def test_models_need_their_extras_only_when_they_are_asked() -> None:
    """Importing the package imports no client of a provider."""
    import subprocess
    import sys

    said = "import sys, aob, aob.llm; print('openai' in sys.modules, 'anthropic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


def test_every_event_of_the_log_has_a_type() -> None:
    files = (REPOSITORY / "schema" / "events").glob("*.schema.json")
    known = {
        typing.get_args(hint)[0]
        for kind in typing.get_args(aob.events.LogEvent)
        for name, hint in typing.get_type_hints(kind).items()
        if name == "type"
    }
    assert known == {file.name.removesuffix(".schema.json") for file in files}


def test_every_module_says_what_it_is() -> None:
    for module in pkgutil.walk_packages(aob.__path__, "aob."):
        assert __import__(module.name, fromlist=["x"]).__doc__, module.name


def test_a_blocking_run_has_what_a_run_has() -> None:
    def methods(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    only_blocking = {"check_cancelled", "wait_cancelled"}
    assert methods(aob.BlockingRun) - only_blocking == methods(aob.Run) - {"blocking"}
