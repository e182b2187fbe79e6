//! What runs of full fidelity say besides (D-19).

use aob_engine::{Fidelity, InstanceId, NodeStarted, RunCreated};

use crate::rules::{Cx, D_19};

/// The instance that has just said that it opens.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    fidelity: Fidelity,
    announced: Option<InstanceId>,
}

impl Openings {
    /// `run_created`.
    pub(crate) fn created(&mut self, data: &RunCreated) {
        self.fidelity = data.fidelity;
    }

    /// `node_started`.
    pub(crate) fn started(&mut self, data: &NodeStarted, cx: &mut Cx<'_>) {
        let (full, instance) = (self.fidelity == Fidelity::Full, &data.instance);
        cx.require(full, D_19, || format!("`{instance}` says that it opens, unasked"));
        self.announced = Some(instance.clone());
    }

    /// Something other than a start or a warning was written.
    pub(crate) fn goes_on(&mut self) {
        self.announced = None;
    }

    /// An instance opens.
    pub(crate) fn opens(&self, instance: &InstanceId, cx: &mut Cx<'_>) {
        let said = self.fidelity == Fidelity::Fast || self.announced.as_ref() == Some(instance);
        cx.require(said, D_19, || format!("`{instance}` opens and does not say so"));
    }
}
