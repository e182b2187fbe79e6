//! What is wrong with a patch, or to be known about it: coded, with its place and what to do.

use std::fmt;

use serde::Serialize;

/// One problem. The reader is often an LLM, so whatever can be said to get it right is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Which kind: of [`Code`], of `aob_ir::Code` or of `aob_materializer`'s codes.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// The operation that it comes from, where one can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<usize>,
    /// Pointer into the resulting document, nodes and edges by id where they have one; into the
    /// base, where it is about something that the patch took away.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What it could look like: valid JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The patch is refused.
    Error,
    /// The patch waits for an approval.
    Approval,
    /// The patch is applied, perhaps not as meant.
    Warning,
}

impl Problem {
    /// A reason to refuse.
    pub(crate) fn error(
        code: Code,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code: code.as_str(),
            severity: Severity::Error,
            op: None,
            pointer: pointer.into(),
            message: message.into(),
            hint: None,
            example: None,
        }
    }

    /// A reason to ask somebody.
    pub(crate) fn approval(
        code: Code,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Approval, ..Self::error(code, pointer, message) }
    }

    /// Something to know.
    pub(crate) fn warning(
        code: Code,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, pointer, message) }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn with_example(self, example: impl Into<String>) -> Self {
        Self { example: Some(example.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at `{}`: {}", self.code, self.pointer, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

aob_ir::codes! {
    /// Kinds of problems that only patches have. The names are a public contract and never change
    /// their meaning.
    pub enum Code {
        /// More agent nodes were ever part of the run than it may hold, removed ones included.
        AgentLimit => "agent_limit",
        /// An agent changes something that agents may not change.
        AgentScope => "agent_scope",
        /// The patch was made against another graph than the one that holds.
        BaseMoved => "base_moved",
        /// The graph may do something that it could not do before.
        CapabilityGrowth => "capability_growth",
        /// A compensation that the graph had is gone.
        CompensationRemoved => "compensation_removed",
        /// An edge that was decided already is changed, or its id used again.
        EdgeDecided => "edge_decided",
        /// A new edge leads into a node that has started.
        EdgeIntoStarted => "edge_into_started",
        /// A node declares less of an effect than it has, or had.
        EffectLowered => "effect_lowered",
        /// A way leads around an approval to something that needs it.
        GateBypassed => "gate_bypassed",
        /// An approval in front of something that needs it asks for less than it did.
        GateWeakened => "gate_weakened",
        /// A node that has started, was skipped, or is part of something expanded is changed.
        HistoryFixed => "history_fixed",
        /// A run's limits and inputs are those that it was created with.
        LimitsFixed => "limits_fixed",
        /// The patch leaves the graph as it is.
        NoChange => "no_change",
        /// The optimizer may not give a graph anything that it could not do before.
        OptimizerGrowth => "optimizer_growth",
        /// The workspace lets no agents patch.
        PatchingDisabled => "patching_disabled",
        /// A node would call a host that is not public.
        PrivateHost => "private_host",
        /// So many patches by agents were applied to the run already.
        TooManyPatches => "too_many_patches",
        /// Sub-workflows are used too often or nested too deeply.
        TooManySubWorkflows => "too_many_sub_workflows",
        /// A sub-workflow is named by a tag that leads nowhere.
        UnresolvedWorkflow => "unresolved_workflow",
        /// Something with an effect that cannot be undone would run without anybody having seen it.
        UnreviewedEffect => "unreviewed_effect",
        /// What an agent, a webhook or a foreign server answers decides what is sent out.
        UntrustedFlow => "untrusted_flow",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_alphabetical_explained_and_ours_alone() {
        let names: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(names.is_sorted(), "{names:?}");
        for code in Code::ALL {
            assert!(code.explanation().ends_with('.'), "{code}");
            assert!(aob_ir::Code::ALL.iter().all(|other| other.as_str() != code.as_str()));
        }
    }
}
