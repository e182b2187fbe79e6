//! `policies`: rules for the whole run.

use std::sync::Arc;

use serde_json::Value;

use super::unit::Unit;
use crate::diagnostic::Code;
use crate::document::{self, Approver, EscalationStep, FieldPattern, PatchPolicy as Given};
use crate::{ApproverIr, Fields, OnFailure, PatchPolicy};

pub(super) fn on_failure(policies: &document::Policies) -> OnFailure {
    match policies.on_failure {
        Some(document::PoliciesOnFailure::Compensate) => OnFailure::Compensate,
        Some(document::PoliciesOnFailure::Stop) | None => OnFailure::Stop,
    }
}

/// `policies.patches`, whose structure was checked.
pub(super) fn patches(given: Option<&Given>) -> PatchPolicy {
    let usual = PatchPolicy::default();
    let Some(given) = given else { return usual };
    let step = |step: &EscalationStep| Some((step.after_ms.get(), approver(&step.to)?));
    PatchPolicy {
        approvers: given.approvers.iter().filter_map(approver).collect(),
        quorum: given.quorum.map_or(1, |quorum| u32::try_from(quorum.get()).unwrap_or(u32::MAX)),
        four_eyes: given.four_eyes.as_ref().is_some_and(|four_eyes| four_eyes.0),
        timeout_ms: given.timeout_ms.map_or(usual.timeout_ms, |ms| ms.get()),
        escalate: given.escalate.iter().filter_map(step).collect(),
        fields: Fields { editable: patterns(&given.editable), fixed: patterns(&given.fixed) },
    }
}

fn approver(approver: &Approver) -> Option<ApproverIr> {
    let role = approver.role.as_ref().map(|role| ApproverIr::Role(role.as_str().into()));
    role.or_else(|| approver.user.as_ref().map(|user| ApproverIr::User(user.as_str().into())))
}

fn patterns(given: &[FieldPattern]) -> Vec<Arc<str>> {
    given.iter().map(|pattern| pattern.as_str().into()).collect()
}

impl Unit<'_> {
    /// Fields of a patch are those of nodes and edges; a quorum can be reached.
    pub(super) fn check_patch_policy(&mut self, document: &Value) {
        let policy = self.patches.clone();
        let only_users = !policy.approvers.is_empty()
            && policy.approvers.iter().all(|who| matches!(who, ApproverIr::User(_)));
        let people = policy.approvers.len();
        if only_users && policy.escalate.is_empty() && policy.quorum as usize > people {
            let message = format!("{} approvals are needed of {people} approvers", policy.quorum);
            self.error(Code::OutOfRange, "/policies/patches/quorum", message);
        }
        for key in ["editable", "fixed"] {
            let pointer = format!("/policies/patches/{key}");
            let patterns = document.pointer(&pointer).and_then(Value::as_array);
            for (at, pattern) in patterns.into_iter().flatten().enumerate() {
                // What is no pattern at all is reported with the structure.
                let Some(pattern) = pattern.as_str().filter(|text| text.starts_with('/')) else {
                    continue;
                };
                let mut parts = pattern.split('/').skip(1);
                let kind = parts.next().unwrap_or_default();
                if !["nodes", "edges"].contains(&kind) || parts.count() < 2 {
                    let message = format!(
                        "`{pattern}` is no field of a node or an edge: `/nodes/*/config/body`"
                    );
                    self.error(Code::OutOfRange, &format!("{pointer}/{at}"), message);
                }
            }
        }
    }
}
