//! `aob patch show|diff`.

use aob_api::{DiffView, RunPatch};
use clap::Args;
use owo_colors::OwoColorize;

use super::{LATEST, patch_id};
use crate::client::{Call, Got, RunRef};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{Cell, Format, changes, facts, plain};

/// Show a patch: where it stands, who asked for it and why, what it lets the graph do newly, and its
/// operations.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob patch show @latest"))]
pub(crate) struct Show {
    /// The run.
    run: RunRef,
    /// The patch.
    #[arg(default_value = LATEST)]
    patch: String,
}

/// Show what a patch changes, node by node and key by key.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob patch diff @latest"))]
pub(crate) struct Diff {
    /// The run.
    run: RunRef,
    /// The patch.
    #[arg(default_value = LATEST)]
    patch: String,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let answer = block_on(async {
            let run = api.run_id(&self.run).await?;
            let patch = patch_id(&api, &run, &self.patch).await?;
            api.fetch::<RunPatch>(Call::get(&["runs", &run, "patches", &patch])).await
        })?;
        let out = context.out;
        match out.format {
            Format::Json | Format::Jsonl => out.json(&answer.raw)?,
            Format::Name => out.line(&answer.view.id.to_string())?,
            Format::Table | Format::Wide => out.data(&text(&answer))?,
        }
        Ok(Exit::Ok)
    }
}

impl Diff {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let answer = block_on(async {
            let run = api.run_id(&self.run).await?;
            let patch = patch_id(&api, &run, &self.patch).await?;
            api.fetch::<DiffView>(Call::get(&["runs", &run, "patches", &patch, "diff"])).await
        })?;
        let out = context.out;
        match out.format {
            Format::Json | Format::Jsonl => out.json(&answer.raw)?,
            Format::Name => out.line(&answer.view.result.to_string())?,
            Format::Table | Format::Wide => out.data(&changes::diff(&answer.view))?,
        }
        Ok(Exit::Ok)
    }
}

fn text(answer: &Got<RunPatch>) -> String {
    let patch = &answer.view;
    let row = |name: &str, value: String| vec![Cell::new(name), Cell::new(value)];
    let mut rows = vec![
        row("patch", patch.id.to_string()),
        vec![Cell::new("status"), Cell::status(patch.status.as_str())],
        row("run", patch.run.to_string()),
        row("by", patch.by.to_string()),
        row("proposed", patch.proposed_at.to_string()),
    ];
    let optional = [
        ("why", Some(patch.description.to_string()).filter(|text| !text.is_empty())),
        ("revision", patch.revision.map(|number| number.to_string())),
        ("in force", patch.applied_seq.map(|seq| format!("from event {seq} on"))),
        ("approval", patch.approval.as_ref().map(ToString::to_string)),
        ("ticket", patch.ticket.as_ref().map(ToString::to_string)),
        ("expires", patch.expires_at.map(|at| at.to_string())),
        ("refused", patch.message.as_ref().map(ToString::to_string)),
        ("takes back", patch.reverts.as_ref().map(ToString::to_string)),
        ("taken back by", patch.reverted_by.as_ref().map(ToString::to_string)),
    ];
    rows.extend(optional.into_iter().filter_map(|(name, value)| Some(row(name, value?))));
    for grown in &patch.growth {
        let granted = if grown.granted { "  granted by policy" } else { "" };
        rows.push(row("grows", format!("{} {}{granted}", grown.kind, grown.name)));
    }
    let mut text = facts(rows);
    let operations = match &patch.operations_ref {
        Some(long) => format!("{} bytes: aob api GET {}", long.len, long.href),
        None => serde_json::to_string_pretty(&answer.raw["operations"]).unwrap_or_default(),
    };
    text.push_str(&format!("\n{}\n{}\n", "operations".bold(), plain(&operations)));
    text
}
