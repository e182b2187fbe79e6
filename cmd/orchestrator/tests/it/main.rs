//! The API from outside: every endpoint, good and bad, over a real coordinator and memory.

mod approvals;
mod authorization;
mod authors;
mod bodies;
mod budgets;
mod modules;
mod notifications;
mod offers;
mod patches;
mod problems;
mod runners;
mod runs;
mod served;
mod stack;
mod tags;
mod workflow_patches;
mod workflows;
