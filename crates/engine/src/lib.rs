//! The pure core of a run: events, commands, and the functions between them.
#![warn(missing_docs)]

mod apply;
mod command;
mod decide;
mod effect;
mod event;
mod explain;
mod ids;
mod spans;
mod state;
mod value;
mod view;

pub use aob_validator::{AgentKey, Power, PowerKind};
pub use apply::apply;
pub use command::*;
pub use decide::{
    PatchPlan, Planned, SEGMENT_BYTES_MAX, SEGMENT_EVENTS_MAX, advance, decide, plan_patch,
};
pub use effect::*;
pub use event::*;
pub use explain::{Around, LeaseHolder, PoolView, Wait, explain};
pub use ids::*;
pub use spans::{EdgeCounts, SpanView};
pub use state::{
    BadSnapshot, BudgetView, InstanceStatus, LEASE_MS, PatchStatus, PatchView, RunState, RunStatus,
    SNAPSHOT_FORMAT,
};
pub use value::*;
pub use view::*;
