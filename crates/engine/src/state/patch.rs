//! What is known of the patches of a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::Digest;
use serde::{Deserialize, Serialize};

use super::{Key, RunState};
use crate::event::{GrownPower, PatchOrigin};
use crate::ids::{Actor, PatchId, TicketId, Timestamp};
use crate::value::PayloadRef;

/// Number of a patch in the order of proposals, from 0.
pub(crate) type PatchNo = u32;

/// Where a patch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchStatus {
    /// Proposed, and waiting for its approval.
    Waiting,
    /// In force.
    Applied,
    /// Refused, by a rule or by a person, or out of time.
    Rejected,
    /// Applied, and taken back later.
    Reverted,
}

impl PatchStatus {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Reverted => "reverted",
        }
    }
}

/// One patch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PatchState {
    pub(crate) id: PatchId,
    pub(crate) status: PatchStatus,
    pub(crate) origin: PatchOrigin,
    pub(crate) by: Actor,
    /// The instance whose result carried it.
    pub(crate) instance: Option<Key>,
    pub(crate) description: Arc<str>,
    /// The document that it was made against.
    pub(crate) base: Digest,
    /// The operations: as proposed, then as planned, then as applied.
    pub(crate) operations: PayloadRef,
    pub(crate) planned: Option<PlannedState>,
    pub(crate) children: BTreeMap<Arc<str>, Digest>,
    pub(crate) reverts: Option<PatchId>,
    /// The open ticket, or the last one.
    pub(crate) ticket: Option<TicketId>,
    /// Tickets opened so far.
    pub(crate) tickets: u32,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) proposed_at: Timestamp,
    pub(crate) decided_at: Option<Timestamp>,
    /// Seq of the event that applied it; 0: none.
    pub(crate) applied_seq: u64,
    /// Its place in the chain, from 1; 0: it is not in it.
    pub(crate) revision: u32,
    pub(crate) inverse: Option<PayloadRef>,
    pub(crate) reverted_by: Option<PatchId>,
    /// Why it was rejected: code and message.
    pub(crate) rejection: Option<(Arc<str>, Arc<str>)>,
}

/// What the last validation of a patch came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedState {
    pub(crate) base: Digest,
    pub(crate) result: Digest,
    pub(crate) subject_hash: Digest,
    pub(crate) growth: Vec<GrownPower>,
    pub(crate) approval: Option<Arc<str>>,
}

/// A patch as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatchView {
    /// The patch.
    pub patch: PatchId,
    /// Where it stands.
    pub status: PatchStatus,
    /// Whose it is.
    pub origin: PatchOrigin,
    /// Who proposed it.
    pub by: Actor,
    /// What it is for.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub description: Arc<str>,
    /// The document that it was made against.
    pub base: Digest,
    /// The document that its operations apply to: `base`, or the one that it was brought to.
    pub planned_base: Digest,
    /// The document that it gives (gave, would give), where it was found sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Digest>,
    /// Its operations, as they stand.
    pub operations: PayloadRef,
    /// Operations that take it back, once applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inverse: Option<PayloadRef>,
    /// What the new graph may do that the old could not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub growth: Vec<GrownPower>,
    /// Why it needs an approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Arc<str>>,
    /// Hash that an approval names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_hash: Option<Digest>,
    /// The ticket, where one was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// When it was applied or rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// When it expires, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Its place in the chain, from 1, where it was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Seq of the event that applied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_seq: Option<u64>,
    /// The patch that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverts: Option<PatchId>,
    /// The patch that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverted_by: Option<PatchId>,
    /// Code of the rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Arc<str>>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Arc<str>>,
}

impl RunState {
    /// Every patch of the run, in the order of proposals.
    pub fn patches(&self) -> Vec<PatchView> {
        self.patches.iter().map(|(_, patch)| patch.view()).collect()
    }

    /// One patch of the run.
    pub fn patch(&self, id: &PatchId) -> Option<PatchView> {
        self.patch_state(id).map(|(_, patch)| patch.view())
    }

    pub(crate) fn patch_state(&self, id: &PatchId) -> Option<(PatchNo, &PatchState)> {
        let number = *self.patch_ids.get(id)?;
        Some((number, self.patches.get(&number)?))
    }

    /// Patches applied so far: the document that holds is this revision of the base.
    pub fn revision(&self) -> u32 {
        self.chain.len().try_into().unwrap_or(u32::MAX)
    }

    /// The document that the run was created from.
    pub fn base_digest(&self) -> Option<Digest> {
        self.meta.as_ref().map(|meta| meta.digest)
    }

    /// The digest of a revision: 0 is the base.
    pub fn digest_of(&self, revision: u32) -> Option<Digest> {
        if revision == 0 {
            return self.base_digest();
        }
        let patch = self.patches.get(self.chain.get(&revision)?)?;
        patch.planned.as_ref().map(|planned| planned.result)
    }

    /// The last revision that is this document.
    pub fn revision_of(&self, digest: &Digest) -> Option<u32> {
        (0..=self.revision()).rev().find(|at| self.digest_of(*at).as_ref() == Some(digest))
    }

    /// The applied patch that made this revision.
    pub(crate) fn patch_at(&self, revision: u32) -> Option<&PatchState> {
        self.patches.get(self.chain.get(&revision)?)
    }
}

impl PatchState {
    fn view(&self) -> PatchView {
        let planned = self.planned.as_ref();
        PatchView {
            patch: self.id.clone(),
            status: self.status,
            origin: self.origin,
            by: self.by.clone(),
            description: Arc::clone(&self.description),
            base: self.base,
            planned_base: planned.map_or(self.base, |planned| planned.base),
            result: planned.map(|planned| planned.result),
            operations: self.operations,
            inverse: self.inverse,
            growth: planned.map(|planned| planned.growth.clone()).unwrap_or_default(),
            approval: planned.and_then(|planned| planned.approval.clone()),
            subject_hash: planned.map(|planned| planned.subject_hash),
            ticket: self.ticket.clone(),
            proposed_at: self.proposed_at,
            decided_at: self.decided_at,
            expires_at: self.expires_at.filter(|_| self.status == PatchStatus::Waiting),
            revision: (self.revision > 0).then_some(self.revision),
            applied_seq: (self.applied_seq > 0).then_some(self.applied_seq),
            reverts: self.reverts.clone(),
            reverted_by: self.reverted_by.clone(),
            code: self.rejection.as_ref().map(|(code, _)| Arc::clone(code)),
            message: self.rejection.as_ref().map(|(_, message)| Arc::clone(message)),
        }
    }
}
