//! What a workspace allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_ir::Ir;
use aob_materializer::Budget;
use serde::{Deserialize, Serialize};

use crate::{Author, Power, PowerKind};

/// Rules that patches are judged by. The default is the strictest that is of use: inline node
/// types are granted, everything else that grows needs an approval.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Bounds of patches by people and the optimizer, and of what they result in.
    pub budget: Budget,
    /// The same of agents.
    pub agent_budget: Budget,
    /// Whether agents may patch at all.
    pub agents_may_patch: bool,
    /// Patches by agents that may be applied to one run.
    pub agent_patches_max: u32,
    /// Growth that needs no approval.
    pub grants: Vec<Grant>,
    /// Who decides the tickets of patches; empty: everybody with the permission.
    pub approvers: Vec<Approver>,
    /// Which nodes need the gate that stands before them.
    pub gated: Gated,
    /// Sub-workflows that the resulting document names by tag, transitively, as they would run:
    /// a tag that the run resolved already is what it was resolved to.
    pub children: BTreeMap<Arc<str>, Arc<Ir>>,
    /// Origins (`http://127.0.0.1:8080`) that the operator opened although they are not public.
    pub open_origins: BTreeSet<Arc<str>>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            budget: Budget::PERSON,
            agent_budget: Budget::AGENT,
            agents_may_patch: true,
            agent_patches_max: 64,
            grants: Grant::inline_types(),
            approvers: Vec::new(),
            gated: Gated::Outward,
            children: BTreeMap::new(),
            open_origins: BTreeSet::new(),
        }
    }
}

impl Rules {
    /// The bounds of a patch by `author`.
    pub fn budget_of(&self, author: &Author) -> &Budget {
        match author {
            Author::Person | Author::Optimizer => &self.budget,
            Author::Agent { .. } => &self.agent_budget,
        }
    }

    /// Whether growth by `power` needs no approval.
    pub fn grants(&self, power: &Power) -> bool {
        self.grants.iter().any(|grant| grant.covers(power))
    }
}

/// Growth that a policy allows without an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which kind of power.
    pub kind: PowerKind,
    /// Exactly this power, as [`Power::name`] writes it; `None`: every power of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Grant {
    /// Node types that are decided inline or only wait, and so do nothing to the world; approvals
    /// are among them.
    pub fn inline_types() -> Vec<Self> {
        const TYPES: [&str; 9] = [
            "transform",
            "filter",
            "aggregate",
            "conditional",
            "parallel",
            "join",
            "timer",
            "signal",
            "hitl",
        ];
        let grant = |name: &str| Self { kind: PowerKind::NodeType, name: Some(name.to_owned()) };
        TYPES.into_iter().map(grant).collect()
    }

    fn covers(&self, power: &Power) -> bool {
        self.kind == power.kind() && self.name.as_ref().is_none_or(|name| *name == power.name())
    }
}

/// Who may decide a ticket: everybody with a role, or one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// Name of a role.
    Role(Arc<str>),
    /// Name of a person.
    User(Arc<str>),
}

/// Which nodes need the gate that stands before them in the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gated {
    /// Whatever something outside executes: functions that are not built in, `http`, agents,
    /// sub-workflows, handoffs, and types that are not known here.
    Outward,
    /// Of these only what cannot simply be repeated: effect `irreversible` or `compensable`.
    Irreversible,
}
