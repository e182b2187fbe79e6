//! A run's state as the API shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::{Digest, Fields, Ir};
use serde::Serialize;

use crate::event::{Approver, BudgetOf, Escalation, Vote};
use crate::ids::{Actor, InstanceId, PatchId, RunId, TicketId, Timestamp};
use crate::state::{About, Doing, Instance, InstanceStatus, Key, RunState};
use crate::value::PayloadRef;

/// A ticket as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TicketView {
    /// The instance that asks; absent for a patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// The patch that is to be approved; absent for an instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<PatchId>,
    /// The budget that is to be raised; absent for an instance or a patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetOf>,
    /// Question.
    pub message: Arc<str>,
    /// JSON Schema of the answer.
    pub form: Option<PayloadRef>,
    /// What is being approved.
    pub subject: PayloadRef,
    /// Hash of what is shown.
    pub subject_hash: Digest,
    /// Who may decide.
    pub approvers: Vec<Approver>,
    /// Approving votes needed.
    pub quorum: u32,
    /// Votes so far.
    pub votes: Vec<TicketVote>,
    /// Escalations still to come.
    pub escalations: Vec<Escalation>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// Who is in `barred` may reject, and not approve.
    pub four_eyes: bool,
    /// Who started the run, proposed the patch or edited what is to be approved.
    pub barred: Vec<Actor>,
    /// What may be edited before approving.
    #[serde(flatten)]
    pub fields: Fields,
    /// The ticket that is asked in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<TicketId>,
}

/// One vote on a ticket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TicketVote {
    /// Who.
    pub by: Actor,
    /// Yes or no.
    pub vote: Vote,
}

/// A node as the API shows it: its one instance, or a summary of many.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeView {
    /// Status of the instance; of many, the least finished one's.
    pub status: &'static str,
    /// Attempts so far.
    pub attempts: u32,
    /// Output, by reference.
    #[serde(skip)]
    pub output: Option<PayloadRef>,
    /// Why it failed, or the last attempt did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// When it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The child run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<RunId>,
    /// The ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// The scope, where the node is inside a loop or map: of the instance shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// Body instances of a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemsView>,
}

/// How far a map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ItemsView {
    /// All.
    pub count: u32,
    /// Completed or skipped.
    pub completed: u32,
    /// Failed.
    pub failed: u32,
    /// Open now.
    pub open: u32,
}

/// A failure in two words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorView {
    /// Stable code.
    pub code: Arc<str>,
    /// For people.
    pub message: Arc<str>,
}

impl RunState {
    /// A ticket of this run.
    pub fn ticket(&self, id: &TicketId) -> Option<TicketView> {
        let ticket = self.tickets.get(id)?;
        let (mut instance, mut patch, mut budget) = (None, None, None);
        match &ticket.about {
            About::Instance(key) => instance = Some(self.id_of(key)),
            About::Patch(number) => {
                patch = self.patches.get(number).map(|patch| patch.id.clone());
            }
            About::Budget(account) => budget = Some(self.account_of(*account)),
        }
        let votes = ticket.votes.iter();
        Some(TicketView {
            instance,
            patch,
            budget,
            message: Arc::clone(&ticket.message),
            form: ticket.form,
            subject: ticket.subject,
            subject_hash: ticket.subject_hash,
            approvers: ticket.approvers.clone(),
            quorum: ticket.quorum,
            votes: votes.map(|(by, vote)| TicketVote { by: by.clone(), vote: *vote }).collect(),
            escalations: ticket
                .escalations
                .iter()
                .skip(ticket.escalated as usize)
                .cloned()
                .collect(),
            created_at: ticket.created_at,
            expires_at: ticket.expires_at,
            four_eyes: ticket.four_eyes,
            barred: ticket.barred.clone(),
            fields: ticket.fields.clone(),
            replaced_by: ticket.replaced_by.clone(),
        })
    }

    /// Every node of `ir` that the run has reached, and those it may still reach as `pending`.
    pub fn nodes(&self, ir: &Ir) -> BTreeMap<Arc<str>, NodeView> {
        let mut nodes: BTreeMap<Arc<str>, NodeView> = BTreeMap::new();
        for node in &ir.nodes {
            nodes.insert(Arc::clone(&node.id), pending(self.is_terminal()));
        }
        for (key, instance) in self.instances.iter() {
            let name = self.names.name(key.node);
            let view = self.node_view(&key, instance);
            match nodes.get_mut(&name) {
                Some(known) if known.status == "pending" || known.status == "skipped" => {
                    *known = view;
                }
                Some(known) if !view.is_over() || known.is_over() => *known = view,
                Some(_) => {}
                None => {
                    nodes.insert(name, view);
                }
            }
        }
        nodes
    }

    /// How many body instances and iterations are at hand; a measure of the state's size.
    pub fn weight(&self) -> usize {
        self.instances.len() + self.edges.len() + self.joins.len()
    }

    fn node_view(&self, key: &Key, instance: &Instance) -> NodeView {
        let items = if let Doing::Map(map) = &instance.doing {
            let (count, open) = (map.count, map.open);
            Some(ItemsView { count, completed: map.completed, failed: map.failed, open })
        } else {
            None
        };
        let error = instance.failure.as_ref().map(|note| ErrorView {
            code: Arc::clone(&note.code),
            message: Arc::clone(&note.message),
        });
        NodeView {
            status: status_name(instance.status),
            attempts: instance.attempt,
            output: instance.output,
            error,
            started_at: Some(instance.started_at.unwrap_or(instance.opened_at)),
            finished_at: instance.finished_at(),
            child: if let Doing::Child(wait) = &instance.doing { Some(wait.child) } else { None },
            ticket: if let Doing::Approval { ticket } = &instance.doing {
                Some(ticket.clone())
            } else {
                None
            },
            instance: (!key.scope.is_empty()).then(|| self.id_of(key)),
            items,
        }
    }
}

impl NodeView {
    fn is_over(&self) -> bool {
        self.finished_at.is_some()
    }
}

fn pending(run_is_over: bool) -> NodeView {
    NodeView {
        status: if run_is_over { "skipped" } else { "pending" },
        attempts: 0,
        output: None,
        error: None,
        started_at: None,
        finished_at: None,
        child: None,
        ticket: None,
        instance: None,
        items: None,
    }
}

/// The word on the wire.
pub(crate) fn status_name(status: InstanceStatus) -> &'static str {
    match status {
        InstanceStatus::Scheduled => "scheduled",
        InstanceStatus::Waiting => "waiting",
        InstanceStatus::Retrying => "retrying",
        InstanceStatus::Parked => "parked",
        InstanceStatus::Completed => "completed",
        InstanceStatus::Failed => "failed",
        InstanceStatus::Skipped => "skipped",
        InstanceStatus::Cancelled => "cancelled",
        InstanceStatus::Compensated => "compensated",
    }
}
