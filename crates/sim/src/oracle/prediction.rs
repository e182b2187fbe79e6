//! What a run may have come to.

use std::collections::{BTreeMap, BTreeSet};

use aob_engine::InstanceId;
use serde_json::Value;

/// How an instance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Success.
    Completed,
    /// An error.
    Failed,
    /// A timeout or an expiry.
    TimedOut,
    /// An approver said no.
    Rejected,
    /// Skipped, and its success edges evaluated.
    PassedOver,
    /// Skipped because nothing led to it.
    DeadPath,
    /// Cancelled.
    Cancelled,
    /// Not yet.
    Open,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Everything is done.
    Completed,
    /// An unhandled failure.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// It waits for what never comes.
    Waiting,
}

/// What may have become of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Allowed {
    /// Its outcomes.
    pub outcomes: BTreeSet<Outcome>,
    /// In a completed run it is there.
    pub certain: bool,
    /// Its output where it completes, if that is known.
    pub output: Option<Value>,
    /// True if every way to one of its outcomes (but skips and cancels) takes an attempt.
    pub executes: bool,
    /// True if it declares a compensation.
    pub compensates: bool,
}

/// What a run may have come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prediction {
    /// How it may end.
    pub statuses: BTreeSet<Status>,
    /// Every instance that there may be.
    pub instances: BTreeMap<InstanceId, Allowed>,
    /// Child runs by the instance that opens them.
    pub children: BTreeMap<InstanceId, Prediction>,
    /// How often each loop runs, least and most, by its loop node in the scope around it.
    pub iterations: BTreeMap<InstanceId, (u32, u32)>,
    /// Its output where it completes, if that is known.
    pub output: Option<Value>,
    /// What completed is undone when it fails.
    pub compensates: bool,
    /// Instances whose failure may stop it.
    pub unhandled: BTreeSet<InstanceId>,
}
