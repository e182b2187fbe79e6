//! `aob workflow diff`: what two workflows differ in.

use std::sync::Arc;

use aob_api::{DiffView, RawText, TagView, WorkflowDiff, WorkflowView};
use aob_ir::Ir;
use aob_materializer::diff;
use clap::Args;
use serde_json::Value;

use super::parsed;
use crate::client::{Api, Call};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::{Source, WorkflowRef, document};
use crate::output::{Format, changes};

/// Compare two workflows: files, tags, TAG@VERSION, digests, in any combination.
///
/// Exit code 1 where they differ. `-o json` has the patch that makes the second of the first.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob workflow diff onboarding@3 onboarding@4",
    "aob workflow diff onboarding onboarding.json",
    "aob workflow diff onboarding",
))]
pub(crate) struct Diff {
    /// The older one. A tag alone: the version that it is at against the one before.
    #[arg(value_name = "FILE|TAG|DIGEST")]
    from: WorkflowRef,
    /// The newer one.
    #[arg(value_name = "FILE|TAG|DIGEST")]
    to: Option<WorkflowRef>,
}

/// A document that is compared.
pub(super) struct Side {
    pub(super) name: String,
    pub(super) ir: Arc<Ir>,
}

impl Side {
    /// Its document, canonical.
    pub(super) fn document(&self) -> Value {
        serde_json::from_str(&self.ir.canonical).unwrap_or_default()
    }
}

impl Diff {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (from, to) = match (self.from, self.to) {
            (from, Some(to)) => (from, to),
            (WorkflowRef::Stored(name), None) => {
                let before = before(context, &name)?;
                (WorkflowRef::Stored(before), WorkflowRef::Stored(name))
            }
            (WorkflowRef::Document(source), None) => {
                let message = format!("there is nothing to compare {} with", source.name());
                return Err(Failure::usage(message, "name two: aob workflow diff TAG FILE"));
            }
        };
        show(context, &side(context, &from)?, &side(context, &to)?)
    }
}

/// The version before the one that is named, as `TAG@VERSION`.
fn before(context: &Context, name: &str) -> Result<String, Failure> {
    let api = context.api()?;
    let predecessor = match named_version(name)? {
        (tag, None) => {
            let view = block_on(api.fetch::<TagView>(Call::get(&["tags", tag])))?.view;
            view.current.predecessor
        }
        (tag, Some(version)) => {
            let call = Call::get(&["workflows", tag]).query("version", version);
            let view = block_on(api.fetch::<WorkflowView>(call))?.view;
            view.version.and_then(|version| version.predecessor)
        }
    };
    let (tag, _) = named_version(name)?;
    predecessor.map(|version| format!("{tag}@{version}")).ok_or_else(|| {
        let message = format!("`{name}` has no version before it");
        Failure::usage(message, "name two: aob workflow diff TAG FILE")
    })
}

/// `TAG` or `TAG@VERSION`.
fn named_version(name: &str) -> Result<(&str, Option<u64>), Failure> {
    match name.rsplit_once('@') {
        None => Ok((name, None)),
        Some((tag, version)) => {
            let wrong = |_| {
                let message = format!("`{version}` is not a version");
                Failure::usage(message, "write TAG@NUMBER, such as onboarding@3")
            };
            Ok((tag, Some(version.parse().map_err(wrong)?)))
        }
    }
}

/// Reads one side.
pub(super) fn side(context: &Context, reference: &WorkflowRef) -> Result<Side, Failure> {
    match reference {
        WorkflowRef::Document(source) => of_file(source),
        WorkflowRef::Stored(name) => {
            let api = context.api()?;
            block_on(stored(&api, name))
        }
    }
}

fn of_file(source: &Source) -> Result<Side, Failure> {
    let value = parsed(&document(source)?, source)?;
    let compiled = aob_ir::compile(&value).map_err(|_| {
        let message = format!("{} is not a workflow", source.name());
        Failure::new(Exit::Usage, "invalid_workflow", message, source.validate())
    })?;
    Ok(Side { name: source.name(), ir: compiled.ir })
}

/// Reads what is stored under `TAG`, `TAG@VERSION` or a digest.
pub(super) async fn stored(api: &Api, name: &str) -> Result<Side, Failure> {
    let (tag, version) = named_version(name)?;
    let call = Call::get(&["workflows", tag]).query_opt("version", version);
    let view = api.fetch::<WorkflowView>(call).await?.view;
    let compiled = aob_ir::compile_text(view.document.0.get()).map_err(|_| {
        let message = format!("this `aob` does not understand the workflow `{name}`");
        Failure::new(Exit::Failed, "invalid_workflow", message, "use an `aob` as new as the server")
    })?;
    let name = match &view.version {
        Some(version) => format!("{}@{}", version.tag, version.version),
        None => name.to_owned(),
    };
    Ok(Side { name, ir: compiled.ir })
}

fn show(context: &Context, from: &Side, to: &Side) -> Result<Exit, Failure> {
    let differ = from.ir.digest != to.ir.digest;
    let found = DiffView::between(&from.ir, &to.ir);
    let out = context.out;
    match out.format {
        Format::Json | Format::Jsonl => {
            let operations = diff(&from.document(), &to.document());
            let operations = serde_json::to_value(operations).unwrap_or_default();
            out.json(&WorkflowDiff {
                from: from.name.clone(),
                to: to.name.clone(),
                diff: found,
                operations: RawText::of(&operations),
            })?;
        }
        Format::Name if differ => out.line(&to.ir.digest.to_string())?,
        Format::Name => {}
        Format::Table | Format::Wide => {
            if differ {
                out.data(&changes::diff(&found))?;
            }
            let summary = if differ { changes::summary(&found) } else { "the same".to_owned() };
            out.note(&format!("{} -> {}: {summary}", from.name, to.name));
        }
    }
    Ok(if differ { Exit::Failed } else { Exit::Ok })
}
