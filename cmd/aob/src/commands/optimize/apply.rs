//! `aob optimize apply`: the optimized document, as a file or as the next version of a tag.

use std::fs;
use std::path::PathBuf;

use aob_api::CreatedWorkflow;
use clap::Args;
use http::HeaderValue;
use http::header::IF_MATCH;

use super::planned::{Asked, Planned, digest};
use crate::client::{Call, Got};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::WorkflowRef;
use crate::output::Format;

/// Apply the rewrites: write the document, or store it as the next version of its tag.
///
/// With --against, nothing is applied unless the replayed runs are equal.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob optimize apply onboarding.json --to optimized.json"))]
pub(crate) struct Apply {
    #[command(flatten)]
    asked: Asked,
    /// Where to write the document (- for standard output, the default for files).
    #[arg(long, value_name = "FILE|-")]
    to: Option<PathBuf>,
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
        match (&self.to, &self.asked.workflow) {
            (Some(path), _) if path.as_os_str() != "-" => self.write(context, &planned, path),
            (None, WorkflowRef::Stored(name)) => store(context, &planned, name),
            (Some(_), _) | (None, WorkflowRef::Document(_)) => {
                out.json(&planned.plan.document())?;
                Ok(Exit::Ok)
            }
        }
    }

    fn write(&self, context: &Context, planned: &Planned, path: &PathBuf) -> Result<Exit, Failure> {
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
}

/// Stores the document as the tag's next version.
fn store(context: &Context, planned: &Planned, name: &str) -> Result<Exit, Failure> {
    let tag = name.rsplit_once('@').map_or(name, |(tag, _)| tag);
    if tag.starts_with("sha256:") {
        let todo = "write it to a file with --to FILE";
        return Err(Failure::usage("a digest names one document and has no next version", todo));
    }
    let call = Call::post(&["workflows"]).query("tag", tag).body(&planned.plan.document());
    // What was optimized is what is replaced: a version that came meanwhile is not taken back.
    let seen = planned.version.map(|version| HeaderValue::from_str(&format!("\"{version}\"")));
    let call = match seen {
        Some(Ok(etag)) => call.header(IF_MATCH, etag),
        Some(Err(_)) | None => call,
    };
    let Got { raw, view } = block_on(context.api()?.fetch::<CreatedWorkflow>(call))?;
    let out = context.out;
    let (version, steps) = (&view.version, planned.plan.steps.len());
    let named = format!("{}@{}", version.tag, version.version);
    match out.format {
        Format::Json | Format::Jsonl => out.json(&raw)?,
        Format::Name => out.line(&named)?,
        Format::Table | Format::Wide => {
            let unchanged = if view.unchanged { "  unchanged" } else { "" };
            out.line(&format!("{named}  {steps} rewrites  {}{unchanged}", version.digest))?;
        }
    }
    Ok(Exit::Ok)
}
