"""What a handler gets: the job that it answers, and what it may do meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from aob._meter import Meter
from aob.errors import ApiError, Cancelled, PatchRejected
from aob.llm.conversation import Conversation, Limits
from aob.llm.usage import Usage
from aob.patching import PATCH_TOOLS

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from aob._attempt import Attempt
    from aob._meter import Reservation
    from aob.client import AsyncClient
    from aob.llm.models import LLM
    from aob.models import GraphView, Job, PlanView, RunPatch
    from aob.tools import Tool

__all__ = ["BlockingRun", "Run"]

T = TypeVar("T")

PATCHES_MAX = 16
"""Patches that one result may carry."""


class _Job:
    """What both kinds of run know of their job."""

    def __init__(self, job: Job, attempt: Attempt, config: Any, value: Any) -> None:
        self.attempt_handle = attempt
        self._token: str | None = job.token
        self.id: str = job.run
        """The run."""
        self.workspace: str = job.workspace
        """The tenant."""
        self.instance: str = job.instance
        """Which instance of the node: `fetch`, `crawl[3]/fetch`."""
        self.node: str = node_of(job.instance)
        """Id of the node."""
        self.attempt: int = job.attempt
        """From 1."""
        self.idempotency_key: str = job.idempotency_key
        """The same for every attempt: use it wherever a repetition must do no harm."""
        self.pool: str = job.pool
        """The pool that the job came from."""
        self.config: dict[str, Any] = config if isinstance(config, dict) else {}
        """The node's configuration, with everything that it refers to in place."""
        self.input: Any = value
        """The node's input."""

    @property
    def task(self) -> str:
        """What an agent is to do."""
        return str(self.config.get("task", ""))

    @property
    def model(self) -> str | None:
        """The model that the node names."""
        return self.config.get("model")

    @property
    def output_schema(self) -> Any:
        """JSON Schema that the answer must fit; `None`: any answer will do."""
        return self.config.get("output_schema")

    @property
    def tool_names(self) -> frozenset[str]:
        """The tools that the node may call; no others are shown to a model."""
        tools = self.config.get("tools") or []
        names = (one.get("name") if isinstance(one, dict) else one for one in tools)
        return frozenset(name for name in names if isinstance(name, str))

    def tool_settings(self, name: str) -> Mapping[str, Any]:
        """What the node says about one of its tools, besides its name."""
        for one in self.config.get("tools") or []:
            if isinstance(one, dict) and one.get("name") == name:
                return one
        return {}

    @property
    def budget(self) -> Mapping[str, Any]:
        """What the node may spend: `calls`, `tokens`, `usd`."""
        said = self.config.get("budget")
        return said if isinstance(said, dict) else {}

    @property
    def cancelled(self) -> bool:
        """True once the attempt should stop."""
        return self.attempt_handle.stopping.is_set()

    def log(self, line: str) -> None:
        """Writes a line into the run's log stream (`aob logs stream`). Any thread may call it."""
        for part in str(line).splitlines() or [""]:
            self.attempt_handle.log(part)

    def progress(self, value: Any) -> None:
        """Reports progress, any JSON; restarts the node's idle timeout. Any thread may call it.

        Raises:
            TypeError: It is no JSON.
        """
        self.attempt_handle.progress(json.loads(json.dumps(value)))


class Run(_Job):
    """The job of an asynchronous handler. Cancelling the run cancels the coroutine."""

    def __init__(
        self,
        job: Job,
        attempt: Attempt,
        config: Any,
        value: Any,
        *,
        client: AsyncClient,
        llm: LLM,
    ) -> None:
        super().__init__(job, attempt, config, value)
        self._llm = llm
        self.client = client
        """Client with the runner's own key."""
        self.patches: list[dict[str, Any]] = []
        """Patches that the result will carry."""
        self.usage = Usage()
        """What was spent on models so far; goes into the node's record."""
        self.meter = Meter(client, attempt, job.token, metered=bool(job.metered))
        """Asks for each call of a model whether its budgets have room; `ask` does so by itself."""

    def blocking(self) -> BlockingRun:
        """The same job for code that runs in a thread."""
        return BlockingRun(self, asyncio.get_running_loop())

    async def ask(
        self,
        task: str | None = None,
        *,
        system: str | None = None,
        tools: Sequence[Tool] = (),
        model: str | None = None,
        limits: Limits | None = None,
        **options: Any,
    ) -> Any:
        """Asks a model, with tools, until it answers.

        All tool calls of a turn are executed, side by side, and fed back. An answer that does not
        fit the node's `output_schema` goes back with what is wrong and a valid example; so does a
        patch that is refused.

        Args:
            task: What to do; without one, the node's `task`.
            system: Standing instructions. Keep them the same from run to run: providers cache them.
            tools: What the model may call, of those that the node lists under `tools`. Where it
                lists `propose_patch`, that is offered besides.
            model: Without one, the node's `model`, else the runner's default.
            limits: How far the conversation goes.
            options: Passed on to the provider, such as `temperature`.

        Returns:
            The answer: a value that fits the node's `output_schema`, or text where it has none.

        Raises:
            Failure: There is no such answer; the node's `on_error` follows.
        """
        conversation = Conversation(
            self,
            self._llm,
            model or self.model,
            system=system,
            tools=self._offered(tools),
            schema=self.output_schema,
            limits=limits or Limits(),
            options=options,
        )
        return await conversation.ask(self.task if task is None else task)

    def _offered(self, tools: Sequence[Tool]) -> tuple[Tool, ...]:
        """The tools that the node lists."""
        known = {tool.name: tool for tool in tools}
        if "propose_patch" in self.tool_names:
            known = {**{tool.name: tool for tool in PATCH_TOOLS}, **known}
        offered = [
            tool for tool in known.values() if tool.name in self.tool_names or tool in PATCH_TOOLS
        ]
        withheld = ", ".join(tool.name for tool in known.values() if tool not in offered)
        if withheld:
            self.log(f"not among the node's tools, so not offered: {withheld}")
        return tuple(offered)

    async def reserve(self, *, calls: int = 1, tokens: int = 0, usd: float = 0.0) -> Reservation:
        """Sets budget aside for calls of models that the handler makes by itself, without `ask`:
        before them, and at least as much as they will use. Waits while others have it set aside.

            reserved = await run.reserve(tokens=9_000, usd=0.03)
            ...                                                   # the call
            await reserved.settle(tokens=5_210, usd=0.0174)

        What is not settled is charged in full when the attempt ends. Where nothing bounds the node,
        this does nothing.

        Raises:
            Cancelled: A budget has no room. The node is parked, and people are asked for more.
        """
        return await self.meter.reserve(calls=calls, tokens=tokens, usd=usd)

    async def graph(self) -> GraphView:
        """The graph of the run, with where every node and edge stands."""
        return await self.client.runs.graph(self.id)

    async def propose_patch(
        self, operations: Sequence[Mapping[str, Any]], *, description: str, base: str | None = None
    ) -> PlanView | None:
        """Adds a patch of the run's graph to the result of this attempt.

        The service plans it first, so that what breaks a rule is refused here, with the place, a
        hint and an example. It is proposed with the result, in the same transition: either both
        are in the log, or neither. Whether it then applies or waits for an approval, `approval`
        and `growth` of the plan say.

        The patch is this node's in this run, whoever wrote it: the job's token says so.

        Args:
            operations: JSON Patch: `add`, `remove`, `replace`, `test`.
            description: What it is for; approvers see it.
            base: Digest of the document that it was made against; without it, the one that holds.

        Returns:
            The plan; `None` where the runner's key may not ask for one.

        Raises:
            PatchRejected: It breaks a rule.
        """
        if len(self.patches) >= PATCHES_MAX:
            raise ValueError(f"a result carries at most {PATCHES_MAX} patches")
        said = self.attempt_handle.redactor.value([dict(operation) for operation in operations])
        before = [operation for patch in self.patches for operation in patch["operations"]]
        plan = await self._plan([*before, *said], description, base, len(before))
        patch: dict[str, Any] = {
            "operations": said,
            "description": self.attempt_handle.redactor.text(description),
        }
        if base is not None or (plan is not None and not self.patches):
            patch["base"] = base or (plan.base if plan else None)
        self.patches.append(patch)
        return plan

    async def propose_patch_now(
        self, operations: Sequence[Mapping[str, Any]], *, description: str, base: str | None = None
    ) -> RunPatch:
        """Proposes a patch at once: it is in the log whatever becomes of this attempt.

        `status` of what it returns is `applied`, or `waiting` for the approval that `ticket` names.

        Raises:
            PatchRejected: It breaks a rule.
        """
        said = self.attempt_handle.redactor.value([dict(operation) for operation in operations])
        key = f"{self.idempotency_key}/{self.attempt}/{len(self.patches)}/{_short(said)}"
        return await self.client.runs.patches.propose(
            self.id,
            said,
            description=self.attempt_handle.redactor.text(description),
            base=base,
            node_id=self.instance,
            aob_job_token=self._token,
            idempotency_key=key,
        )

    async def _plan(
        self, operations: list[Any], description: str, base: str | None, own_from: int
    ) -> PlanView | None:
        try:
            return await self.client.runs.patches.plan(
                self.id,
                operations,
                description=description,
                base=base,
                node_id=self.instance,
                aob_job_token=self._token,
            )
        except PatchRejected as error:
            raise _own(error, own_from) from error
        except ApiError as error:
            if error.code != "forbidden":
                raise
            self.log("the patch is proposed unplanned: this runner's key has no `runs:patch`")
            return None


class BlockingRun(_Job):
    """The job of a handler that runs in a thread. Cancelling the run sets `cancelled`."""

    def __init__(self, run: Run, loop: asyncio.AbstractEventLoop) -> None:
        self.__dict__.update(run.__dict__)
        self._run = run
        self._loop = loop

    def check_cancelled(self) -> None:
        """Ends a handler that should stop: call it now and then.

        Raises:
            Cancelled: The attempt should stop.
        """
        if self.attempt_handle.stop_flag.is_set():
            raise Cancelled("the attempt was told to stop")

    def wait_cancelled(self, timeout_s: float) -> bool:
        """Waits until the attempt should stop, or for so long; true where it should."""
        return self.attempt_handle.stop_flag.wait(timeout_s)

    def ask(
        self,
        task: str | None = None,
        *,
        system: str | None = None,
        tools: Sequence[Tool] = (),
        model: str | None = None,
        limits: Limits | None = None,
        **options: Any,
    ) -> Any:
        """As `Run.ask`."""
        asked = self._run.ask(
            task, system=system, tools=tools, model=model, limits=limits, **options
        )
        return self._wait(asked)

    def reserve(self, *, calls: int = 1, tokens: int = 0, usd: float = 0.0) -> BlockingReservation:
        """As `Run.reserve`."""
        reserved = self._wait(self._run.reserve(calls=calls, tokens=tokens, usd=usd))
        return BlockingReservation(self, reserved)

    def graph(self) -> GraphView:
        """As `Run.graph`."""
        return self._wait(self._run.graph())

    def propose_patch(
        self, operations: Sequence[Mapping[str, Any]], *, description: str, base: str | None = None
    ) -> PlanView | None:
        """As `Run.propose_patch`."""
        return self._wait(self._run.propose_patch(operations, description=description, base=base))

    def propose_patch_now(
        self, operations: Sequence[Mapping[str, Any]], *, description: str, base: str | None = None
    ) -> RunPatch:
        """As `Run.propose_patch_now`."""
        said = self._run.propose_patch_now(operations, description=description, base=base)
        return self._wait(said)

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self.attempt_handle.stop_flag.is_set():
            coroutine.close()
            self.check_cancelled()
        waiting = asyncio.run_coroutine_threadsafe(
            _until_stopped(coroutine, self.attempt_handle), self._loop
        )
        return waiting.result()


class BlockingReservation:
    """As `Reservation`, for handlers that run in a thread."""

    def __init__(self, run: BlockingRun, reservation: Reservation) -> None:
        self._run = run
        self._reservation = reservation

    def settle(self, *, calls: int = 1, tokens: int = 0, usd: float = 0.0) -> None:
        """As `Reservation.settle`."""
        self._run._wait(self._reservation.settle(calls=calls, tokens=tokens, usd=usd))


async def _until_stopped(coroutine: Coroutine[Any, Any, T], attempt: Attempt) -> T:
    """The result of a coroutine that ends with its attempt."""
    work = asyncio.ensure_future(coroutine)
    stop = asyncio.ensure_future(attempt.stopping.wait())
    try:
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Cancelled("the attempt was told to stop")
        return work.result()
    finally:
        work.cancel()
        stop.cancel()


def node_of(instance: str) -> str:
    """Id of the node of an instance: `crawl[3]/fetch` is of `fetch`."""
    return instance.rsplit("/", 1)[-1].split("[", 1)[0]


def _own(error: PatchRejected, own_from: int) -> PatchRejected:
    """The error with pointers into the operations that were given, not into those before."""
    if own_from == 0:
        return error
    problem = error.problem.model_copy(deep=True)
    for item in problem.errors or []:
        head, _, rest = (item.pointer or "").removeprefix("/operations/").partition("/")
        if (item.pointer or "").startswith("/operations/") and head.isdigit():
            place = f"/operations/{max(int(head) - own_from, 0)}"
            item.pointer = f"{place}/{rest}" if rest else place
    return PatchRejected(problem, retry_after_ms=error.retry_after_ms)


def _short(value: Any) -> str:
    """A short name of a value: the same value, the same name."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
