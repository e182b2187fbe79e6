//! One run in memory: every decision is checked against the fold, against repetition and against
//! deciding with nothing at hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use aob_engine::{
    Actor, AttemptOutcome, AttemptResult, Blob, CastVote, ChildOutcome, Command, CommandId,
    Decision, Effect, Event, EventKind, Failure, InstanceId, LeaseView, NoChange, PatchId,
    PatchOrigin, ProposePatch, Rejection, Request, ResultPatch, RevertPatch, RunId, RunState,
    RunStatus, Spent, StartRun, TicketId, Timestamp, Vote, WorkspaceId, advance, apply, decide,
    effects,
};
use aob_ir::{Digest, Ir};
use serde_json::{Value, json};
use uuid::Uuid;

/// A run under test.
pub(crate) struct Run {
    pub(crate) ir: Arc<Ir>,
    /// Every revision.
    irs: Vec<Arc<Ir>>,
    pub(crate) state: RunState,
    pub(crate) events: Vec<Event>,
    pub(crate) now: Timestamp,
    pub(crate) blobs: BTreeMap<Digest, Arc<Blob>>,
    commands: u32,
    /// Id of the next command, where it matters.
    next_id: Option<CommandId>,
    /// Events of the last command.
    pub(crate) last: Vec<Event>,
}

pub(crate) const RUN: RunId = RunId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001));

/// Compiles a document.
pub(crate) fn compile(document: &Value) -> Arc<Ir> {
    match aob_ir::compile(document) {
        Ok(compiled) => compiled.ir,
        Err(diagnostics) => panic!("the document of a test must compile: {diagnostics}"),
    }
}

/// A document of nodes and edges.
pub(crate) fn graph(nodes: Value, edges: Value) -> Value {
    json!({"nodes": nodes, "edges": edges, "metadata": {"name": "test"}})
}

/// A node that returns `value` at once.
pub(crate) fn constant(id: &str, value: Value) -> Value {
    json!({"id": id, "type": "transform", "config": {"template": value}})
}

/// A node that a built-in runner executes.
pub(crate) fn function(id: &str) -> Value {
    json!({"id": id, "type": "function", "config": {"name": "echo", "args": {"from": id}}})
}

pub(crate) fn edge(from: &str, to: &str) -> Value {
    json!({"from": from, "to": to})
}

impl Run {
    /// Starts a run of `document`.
    pub(crate) fn start(document: &Value, inputs: Value) -> Self {
        let mut run = Self::new(document);
        run.command(Command::Start(Box::new(run.start_run(inputs)))).expect("start is accepted");
        run
    }

    pub(crate) fn new(document: &Value) -> Self {
        let ir = compile(document);
        Self {
            irs: vec![Arc::clone(&ir)],
            ir,
            state: RunState::default(),
            events: Vec::new(),
            now: Timestamp(1_700_000_000_000),
            blobs: BTreeMap::new(),
            commands: 0,
            next_id: None,
            last: Vec::new(),
        }
    }

    pub(crate) fn start_run(&self, inputs: Value) -> StartRun {
        StartRun {
            run: RUN,
            workspace: WorkspaceId(Uuid::from_u128(1)),
            tag: None,
            inputs: Blob::of(inputs),
            parent: None,
            depth: 0,
            labels: BTreeMap::new(),
            priority: None,
            fidelity: aob_engine::Fidelity::Fast,
            limits: None,
            budget: None,
            cancel_grace_ms: 30_000,
            children: BTreeMap::new(),
            cancelled: false,
        }
    }

    /// Sends a command; `Ok(false)`: nothing changed.
    pub(crate) fn command(&mut self, command: Command) -> Result<bool, Rejection> {
        self.command_by("user:ada", command)
    }

    pub(crate) fn command_by(&mut self, actor: &str, command: Command) -> Result<bool, Rejection> {
        self.commands += 1;
        let id = self.next_id.take();
        let id = id.unwrap_or_else(|| CommandId(format!("c{}", self.commands).into()));
        let request = Request { id, actor: Actor(actor.into()), command };
        match self.decide_checked(&request) {
            Decision::Append { events, blobs, ir } => {
                if let Some(ir) = ir {
                    self.irs.push(Arc::clone(&ir));
                    self.ir = ir;
                }
                for blob in blobs {
                    self.blobs.insert(blob.digest(), blob);
                }
                self.events.extend(events.clone());
                self.last = events;
                if self.state_continued() {
                    self.go_on();
                }
                Ok(true)
            }
            Decision::NoChange(_) => {
                self.last.clear();
                Ok(false)
            }
            Decision::Rejected(rejection) => {
                self.last.clear();
                Err(rejection)
            }
            Decision::Need(_) => unreachable!("every payload is at hand"),
            Decision::NeedDocuments(_) => unreachable!("no patch of a test needs documents"),
        }
    }

    fn state_continued(&self) -> bool {
        matches!(self.last.last().map(|event| &event.kind), Some(EventKind::Continued(_)))
    }

    /// Does what the shell does with `Effect::Continue`.
    fn go_on(&mut self) {
        let before = std::mem::take(&mut self.last);
        let after = self.state.seq();
        self.command(Command::Continue { after }).expect("continue is never refused");
        let after = std::mem::take(&mut self.last);
        self.last = before.into_iter().chain(after).collect();
    }

    /// Decides in place and from a copy, folds the events, and compares all three.
    fn decide_checked(&mut self, request: &Request) -> Decision {
        let before = self.state.clone();
        let pure = decide(&self.state, &self.ir, request, &self.blobs, self.now);
        assert_eq!(self.state, before, "decide leaves the state alone");
        self.decide_with_nothing_at_hand(request);
        let decision = advance(&mut self.state, &self.ir, request, &self.blobs, self.now);
        let (Decision::Append { events, .. }, Decision::Append { events: again, .. }) =
            (&decision, &pure)
        else {
            assert_eq!(self.state, before, "what appends nothing changes nothing");
            return decision;
        };
        assert_eq!(events, again, "deciding twice gives the same events");
        let mut folded = before;
        for event in events {
            let text = serde_json::to_string(event).expect("events serialize");
            let read: Event = serde_json::from_str(&text).expect("events read back");
            assert_eq!(&read, event, "{text}");
            crate::schemas::check(event);
            event.kind.payloads(&mut |payload| {
                if let Some(blob) = payload.inline() {
                    self.blobs.insert(blob.digest(), Arc::clone(blob));
                }
            });
            apply(&mut folded, &read);
        }
        assert_eq!(folded, self.state, "the fold gives what the decision made");
        let bytes = self.state.to_snapshot();
        let restored = RunState::from_snapshot(&bytes).expect("snapshots read back");
        assert_eq!(restored.to_snapshot(), bytes);
        decision
    }

    /// A decision that must load first leaves no trace.
    fn decide_with_nothing_at_hand(&mut self, request: &Request) {
        let mut copy = self.state.clone();
        let nothing = BTreeMap::new();
        if let Decision::Need(_) | Decision::NeedDocuments(_) =
            advance(&mut copy, &self.ir, request, &nothing, self.now)
        {
            assert_eq!(copy, self.state, "a decision that needs payloads changes nothing");
        }
    }

    /// The attempt that is outstanding for an instance.
    pub(crate) fn attempt(&self, instance: &str) -> u32 {
        let id: InstanceId = instance.parse().expect("an instance");
        let outstanding = self.state.outstanding();
        let found = outstanding.iter().find(|(known, ..)| *known == id);
        found.unwrap_or_else(|| panic!("`{instance}` is not outstanding: {outstanding:?}")).1
    }

    /// A runner answers with a value.
    pub(crate) fn complete(&mut self, instance: &str, output: Value) {
        let attempt = self.attempt(instance);
        self.result(instance, attempt, AttemptOutcome::Completed { output: Blob::of(output) });
    }

    /// A runner answers with a failure.
    pub(crate) fn fail(&mut self, instance: &str, failure: Failure) {
        let attempt = self.attempt(instance);
        self.result(instance, attempt, AttemptOutcome::Failed(failure));
    }

    pub(crate) fn result(&mut self, instance: &str, attempt: u32, outcome: AttemptOutcome) -> bool {
        let result = AttemptResult {
            instance: instance.parse().expect("an instance"),
            attempt,
            outcome,
            started_at: None,
            usage: None,
            patches: Vec::new(),
        };
        self.command_by("runner:r1", Command::Result(result)).expect("results are not refused")
    }

    /// As [`Run::result`], under the id that every repetition of the answer has.
    pub(crate) fn answer(&mut self, instance: &str, attempt: u32, outcome: AttemptOutcome) -> bool {
        let instance: InstanceId = instance.parse().expect("an instance");
        self.next_id = Some(CommandId::of_result(&instance, attempt));
        self.result(&instance.to_string(), attempt, outcome)
    }

    /// Time passes, then a tick comes with these leases.
    pub(crate) fn tick_with(&mut self, ms: u64, leases: Vec<LeaseView>) -> bool {
        self.now = self.now.plus_ms(ms);
        self.command_by("system", Command::Tick { leases }).expect("ticks are not refused")
    }

    pub(crate) fn tick(&mut self, ms: u64) -> bool {
        self.tick_with(ms, Vec::new())
    }

    /// When a tick with these leases finds nothing due: when something may be.
    pub(crate) fn next_due(&mut self, leases: Vec<LeaseView>) -> Option<Timestamp> {
        let request = Request {
            id: CommandId("look".into()),
            actor: Actor::system(),
            command: Command::Tick { leases },
        };
        let decision = decide(&self.state, &self.ir, &request, &self.blobs, self.now);
        let Decision::NoChange(NoChange::NotDue { next }) = decision else {
            panic!("something is due: {decision:?}");
        };
        next
    }

    pub(crate) fn signal(
        &mut self,
        name: &str,
        id: &str,
        payload: Value,
    ) -> Result<bool, Rejection> {
        let payload = Blob::of(payload);
        self.command(Command::Signal { name: name.into(), signal: id.into(), payload })
    }

    pub(crate) fn vote(&mut self, by: &str, vote: Vote) -> Result<bool, Rejection> {
        let ticket = self.ticket();
        let cast = CastVote {
            ticket,
            vote,
            reason: Some("because".into()),
            data: None,
            edits: Default::default(),
            subject_hash: None,
            roles: vec!["approver".into()],
        };
        self.command_by(by, Command::Vote(cast))
    }

    /// Changes what is to be approved, and approves that.
    pub(crate) fn edit(&mut self, by: &str, edits: Value) -> Result<bool, Rejection> {
        let edits = edits.as_object().expect("pointers and values").iter();
        let cast = CastVote {
            ticket: self.ticket(),
            vote: Vote::Approve,
            reason: None,
            data: None,
            edits: edits.map(|(pointer, value)| (pointer.as_str().into(), value.clone())).collect(),
            subject_hash: None,
            roles: vec!["approver".into()],
        };
        self.command_by(by, Command::Vote(cast))
    }

    /// The last ticket opened.
    pub(crate) fn ticket(&self) -> TicketId {
        let asked = self.events.iter().rev().find_map(|event| {
            if let EventKind::ApprovalRequested(data) = &event.kind {
                Some(data.ticket.clone())
            } else {
                None
            }
        });
        asked.expect("an approval was requested")
    }

    pub(crate) fn child_result(&mut self, instance: &str, outcome: ChildOutcome) -> bool {
        self.child_spent(instance, outcome, None)
    }

    pub(crate) fn child_spent(
        &mut self,
        instance: &str,
        outcome: ChildOutcome,
        spent: Option<Spent>,
    ) -> bool {
        let id: InstanceId = instance.parse().expect("an instance");
        let child = self.events.iter().find_map(|event| {
            if let EventKind::ChildStarted(data) = &event.kind {
                (data.instance == id).then_some(data.child)
            } else {
                None
            }
        });
        let child = child.expect("the instance has a child");
        let command = Command::ChildResult { instance: id, child, outcome, spent };
        self.command_by("system", command).expect("child results are not refused")
    }

    pub(crate) fn status(&self) -> RunStatus {
        self.state.status()
    }

    /// Effects of the last command.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        effects(&self.last)
    }

    /// The run's output.
    pub(crate) fn output(&self) -> Value {
        let output = self.state.output().expect("the run has an output");
        Value::clone(self.blobs[&output.digest].value())
    }

    /// The events of the last command, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.last.iter().map(line).collect()
    }

    /// All events, a line each.
    pub(crate) fn all_lines(&self) -> Vec<String> {
        self.events.iter().map(line).collect()
    }

    /// How many events of this type there are.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.events.iter().filter(|event| event.kind.name() == name).count()
    }

    /// Instances that ended with this type of event, in order.
    pub(crate) fn ended(&self, name: &str) -> Vec<String> {
        let lines = self.events.iter().filter(|event| event.kind.name() == name).map(line);
        lines.map(|line| line.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
    }
}

/// A failure that is tried again.
pub(crate) fn retryable(code: &str) -> Failure {
    Failure { retryable: true, ..final_failure(code) }
}

/// A failure that is not.
pub(crate) fn final_failure(code: &str) -> Failure {
    Failure {
        code: code.into(),
        message: "it broke".into(),
        retryable: false,
        lost: false,
        retry_after_ms: None,
        details: None,
    }
}

/// A failure after which nobody knows what happened.
pub(crate) fn lost(code: &str) -> Failure {
    Failure { lost: true, ..retryable(code) }
}

/// An event in short: type, instance, and what matters of the rest.
fn line(event: &Event) -> String {
    let value = serde_json::to_value(event).expect("events serialize");
    let data = &value["data"];
    let mut line = event.kind.name().to_owned();
    if let Some(instance) = data["instance"].as_str() {
        let _ = write!(line, " {instance}");
    }
    for key in ["attempt", "cause", "reason", "outcome", "handled_by", "iteration", "code"] {
        if let Some(found) = data.get(key).filter(|found| !found.is_null()) {
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            let _ = write!(line, " {text}");
        }
    }
    if let Some(code) = data["failure"]["code"].as_str() {
        let _ = write!(line, " !{code}");
    }
    for edge in data["edges"].as_array().into_iter().flatten() {
        let mark = match edge["is"].as_str() {
            Some("taken") => "+",
            Some("dead") => "-",
            _ => "x",
        };
        let _ = write!(line, " {mark}{}", edge["to"].as_str().unwrap_or_default());
    }
    line
}

/// The log of every test is checked against the invariants.
impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let find = |digest: &Digest| self.irs.iter().find(|ir| ir.digest == *digest).cloned();
        let report = aob_checker::check(&self.events, &find);
        assert!(report.is_clean(), "{report}\n{:#?}", self.all_lines());
    }
}

impl Run {
    /// Proposes a patch against the document that holds.
    pub(crate) fn patch(&mut self, id: &str, operations: Value) -> Result<bool, Rejection> {
        self.patch_by("user:ada", id, None, operations)
    }

    /// Proposes a patch against `base`.
    pub(crate) fn patch_by(
        &mut self,
        actor: &str,
        id: &str,
        base: Option<Digest>,
        operations: Value,
    ) -> Result<bool, Rejection> {
        let proposal = proposal(id, base, operations);
        self.command_by(actor, Command::Patch(Box::new(proposal)))
    }

    pub(crate) fn revert(&mut self, id: &str, reverts: &str) -> Result<bool, Rejection> {
        let revert = RevertPatch {
            patch: PatchId(id.into()),
            reverts: PatchId(reverts.into()),
            description: "".into(),
        };
        self.command(Command::RevertPatch(Box::new(revert)))
    }

    /// Where a patch stands.
    pub(crate) fn patch_status(&self, id: &str) -> &'static str {
        let view = self.state.patch(&PatchId(id.into()));
        view.map_or("unknown", |view| view.status.as_str())
    }

    /// A runner answers with a value, and with patches.
    pub(crate) fn complete_with(&mut self, instance: &str, output: Value, patches: Vec<Value>) {
        let patches = patches.into_iter().map(|operations| ResultPatch {
            base: None,
            operations: Blob::of(operations),
            description: "".into(),
        });
        let result = AttemptResult {
            instance: instance.parse().expect("an instance"),
            attempt: self.attempt(instance),
            outcome: AttemptOutcome::Completed { output: Blob::of(output) },
            started_at: None,
            usage: None,
            patches: patches.collect(),
        };
        self.command_by("runner:r1", Command::Result(result)).expect("results are not refused");
    }
}

pub(crate) fn proposal(id: &str, base: Option<Digest>, operations: Value) -> ProposePatch {
    ProposePatch {
        patch: PatchId(id.into()),
        origin: PatchOrigin::Person,
        instance: None,
        base,
        operations: Blob::of(operations),
        description: "".into(),
        children: BTreeMap::new(),
    }
}
