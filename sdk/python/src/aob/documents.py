# Written by `tools/generate.py`.
"""Types of workflow documents: plain JSON, checked where it is written."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

Tag: TypeAlias = str
"""
One word.
"""


class Metadata(TypedDict, closed=True):
    """
    What people call this workflow. Has no effect on a run.
    """

    name: NotRequired[str]
    """
    Short name, shown wherever the workflow is.
    """
    description: NotRequired[str]
    """
    What the workflow is for.
    """
    version: NotRequired[str]
    """
    The author's own version. The server counts versions of a tag by itself.
    """
    tags: NotRequired[list[Tag]]
    """
    Words to search by.
    """


class Budget(TypedDict, closed=True):
    """
    What may be spent on models: of an agent node by all its instances and attempts in a run together, of a run by everything in it, child runs included. What is not named is not bounded.
    """

    calls: NotRequired[int]
    """
    Calls of models.
    """
    tokens: NotRequired[int]
    """
    Tokens read and written.
    """
    usd: NotRequired[float]
    """
    Money, in US dollars; counted in millionths.
    """


FourEyes: TypeAlias = bool
"""
True: who started the run, proposed the patch or edited what is to be approved may reject it, and not approve it.
"""


FieldPattern: TypeAlias = str
"""
A JSON pointer in which `*` stands for any one key or index. It names that field and everything below it.
"""


OnUnknown: TypeAlias = Literal["skip", "park", "reject"]
"""
What happens to a node whose type this server does not know: it is passed over with a warning, parked for a person, or the document is refused.
"""


NodeId: TypeAlias = str
"""
Name of a node, unique within the document.
"""


Reference: TypeAlias = str
"""
A value computed at run time: `$nodes.<id>.<path>`, `$inputs.<path>`, `$input`, `$item`, `$index`, `$iteration` or `$run.<path>`, with `?? default` at its end.
"""


Expression: TypeAlias = str
"""
A CEL expression of up to 4,096 bytes.
"""


TimeoutMs: TypeAlias = int
"""
Milliseconds that an attempt may take from its grant (300,000 for function, http and agent), or that a map, composite, hitl, signal or handoff may wait (no limit).
"""


QueueTimeoutMs: TypeAlias = int
"""
Milliseconds that an attempt may wait to be taken by a runner. Without it: for ever.
"""


IdleTimeoutMs: TypeAlias = int
"""
Milliseconds that an attempt may go without reporting progress. Without it: for ever.
"""


PoolName: TypeAlias = str
"""
The pool of runners that executes it. Without it: `default`, and built-in functions by any runner.
"""


Priority: TypeAlias = Literal["high", "medium", "low"]
"""
Place in the queue of runners.
"""


RetryOnItem: TypeAlias = str
"""
Such as `timeout`, `http_status`, or one of a function's own.
"""


class Retry(TypedDict, closed=True):
    """
    How often and when a failed attempt is tried again.
    """

    max_attempts: NotRequired[int]
    """
    Attempts in all, the first included.
    """
    backoff_ms: NotRequired[int]
    """
    Milliseconds before the second attempt.
    """
    backoff_multiplier: NotRequired[float]
    """
    Growth of the wait from attempt to attempt.
    """
    max_backoff_ms: NotRequired[int]
    """
    Milliseconds that a wait never exceeds; at least `backoff_ms`.
    """
    retry_on: NotRequired[list[RetryOnItem]]
    """
    Codes of the errors that are tried again. Empty: every error that says it is retryable.
    """


Tolerate: TypeAlias = int | str
"""
How many may fail: a count, or a share such as `"10%"`.
"""


class Join(TypedDict, closed=True):
    """
    How many incoming edges a node waits for. A string is short for `{"mode": ...}`.
    """

    mode: NotRequired[Literal["all", "any", "k_of_n", "quorum"]]
    """
    `all` live edges; `any`: the first; `k_of_n`: the first `k`; `quorum`: more than half of all incoming edges.
    """
    k: NotRequired[int]
    """
    Edges that `k_of_n` waits for.
    """
    cancel_losers: NotRequired[bool]
    """
    Cancel what only leads here and is still running once the join is satisfied.
    """
    tolerate: NotRequired[Tolerate]


class Cache(TypedDict, closed=True):
    """
    Reuse of earlier results.
    """

    policy: NotRequired[Literal["off", "read_only", "read_through", "write_only"]]
    """
    Whether results are read from and written to the cache.
    """
    ttl_ms: NotRequired[int]
    """
    Milliseconds that a result may be reused.
    """


class Check1(TypedDict, closed=True):
    """
    One condition: an expression that must be true, or a schema that must accept the value.
    """

    expression: Expression
    schema: NotRequired[dict[str, Any] | bool]
    """
    JSON Schema (2020-12) of the value.
    """
    message: NotRequired[str]
    """
    What the failure says.
    """


class Check2(TypedDict, closed=True):
    """
    One condition: an expression that must be true, or a schema that must accept the value.
    """

    expression: NotRequired[Expression]
    schema: dict[str, Any] | bool
    """
    JSON Schema (2020-12) of the value.
    """
    message: NotRequired[str]
    """
    What the failure says.
    """


Check: TypeAlias = Check1 | Check2
"""
One condition: an expression that must be true, or a schema that must accept the value.
"""


Effect: TypeAlias = Literal["none", "idempotent", "compensable", "irreversible"]
"""
What the node does to the world outside. A lost attempt is repeated only for `none` and `idempotent`. Default: http GET, HEAD, OPTIONS `none`, PUT, DELETE `idempotent`, POST, PATCH `irreversible`; function and agent `idempotent`.
"""


class Route(TypedDict, closed=True):
    """
    Short for an edge `on: failure` to that node.
    """

    route: NodeId


NodeType: TypeAlias = str
"""
What kind of step it is. A type that this server does not know follows `on_unknown`.
"""


ConfigByType: TypeAlias = Any
"""
Which configuration belongs to which type.
"""


class FunctionConfig(TypedDict, closed=True):
    """
    Calls a function. Built in are `echo` (returns `args`), `sleep` (`ms`) and `fail` (`message`, `code`, `retryable`); others are served by runners of a pool, and wait until one serves them. Output: what the function returns.
    """

    name: str
    """
    Name of the function; it takes no reference.
    """
    args: NotRequired[Any]
    """
    Any JSON, with references.
    """
    pool: NotRequired[PoolName]


Status: TypeAlias = int
"""
One status.
"""


StatusRange: TypeAlias = str
"""
A class such as `2xx`, or a range such as `200-204`.
"""


class HttpAuth(TypedDict, closed=True):
    """
    How a secret goes into the request.
    """

    type: Literal["bearer", "basic", "header"]
    """
    `bearer`: a bearer token; `basic`: `user:password`; `header`: the secret is the value of `header`.
    """
    secret: str
    """
    Name of the secret, or `$secrets.<name>`; it is not computed.
    """
    header: NotRequired[str]
    """
    Name of the header, for `header`.
    """


class TransformConfig1(TypedDict, closed=True):
    """
    Computes a value. Output: the value.
    """

    expression: str
    """
    CEL over `input`, `ctx`, `inputs` and `run`.
    """
    template: NotRequired[Any]
    """
    Any JSON, with references.
    """


class TransformConfig2(TypedDict, closed=True):
    """
    Computes a value. Output: the value.
    """

    expression: NotRequired[str]
    """
    CEL over `input`, `ctx`, `inputs` and `run`.
    """
    template: Any
    """
    Any JSON, with references.
    """


TransformConfig: TypeAlias = TransformConfig1 | TransformConfig2
"""
Computes a value. Output: the value.
"""


Items: TypeAlias = list[Any] | Reference
"""
The list: a reference, or a list with references in it.
"""


class AggregateConfig(TypedDict, closed=True):
    """
    Reduces a list. Output: the value.
    """

    items: Items
    operation: Literal["sum", "avg", "min", "max", "count", "concat", "merge", "union", "group"]
    """
    `sum`, `avg`, `min`, `max` of numbers (of none: 0 for `sum`, else null), `count`, `concat` of lists or texts, `merge` of objects (later keys win), `union` (distinct values), `group` (object of lists by the value of `by`).
    """
    field: NotRequired[str]
    """
    The part of each item that counts, as keys joined by dots.
    """
    by: NotRequired[str]
    """
    The part of each item that names its group, as keys joined by dots. For `group`.
    """


class EmptyConfig(TypedDict, closed=True):
    """
    No configuration: the edges carry the conditions. Output: the input.
    """


class LoopConfig(TypedDict, closed=True):
    """
    Ends the body of a loop and decides whether to go back. Output: its input.
    """

    max_iterations: int
    """
    The body runs at most this often.
    """
    loop_back_to: NodeId
    """
    The node that the body starts with.
    """
    condition: str
    """
    CEL over `input` (also `output`, the same), `ctx`, `inputs` and `run`. True: go back.
    """
    break_path: NotRequired[NodeId]
    """
    Where to go when the condition is false. Without it: along plain edges.
    """
    timeout_path: NotRequired[NodeId]
    """
    Where to go after `max_iterations`. Without it the loop fails with `max_iterations`.
    """


class AgentConfig(TypedDict, closed=True):
    """
    Gives a task to an LLM agent. Output: what it answers.
    """

    task: str
    """
    What the agent is to do, with references.
    """
    model: NotRequired[str]
    """
    Name of the model.
    """
    tools: NotRequired[list[str | dict[str, Any]]]
    """
    What the agent may call: names, or objects with a `name`.
    """
    output_schema: NotRequired[dict[str, Any] | bool]
    """
    JSON Schema (2020-12) that the answer must fit.
    """
    budget: NotRequired[Budget]
    pool: NotRequired[PoolName]


class Approver1(TypedDict, closed=True):
    """
    Everybody with a role, or one person.
    """

    role: str
    """
    Name of a role.
    """
    user: NotRequired[str]
    """
    Name of a person.
    """


class Approver2(TypedDict, closed=True):
    """
    Everybody with a role, or one person.
    """

    role: NotRequired[str]
    """
    Name of a role.
    """
    user: str
    """
    Name of a person.
    """


Approver: TypeAlias = Approver1 | Approver2
"""
Everybody with a role, or one person.
"""


class EscalationStep(TypedDict, closed=True):
    """
    From `after_ms` on, `to` may decide too.
    """

    after_ms: int
    """
    Milliseconds from the request.
    """
    to: Approver


class TimerConfig1(TypedDict, closed=True):
    """
    Waits. Output: its input.
    """

    for_ms: int | Reference
    """
    Milliseconds.
    """
    until: NotRequired[str]
    """
    RFC 3339 time, or a reference to one.
    """


class TimerConfig2(TypedDict, closed=True):
    """
    Waits. Output: its input.
    """

    for_ms: NotRequired[int | Reference]
    """
    Milliseconds.
    """
    until: str
    """
    RFC 3339 time, or a reference to one.
    """


TimerConfig: TypeAlias = TimerConfig1 | TimerConfig2
"""
Waits. Output: its input.
"""


class SignalConfig(TypedDict, closed=True):
    """
    Waits for a named signal; signals that came before are waiting in line. Output: its payload.
    """

    name: str
    """
    Name of the signal, with references.
    """
    webhook: NotRequired[bool]
    """
    A signed URL delivers the signal too.
    """


class HandoffConfig(TypedDict, closed=True):
    """
    Hands the work to somebody else. Validates; waits with an explanation until handoffs are served.
    """

    to: str
    """
    Who takes over.
    """
    schema: NotRequired[dict[str, Any] | bool]
    """
    JSON Schema (2020-12) of what is handed over.
    """
    quorum: NotRequired[int]
    """
    Acceptances needed.
    """


Edge = TypedDict(
    "Edge",
    {
        "id": NotRequired[str],
        "from": NodeId,
        "to": NodeId,
        "on": NotRequired[
            Literal["success", "failure", "always", "approved", "rejected", "timeout", "break"]
        ],
        "condition": NotRequired[str],
    },
    closed=True,
)


class Limits(TypedDict, closed=True):
    """
    Bounds of a run.
    """

    run_timeout_ms: NotRequired[int]
    """
    Milliseconds from creation after which the run fails with `run_timeout`. Without it a run may take for ever.
    """
    max_instances: NotRequired[int]
    """
    Node instances that one run may open.
    """
    max_depth: NotRequired[int]
    """
    How deeply child runs may nest.
    """
    max_agents: NotRequired[int]
    """
    Agent nodes that a run may ever hold; those of maps and loops count once.
    """
    budget: NotRequired[Budget]


class Defaults(TypedDict, closed=True):
    """
    What nodes that runners execute (function, task, http, agent) have where they say nothing themselves.
    """

    timeout_ms: NotRequired[TimeoutMs]
    queue_timeout_ms: NotRequired[QueueTimeoutMs]
    retry: NotRequired[Retry]
    pool: NotRequired[PoolName]
    priority: NotRequired[Priority]


class PatchPolicy(TypedDict, closed=True):
    """
    How patches of a run are approved, where they need an approval. No patch of a run changes it.
    """

    approvers: NotRequired[list[Approver]]
    """
    Who may decide. Empty: whom the workspace names, or everybody in it with the permission.
    """
    quorum: NotRequired[int]
    """
    Approvals needed; one rejection rejects.
    """
    four_eyes: NotRequired[FourEyes]
    timeout_ms: NotRequired[int]
    """
    Milliseconds that a patch waits for its approval before it is rejected.
    """
    escalate: NotRequired[list[EscalationStep]]
    """
    Who may decide too after a while.
    """
    editable: NotRequired[list[FieldPattern]]
    """
    Fields of what a patch adds or changes that an approver may edit before approving: `/nodes/{id}/...` or `/edges/{id}/...`, `*` standing for any one part; what is below is editable too. Empty: none.
    """
    fixed: NotRequired[list[FieldPattern]]
    """
    Fields that nobody may edit, whatever `editable` says.
    """


class Checks(TypedDict, closed=True):
    """
    Conditions around a node; one that does not hold is a failure.
    """

    pre: NotRequired[list[Check]]
    """
    Over the input, before the node starts (CEL: `input`, `ctx`, `inputs`, `run`).
    """
    post: NotRequired[list[Check]]
    """
    Over the output, before it counts (CEL: `output`, `ctx`, `inputs`, `run`).
    """


OnError: TypeAlias = Literal["fail", "skip", "park"] | Route
"""
What happens to a failure that retries and failure edges do not take care of: the run fails, the node is passed over with output null, the instance waits for a person, or another node takes over.
"""


class CompensateNode(TypedDict, closed=True):
    """
    What undoes a completed node. Its input is `{input, output}` of that node; its id is `<id>.compensate`.
    """

    type: NodeType
    config: NotRequired[dict[str, Any]]
    """
    What this type needs.
    """
    timeout_ms: NotRequired[TimeoutMs]
    queue_timeout_ms: NotRequired[QueueTimeoutMs]
    idle_timeout_ms: NotRequired[IdleTimeoutMs]
    retry: NotRequired[Retry]
    effect: NotRequired[Effect]
    priority: NotRequired[Priority]
    pool: NotRequired[PoolName]


class HttpPart(TypedDict, closed=True):
    """
    One request of an `http` node's `batch`.
    """

    id: NodeId
    url: str
    """
    Absolute `http` or `https` URL, with references.
    """
    method: NotRequired[Literal["GET", "HEAD", "OPTIONS"]]
    """
    Request method; a batch only reads.
    """
    headers: NotRequired[dict[str, Any] | Reference]
    """
    Request headers by name.
    """
    query: NotRequired[dict[str, Any] | Reference]
    """
    Query parameters by name; a list repeats the parameter.
    """
    auth: NotRequired[HttpAuth]
    expect: NotRequired[Status | StatusRange | list[Status | StatusRange]]
    """
    Statuses that are a success: `200`, `"2xx"`, `"200-204"`, or a list of these.
    """
    max_bytes: NotRequired[int | Reference]
    """
    Bytes of the response body that are accepted; more is a failure.
    """


class FilterConfig(TypedDict, closed=True):
    """
    Keeps the items for which an expression is true. Output: the list.
    """

    items: Items
    expression: str
    """
    CEL over `item` and `index`, and `input`, `ctx`, `inputs` and `run`.
    """


class HitlConfig(TypedDict, closed=True):
    """
    Asks people for an approval. Output: `{approved, by, reason, data}`, and `subject` with `editable`.
    """

    message: NotRequired[str]
    """
    What is asked, with references. Without it: the node's id.
    """
    form: NotRequired[dict[str, Any]]
    """
    JSON Schema (2020-12) of the data that an approver gives along.
    """
    approvers: NotRequired[list[Approver]]
    """
    Who may decide. Empty: everybody in the workspace with the permission.
    """
    quorum: NotRequired[int | Reference]
    """
    Approvals needed; one rejection rejects.
    """
    escalate: NotRequired[list[EscalationStep]]
    """
    Who may decide too after a while.
    """
    four_eyes: NotRequired[FourEyes]
    editable: NotRequired[list[FieldPattern]]
    """
    Fields of the node's input that an approver may edit before approving, `*` standing for any one part; what is below is editable too. With it, the output has `subject`: the input as it was approved.
    """
    fixed: NotRequired[list[FieldPattern]]
    """
    Fields that nobody may edit, whatever `editable` says.
    """


class Policies(TypedDict, closed=True):
    """
    Rules for the whole run.
    """

    on_failure: NotRequired[Literal["stop", "compensate"]]
    """
    What happens to completed nodes when the run fails: nothing, or `compensate` of those that declare it, last first.
    """
    patches: NotRequired[PatchPolicy]


class Node(TypedDict, closed=True):
    """
    One step of the graph.
    """

    id: NodeId
    type: NodeType
    config: NotRequired[dict[str, Any]]
    """
    What this type needs.
    """
    join: NotRequired[Join]
    timeout_ms: NotRequired[TimeoutMs]
    queue_timeout_ms: NotRequired[QueueTimeoutMs]
    idle_timeout_ms: NotRequired[IdleTimeoutMs]
    retry: NotRequired[Retry]
    effect: NotRequired[Effect]
    compensate: NotRequired[CompensateNode]
    on_error: NotRequired[OnError]
    checks: NotRequired[Checks]
    cache: NotRequired[Cache]
    priority: NotRequired[Priority]
    pool: NotRequired[PoolName]


class BodyNode(TypedDict, closed=True):
    """
    The node that a map runs for each item. Its input is the item; `$item` and `$index` are known in it.
    """

    id: NotRequired[NodeId]
    type: NodeType
    config: NotRequired[dict[str, Any]]
    """
    What this type needs.
    """
    timeout_ms: NotRequired[TimeoutMs]
    queue_timeout_ms: NotRequired[QueueTimeoutMs]
    idle_timeout_ms: NotRequired[IdleTimeoutMs]
    retry: NotRequired[Retry]
    effect: NotRequired[Effect]
    compensate: NotRequired[CompensateNode]
    on_error: NotRequired[Literal["fail", "skip", "park"]]
    """
    As of any node, but a body has nowhere to be routed to.
    """
    checks: NotRequired[Checks]
    cache: NotRequired[Cache]
    priority: NotRequired[Priority]
    pool: NotRequired[PoolName]


class HttpConfig1(TypedDict, closed=True):
    """
    Sends an HTTP request. Output: `{status, headers, body}`; a status outside `expect` is a failure. With `batch` it sends several requests to one origin at once; output: an object of these by their ids, and one failure fails it.
    """

    batch: NotRequired[list[HttpPart]]
    """
    Requests that are sent at once in place of one. They go to one origin, written before any reference; beside `batch` there is no other key.
    """
    url: str
    """
    Absolute `http` or `https` URL, with references.
    """
    method: NotRequired[
        Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] | Reference
    ]
    """
    Request method.
    """
    headers: NotRequired[dict[str, Any] | Reference]
    """
    Request headers by name.
    """
    query: NotRequired[dict[str, Any] | Reference]
    """
    Query parameters by name; a list repeats the parameter.
    """
    body: NotRequired[Any]
    """
    Any JSON, with references; a string is sent as it is.
    """
    auth: NotRequired[HttpAuth]
    expect: NotRequired[Status | StatusRange | list[Status | StatusRange]]
    """
    Statuses that are a success: `200`, `"2xx"`, `"200-204"`, or a list of these.
    """
    max_bytes: NotRequired[int | Reference]
    """
    Bytes of the response body that are accepted; more is a failure.
    """


class HttpConfig2(TypedDict, closed=True):
    """
    Sends an HTTP request. Output: `{status, headers, body}`; a status outside `expect` is a failure. With `batch` it sends several requests to one origin at once; output: an object of these by their ids, and one failure fails it.
    """

    batch: list[HttpPart]
    """
    Requests that are sent at once in place of one. They go to one origin, written before any reference; beside `batch` there is no other key.
    """
    url: NotRequired[str]
    """
    Absolute `http` or `https` URL, with references.
    """
    method: NotRequired[
        Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] | Reference
    ]
    """
    Request method.
    """
    headers: NotRequired[dict[str, Any] | Reference]
    """
    Request headers by name.
    """
    query: NotRequired[dict[str, Any] | Reference]
    """
    Query parameters by name; a list repeats the parameter.
    """
    body: NotRequired[Any]
    """
    Any JSON, with references; a string is sent as it is.
    """
    auth: NotRequired[HttpAuth]
    expect: NotRequired[Status | StatusRange | list[Status | StatusRange]]
    """
    Statuses that are a success: `200`, `"2xx"`, `"200-204"`, or a list of these.
    """
    max_bytes: NotRequired[int | Reference]
    """
    Bytes of the response body that are accepted; more is a failure.
    """


HttpConfig: TypeAlias = HttpConfig1 | HttpConfig2
"""
Sends an HTTP request. Output: `{status, headers, body}`; a status outside `expect` is a failure. With `batch` it sends several requests to one origin at once; output: an object of these by their ids, and one failure fails it.
"""


Workflow = TypedDict(
    "Workflow",
    {
        "$schema": NotRequired[str],
        "metadata": NotRequired[Metadata],
        "inputs": NotRequired[dict[str, Any] | bool],
        "nodes": list[Node],
        "edges": NotRequired[list[Edge]],
        "limits": NotRequired[Limits],
        "defaults": NotRequired[Defaults],
        "policies": NotRequired[Policies],
        "on_unknown": NotRequired[OnUnknown],
    },
    closed=True,
)


SubWorkflow: TypeAlias = str | Workflow
"""
A workflow given inline, or the tag of one.
"""


class CompositeConfig(TypedDict, closed=True):
    """
    Runs a workflow as a child run. Output: the child's output.
    """

    workflow: SubWorkflow
    inputs: NotRequired[Any]
    """
    Inputs of the child, any JSON with references. Without it: the node's input.
    """


class MapConfig1(TypedDict, closed=True):
    """
    Runs a node or a workflow once per item. Output: the list of outputs in the order of the items; a tolerated failure is `{error}`.
    """

    items: Items
    node: BodyNode
    workflow: NotRequired[SubWorkflow]
    max_parallel: NotRequired[int]
    """
    Items that are worked on at once.
    """
    tolerate: NotRequired[Tolerate]


class MapConfig2(TypedDict, closed=True):
    """
    Runs a node or a workflow once per item. Output: the list of outputs in the order of the items; a tolerated failure is `{error}`.
    """

    items: Items
    node: NotRequired[BodyNode]
    workflow: SubWorkflow
    max_parallel: NotRequired[int]
    """
    Items that are worked on at once.
    """
    tolerate: NotRequired[Tolerate]


MapConfig: TypeAlias = MapConfig1 | MapConfig2
"""
Runs a node or a workflow once per item. Output: the list of outputs in the order of the items; a tolerated failure is `{error}`.
"""
