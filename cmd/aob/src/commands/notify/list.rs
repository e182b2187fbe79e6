//! `aob notify list`.

use aob_api::EndpointView;
use clap::Args;

use crate::client::Call;
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{self, Cell, Tint, ago};

/// List who is told of approvals.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob notify list"))]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let call = Call::get(&["notifications", "endpoints"]);
        let listing = block_on(context.api()?.pages_from(call, None, usize::MAX))?;
        let now = clock::now();
        let list = output::List {
            titles: &["ID", "NAME", "KIND", "STATE", "WHERE", "EVENTS", "FOR", "ADDED", "BY"],
            narrow: 5,
            cells: &|endpoint: &EndpointView| {
                let (state, tint) = match &endpoint.disabled {
                    Some(why) => (format!("disabled: {why}"), Tint::Bad),
                    None => ("enabled".to_owned(), Tint::Good),
                };
                let events: Vec<&str> =
                    endpoint.events.iter().map(|event| event.as_str()).collect();
                let or_all = |list: String| if list.is_empty() { "all".to_owned() } else { list };
                vec![
                    Cell::new(&endpoint.id),
                    Cell::new(&endpoint.name),
                    Cell::new(endpoint.kind.as_str()),
                    Cell::new(state).tinted(tint),
                    Cell::new(&endpoint.target),
                    Cell::new(or_all(events.join(", "))),
                    Cell::new(or_all(endpoint.approvers.join(", "))),
                    Cell::new(ago(endpoint.added_at, now)),
                    Cell::new(&endpoint.added_by),
                ]
            },
            name: &|endpoint| endpoint.id.clone(),
            empty: "nobody is told of approvals: aob notify add --help",
        };
        context.out.list(&list, &listing)?;
        Ok(Exit::Ok)
    }
}
