//! `aob workflow patch`: the next version of a workflow, as what changes.

use std::time::Duration;

use aob_api::{PlanView, WorkflowPatch};
use aob_materializer::diff;
use clap::Args;
use http::HeaderValue;
use serde_json::{Value, json};

use super::diff::{side, stored};
use crate::client::{Api, Call, Got};
use crate::commands::keys::idempotency_key;
use crate::commands::patch::edits::{Edge, Edits};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::{WorkflowRef, span};
use crate::output::{Cell, Format, Out, changes, facts};

/// Patch a workflow, which makes its next version: or first, with --plan, see what that would do.
///
/// Runs that were started stay with the version that they were started with. `aob tag undo` leads
/// back. Exit codes: 2 refused, 4 others have changed the same, 6 not decided in time.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob workflow patch onboarding --set fetch/timeout_ms=5000 --plan",
    "aob workflow patch onboarding add-mail.json --reason 'mail the customer'",
    "aob workflow patch onboarding --to onboarding.json",
))]
pub(crate) struct Patch {
    /// The tag.
    tag: String,
    #[command(flatten)]
    edits: Edits,
    /// Make this of it, whatever has to change for that.
    #[arg(
        long,
        value_name = "FILE|TAG",
        conflicts_with_all = ["operations", "set", "add_node", "remove_edge", "remove_node", "base"],
    )]
    to: Option<WorkflowRef>,
    /// Show what it would do, and change nothing.
    #[arg(long, visible_alias = "dry-run")]
    plan: bool,
    /// How long to wait for it to be applied; 0s: not at all.
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = span)]
    wait: Duration,
    /// Repeating a call with the same key patches once.
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<HeaderValue>,
}

impl Patch {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let body = match &self.to {
            Some(to) => self.leading_to(context, to)?,
            None => block_on(self.edited(&api))?,
        };
        let call = Call::post(&["workflows", &self.tag, "patches"]).body(&body);
        let out = context.out;
        if self.plan {
            let Got { raw, view } = block_on(api.fetch::<PlanView>(call.query("dry_run", true)))?;
            return planned(out, &self.tag, &raw, &view);
        }
        let call = call.waiting(self.wait.as_secs()).idempotent(self.idempotency_key);
        let Got { raw, view } = block_on(api.fetch::<WorkflowPatch>(call))?;
        shown(out, &raw, &view, self.wait)
    }

    /// What the options say.
    async fn edited(&self, api: &Api) -> Result<Value, Failure> {
        if !self.edits.needs_graph() {
            return self.edits.written(Vec::new());
        }
        let at = stored(api, &self.tag).await?;
        let mut body = self.edits.written(Edge::of_document(&at.ir))?;
        // What was made from a graph was made against it.
        if body.get("base").is_none() {
            body["base"] = json!(at.ir.digest);
        }
        Ok(body)
    }

    /// Whatever leads from where the tag is to another document.
    fn leading_to(&self, context: &Context, to: &WorkflowRef) -> Result<Value, Failure> {
        let now = side(context, &WorkflowRef::Stored(self.tag.clone()))?;
        let wanted = side(context, to)?;
        if now.ir.digest == wanted.ir.digest {
            let message = format!("{} is that already", now.name);
            return Err(Failure::usage(message, "there is nothing to do"));
        }
        let mut body = self.edits.about();
        body["operations"] = json!(diff(&now.document(), &wanted.document()));
        body["base"] = json!(now.ir.digest);
        Ok(body)
    }
}

fn planned(out: Out, tag: &str, raw: &Value, view: &PlanView) -> Result<Exit, Failure> {
    match out.format {
        Format::Json | Format::Jsonl => out.json(raw)?,
        Format::Name => out.line(&view.result.to_string())?,
        Format::Table | Format::Wide => {
            out.data(&changes::plan(view))?;
            out.todo(&format!("the same without --plan makes the next version of {tag}"));
        }
    }
    Ok(Exit::Ok)
}

fn shown(out: Out, raw: &Value, view: &WorkflowPatch, waited: Duration) -> Result<Exit, Failure> {
    let WorkflowPatch { id, tag, status, version, result, links, .. } = view;
    match (out.format, version) {
        (Format::Json | Format::Jsonl, _) => out.json(raw)?,
        (Format::Name, Some(version)) => out.line(&format!("{tag}@{version}"))?,
        (Format::Name, None) => out.line(id)?,
        (Format::Table | Format::Wide, _) => {
            let mut rows = vec![
                vec![Cell::new("patch"), Cell::new(id)],
                vec![Cell::new("status"), Cell::status(status)],
            ];
            if let Some(version) = version {
                rows.push(vec![Cell::new("version"), Cell::new(format!("{tag}@{version}"))]);
            }
            if let Some(result) = result {
                rows.push(vec![Cell::new("digest"), Cell::new(changes::short(result))]);
            }
            out.data(&facts(rows))?;
            match version {
                Some(version) => out.todo(&format!("aob workflow diff {tag}@{version}")),
                None => out.todo(&format!("aob api GET {}", links.this)),
            }
        }
    }
    let late = version.is_none() && !waited.is_zero();
    Ok(if late { Exit::Timeout } else { Exit::Ok })
}
