//! Workflow documents and tags.

pub(crate) mod create;
pub(crate) mod diff;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patches;
pub(crate) mod validate;
pub(crate) mod versions;

use aob_api::{WorkflowShape, WorkflowVersion};
use aob_edge::Refusal;
use aob_engine::Timestamp;
use aob_ir::Ir;
use aob_store::TagVersion;

/// A stored version.
pub(crate) fn version(row: TagVersion) -> Result<WorkflowVersion, Refusal> {
    let digest = row.digest.parse().map_err(|_| {
        tracing::error!(tag = row.tag, digest = row.digest, "a version cannot be read");
        Refusal::internal()
    })?;
    Ok(WorkflowVersion {
        tag: row.tag,
        version: row.version,
        digest,
        kind: row.kind.as_str().to_owned(),
        predecessor: row.predecessor,
        source: row.source,
        description: row.description,
        dropped_by: row.dropped_by,
        actor: row.actor,
        created_at: Timestamp(row.created_ms),
    })
}

/// What a workflow consists of.
pub(crate) fn shape(ir: &Ir) -> WorkflowShape {
    WorkflowShape {
        nodes: ir.nodes.len() as u64,
        edges: ir.edges.len() as u64,
        agents: ir.agents,
        tier: ir.tier,
    }
}
