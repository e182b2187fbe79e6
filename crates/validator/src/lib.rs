//! Judges patches of workflows: what they may change, and what somebody has to approve.
//!
//! ```text
//!   base + patch --materialize--> document --compile--> graph
//!          history, rules -+                              |
//!                          +-> history, agents, powers, gates, flows, hosts -> Validated | Rejected
//! ```
//!
//! One module per family of problems; each says at its head what exactly is refused. What a
//! document must be by itself is `aob_ir`'s to say, and how operations apply `aob_materializer`'s:
//! their problems are passed on, never repeated. Nothing here trusts what another layer found: the
//! engine asks [`validate`] again, with the history that the log gives, and applies only what comes
//! with a [`Proof`].
#![warn(missing_docs)]

mod agents;
mod checks;
mod dominance;
mod fixed;
mod flow;
mod gates;
mod graph_diff;
mod growth;
mod history;
mod hosts;
mod locate;
#[path = "generated/nodes.rs"]
mod nodes;
mod offline;
mod power;
mod problem;
mod proof;
mod proposal;
mod registry;
mod review;
mod rules;
mod scope;
mod subject;
mod validate;
mod verdict;
mod world;

pub use agents::{AgentKey, agents_of};
pub use graph_diff::{EdgeChange, GraphDiff, NodeChange};
pub use growth::{Grown, Growth};
pub use history::{History, NodeHistory, Unstarted};
pub use offline::{Offline, check_offline};
pub use power::{Power, PowerKind};
pub use problem::{Code, Problem, Severity};
pub use proof::Proof;
pub use proposal::{Author, Proposal};
pub use registry::{node_example, node_schema, node_types};
pub use rules::{Approver, Gated, Grant, Rules};
pub use validate::validate;
pub use verdict::{ApprovalNeed, Check, CheckOutcome, Documents, Rejected, Validated};
