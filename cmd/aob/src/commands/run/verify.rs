//! `aob run verify`: whether a run's log keeps every invariant.

use aob_api::Verification;
use clap::Args;
use owo_colors::OwoColorize;

use crate::client::{Call, Got, RunRef};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{Cell, Format, Out, plain, table};

/// Check a run's log: its hash chain, and every invariant that can be decided from it.
///
/// Exit code 1 where something is wrong.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run verify @latest"))]
pub(crate) struct Verify {
    /// The run.
    run: RunRef,
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let answer = block_on(async {
            let run = api.run_id(&self.run).await?;
            api.fetch::<Verification>(Call::get(&["runs", &run, "verify"])).await
        })?;
        show(context.out, &answer)?;
        Ok(if answer.view.ok { Exit::Ok } else { Exit::Failed })
    }
}

fn show(out: Out, answer: &Got<Verification>) -> Result<(), Failure> {
    let found = &answer.view;
    match out.format {
        Format::Json | Format::Jsonl => out.json(&answer.raw),
        Format::Name => found.violations.iter().try_for_each(|one| out.line(&one.invariant)),
        Format::Table | Format::Wide if found.ok => {
            let Verification { run, events, segments, graph_checked, .. } = found;
            let graph = if *graph_checked { "" } else { " (the graph was not at hand)" };
            let counts = format!("{events} events in {segments} segments");
            out.line(&format!("{} run {run}: {counts} keep every invariant{graph}", "ok".green()))
        }
        Format::Table | Format::Wide => {
            if let Some(broken) = &found.broken_chain {
                out.line(&format!("{} {}", "the hash chain is broken:".red(), plain(broken)))?;
            }
            if !found.violations.is_empty() {
                let rows = found.violations.iter().map(|one| {
                    let seq = Cell::new(one.seq.to_string());
                    vec![Cell::new(&one.invariant), seq, Cell::new(&one.message)]
                });
                out.data(&table(&["INVARIANT", "SEQ", "FOUND"], rows))?;
            }
            if found.suppressed > 0 {
                out.note(&format!("and {} more", found.suppressed));
            }
            out.todo(&format!("aob run events {}", found.run));
            Ok(())
        }
    }
}
