# Written by `tools/generate.py`.
"""Types of the events of a log; `LogEvent` is any of them, told apart by `type`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

Time: TypeAlias = str
"""
RFC 3339 in UTC with three decimals.
"""


class ApprovalDecidedData(TypedDict, closed=True):
    ticket: str
    outcome: Literal["approved", "rejected", "expired", "cancelled"]
    by: str


class ApprovalDecided(TypedDict):
    """
    The ticket is decided, once.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["approval_decided"]
    data: ApprovalDecidedData


Digest: TypeAlias = str


class Payload(TypedDict, closed=True):
    """
    A JSON value: here, in the event `seq`, or (neither) in the CAS.
    """

    digest: Digest
    len: int
    value: NotRequired[Any]
    seq: NotRequired[int]


class ApprovalEditedData(TypedDict, closed=True):
    ticket: str
    """
    The ticket that was shown.
    """
    by: str
    edits: Payload
    next: str
    """
    The ticket that asks about what came out.
    """


class ApprovalEdited(TypedDict):
    """
    An approver changed what is to be approved: another ticket asks about that.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["approval_edited"]
    data: ApprovalEditedData


class Approver(TypedDict, closed=True):
    role: NotRequired[str]
    user: NotRequired[str]


class ApprovalEscalatedData(TypedDict, closed=True):
    ticket: str
    to: Approver


class ApprovalEscalated(TypedDict):
    """
    The ticket went to the next in its chain.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["approval_escalated"]
    data: ApprovalEscalatedData


Instance: TypeAlias = str
"""
Node in its scope: `fetch`, `crawl[3]/fetch`.
"""


class Of1(TypedDict, closed=True):
    """
    Whose budget: the run's, or that of an agent node.
    """

    node: str


Of: TypeAlias = Literal["run"] | Of1
"""
Whose budget: the run's, or that of an agent node.
"""


class Amounts(TypedDict, closed=True):
    """
    Something spent, reserved or asked for.
    """

    calls: int
    tokens: int
    usd_micros: int
    """
    Millionths of a US dollar.
    """


class Escalation(TypedDict):
    at: Time
    to: Approver


class Budget(TypedDict, closed=True):
    """
    The budget that is to be raised.
    """

    of: Of
    needed: Amounts
    suggested: Amounts


class ApprovalRequestedData1(TypedDict, closed=True):
    instance: Instance
    patch: NotRequired[str]
    """
    The patch that is to be approved; absent for an instance.
    """
    ticket: str
    message: str
    form: NotRequired[Payload]
    subject: Payload
    subject_hash: Digest
    approvers: NotRequired[list[Approver]]
    quorum: int
    escalations: NotRequired[list[Escalation]]
    expires_at: NotRequired[Time]
    replaces: NotRequired[str]
    """
    The ticket in whose place this one is asked.
    """
    four_eyes: NotRequired[bool]
    """
    Who is in `barred` may reject, and not approve.
    """
    barred: NotRequired[list[str]]
    """
    Who started the run, proposed the patch or edited what is to be approved.
    """
    editable: NotRequired[list[str]]
    """
    Fields that an approver may edit, as JSON pointers with `*`.
    """
    fixed: NotRequired[list[str]]
    """
    Fields that nobody may edit, as JSON pointers with `*`.
    """
    budget: NotRequired[Budget]
    """
    The budget that is to be raised.
    """


class ApprovalRequestedData2(TypedDict, closed=True):
    instance: NotRequired[Instance]
    patch: str
    """
    The patch that is to be approved; absent for an instance.
    """
    ticket: str
    message: str
    form: NotRequired[Payload]
    subject: Payload
    subject_hash: Digest
    approvers: NotRequired[list[Approver]]
    quorum: int
    escalations: NotRequired[list[Escalation]]
    expires_at: NotRequired[Time]
    replaces: NotRequired[str]
    """
    The ticket in whose place this one is asked.
    """
    four_eyes: NotRequired[bool]
    """
    Who is in `barred` may reject, and not approve.
    """
    barred: NotRequired[list[str]]
    """
    Who started the run, proposed the patch or edited what is to be approved.
    """
    editable: NotRequired[list[str]]
    """
    Fields that an approver may edit, as JSON pointers with `*`.
    """
    fixed: NotRequired[list[str]]
    """
    Fields that nobody may edit, as JSON pointers with `*`.
    """
    budget: NotRequired[Budget]
    """
    The budget that is to be raised.
    """


class ApprovalRequestedData3(TypedDict, closed=True):
    instance: NotRequired[Instance]
    patch: NotRequired[str]
    """
    The patch that is to be approved; absent for an instance.
    """
    ticket: str
    message: str
    form: NotRequired[Payload]
    subject: Payload
    subject_hash: Digest
    approvers: NotRequired[list[Approver]]
    quorum: int
    escalations: NotRequired[list[Escalation]]
    expires_at: NotRequired[Time]
    replaces: NotRequired[str]
    """
    The ticket in whose place this one is asked.
    """
    four_eyes: NotRequired[bool]
    """
    Who is in `barred` may reject, and not approve.
    """
    barred: NotRequired[list[str]]
    """
    Who started the run, proposed the patch or edited what is to be approved.
    """
    editable: NotRequired[list[str]]
    """
    Fields that an approver may edit, as JSON pointers with `*`.
    """
    fixed: NotRequired[list[str]]
    """
    Fields that nobody may edit, as JSON pointers with `*`.
    """
    budget: Budget
    """
    The budget that is to be raised.
    """


ApprovalRequestedData: TypeAlias = (
    ApprovalRequestedData1 | ApprovalRequestedData2 | ApprovalRequestedData3
)


class ApprovalRequested(TypedDict):
    """
    A human is asked.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["approval_requested"]
    data: ApprovalRequestedData


class ApprovalVotedData(TypedDict, closed=True):
    ticket: str
    by: str
    vote: Literal["approve", "reject"]
    reason: NotRequired[str]
    data: NotRequired[Payload]


class ApprovalVoted(TypedDict):
    """
    One approver voted.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["approval_voted"]
    data: ApprovalVotedData


class AttemptRedispatchedData(TypedDict, closed=True):
    instance: Instance
    attempt: int
    redispatch_at: Time


class AttemptRedispatched(TypedDict):
    """
    The same attempt was sent again because nobody was seen to take it.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["attempt_redispatched"]
    data: AttemptRedispatchedData


class BudgetRaisedData(TypedDict, closed=True):
    of: Of
    amounts: Amounts
    by: str
    ticket: NotRequired[str]


class BudgetRaised(TypedDict):
    """
    A person allows more.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["budget_raised"]
    data: BudgetRaisedData


class BudgetReservedData(TypedDict, closed=True):
    instance: Instance
    attempt: int
    reservation: str
    amounts: Amounts


class BudgetReserved(TypedDict):
    """
    A call of a model may be made: this much of the budgets is set aside for it.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["budget_reserved"]
    data: BudgetReservedData


Run: TypeAlias = str


class Spent(TypedDict, closed=True):
    """
    What a run spent, for its parent.
    """

    used: Amounts
    raised: NotRequired[Amounts]


class BudgetReturnedData(TypedDict, closed=True):
    instance: Instance
    child: Run
    spent: Spent


class BudgetReturned(TypedDict):
    """
    A child run is over: what it did not spend of what it was given is back.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["budget_returned"]
    data: BudgetReturnedData


class BudgetSettledData(TypedDict, closed=True):
    instance: Instance
    attempt: int
    reservation: str
    used: Amounts


class BudgetSettled(TypedDict):
    """
    The call was made, and used this much.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["budget_settled"]
    data: BudgetSettledData


class Budget3(TypedDict, closed=True):
    """
    Caps; what is null is not bounded.
    """

    calls: NotRequired[int | None]
    tokens: NotRequired[int | None]
    usd_micros: NotRequired[int | None]
    """
    Millionths of a US dollar.
    """


class BudgetWarnedData(TypedDict, closed=True):
    of: Of
    limit: Budget3
    committed: Amounts


class BudgetWarned(TypedDict):
    """
    Four fifths of a budget are spent or reserved.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["budget_warned"]
    data: BudgetWarnedData


class CancelRequestedData(TypedDict, closed=True):
    actor: str
    reason: NotRequired[str]


class CancelRequested(TypedDict):
    """
    Somebody asked the run to stop.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["cancel_requested"]
    data: CancelRequestedData


class ChildStartedData(TypedDict, closed=True):
    instance: Instance
    child: Run
    digest: Digest
    tag: NotRequired[str]
    inputs: Payload
    expires_at: NotRequired[Time]
    budget: NotRequired[Budget3]


class ChildStarted(TypedDict):
    """
    A child run was opened.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["child_started"]
    data: ChildStartedData


class ContinuedData(TypedDict, closed=True):
    pass


class Continued(TypedDict):
    """
    There is more to decide than fits this segment.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["continued"]
    data: ContinuedData


Edge = TypedDict(
    "Edge",
    {
        "id": str,
        "to": str,
        "is": Literal["taken", "dead", "failed"],
        "leaves": NotRequired[int],
        "enters": NotRequired[list[str]],
    },
    closed=True,
)


class EdgesDecidedData(TypedDict, closed=True):
    instance: Instance
    edges: list[Edge]
    more: NotRequired[bool]


class EdgesDecided(TypedDict):
    """
    More edges of a finished instance.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["edges_decided"]
    data: EdgesDecidedData


class LateResultDiscardedData(TypedDict, closed=True):
    instance: Instance
    attempt: int
    succeeded: bool


class LateResultDiscarded(TypedDict):
    """
    A result that no longer counts.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["late_result_discarded"]
    data: LateResultDiscardedData


class LoopIteratedData(TypedDict, closed=True):
    instance: Instance
    iteration: int
    head: str
    output: Payload
    inner: NotRequired[list[str]]


class LoopIterated(TypedDict):
    """
    A loop goes round again.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["loop_iterated"]
    data: LoopIteratedData


class MapExpandedData(TypedDict, closed=True):
    instance: Instance
    items: Payload
    count: int
    max_parallel: int
    tolerated: int
    body: str
    expires_at: NotRequired[Time]


class MapExpanded(TypedDict):
    """
    A map knows its items.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["map_expanded"]
    data: MapExpandedData


class NodeCancelledData(TypedDict, closed=True):
    instance: Instance
    attempt: NotRequired[int]
    cause: Literal["run_stopped", "acknowledged", "fenced", "loser"]
    undo_input: NotRequired[Payload]
    edges: NotRequired[list[Edge]]
    more: NotRequired[bool]


class NodeCancelled(TypedDict):
    """
    The instance is over without result.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["node_cancelled"]
    data: NodeCancelledData


class NodeCancellingData(TypedDict, closed=True):
    instance: Instance
    attempt: NotRequired[int]
    child: NotRequired[Run]
    fence_at: NotRequired[Time]


class NodeCancelling(TypedDict):
    """
    A runner or child was asked to stop.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["node_cancelling"]
    data: NodeCancellingData


class NodeCompletedData(TypedDict, closed=True):
    instance: Instance
    attempt: NotRequired[int]
    output: Payload
    started_at: NotRequired[Time]
    usage: NotRequired[Any]
    signal: NotRequired[str]
    by: NotRequired[str]
    undo_input: NotRequired[Payload]
    edges: NotRequired[list[Edge]]
    more: NotRequired[bool]


class NodeCompleted(TypedDict):
    """
    Success.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["node_completed"]
    data: NodeCompletedData


class Failure(TypedDict, closed=True):
    code: str
    message: str
    retryable: bool
    lost: NotRequired[bool]
    retry_after_ms: NotRequired[int]
    details: NotRequired[Payload]


class NodeFailedData(TypedDict, closed=True):
    instance: Instance
    attempt: NotRequired[int]
    outcome: Literal["failed", "timed_out", "rejected"]
    failure: Failure
    handled_by: Literal["edge", "tolerance", "map", "nobody"]
    output: Payload
    edges: NotRequired[list[Edge]]
    more: NotRequired[bool]


class NodeFailed(TypedDict):
    """
    Failure after retries.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["node_failed"]
    data: NodeFailedData


class NodeParkedData(TypedDict, closed=True):
    instance: Instance
    attempt: NotRequired[int]
    reason: Literal[
        "outcome_unknown", "on_error", "unknown_type", "compensation_failed", "budget_exhausted"
    ]
    failure: NotRequired[Failure]
    budget: NotRequired[Of]


class NodeParked(TypedDict):
    """
    The instance waits for a person.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["node_parked"]
    data: NodeParkedData


class Job(TypedDict, closed=True):
    job_type: Literal["function", "http", "agent"]
    name: str
    builtin: bool
    config: Payload
    secrets: NotRequired[list[Any]]
    input: Payload
    effect: Literal["none", "idempotent", "compensable", "irreversible"]
    pool: str
    priority: Literal["high", "medium", "low"]
    idempotency_key: str
    leased: bool
    timeout_ms: NotRequired[int]
    queue_deadline: NotRequired[Time]
    idle_timeout_ms: NotRequired[int]
    metered: NotRequired[bool]
    """
    A budget bounds it: its runner reserves before each call of a model, and settles after it.
    """


class NodeScheduledData(TypedDict, closed=True):
    instance: Instance
    attempt: int
    generation: NotRequired[int]
    attempts_max: int
    redispatch_at: Time
    job: Job


class NodeScheduled(TypedDict):
    """
    An attempt was handed out for execution.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["node_scheduled"]
    data: NodeScheduledData


class NodeSkippedData(TypedDict, closed=True):
    instance: Instance
    attempt: NotRequired[int]
    cause: Literal["dead_path", "unknown_type", "on_error", "by_hand"]
    output: NotRequired[Payload]
    failure: NotRequired[Failure]
    by: NotRequired[str]
    edges: NotRequired[list[Edge]]
    more: NotRequired[bool]


class NodeSkipped(TypedDict):
    """
    The node will not run.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["node_skipped"]
    data: NodeSkippedData


class NodeStartedData(TypedDict, closed=True):
    instance: Instance
    input: Payload


class NodeStarted(TypedDict):
    """
    An instance opens. Only in runs of full fidelity; changes nothing.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["node_started"]
    data: NodeStartedData


class NodeWaitingData(TypedDict, closed=True):
    instance: Instance
    reason: str
    expires_at: NotRequired[Time]


class NodeWaiting(TypedDict):
    """
    A node waits for something that this server does not serve.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["node_waiting"]
    data: NodeWaitingData


class Power(TypedDict, closed=True):
    kind: str
    name: str


class Grown(TypedDict, closed=True):
    """
    Something that the graph may do newly.
    """

    power: Power
    granted: bool
    """
    A policy grants it, so nobody has to approve it.
    """


class Agent(TypedDict, closed=True):
    path: str
    config: Digest


class WithdrawnItem(TypedDict, closed=True):
    id: str
    scope: NotRequired[str]
    to: Instance


class Instance1(TypedDict, closed=True):
    instance: Instance
    attempts_max: int


class RepairedItem(TypedDict, closed=True):
    node: str
    before: Digest
    after: Digest
    instances: NotRequired[list[Instance1]]


class PatchAppliedData(TypedDict, closed=True):
    patch: str
    revision: int
    base: Digest
    result: Digest
    operations: Payload
    inverse: Payload
    growth: NotRequired[list[Grown]]
    agents: NotRequired[list[Agent]]
    """
    Agent nodes ever present in the run.
    """
    withdrawn: NotRequired[list[WithdrawnItem]]
    routes: NotRequired[list[Instance]]
    repaired: NotRequired[list[RepairedItem]]
    children: NotRequired[dict[str, Digest]]
    """
    Tags of sub-workflows with the digests that they mean.
    """


class PatchApplied(TypedDict):
    """
    The graph is another one from here on.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["patch_applied"]
    data: PatchAppliedData


class PatchPlannedData(TypedDict, closed=True):
    patch: str
    base: Digest
    result: Digest
    operations: Payload
    subject_hash: Digest
    growth: NotRequired[list[Grown]]
    approval: NotRequired[str]
    """
    Why it needs an approval; absent where it does not.
    """


class PatchPlanned(TypedDict):
    """
    The patch is sound against the document that holds.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["patch_planned"]
    data: PatchPlannedData


class PatchProposedData(TypedDict, closed=True):
    patch: str
    origin: Literal["person", "agent", "optimizer"]
    by: str
    instance: NotRequired[Instance]
    base: Digest
    operations: Payload
    description: NotRequired[str]
    children: NotRequired[dict[str, Digest]]
    """
    Tags of sub-workflows with the digests that they mean.
    """
    reverts: NotRequired[str]


class PatchProposed(TypedDict):
    """
    Somebody wants to change the graph.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["patch_proposed"]
    data: PatchProposedData


class Problem(TypedDict, closed=True):
    code: str
    pointer: NotRequired[str]
    message: str
    hint: NotRequired[str]
    example: NotRequired[str]
    instances: NotRequired[list[Instance]]


class PatchRejectedData(TypedDict, closed=True):
    patch: str
    code: str
    message: str
    by: str
    problems: NotRequired[list[Problem]]


class PatchRejected(TypedDict):
    """
    The patch will not be applied.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["patch_rejected"]
    data: PatchRejectedData


class PatchRevertedData(TypedDict, closed=True):
    patch: str
    by: str


class PatchReverted(TypedDict):
    """
    What an earlier patch did was taken back.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["patch_reverted"]
    data: PatchRevertedData


class RetryGrantedData(TypedDict, closed=True):
    instance: Instance
    attempts_max: int
    by: str


class RetryGranted(TypedDict):
    """
    A person let a parked instance go on with more attempts.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["retry_granted"]
    data: RetryGrantedData


class RetryScheduledData(TypedDict, closed=True):
    instance: Instance
    attempt: int
    failure: Failure
    retry_at: Time


class RetryScheduled(TypedDict):
    """
    An attempt failed and another will follow.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["retry_scheduled"]
    data: RetryScheduledData


class Parent(TypedDict, closed=True):
    run: Run
    instance: Instance


class RunCancelledData(TypedDict, closed=True):
    reason: NotRequired[str]
    parent: NotRequired[Parent]
    spent: NotRequired[Spent]


class RunCancelled(TypedDict):
    """
    The end: cancelled.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["run_cancelled"]
    data: RunCancelledData


class RunCompletedData(TypedDict, closed=True):
    output: Payload
    parent: NotRequired[Parent]
    spent: NotRequired[Spent]


class RunCompleted(TypedDict):
    """
    The end: everything is done.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["run_completed"]
    data: RunCompletedData


class RunCreatedData(TypedDict, closed=True):
    run: Run
    workspace: Run
    digest: Digest
    tag: NotRequired[str]
    name: NotRequired[str]
    inputs: Payload
    parent: NotRequired[Parent]
    depth: NotRequired[int]
    labels: NotRequired[dict[str, Any]]
    priority: Literal["high", "medium", "low"]
    fidelity: NotRequired[Literal["fast", "full"]]
    limits: dict[str, Any]
    deadline: NotRequired[Time]
    cancel_grace_ms: int
    children: NotRequired[dict[str, Any]]
    agents: int
    actor: str
    budget: NotRequired[Budget3]


class RunCreated(TypedDict):
    """
    The run exists; always the first event.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["run_created"]
    data: RunCreatedData


class RunFailedData(TypedDict, closed=True):
    source: NotRequired[Instance]
    failure: Failure
    parent: NotRequired[Parent]
    spent: NotRequired[Spent]


class RunFailed(TypedDict):
    """
    The end: an unhandled failure.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["run_failed"]
    data: RunFailedData


class RunFailingData(TypedDict, closed=True):
    source: NotRequired[Instance]
    failure: Failure


class RunFailing(TypedDict):
    """
    An unhandled failure stops the run.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["run_failing"]
    data: RunFailingData


class RunPausedData(TypedDict, closed=True):
    actor: str
    reason: NotRequired[str]


class RunPaused(TypedDict):
    """
    Nothing starts from here on.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["run_paused"]
    data: RunPausedData


class RunResumedData(TypedDict, closed=True):
    actor: str


class RunResumed(TypedDict):
    """
    Things start again.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["run_resumed"]
    data: RunResumedData


class SignalAwaitedData(TypedDict, closed=True):
    instance: Instance
    name: str
    webhook: NotRequired[bool]
    expires_at: NotRequired[Time]


class SignalAwaited(TypedDict):
    """
    A node waits for a signal.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["signal_awaited"]
    data: SignalAwaitedData


class SignalReceivedData(TypedDict, closed=True):
    name: str
    signal: str
    payload: Payload
    actor: str


class SignalReceived(TypedDict):
    """
    A signal arrived.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["signal_received"]
    data: SignalReceivedData


class TimerStartedData(TypedDict, closed=True):
    instance: Instance
    due: Time
    input: Payload


class TimerStarted(TypedDict):
    """
    A durable timer runs.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["timer_started"]
    data: TimerStartedData


class WarningRaisedData(TypedDict, closed=True):
    code: str
    message: str
    node: NotRequired[str]


class WarningRaised(TypedDict):
    """
    Something that a person should know; changes nothing.
    """

    seq: int
    """
    Position in the run, from 1, without gaps.
    """
    at: Time
    command: str
    """
    The command that caused it.
    """
    type: Literal["warning_raised"]
    data: WarningRaisedData


LogEvent: TypeAlias = (
    ApprovalDecided
    | ApprovalEdited
    | ApprovalEscalated
    | ApprovalRequested
    | ApprovalVoted
    | AttemptRedispatched
    | BudgetRaised
    | BudgetReserved
    | BudgetReturned
    | BudgetSettled
    | BudgetWarned
    | CancelRequested
    | ChildStarted
    | Continued
    | EdgesDecided
    | LateResultDiscarded
    | LoopIterated
    | MapExpanded
    | NodeCancelled
    | NodeCancelling
    | NodeCompleted
    | NodeFailed
    | NodeParked
    | NodeScheduled
    | NodeSkipped
    | NodeStarted
    | NodeWaiting
    | PatchApplied
    | PatchPlanned
    | PatchProposed
    | PatchRejected
    | PatchReverted
    | RetryGranted
    | RetryScheduled
    | RunCancelled
    | RunCompleted
    | RunCreated
    | RunFailed
    | RunFailing
    | RunPaused
    | RunResumed
    | SignalAwaited
    | SignalReceived
    | TimerStarted
    | WarningRaised
)
"""
Any event of a log.
"""
