//! `aob run events`: the log of a run so far.

use aob_api::EventPage;
use clap::Args;

use crate::client::{Call, RunRef};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{EventView, Watch};
use crate::grammar::example;
use crate::output::Format;

/// Events asked for at once.
const PAGE: u32 = 1_000;

/// Show the events of a run, as far as it has come.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run events @latest --after 10 --types node_failed,run_failed"))]
pub(crate) struct Events {
    /// The run.
    run: RunRef,
    /// Only this node, and what is inside of it.
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only events behind this one.
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    after: u64,
    /// Only these types of events, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "TYPES")]
    types: Vec<String>,
}

impl Events {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self { run, node, after, types } = self;
        let api = context.api()?;
        block_on(async {
            let run = api.run_id(&run).await?;
            let mut watch = Watch { run, after, node, types };
            // Pages are printed as they come: a run may have a million events.
            loop {
                let call = Call::get(&["runs", &watch.run, "events"]);
                let call = call.query("after", watch.after).query("limit", PAGE);
                let page = api.send(call).await?.read::<EventPage>()?.view;
                for item in &page.items {
                    show(context, &watch, item.0.get())?;
                }
                if page.items.is_empty() || page.next_after >= page.head_seq {
                    return Ok(Exit::Ok);
                }
                watch.after = page.next_after;
            }
        })
    }
}

fn show(context: &Context, watch: &Watch, text: &str) -> Result<(), Failure> {
    let event = EventView::parse(text);
    if !watch.shows(&event) {
        return Ok(());
    }
    match context.out.format {
        Format::Json | Format::Jsonl => context.out.line(text),
        Format::Name => context.out.line(&event.seq.to_string()),
        Format::Table | Format::Wide => context.out.line(&event.line()),
    }
}
