//! `explain`: why whatever does not move does not move, since when, until when, who owns it, and
//! what to do.

mod budget;
mod patches;
mod remedy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_ir::Ir;
use serde::Serialize;

use crate::event::{JobType, ParkReason};
use crate::ids::{InstanceId, Timestamp};
use crate::state::{Doing, Instance, InstanceStatus, JobState, Key, RunState, Ticket};

/// One reason for waiting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wait {
    /// The instance that waits; absent for the run as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// Stable code, such as `approval` or `no_runner`.
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// When something happens by itself at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who can end it.
    pub owner: String,
    /// What to do: a command as it can be typed, or words.
    pub remedy: String,
    /// Commands that end the waiting in another way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
}

/// What an explanation knows besides the run's state.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Leases of the run.
    pub leases: Vec<LeaseHolder>,
    /// What runners have asked for lately.
    pub pools: Vec<PoolView>,
    /// The time; absent: whoever has asked once still does.
    pub now: Option<Timestamp>,
}

/// Who holds an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHolder {
    /// Which instance.
    pub instance: InstanceId,
    /// Which attempt.
    pub attempt: u32,
    /// Who; `None`: nobody yet.
    pub holder: Option<String>,
    /// Until when without a heartbeat.
    pub until: Option<Timestamp>,
    /// Last progress, as its runner reported it.
    pub progress: Option<String>,
}

/// A pool as its runners show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolView {
    /// Its name.
    pub pool: String,
    /// A function that it serves.
    pub name: String,
    /// When a runner last asked for work.
    pub seen_at: Timestamp,
}

/// Why a run and each of its open instances wait. Empty for a run that is over.
pub fn explain(state: &RunState, ir: Option<&Ir>, around: &Around) -> Vec<Wait> {
    let mut waits = Vec::new();
    if state.is_terminal() || !state.exists() {
        return waits;
    }
    let leases = around.leases.iter().map(|lease| ((&lease.instance, lease.attempt), lease));
    let run = state.meta().run.to_string();
    let explainer = Explainer { state, around, leases: leases.collect(), run };
    waits.extend(explainer.run_itself());
    waits.extend(explainer.patches());
    for (key, ()) in state.open.iter() {
        if let Some(instance) = state.instances.get(key) {
            waits.push(explainer.instance(key, instance));
        }
    }
    waits.extend(state.joins.iter().map(|(key, _)| explainer.join(key, ir)));
    waits
}

/// A runner asks at least this often, in milliseconds, unless all its places are taken.
const ASKS_MS: u64 = 60_000;

struct Explainer<'a> {
    state: &'a RunState,
    around: &'a Around,
    leases: BTreeMap<(&'a InstanceId, u32), &'a LeaseHolder>,
    run: String,
}

/// The parts of a [`Wait`] that depend on what is waited for.
struct Why {
    reason: &'static str,
    message: String,
    until: Option<Timestamp>,
    owner: String,
    remedy: String,
    alternatives: Vec<String>,
}

impl Explainer<'_> {
    fn run_itself(&self) -> Option<Wait> {
        let head = &self.state.head;
        let why = if head.paused {
            let by = head.actor.as_ref().map_or("somebody".to_owned(), ToString::to_string);
            let reason = head.reason.as_deref().map_or(String::new(), |r| format!(": {r}"));
            Why {
                reason: "paused",
                message: format!("{by} paused the run{reason}; nothing starts"),
                until: None,
                owner: by,
                remedy: format!("aob run resume {}", self.run),
                alternatives: Vec::new(),
            }
        } else if head.continued {
            Why {
                reason: "continuing",
                message: "there is more to decide than fits one segment".to_owned(),
                until: None,
                owner: "coordinator".to_owned(),
                remedy: "wait: it goes on by itself".to_owned(),
                alternatives: Vec::new(),
            }
        } else {
            return None;
        };
        Some(self.wait(None, head.since, why))
    }

    fn wait(&self, instance: Option<InstanceId>, since: Timestamp, why: Why) -> Wait {
        let Why { reason, message, until, owner, remedy, alternatives } = why;
        Wait { instance, reason, message, since, until, owner, remedy, alternatives }
    }

    fn instance(&self, key: &Key, instance: &Instance) -> Wait {
        let id = self.state.id_of(key);
        let why = match &instance.doing {
            Doing::Job(job) => self.job(&id, instance, job),
            Doing::Backoff { retry_at, .. } => self.backoff(instance, *retry_at),
            Doing::Timer { due, .. } => Why {
                reason: "timer",
                message: format!("it sleeps until {due}"),
                until: Some(*due),
                owner: "timer".to_owned(),
                remedy: "wait: it goes on by itself".to_owned(),
                alternatives: Vec::new(),
            },
            Doing::Signal { name, webhook, expires_at } => self.signal(name, *webhook, *expires_at),
            Doing::Approval { ticket } => self.approval(ticket),
            Doing::Child(wait) => Why {
                reason: if wait.cancelling { "child_stopping" } else { "child_run" },
                message: format!("it waits for its child run {}", wait.child),
                until: wait.expires_at,
                owner: format!("run {}", wait.child),
                remedy: format!("aob run explain {}", wait.child),
                alternatives: Vec::new(),
            },
            Doing::Map(map) => Why {
                reason: "map_items",
                message: format!(
                    "{} of {} items are done, {} are open",
                    map.done(),
                    map.count,
                    map.open
                ),
                until: map.expires_at,
                owner: "its items".to_owned(),
                remedy: "see the items below".to_owned(),
                alternatives: Vec::new(),
            },
            Doing::Unserved { reason, expires_at } => Why {
                reason: "not_served",
                message: format!("this server does not execute it yet ({reason})"),
                until: *expires_at,
                owner: "operator".to_owned(),
                remedy: "upgrade the server, or give the run up".to_owned(),
                alternatives: Vec::new(),
            }
            .or([remedy::cancel(&self.run)]),
            Doing::Parked { reason: ParkReason::BudgetExhausted, .. } => {
                self.exhausted(&id, key, instance)
            }
            Doing::Parked { reason, .. } => self.parked(&id, instance, *reason),
            Doing::Nothing => routing(),
        };
        self.wait(Some(id), instance.since, why)
    }

    fn signal(&self, name: &str, webhook: bool, until: Option<Timestamp>) -> Why {
        let mut message = format!("it waits for the signal `{name}`");
        if webhook {
            let url = format!("aob signal url {} {name}", self.run);
            message.push_str(&format!(", or a POST to the URL that `{url}` prints"));
        }
        Why {
            reason: "signal",
            message,
            until,
            owner: "whoever sends the signal".to_owned(),
            remedy: remedy::signal(&self.run, name),
            alternatives: Vec::new(),
        }
    }

    fn backoff(&self, instance: &Instance, retry_at: Timestamp) -> Why {
        let error = instance.failure.as_ref().map_or("", |failure| &*failure.message);
        Why {
            reason: "backoff",
            message: format!(
                "attempt {} of {} failed ({error}); the next one starts at {retry_at}",
                instance.attempt, instance.attempts_max
            ),
            until: Some(retry_at),
            owner: "retry policy".to_owned(),
            remedy: "wait: it is tried again by itself".to_owned(),
            alternatives: Vec::new(),
        }
    }

    fn job(&self, id: &InstanceId, instance: &Instance, job: &JobState) -> Why {
        let lease = self.leases.get(&(id, instance.attempt)).copied();
        if let Some(fence_at) = job.fence_at {
            return Why {
                reason: "stopping",
                message: format!("its runner was asked to stop; it is fenced at {fence_at}"),
                until: Some(fence_at),
                owner: lease.and_then(|l| l.holder.clone()).unwrap_or_else(|| "runner".to_owned()),
                remedy: "wait: it ends by itself".to_owned(),
                alternatives: Vec::new(),
            };
        }
        match lease.and_then(|lease| lease.holder.as_ref().map(|holder| (lease, holder))) {
            Some((lease, holder)) => {
                let progress = lease.progress.as_ref().map_or(String::new(), |p| format!(" ({p})"));
                Why {
                    reason: "running",
                    message: format!("attempt {} runs on {holder}{progress}", instance.attempt),
                    until: lease.until,
                    owner: holder.clone(),
                    remedy: "wait: its runner is at work".to_owned(),
                    alternatives: Vec::new(),
                }
                .or([remedy::cancel(&self.run)])
            }
            None => self.unheld(job),
        }
    }

    fn unheld(&self, job: &JobState) -> Why {
        let until = job.queue_deadline.or(Some(job.redispatch_at));
        if job.builtin {
            return Why {
                reason: "queued",
                message: format!(
                    "`{}` waits for a built-in runner, or runs without lease",
                    job.name
                ),
                until,
                owner: "built-in runners".to_owned(),
                remedy: "wait; if it lasts, check that a runner is up".to_owned(),
                alternatives: Vec::new(),
            };
        }
        let pool = self.around.pools.iter();
        let seen =
            pool.filter(|p| *p.pool == *job.pool && *p.name == *job.name).map(|p| p.seen_at).max();
        let (name, pool) = (&*job.name, &*job.pool);
        let asks = |seen: Timestamp| self.around.now.is_none_or(|now| now <= seen.plus_ms(ASKS_MS));
        if let Some(seen) = seen.filter(|seen| asks(*seen)) {
            return Why {
                reason: "pool_busy",
                message: format!(
                    "runners of pool `{pool}` are busy (last asked for work at {seen})"
                ),
                until,
                owner: format!("pool {pool}"),
                remedy: "wait, or start more runners".to_owned(),
                alternatives: Vec::new(),
            }
            .or((job.job_type != JobType::Agent).then(|| remedy::runner(pool, name)));
        }
        let cancel = remedy::cancel(&self.run);
        let owner = format!("pool {pool}");
        if job.job_type == JobType::Agent {
            return Why {
                reason: "no_runner",
                message: format!("no agent runner asks for work in pool `{pool}`"),
                until,
                owner,
                remedy: format!("start an agent runner for pool {pool}"),
                alternatives: Vec::new(),
            }
            .or([cancel]);
        }
        let gone = seen.map_or(String::new(), |seen| format!(" any more (since {seen})"));
        Why {
            reason: "no_runner",
            message: format!("no runner serves the function `{name}` in pool `{pool}`{gone}"),
            until,
            owner,
            remedy: remedy::runner(pool, name),
            alternatives: Vec::new(),
        }
        .or([cancel])
    }

    fn approval(&self, ticket: &crate::ids::TicketId) -> Why {
        let view = self.state.tickets.get(ticket);
        let approvers: Vec<String> = view
            .map_or_else(Vec::new, |view| view.approvers.iter().map(remedy::approver).collect());
        let (have, need) = view.map_or((0, 1), |view| (view.votes.len(), view.quorum));
        let owner =
            if approvers.is_empty() { "any approver".to_owned() } else { approvers.join(", ") };
        let more = view.map_or(String::new(), asked_of);
        Why {
            reason: "approval",
            message: format!("ticket {ticket} has {have} of {need} votes{more}"),
            until: view.and_then(|view| view.expires_at),
            owner,
            remedy: format!("aob approve {ticket} approve"),
            alternatives: Vec::new(),
        }
        .or([format!("aob approve {ticket} reject")])
    }

    fn parked(&self, id: &InstanceId, instance: &Instance, reason: ParkReason) -> Why {
        let error = instance.failure.as_ref().map_or(String::new(), |f| format!(": {}", f.message));
        let (remedy, alternatives) = remedy::decisions(&self.run, id, instance.attempt > 0);
        let (reason, message) = match reason {
            ParkReason::OutcomeUnknown => {
                ("outcome_unknown", format!("nobody knows whether its effect happened{error}"))
            }
            ParkReason::OnError => {
                ("parked_on_error", format!("it failed and its node says `on_error: park`{error}"))
            }
            ParkReason::UnknownType => {
                ("unknown_type", "this server does not know its type".to_owned())
            }
            ParkReason::CompensationFailed => {
                ("compensation_failed", format!("its compensation failed{error}"))
            }
            ParkReason::BudgetExhausted => ("budget", format!("a budget is exhausted{error}")),
        };
        let owner = "operator".to_owned();
        Why { reason, message, until: None, owner, remedy, alternatives }
    }

    fn join(&self, key: &Key, ir: Option<&Ir>) -> Wait {
        let id = self.state.id_of(key);
        // A predecessor with several edges is one predecessor.
        let sources: BTreeSet<Arc<str>> = ir
            .and_then(|ir| Some((ir, ir.node_ix(&id.node)?)))
            .map(|(ir, ix)| {
                let edges = ir.node(ix).incoming.iter().map(|&edge| ir.edge(edge));
                let undecided =
                    edges.filter(|edge| self.undecided(&edge.id, key, edge.common_loops));
                undecided.map(|edge| Arc::clone(&ir.node(edge.from).id)).collect()
            })
            .unwrap_or_default();
        let message = if sources.is_empty() {
            "it starts as soon as the run goes on".to_owned()
        } else {
            format!("it waits for {}", Vec::from_iter(sources).join(", "))
        };
        let why = Why {
            reason: "join",
            message,
            until: None,
            owner: "its predecessors".to_owned(),
            remedy: "see its predecessors".to_owned(),
            alternatives: Vec::new(),
        };
        self.wait(Some(id), self.state.at(), why)
    }

    fn undecided(&self, edge: &str, target: &Key, common_loops: u32) -> bool {
        let Some(node) = self.state.names.get(edge) else { return true };
        let kept = (common_loops as usize).min(target.scope.len());
        let scope = crate::state::ScopeKey::from_slice(&target.scope[..kept]);
        !self.state.edges.contains(&Key { scope, node })
    }
}

fn routing() -> Why {
    Why {
        reason: "routing",
        message: "more of its edges are being decided".to_owned(),
        until: None,
        owner: "coordinator".to_owned(),
        remedy: "wait: it goes on by itself".to_owned(),
        alternatives: Vec::new(),
    }
}

impl RunState {
    /// True where the instance is open and scheduled: its runner may be at work.
    pub fn is_scheduled(&self, id: &InstanceId) -> bool {
        self.instance(id).is_some_and(|instance| instance.status == InstanceStatus::Scheduled)
    }
}

/// Who may decide a ticket later, and who may not approve it; empty: nothing of that is so.
fn asked_of(ticket: &Ticket) -> String {
    let next = ticket.escalations.get(ticket.escalated as usize);
    let mut text = next.map_or(String::new(), |step| {
        format!("; from {} on {} may decide too", step.at, remedy::approver(&step.to))
    });
    if ticket.four_eyes {
        let barred: Vec<&str> = ticket.barred.iter().map(|by| &*by.0).collect();
        text.push_str(&format!("; {} may not approve it", barred.join(", ")));
    }
    text
}
