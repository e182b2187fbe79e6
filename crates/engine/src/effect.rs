//! What the world is owed after an append.

use std::sync::Arc;

use aob_ir::Digest;

use crate::event::{Job, ParentLink};
use crate::ids::{InstanceId, RunId};
use crate::value::{Payload, PayloadRef};

/// Something to do outside, after the events that ask for it are durable. At least once: each
/// names what its receiver dedupes by.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Hand the attempt to runners. Deduped by (run, instance, attempt).
    Dispatch(Box<Dispatch>),
    /// Ask the attempt's runner to stop.
    CancelAttempt { instance: InstanceId, attempt: u32 },
    /// Create the child run. Deduped by its id.
    StartChild(Box<StartChild>),
    /// Ask the child to stop. Deduped by its state.
    CancelChild { instance: InstanceId, child: RunId },
    /// Tell the parent how this run ended. Deduped by the parent's instance.
    DeliverToParent { parent: ParentLink, outcome: ChildEnd },
    /// Send `Continue` to this run.
    Continue,
    /// Publish the events of the segment on `workflow.events`. Deduped by (run, seq).
    Publish { first_seq: u64, last_seq: u64 },
}

/// See [`Effect::Dispatch`].
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// Which instance.
    pub instance: InstanceId,
    /// Which attempt.
    pub attempt: u32,
    /// What to execute; payloads may be references that the shell resolves.
    pub job: Job,
}

/// See [`Effect::StartChild`].
#[derive(Debug, Clone, PartialEq)]
pub struct StartChild {
    /// The waiting instance.
    pub instance: InstanceId,
    /// The child's id.
    pub child: RunId,
    /// Its workflow.
    pub digest: Digest,
    /// The tag it came from.
    pub tag: Option<Arc<str>>,
    /// Its inputs.
    pub inputs: Payload,
}

/// How a run ended, for its parent.
#[derive(Debug, Clone, PartialEq)]
pub enum ChildEnd {
    /// Completed with this output, to be read from this run.
    Completed(PayloadRef),
    /// Failed; code and message.
    Failed(crate::event::Failure),
    /// Cancelled.
    Cancelled,
}
