//! `aob run graph`: the graph that holds.

use aob_api::{GraphNode, GraphView, WorkflowView};
use clap::Args;
use owo_colors::OwoColorize;

use crate::client::{Call, Got, RunRef};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{Cell, Format, facts, plain, table};

/// Show the graph that holds in a run: revision, digest, and where every node and edge stands.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run graph @latest", "aob run graph @latest --document"))]
pub(crate) struct Graph {
    /// The run.
    run: RunRef,
    /// Print the document that holds, as JSON.
    #[arg(long)]
    document: bool,
}

impl Graph {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let out = context.out;
        block_on(async {
            let run = api.run_id(&self.run).await?;
            let graph = api.fetch::<GraphView>(Call::get(&["runs", &run, "graph"])).await?;
            if self.document {
                let digest = graph.view.digest.to_string();
                let stored = api.fetch::<WorkflowView>(Call::get(&["workflows", &digest])).await?;
                return out.json(&stored.raw["document"]);
            }
            match out.format {
                Format::Json | Format::Jsonl => out.json(&graph.raw),
                Format::Name => out.line(&graph.view.digest.to_string()),
                Format::Table | Format::Wide => out.data(&text(&graph)),
            }
        })?;
        Ok(Exit::Ok)
    }
}

fn text(graph: &Got<GraphView>) -> String {
    let GraphView { run, digest, revision, nodes, edges, .. } = &graph.view;
    let row = |name: &str, value: String| vec![Cell::new(name), Cell::new(value)];
    let mut text = facts(vec![
        row("run", run.to_string()),
        row("digest", digest.to_string()),
        row("revision", revision.to_string()),
    ]);
    let rows = nodes.iter().map(|node: &GraphNode| {
        vec![Cell::new(&node.id), Cell::new(&node.kind), Cell::status(&node.status)]
    });
    text.push_str(&format!("\n{}", table(&["NODE", "TYPE", "STATUS"], rows)));
    text.push_str(&format!("\n{}\n", "EDGE".bold()));
    for edge in edges {
        let condition =
            edge.condition.as_ref().map_or(String::new(), |text| format!("  if {text}"));
        let on = format!("{:?}", edge.on).to_lowercase();
        let line = format!("{}  on {on}, {}{condition}", edge.id, edge.status);
        text.push_str(&format!("{}\n", plain(&line)));
    }
    text
}
