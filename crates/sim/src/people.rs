//! People and programs outside: they start runs, answer tickets, send signals, repair what parked,
//! cancel and pause, as the plan says; and do what makes no sense, as the weather says.

pub(crate) mod change;
mod client;
pub(crate) mod storm;
mod wild;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aob_engine::{
    ApprovalRequested, Blob, CastVote, Command, EventKind, InstanceId, NodeParked, RunId, TicketId,
    Vote,
};
use aob_ir::Digest;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::sleep;

use crate::counts::Count;
use crate::generator::{Ask, Body, Flow, Kind, Node, ParkedDecision};
use crate::site::Site;

/// See the module.
#[derive(Debug)]
pub(crate) struct People {
    site: Arc<Site>,
    /// Things that somebody is still about to do.
    busy: AtomicUsize,
    parked: Mutex<BTreeMap<(RunId, InstanceId), u32>>,
    /// How many commands of each root's plan were sent.
    commanded: Mutex<BTreeMap<usize, usize>>,
    /// Hash of what each ticket shows.
    subjects: Mutex<BTreeMap<TicketId, Digest>>,
}

/// A command with its author.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    run: RunId,
    id: String,
    actor: &'static str,
    command: Command,
}

impl People {
    pub(crate) fn new(site: &Arc<Site>) -> Arc<Self> {
        Arc::new(Self {
            site: Arc::clone(site),
            busy: AtomicUsize::new(0),
            parked: Mutex::default(),
            commanded: Mutex::default(),
            subjects: Mutex::default(),
        })
    }

    /// True while somebody is about to do something.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Starts every root run, and reacts to what happens.
    pub(crate) fn start(self: &Arc<Self>) {
        for root in 0..self.site.scenarios.len() {
            let people = Arc::clone(self);
            self.spawn(async move { people.start_run(root).await });
        }
        tokio::spawn(Arc::clone(self).watch());
    }

    fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        self.busy.fetch_add(1, Ordering::Relaxed);
        let people = Arc::clone(self);
        tokio::spawn(async move {
            work.await;
            people.busy.fetch_sub(1, Ordering::Relaxed);
        });
    }

    async fn watch(self: Arc<Self>) {
        let told = Arc::clone(&self.site.world.ledger.lock().told);
        loop {
            let next = self.site.world.ledger.lock().next_news();
            match next {
                Some((run, seq)) => self.react(run, seq),
                None => told.notified().await,
            }
        }
    }

    fn react(self: &Arc<Self>, run: RunId, seq: u64) {
        let (root, path, kind, opened) = {
            let ledger = self.site.world.ledger.lock();
            let Some(log) = ledger.run(run) else { return };
            let Some(event) = usize::try_from(seq - 1).ok().and_then(|at| log.events.get(at))
            else {
                return;
            };
            (log.root, log.path.to_string(), event.kind.clone(), log.opened_child)
        };
        if path.is_empty() {
            self.follow_plan(root, run, seq, opened);
        }
        self.change_graph(run, seq, &kind);
        if let EventKind::ApprovalRequested(data) = &kind {
            self.vote(root, &path, run, data);
        } else if let EventKind::SignalAwaited(data) = &kind {
            self.signal(root, &path, run, &data.instance);
        } else if let EventKind::NodeParked(data) = &kind {
            self.repair(root, &path, run, data);
        } else if let EventKind::ApprovalDecided(data) = &kind {
            if self.site.world.hits(Count::LateVote) {
                let ticket = data.ticket.clone();
                self.later(0, cast(run, ticket, "bob", Vote::Approve, None, "late"));
            }
        } else if let EventKind::NodeScheduled(_) = &kind
            && self.site.world.hits(Count::SenselessCommand)
        {
            self.nonsense(run, seq);
        }
    }

    /// Sends the commands of the plan that are due once a run has this many events and, perhaps,
    /// has opened a child.
    fn follow_plan(self: &Arc<Self>, root: usize, run: RunId, seq: u64, opened: bool) {
        let plan = &self.site.scenarios[root].plan;
        let mut commanded = self.commanded.lock();
        let sent = commanded.entry(root).or_default();
        while let Some(planned) = plan.commands.get(*sent).filter(|p| p.when.is_now(seq, opened)) {
            let id = format!("plan:{root}:{sent}");
            *sent += 1;
            match planned.ask {
                Ask::Cancel => {
                    self.site.world.counts.add(Count::Cancel);
                    let command = Command::Cancel { reason: Some("planned".into()) };
                    self.later(0, Order { run, id, actor: "user:carol", command });
                }
                Ask::Pause { for_ms } => {
                    self.site.world.counts.add(Count::Pause);
                    let people = Arc::clone(self);
                    self.spawn(async move {
                        let (actor, resumed) = ("user:carol", format!("{id}:resume"));
                        let command = Command::Pause { reason: None };
                        people.insist(Order { run, id, actor, command }).await;
                        sleep(Duration::from_millis(for_ms)).await;
                        let command = Command::Resume;
                        people.insist(Order { run, id: resumed, actor, command }).await;
                    });
                }
            }
        }
    }

    fn vote(self: &Arc<Self>, root: usize, path: &str, run: RunId, data: &ApprovalRequested) {
        self.subjects.lock().insert(data.ticket.clone(), data.subject_hash);
        let scenario = &self.site.scenarios[root];
        let Some(instance) = &data.instance else { return };
        let Some(node) = node_at(&scenario.flow, path, instance) else { return };
        let votes = scenario.plan.votes(path, &instance.to_string(), node);
        if self.site.world.hits(Count::ForbiddenVote) {
            self.forbidden(run, data);
        }
        let ticket = data.ticket.clone();
        let shown = Some(data.subject_hash);
        let people = Arc::clone(self);
        self.spawn(async move {
            let mut waited = 0;
            for (position, planned) in votes.iter().enumerate() {
                sleep(Duration::from_millis(planned.after_ms.saturating_sub(waited))).await;
                waited = planned.after_ms;
                let vote = if planned.approves { Vote::Approve } else { Vote::Reject };
                let id = format!("vote{position}");
                people.insist(cast(run, ticket.clone(), planned.user, vote, shown, &id)).await;
            }
        });
    }

    /// Votes that count nowhere: of who started the run, where somebody else has to approve; and of an
    /// approver who changes what may not be changed.
    fn forbidden(self: &Arc<Self>, run: RunId, data: &ApprovalRequested) {
        let shown = Some(data.subject_hash);
        if data.barred.iter().any(|barred| &*barred.0 == "user:alice") {
            let ticket = data.ticket.clone();
            self.later(0, cast(run, ticket, "alice", Vote::Approve, shown, "barred"));
        }
        let mut order = cast(run, data.ticket.clone(), "bob", Vote::Approve, shown, "edited");
        if let Command::Vote(vote) = &mut order.command {
            vote.edits.insert("".into(), Value::Null);
        }
        self.later(0, order);
    }

    fn signal(self: &Arc<Self>, root: usize, path: &str, run: RunId, instance: &InstanceId) {
        let scenario = &self.site.scenarios[root];
        let Some(node) = node_at(&scenario.flow, path, instance) else { return };
        let Some((after_ms, payload)) = scenario.plan.signal(path, node) else { return };
        let Kind::Signal { name } = &node.kind else { return };
        let signal = format!("{run}/{instance}");
        let command = Command::Signal {
            name: name.as_str().into(),
            signal: signal.as_str().into(),
            payload: Blob::of(payload),
        };
        let id = format!("signal:{signal}");
        self.later(after_ms, Order { run, id, actor: "key:hook", command });
    }

    fn repair(self: &Arc<Self>, root: usize, path: &str, run: RunId, data: &NodeParked) {
        let instance = &data.instance;
        let nth = {
            let mut parked = self.parked.lock();
            let nth = parked.entry((run, instance.clone())).or_default();
            *nth += 1;
            *nth
        };
        let scenario = &self.site.scenarios[root];
        let decision = scenario.plan.parked(path, &instance.to_string(), nth, data.attempt > 0);
        let instance = instance.clone();
        let id = format!("repair:{instance}:{nth}");
        let command = match decision {
            ParkedDecision::Retry => Command::Retry { instance },
            ParkedDecision::Skip => Command::Skip { instance },
            ParkedDecision::Fail => Command::Fail { instance, message: "by hand".into() },
            ParkedDecision::Succeed(value) => {
                Command::Succeed { instance, output: Blob::of(value) }
            }
        };
        let after_ms = self.site.world.draw(|dice| dice.within(0..=60_000));
        self.later(after_ms, Order { run, id, actor: "user:carol", command });
    }

    /// Something that must be refused, or change nothing, whenever it arrives.
    fn nonsense(self: &Arc<Self>, run: RunId, seq: u64) {
        let instance = InstanceId::top("nowhere");
        let command = match self.site.world.draw(|dice| dice.within(0..=4)) {
            0 => Command::Retry { instance },
            1 => Command::Skip { instance },
            2 => Command::Succeed { instance, output: Blob::of(Value::Null) },
            3 => Command::Continue { after: 0 },
            _ => {
                let ticket = TicketId("tk_unknown".into());
                return self.later(0, cast(run, ticket, "alice", Vote::Approve, None, "unknown"));
            }
        };
        let id = format!("nonsense:{seq}");
        self.later(0, Order { run, id, actor: "user:dave", command });
    }

    /// Asks after a while, sometimes twice.
    fn later(self: &Arc<Self>, after_ms: u64, ask: Order) {
        let twice = self.site.world.hits(Count::CommandRepeated);
        for _ in 0..=usize::from(twice) {
            let (people, ask) = (Arc::clone(self), ask.clone());
            self.spawn(async move {
                sleep(Duration::from_millis(after_ms)).await;
                people.insist(ask).await;
            });
        }
    }
}

fn cast(
    run: RunId,
    ticket: TicketId,
    user: &'static str,
    vote: Vote,
    subject_hash: Option<Digest>,
    id: &str,
) -> Order {
    let actor = match user {
        "alice" => "user:alice",
        "bob" => "user:bob",
        _ => "user:carol",
    };
    let id = format!("{id}:{ticket}");
    let command = Command::Vote(CastVote {
        ticket,
        vote,
        reason: None,
        data: None,
        edits: Default::default(),
        subject_hash,
        roles: Vec::new(),
    });
    Order { run, id, actor, command }
}

/// The node of an instance in the run at `path`.
pub(crate) fn node_at<'f>(flow: &'f Flow, path: &str, instance: &InstanceId) -> Option<&'f Node> {
    let mut flow = flow;
    for step in path.split('>').filter(|step| !step.is_empty()) {
        let opened: InstanceId = step.parse().ok()?;
        flow = child_of(flow, &opened.node)?;
    }
    find(&flow.nodes, &instance.node)
}

/// The workflow that an instance of `node` runs.
fn child_of<'f>(flow: &'f Flow, node: &str) -> Option<&'f Flow> {
    if let Some(map) = node.strip_suffix(".item")
        && let Some(Node { kind: Kind::Map { body: Body::Workflow(flow), .. }, .. }) =
            find(&flow.nodes, map)
    {
        return Some(flow);
    }
    match find(&flow.nodes, node).map(|node| &node.kind) {
        Some(Kind::Composite { workflow, .. }) => Some(workflow),
        Some(_) | None => None,
    }
}

fn find<'f>(nodes: &'f [Node], id: &str) -> Option<&'f Node> {
    nodes.iter().find_map(|node| find_in(node, id))
}

fn find_in<'f>(node: &'f Node, id: &str) -> Option<&'f Node> {
    if node.id == id {
        return Some(node);
    }
    if let Kind::Map { body: Body::Node(body), .. } = &node.kind { find_in(body, id) } else { None }
}
