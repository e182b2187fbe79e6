//! Budgets under faults: agents of a map, an agent of its own and child runs spend from one run's
//! budget in random order, with repeated, late and lost messages, while people raise and refuse.
//! The checker judges every log.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_engine::{
    Actor, Amounts, AttemptOutcome, AttemptResult, Blob, BudgetOf, CastVote, ChildOutcome, Command,
    CommandId, Decision, Effect, Event, EventKind, Failure, Fidelity, InstanceId, RaiseBudget,
    Request, ReserveBudget, RunId, RunState, SettleBudget, Spent, StartRun, TicketId, Timestamp,
    Vote, WorkspaceId, advance, apply, owed,
};
use aob_ir::{Budget, Digest, Ir};
use serde_json::json;
use uuid::Uuid;

/// Simulations of one test.
const SEEDS: u64 = 150;
/// Steps of one simulation.
const STEPS: u32 = 160;

/// A run with whoever works for it.
struct World {
    ir: Arc<Ir>,
    state: RunState,
    events: Vec<Event>,
    blobs: BTreeMap<Digest, Arc<Blob>>,
    dice: u64,
    now: i64,
    commands: u32,
    /// Reservations that were granted: with their repetitions, and for attempts that are over.
    granted: Vec<(InstanceId, u32, Arc<str>, Amounts)>,
}

fn graph() -> Arc<Ir> {
    let inner = json!({"nodes": [{"id": "x", "type": "agent", "config": {"task": "x"}}]});
    let one = json!({"id": "one", "type": "agent", "config": {
        "task": "x", "budget": {"calls": 12, "tokens": 900},
    }});
    let document = json!({"nodes": [
        {"id": "all", "type": "map", "config": {"items": "$inputs.items", "node": one, "tolerate": 20}},
        {"id": "alone", "type": "agent", "on_error": "skip", "config": {"task": "x", "budget": {"usd": 0.5}}},
        {"id": "child", "type": "composite", "on_error": "skip", "config": {"workflow": inner}},
    ]});
    aob_ir::compile(&document).expect("the document compiles").ir
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            ir: graph(),
            state: RunState::default(),
            events: Vec::new(),
            blobs: BTreeMap::new(),
            dice: seed,
            now: 1_700_000_000_000,
            commands: 0,
            granted: Vec::new(),
        };
        let budget = Budget { calls: Some(30), tokens: Some(2_000), usd_micros: Some(1_000_000) };
        let items: Vec<u32> = (0..12).collect();
        let start = StartRun {
            run: RunId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001)),
            workspace: WorkspaceId(Uuid::from_u128(1)),
            tag: None,
            inputs: Blob::of(json!({"items": items})),
            parent: None,
            depth: 0,
            labels: BTreeMap::new(),
            priority: None,
            fidelity: Fidelity::Fast,
            limits: None,
            budget: Some(budget),
            cancel_grace_ms: 30_000,
            children: BTreeMap::new(),
            cancelled: false,
        };
        world.send("user:ada", Command::Start(Box::new(start)));
        world
    }

    fn send(&mut self, actor: &str, command: Command) -> bool {
        self.commands += 1;
        let id = CommandId(format!("c{}", self.commands).into());
        let request = Request { id, actor: Actor(actor.into()), command };
        let now = Timestamp(self.now);
        let decision = advance(&mut self.state, &self.ir, &request, &self.blobs, now);
        let Decision::Append { events, blobs, .. } = decision else { return false };
        for blob in blobs {
            self.blobs.insert(blob.digest(), blob);
        }
        for event in &events {
            event.kind.payloads(&mut |payload| {
                if let Some(blob) = payload.inline() {
                    self.blobs.insert(blob.digest(), Arc::clone(blob));
                }
            });
        }
        self.events.extend(events);
        true
    }

    /// A number below `bound` (splitmix64).
    fn below(&mut self, bound: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn amounts(&mut self) -> Amounts {
        Amounts { calls: 1, tokens: self.below(160), usd_micros: self.below(90_000) }
    }

    fn step(&mut self) {
        self.now += i64::try_from(self.below(2_000)).unwrap_or_default();
        match self.below(20) {
            0..=7 => self.reserve(),
            8..=12 => self.settle(),
            13..=15 => self.answer(),
            16 => self.decide(),
            17 => self.raise(),
            18 => self.by_hand(),
            _ => {
                self.send("system", Command::Tick { leases: Vec::new() });
            }
        }
    }

    fn outstanding(&mut self) -> Option<(InstanceId, u32)> {
        let all = self.state.outstanding();
        let at = usize::try_from(self.below(all.len().max(1) as u64)).unwrap_or_default();
        all.get(at).map(|(instance, attempt, _)| (instance.clone(), *attempt))
    }

    /// A new call, or a request that is sent again.
    fn reserve(&mut self) {
        let (instance, attempt, reservation, amounts) =
            match self.known().filter(|_| self.commands.is_multiple_of(5)) {
                Some(known) => known,
                None => {
                    let Some((instance, attempt)) = self.outstanding() else { return };
                    let name = format!("r{}", self.commands).into();
                    (instance, attempt, name, self.amounts())
                }
            };
        let asked = ReserveBudget { instance, attempt, reservation, amounts };
        if self.send("runner:r", Command::ReserveBudget(asked.clone()))
            && self.state.is_reserved(&asked.instance, &asked.reservation)
        {
            let ReserveBudget { instance, attempt, reservation, amounts } = asked;
            self.granted.push((instance, attempt, reservation, amounts));
        }
    }

    fn known(&mut self) -> Option<(InstanceId, u32, Arc<str>, Amounts)> {
        let at = usize::try_from(self.below(self.granted.len().max(1) as u64)).unwrap_or_default();
        self.granted.get(at).cloned()
    }

    /// A call is over: it used less than was reserved, now and then more; some answers come twice,
    /// some after their attempt.
    fn settle(&mut self) {
        let Some((instance, attempt, reservation, reserved)) = self.known() else { return };
        let used = if self.below(6) == 0 { self.amounts().plus(reserved) } else { self.amounts() };
        let settled = SettleBudget { instance, attempt, reservation, used };
        self.send("runner:r", Command::SettleBudget(settled));
    }

    /// An attempt or a child run is over, or an attempt is lost.
    fn answer(&mut self) {
        let all = owed(&self.state);
        let at = usize::try_from(self.below(all.len().max(1) as u64)).unwrap_or_default();
        let Some(effect) = all.into_iter().nth(at) else { return };
        match effect {
            Effect::Dispatch(job) => {
                let outcome = self.outcome();
                self.result(job.instance, job.attempt, outcome);
            }
            Effect::CancelAttempt(cancel) => {
                self.result(cancel.instance, cancel.attempt, AttemptOutcome::Cancelled);
            }
            Effect::StartChild(start) | Effect::CancelChild(start) => {
                let given =
                    start.from.and_then(|from| from.budget).map(|budget| Amounts::of_caps(&budget));
                let raised = Amounts { calls: self.below(2), ..Amounts::default() };
                let used = given.unwrap_or_default().plus(raised).minus(self.amounts());
                let spent = (self.below(4) > 0).then_some(Spent { used, raised });
                let outcome = ChildOutcome::Completed { output: Blob::of(json!("child")) };
                let (instance, child) = (start.instance, start.child);
                self.send("system", Command::ChildResult { instance, child, outcome, spent });
            }
            Effect::Continue { after } => {
                self.send("system", Command::Continue { after });
            }
            Effect::DeliverToParent(_) | Effect::Notify(_) | Effect::Publish(_) => {}
        }
    }

    fn outcome(&mut self) -> AttemptOutcome {
        let kind = self.below(4);
        if kind < 2 {
            return AttemptOutcome::Completed { output: Blob::of(json!(kind)) };
        }
        AttemptOutcome::Failed(Failure {
            code: "broken".into(),
            message: "it broke".into(),
            retryable: true,
            lost: kind == 2,
            retry_after_ms: None,
            details: None,
        })
    }

    fn result(&mut self, instance: InstanceId, attempt: u32, outcome: AttemptOutcome) {
        let result = AttemptResult {
            instance,
            attempt,
            outcome,
            started_at: None,
            usage: None,
            patches: Vec::new(),
        };
        self.send("runner:r", Command::Result(result));
    }

    fn tickets(&self) -> Vec<TicketId> {
        self.state.budgets(&self.ir).into_iter().filter_map(|budget| budget.ticket).collect()
    }

    fn decide(&mut self) {
        let Some(ticket) = self.tickets().first().cloned() else { return };
        let vote = if self.below(5) == 0 { Vote::Reject } else { Vote::Approve };
        let data = (self.below(3) == 0).then(|| Blob::of(json!({"calls": 2})));
        let cast = CastVote {
            ticket,
            vote,
            reason: None,
            data,
            subject_hash: None,
            roles: Vec::new(),
            edits: BTreeMap::new(),
        };
        self.send("user:ada", Command::Vote(cast));
    }

    fn raise(&mut self) {
        let of = [BudgetOf::Run, BudgetOf::Node("one".into()), BudgetOf::Node("alone".into())];
        let at = usize::try_from(self.below(12)).unwrap_or_default();
        let Some(of) = of.get(at).cloned() else { return };
        let bounded = self.state.budgets(&self.ir).into_iter().find(|view| view.of == of);
        let amounts = self.amounts();
        let amounts = bounded.map_or(amounts, |view| amounts.bounded_by(&view.limit));
        self.send("user:ada", Command::RaiseBudget(RaiseBudget { of, amounts }));
    }

    fn by_hand(&mut self) {
        match self.below(8) {
            0 => self.send("user:ada", Command::Pause { reason: None }),
            1..=3 => self.send("user:ada", Command::Resume),
            4 if self.below(10) == 0 => self.send("user:ada", Command::Cancel { reason: None }),
            _ => {
                let instance = "alone".parse().expect("an instance");
                self.send("user:ada", Command::Retry { instance })
            }
        };
    }

    /// What is wrong with the log, and with what was made of it.
    fn verdict(&self) -> Option<String> {
        let find = |digest: &Digest| (*digest == self.ir.digest).then(|| Arc::clone(&self.ir));
        let report = aob_checker::check(&self.events, &find);
        if !report.is_clean() {
            return Some(report.to_string());
        }
        let mut folded = RunState::default();
        self.events.iter().for_each(|event| apply(&mut folded, event));
        (folded != self.state).then(|| "the fold is not what was decided".to_owned())
    }
}

/// What is wrong after the simulation of this seed.
#[cfg(feature = "seeded-bugs")]
pub(crate) fn violation(seed: u64) -> Option<String> {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.verdict()
}

#[test]
fn no_budget_is_ever_exceeded() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 1..=SEEDS {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        assert_eq!(world.verdict(), None, "seed {seed}");
        for event in &world.events {
            *seen.entry(event.kind.name()).or_default() += 1;
        }
        let raised =
            world.events.iter().any(|event| matches!(event.kind, EventKind::BudgetRaised(_)));
        *seen.entry("raised").or_default() += u32::from(raised);
    }
    // Everything that can happen to a budget did.
    for kind in [
        "budget_reserved",
        "budget_settled",
        "budget_warned",
        "budget_raised",
        "budget_returned",
        "node_parked",
        "retry_granted",
        "approval_decided",
    ] {
        let count = seen.get(kind).copied().unwrap_or(0);
        assert!(count > 20, "{kind} happened {count} times: {seen:?}");
    }
}
