//! `aob notify add`.

use aob_api::{AddEndpoint, AddedEndpoint, EndpointKind};
use clap::Args;

use super::{Event, Kind};
use crate::client::Call;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::Format;

/// Tell somebody of approvals from now on.
///
/// The secret that a webhook's messages are signed with is printed once, and never again.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob notify add webhook https://hooks.example.com/approvals --name ops",
    "aob notify add slack https://hooks.slack.com/services/T000/B000/XXXX --event requested",
    "aob notify add email cfo@example.com --approver finance",
))]
pub(crate) struct Add {
    /// How they are told.
    #[arg(value_enum)]
    kind: Kind,
    /// A URL; for mail one or more addresses.
    #[arg(required = true, value_name = "URL|ADDRESS")]
    target: Vec<String>,
    /// What to call it; without: its host or first address.
    #[arg(long)]
    name: Option<String>,
    /// Tell only of this; may be repeated.
    #[arg(long = "event", value_enum, value_name = "EVENT")]
    events: Vec<Event>,
    /// Tell only of tickets that this role, group or person may decide (and those that anybody may);
    /// may be repeated.
    #[arg(long = "approver", value_name = "NAME")]
    approvers: Vec<String>,
}

impl Add {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let kind = EndpointKind::from(self.kind);
        let (url, to) = match (kind, self.target) {
            (EndpointKind::Email, to) => (None, to),
            (EndpointKind::Webhook | EndpointKind::Slack, mut target) => {
                let url = target.pop();
                if !target.is_empty() {
                    let todo = "add one endpoint for each";
                    return Err(Failure::usage("a webhook has one URL", todo));
                }
                (url, Vec::new())
            }
        };
        let asked = AddEndpoint {
            kind,
            url,
            to,
            name: self.name,
            events: self.events.into_iter().map(Into::into).collect(),
            approvers: self.approvers,
        };
        let call = Call::post(&["notifications", "endpoints"]).body(&asked);
        let got = block_on(context.api()?.fetch::<AddedEndpoint>(call))?;
        let (out, added) = (context.out, &got.view);
        match out.format {
            Format::Json | Format::Jsonl => return out.json(&got.raw).map(|()| Exit::Ok),
            Format::Name => out.line(&added.endpoint.id)?,
            Format::Table | Format::Wide => {
                out.line(&format!("{}  {}", added.endpoint.id, added.endpoint.name))?;
                if let Some(secret) = &added.secret {
                    out.line(&format!("secret  {secret}"))?;
                    out.note("the secret is shown this once; whoever receives verifies with it");
                }
            }
        }
        out.todo(&format!("aob notify test {}", added.endpoint.id));
        Ok(Exit::Ok)
    }
}
