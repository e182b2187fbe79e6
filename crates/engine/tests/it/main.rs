//! The engine by example: given a workflow and what happened, when a command comes, then events.

mod approvals;
mod budgets;
mod by_hand;
mod children;
mod conditions;
mod docs;
mod edits;
mod effects;
mod explain;
mod failures;
mod fidelity;
mod harness;
mod joins;
mod loops;
mod maps;
mod patch_agents;
mod patch_races;
mod patch_scopes;
mod patches;
mod payloads;
mod properties;
mod schemas;
mod signals;
mod stopping;
mod timers;
