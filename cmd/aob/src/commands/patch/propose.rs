//! `aob patch plan|apply`: what a patch would do, and doing it.

use aob_api::{PlanView, RunPatch};
use aob_engine::PatchStatus;
use clap::Args;

use super::edits::Edits;
use super::offline;
use crate::client::{Call, Got, RunRef};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{Cell, Format, changes, facts};

/// Show what a patch would do to a run: what changes, every check, what it uses of its budget, what
/// the graph could do newly, and whether somebody would be asked. Changes nothing.
///
/// With --offline, RUN is a file with a document, and no server is asked: syntax, graph and number
/// of agents are judged, the run's history and the workspace's rules are not.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob patch plan @latest --set fetch/config/url=https://example.org",
    "aob patch plan --offline workflow.json patch.json",
))]
pub(crate) struct Plan {
    /// The run; with --offline, a file with a document.
    #[arg(value_name = "RUN|FILE")]
    run: String,
    #[command(flatten)]
    edits: Edits,
    /// Have it judged as a patch of this agent's node.
    #[arg(long, value_name = "NODE")]
    as_node: Option<String>,
    /// Judge it against a document in a file, without a server.
    #[arg(long)]
    offline: bool,
}

/// Change a run: at once, or after an approval where the plan says so.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob patch apply @latest --set fetch/config/url=https://example.org --reason 'they moved'",
))]
pub(crate) struct Apply {
    /// The run.
    run: RunRef,
    #[command(flatten)]
    edits: Edits,
    /// Have it judged as a patch of this agent's node.
    #[arg(long, value_name = "NODE")]
    as_node: Option<String>,
}

impl Plan {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        if self.offline {
            return offline::plan(context, &self.run, &self.edits, self.as_node.as_deref());
        }
        let run: RunRef = self.run.parse().map_err(|message: String| {
            Failure::usage(message, "with --offline, a file with a document is taken")
        })?;
        let api = context.api()?;
        let (id, answer) = block_on(async {
            let id = api.run_id(&run).await?;
            let body = self.edits.body(&api, &id, self.as_node.as_deref()).await?;
            let call = Call::post(&["runs", &id, "patches"]).query("dry_run", true).body(&body);
            Ok::<_, Failure>((id, api.fetch::<PlanView>(call).await?))
        })?;
        let out = context.out;
        match out.format {
            Format::Json | Format::Jsonl => out.json(&answer.raw)?,
            Format::Name => out.line(&answer.view.result.to_string())?,
            Format::Table | Format::Wide => {
                out.data(&changes::plan(&answer.view))?;
                out.todo(&format!("aob patch apply {id} ...   (with the same operations)"));
            }
        }
        Ok(Exit::Ok)
    }
}

impl Apply {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let answer = block_on(async {
            let id = api.run_id(&self.run).await?;
            let body = self.edits.body(&api, &id, self.as_node.as_deref()).await?;
            api.fetch::<RunPatch>(Call::post(&["runs", &id, "patches"]).body(&body)).await
        })?;
        let out = context.out;
        if let (Format::Table | Format::Wide, Some(plan)) = (out.format, &answer.view.plan) {
            out.data(&format!("{}\n", changes::plan(plan)))?;
        }
        answered(context, &answer)
    }
}

/// Answers a patch that was just changed.
pub(crate) fn answered(context: &Context, answer: &Got<RunPatch>) -> Result<Exit, Failure> {
    let out = context.out;
    match out.format {
        Format::Json | Format::Jsonl => out.json(&answer.raw)?,
        Format::Name => out.line(&answer.view.id.to_string())?,
        Format::Table | Format::Wide => proposed(context, &answer.view)?,
    }
    Ok(Exit::Ok)
}

/// How a patch stands that was just sent, and what to do next.
fn proposed(context: &Context, patch: &RunPatch) -> Result<(), Failure> {
    let out = context.out;
    let RunPatch { id, run, status, .. } = patch;
    let mut rows = vec![
        vec![Cell::new("patch"), Cell::new(id.to_string())],
        vec![Cell::new("status"), Cell::status(status.as_str())],
    ];
    if let Some(revision) = patch.revision {
        rows.push(vec![Cell::new("revision"), Cell::new(revision.to_string())]);
    }
    if let Some(message) = &patch.message {
        rows.push(vec![Cell::new("why"), Cell::new(message)]);
    }
    out.data(&facts(rows))?;
    match status {
        PatchStatus::Waiting => out.todo(&format!("aob patch approve {run} {id} --reason '...'")),
        PatchStatus::Applied => out.todo(&format!("aob logs stream {run}")),
        PatchStatus::Rejected | PatchStatus::Reverted => {}
    }
    Ok(())
}
