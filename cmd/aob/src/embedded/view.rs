//! A run as the API shows it, read from its state.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_api::{
    ErrorView, ItemsView, NodeView, ParentView, RawText, RunLinks, RunView, ValueRef, WorkflowUsed,
};
use aob_coordinator::LoadedRun;
use aob_engine::{Blob, INLINE_BYTES_MAX, PayloadRef, RunId};
use aob_ir::Digest;

use super::{Host, unavailable};
use crate::client::Got;
use crate::failure::Failure;

/// Values that are short enough to be shown, by digest.
type Values = BTreeMap<Digest, Arc<Blob>>;

impl Host<'_> {
    /// The run as it stands.
    pub(super) async fn view(&self, run: RunId) -> Result<Got<RunView>, Failure> {
        let coordinator = &self.stack.coordinator;
        let loaded = coordinator.reader.load_in(self.workspace, run).await;
        let loaded = loaded.map_err(|error| unavailable(&error))?;
        let missing = || unavailable(&format!("run {run} is not there"));
        let LoadedRun { state, .. } = loaded.ok_or_else(missing)?;
        let digest = state.digest().ok_or_else(missing)?;
        let ir = coordinator.workflows.ir(self.workspace, digest).await;
        let ir = ir.map_err(|error| unavailable(&error))?;
        let nodes = state.nodes(&ir);
        let outputs = nodes.values().filter_map(|node| node.output).chain(state.output());
        let short: Vec<PayloadRef> = outputs.filter(is_short).collect();
        let values = coordinator.reader.values(self.workspace, run, &short).await;
        let values = values.map_err(|error| unavailable(&error))?;
        let values: Values = values.into_iter().map(|blob| (blob.digest(), blob)).collect();
        let (output, output_ref) = shown(state.output(), &values);
        let labels = state.labels();
        let view = RunView {
            id: run,
            status: state.status().as_str().to_owned(),
            name: state.name().to_string(),
            workflow: WorkflowUsed::labelled(
                state.tag().map(|tag| tag.to_string()),
                digest,
                |name| labels.get(name).map(|text| &**text),
            ),
            output,
            output_ref,
            error: state.error().map(|(code, message)| ErrorView {
                code: code.to_string(),
                message: message.to_string(),
            }),
            nodes: nodes
                .into_iter()
                .map(|(id, node)| (id.to_string(), node_view(node, &values)))
                .collect(),
            digest,
            seq: state.seq(),
            created_at: state.created_at(),
            updated_at: state.at(),
            finished_at: state.is_terminal().then(|| state.at()),
            labels: labels.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
            parent: state
                .parent()
                .map(|link| ParentView { run: link.run, instance: link.instance.clone() }),
            budgets: state.budgets(&ir).into_iter().map(Into::into).collect(),
            links: RunLinks::of(run),
        };
        let raw = serde_json::to_value(&view).map_err(|error| unavailable(&error))?;
        Ok(Got { raw, view })
    }
}

fn is_short(reference: &PayloadRef) -> bool {
    reference.len <= INLINE_BYTES_MAX as u64
}

/// A value, or where it can be read.
fn shown(reference: Option<PayloadRef>, values: &Values) -> (Option<RawText>, Option<ValueRef>) {
    let Some(reference) = reference else { return (None, None) };
    let text = |blob: &Arc<Blob>| serde_json::value::RawValue::from_string(blob.text().to_owned());
    match values.get(&reference.digest).map(text) {
        Some(Ok(text)) => (Some(RawText(text)), None),
        Some(Err(_)) | None => {
            let (digest, len) = (reference.digest, reference.len);
            let href = format!("/v1/artifacts/{digest}");
            (None, Some(ValueRef { digest, len, href }))
        }
    }
}

fn node_view(node: aob_engine::NodeView, values: &Values) -> NodeView {
    let (output, output_ref) = shown(node.output, values);
    NodeView {
        status: node.status.to_owned(),
        attempts: node.attempts,
        output,
        output_ref,
        error: node.error.map(|error| ErrorView {
            code: error.code.to_string(),
            message: error.message.to_string(),
        }),
        started_at: node.started_at,
        finished_at: node.finished_at,
        child: node.child,
        ticket: node.ticket,
        instance: node.instance,
        items: node.items.map(|items| ItemsView {
            count: items.count,
            completed: items.completed,
            failed: items.failed,
            open: items.open,
        }),
    }
}
