//! `aob workflow show`: one document.

use aob_api::{WorkflowShape, WorkflowView};
use clap::Args;

use crate::client::{Call, Got};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::Format;

/// Show the document of a workflow.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob workflow show onboarding@2"))]
pub(crate) struct Show {
    /// The tag, or TAG@VERSION.
    #[arg(value_name = "TAG")]
    tag: String,
    /// List the versions instead.
    #[arg(long)]
    versions: bool,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (tag, version) = match self.tag.rsplit_once('@') {
            Some((tag, version)) => {
                let wrong =
                    || Failure::usage(format!("`{version}` is not a version"), "write TAG@NUMBER");
                (tag, Some(version.parse::<u64>().map_err(|_| wrong())?))
            }
            None => (&*self.tag, None),
        };
        let api = context.api()?;
        if self.versions {
            return super::versions::listed(context, &api, tag, VERSIONS_MAX);
        }
        let call = Call::get(&["workflows", tag]).query_opt("version", version);
        let Got { raw, view } = block_on(api.fetch::<WorkflowView>(call))?;
        let out = context.out;
        match out.format {
            Format::Json | Format::Jsonl => out.json(&raw)?,
            Format::Name => out.line(&view.digest.to_string())?,
            Format::Table | Format::Wide => {
                let version = view.version.map_or_else(String::new, |v| format!("@{}", v.version));
                let WorkflowShape { nodes, edges, .. } = view.shape;
                out.note(&format!("{tag}{version}  {}  {nodes} nodes, {edges} edges", view.digest));
                out.json(&raw["document"])?;
            }
        }
        Ok(Exit::Ok)
    }
}

/// Versions shown at most.
const VERSIONS_MAX: usize = 10_000;
