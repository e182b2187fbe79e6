//! `aob notify`: who is told of approvals, and what was sent to them.

mod add;
mod change;
mod list;
mod log;
mod test;

use aob_api::{EndpointKind, EndpointView, NotificationEvent};
use clap::{Subcommand, ValueEnum};

use crate::client::{Api, Call};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Tell people of approvals: by signed webhooks, Slack and mail.
#[derive(Debug, Subcommand)]
pub(crate) enum Notify {
    Add(add::Add),
    #[command(visible_alias = "ls")]
    List(list::List),
    #[command(visible_alias = "rm")]
    Remove(change::Remove),
    Enable(change::Enable),
    Test(test::Test),
    Log(log::Log),
}

impl Notify {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Add(add) => add.run(context),
            Self::List(list) => list.run(context),
            Self::Remove(remove) => remove.run(context),
            Self::Enable(enable) => enable.run(context),
            Self::Test(test) => test.run(context),
            Self::Log(log) => log.run(context),
        }
    }
}

/// How an endpoint is told.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Signed POST requests (standardwebhooks.com).
    Webhook,
    /// A Slack incoming webhook.
    Slack,
    /// Mail, if the server has an SMTP server.
    Email,
}

impl From<Kind> for EndpointKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Webhook => Self::Webhook,
            Kind::Slack => Self::Slack,
            Kind::Email => Self::Email,
        }
    }
}

/// What may be told of a ticket.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Event {
    /// It was opened.
    Requested,
    /// It went to the next who may decide.
    Escalated,
    /// It will soon be too late.
    Expiring,
    /// It is over.
    Decided,
}

impl From<Event> for NotificationEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Requested => Self::Requested,
            Event::Escalated => Self::Escalated,
            Event::Expiring => Self::Expiring,
            Event::Decided => Self::Decided,
        }
    }
}

/// All endpoints of the workspace.
async fn endpoints(api: &Api) -> Result<Vec<EndpointView>, Failure> {
    let call = Call::get(&["notifications", "endpoints"]);
    let listing = api.pages::<EndpointView>(call, usize::MAX).await?;
    Ok(listing.items.into_iter().map(|item| item.view).collect())
}

/// The id of the endpoint that somebody means by its id or its name.
async fn id_of(api: &Api, named: &str) -> Result<String, Failure> {
    let all = endpoints(api).await?;
    if all.iter().any(|endpoint| endpoint.id == named) {
        return Ok(named.to_owned());
    }
    let mut of_name = all.into_iter().filter(|endpoint| endpoint.name == named);
    match (of_name.next(), of_name.next()) {
        (Some(one), None) => Ok(one.id),
        (Some(_), Some(_)) => {
            let message = format!("several endpoints are called `{named}`");
            Err(Failure::usage(message, "name one by its id: aob notify list"))
        }
        (None, _) => {
            let message = format!("there is no endpoint `{named}`");
            let todo = "see which there are: aob notify list";
            Err(Failure::new(Exit::NotFound, "endpoint_not_found", message, todo))
        }
    }
}
