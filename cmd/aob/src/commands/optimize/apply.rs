//! `aob optimize apply`: the rewrites as a patch of a tag or of a run, or the document as a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aob_api::{
    ClaimedOrigin, PlanView, ProposeRunPatch, ProposeWorkflowPatch, RawText, RunPatch,
    WorkflowPatch,
};
use clap::Args;
use http::HeaderValue;
use http::header::IF_MATCH;

use super::planned::{Asked, Planned, Subject, digest};
use crate::client::{Call, Got};
use crate::commands::patch::propose::answered;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::span;
use crate::output::{Format, changes};

/// Apply the rewrites: patch the tag, which makes its next version, or the run, or write the document.
///
/// The patch is the optimizer's: the server refuses it where the graph could do something newly. A run
/// takes it only where what it changes has not started. With --against, nothing is applied unless the
/// replayed runs are equal. Exit codes: 2 refused, 4 the tag or the run has moved on.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob optimize apply onboarding --plan",
    "aob optimize apply onboarding.json --to optimized.json",
    "aob optimize apply --run @latest",
))]
pub(crate) struct Apply {
    #[command(flatten)]
    asked: Asked,
    /// Where to write the document instead (- for standard output, the default for files).
    #[arg(long, value_name = "FILE|-")]
    to: Option<PathBuf>,
    /// Have the server judge the patch, and change nothing.
    #[arg(long, visible_alias = "dry-run", conflicts_with = "to")]
    plan: bool,
    /// How long to wait until the tag has its next version; 0s: not at all.
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = span)]
    wait: Duration,
}

impl Apply {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let planned = self.asked.planned(context)?;
        let out = context.out;
        if !planned.stands() {
            if !out.is_json() {
                out.say(&planned.show());
            }
            let todo = self.asked.command("plan");
            let message = "the replayed runs are not equal on both graphs";
            return Err(Failure::new(Exit::Failed, "not_equal", message, todo));
        }
        match (&self.to, &planned.subject) {
            (Some(path), _) if path.as_os_str() != "-" => write(context, &planned, path),
            (None, Subject::Tag { .. } | Subject::Run { .. }) if planned.plan.steps.is_empty() => {
                unchanged(context, &planned)
            }
            (None, Subject::Tag { tag, version }) => {
                self.version(context, &planned, (tag, *version))
            }
            (None, Subject::Run { id }) => self.patch(context, &planned, id),
            (None, Subject::Document) if self.plan || !self.asked.is_file() => {
                let todo = "name a tag, or write the document to a file with --to FILE";
                Err(Failure::usage("only tags and runs are patched", todo))
            }
            (Some(_), _) | (None, Subject::Document) => {
                out.json(&planned.plan.document())?;
                Ok(Exit::Ok)
            }
        }
    }

    /// Patches the tag.
    fn version(
        &self,
        context: &Context,
        planned: &Planned,
        (tag, version): (&str, u64),
    ) -> Result<Exit, Failure> {
        let body = ProposeWorkflowPatch {
            operations: operations(planned),
            description: Some(description(planned)),
            base: Some(planned.plan.before.digest),
            origin: Some(ClaimedOrigin::Optimizer),
        };
        // What was optimized is what is patched: nothing is taken back that came meanwhile.
        let seen = HeaderValue::from_str(&format!("\"{version}\""));
        let call = Call::post(&["workflows", tag, "patches"]).body(&body);
        let call = match seen {
            Ok(etag) => call.header(IF_MATCH, etag),
            Err(_) => call,
        };
        if self.plan {
            return judged(context, call);
        }
        let call = call.waiting(self.wait.as_secs());
        let Got { raw, view } = block_on(context.api()?.fetch::<WorkflowPatch>(call))?;
        let out = context.out;
        let named = match view.version {
            Some(version) => format!("{tag}@{version}"),
            None => view.id.clone(),
        };
        match out.format {
            Format::Json | Format::Jsonl => out.json(&raw)?,
            Format::Name => out.line(&named)?,
            Format::Table | Format::Wide => {
                let (steps, result) = (planned.plan.steps.len(), digest(&planned.plan.after));
                out.line(&format!("{named}  {}  {steps} rewrites  {result}", view.status))?;
                match view.version {
                    Some(_) => out.todo(&format!("aob workflow diff {named}")),
                    None => out.todo(&format!("aob api GET {}", view.links.this)),
                }
            }
        }
        let late = view.version.is_none() && !self.wait.is_zero();
        Ok(if late { Exit::Timeout } else { Exit::Ok })
    }

    /// Patches the run.
    fn patch(&self, context: &Context, planned: &Planned, run: &str) -> Result<Exit, Failure> {
        let body = ProposeRunPatch {
            operations: operations(planned),
            description: description(planned),
            base: Some(planned.plan.before.digest),
            node_id: None,
            origin: Some(ClaimedOrigin::Optimizer),
        };
        let call = Call::post(&["runs", run, "patches"]).body(&body);
        if self.plan {
            return judged(context, call);
        }
        let answer = block_on(context.api()?.fetch::<RunPatch>(call))?;
        answered(context, &answer)
    }
}

/// There is nothing to patch.
fn unchanged(context: &Context, planned: &Planned) -> Result<Exit, Failure> {
    match context.out.is_json() {
        true => context.out.json(&planned.to_json())?,
        false => context.out.say(&planned.show()),
    }
    Ok(Exit::Ok)
}

/// What the server says to a patch.
fn judged(context: &Context, call: Call) -> Result<Exit, Failure> {
    let call = call.query("dry_run", true);
    let Got { raw, view } = block_on(context.api()?.fetch::<PlanView>(call))?;
    let out = context.out;
    match out.format {
        Format::Json | Format::Jsonl => out.json(&raw)?,
        Format::Name => out.line(&view.result.to_string())?,
        Format::Table | Format::Wide => out.data(&changes::plan(&view))?,
    }
    Ok(Exit::Ok)
}

/// All rewrites as one patch: each applies to what those before it made.
fn operations(planned: &Planned) -> RawText {
    let steps = planned.plan.steps.iter();
    let all: Vec<_> = steps.flat_map(|step| &step.rewrite.operations).collect();
    RawText::of_json(serde_json::to_string(&all).unwrap_or_default())
}

/// Which rules, each once.
fn description(planned: &Planned) -> String {
    let mut rules: Vec<&str> = Vec::new();
    for step in &planned.plan.steps {
        if !rules.contains(&step.rewrite.rule.as_str()) {
            rules.push(&step.rewrite.rule);
        }
    }
    format!("optimizer: {}", rules.join(", "))
}

fn write(context: &Context, planned: &Planned, path: &Path) -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(&planned.plan.document()).unwrap_or_default();
    fs::write(path, text + "\n").map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Failure::new(Exit::Usage, "unwritable", message, "check the file's name and mode")
    })?;
    let out = context.out;
    match out.format {
        Format::Json | Format::Jsonl => out.json(&planned.to_json())?,
        Format::Name => out.line(&path.display().to_string())?,
        Format::Table | Format::Wide => {
            let (steps, digest) = (planned.plan.steps.len(), digest(&planned.plan.after));
            out.line(&format!("{}  {steps} rewrites  {digest}", path.display()))?;
        }
    }
    Ok(Exit::Ok)
}
