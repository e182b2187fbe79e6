//! `aob workflow versions`: the history of a workflow.

use aob_api::{TagView, WorkflowVersion};
use clap::Args;

use crate::client::{Api, Call};
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{self, Cell, Tint, ago};

/// List the versions of a workflow, newest first: which one holds, and which were dropped.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob workflow versions onboarding"))]
pub(crate) struct Versions {
    /// The tag.
    tag: String,
    /// Show at most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

impl Versions {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        listed(context, &context.api()?, &self.tag, self.limit as usize)
    }
}

/// Prints the versions of a tag.
pub(super) fn listed(
    context: &Context,
    api: &Api,
    tag: &str,
    limit: usize,
) -> Result<Exit, Failure> {
    let (listing, at) = block_on(async {
        let listing = api.pages(Call::get(&["workflows", tag, "versions"]), limit).await?;
        let at = api.fetch::<TagView>(Call::get(&["tags", tag])).await?.view;
        Ok::<_, Failure>((listing, at))
    })?;
    let now = clock::now();
    let list = output::List {
        titles: &["WORKFLOW", "VERSION", "STATE", "CREATED", "WHAT", "BY", "DIGEST"],
        narrow: 5,
        cells: &|version: &WorkflowVersion| {
            vec![
                Cell::new(&version.tag),
                Cell::new(version.version.to_string()),
                state(version, &at),
                Cell::new(ago(version.created_at, now)),
                Cell::new(what(version)),
                Cell::new(&version.actor),
                Cell::new(version.digest.to_string()),
            ]
        },
        name: &|version| format!("{}@{}", version.tag, version.version),
        empty: "there are no versions",
    };
    context.out.list(&list, &listing)?;
    Ok(Exit::Ok)
}

/// How a version stands to where the tag is.
fn state(version: &WorkflowVersion, at: &TagView) -> Cell {
    let canary = at.canary.filter(|canary| canary.version == version.version);
    let current = at.current.version == version.version;
    match (current, canary, version.dropped_by) {
        (true, _, _) => Cell::new("current").tinted(Tint::Good),
        (false, Some(canary), _) => {
            Cell::new(format!("canary {}%", canary.percent)).tinted(Tint::Active)
        }
        (false, None, Some(by)) => Cell::new(format!("dropped by {by}")).tinted(Tint::Faint),
        (false, None, None) if version.version > at.current.version => {
            Cell::new("undone").tinted(Tint::Waiting)
        }
        (false, None, None) => Cell::new(""),
    }
}

/// How it came about, in a few words.
fn what(version: &WorkflowVersion) -> String {
    let source = version.source.as_deref();
    let kind = match (version.kind.as_str(), source) {
        ("moved", Some(source)) => format!("moved to {source}"),
        (kind, _) => kind.to_owned(),
    };
    match &version.description {
        Some(description) => format!("{kind}: {description}"),
        None => kind,
    }
}
