//! `aob signal`: values for `signal` nodes.

use aob_api::{CommandOutcome, WebhookView};
use clap::{Args, Subcommand};
use http::HeaderValue;
use serde_json::Value;

use super::keys::idempotency_key;
use crate::client::{Call, RunRef};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::Source;

/// Send signals to runs.
#[derive(Debug, Subcommand)]
pub(crate) enum Signal {
    Send(Send),
    Url(WebhookUrl),
}

/// Send a signal to a run. It waits there until a `signal` node takes it.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob signal send @latest payment_received --payload '{\"amount\": 120}'"))]
pub(crate) struct Send {
    /// The run.
    run: RunRef,
    /// Name of the signal.
    name: String,
    /// What it carries: JSON, a file with it, or - for standard input.
    #[arg(long, value_name = "JSON|FILE|-", value_parser = Source::json_or_file)]
    payload: Option<Source>,
    /// Repeating a call with the same key sends the signal once.
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<HeaderValue>,
}

/// Print the signed URL to which others can POST a signal without an API key. The run needs a
/// `signal` node that says `webhook: true`.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob signal url @latest payment_received"))]
pub(crate) struct WebhookUrl {
    /// The run.
    run: RunRef,
    /// Name of the signal.
    name: String,
}

impl WebhookUrl {
    fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        block_on(async {
            let run = api.run_id(&self.run).await?;
            let call = Call::get(&["runs", &run, "signals", &self.name, "webhook"]);
            let answer = api.fetch::<WebhookView>(call).await?;
            if context.out.is_json() {
                context.out.json(&answer.raw)?;
            } else {
                context.out.line(api.url_of(&answer.view.path).as_str())?;
            }
            Ok(Exit::Ok)
        })
    }
}

impl Signal {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Send(send) => send.run(context),
            Self::Url(url) => url.run(context),
        }
    }
}

impl Send {
    fn run(self, context: &Context) -> Result<Exit, Failure> {
        let payload = self.payload.as_ref().map(Source::json).transpose()?;
        let api = context.api()?;
        block_on(async {
            let run = api.run_id(&self.run).await?;
            let call = Call::post(&["runs", &run, "signals", &self.name])
                .body(&payload.unwrap_or(Value::Null))
                .idempotent(self.idempotency_key);
            let answer = api.fetch::<CommandOutcome>(call).await?;
            if context.out.is_json() {
                context.out.json(&answer.raw)?;
            } else {
                context.out.note(&format!("signal {} sent to run {run}", self.name));
            }
            Ok(Exit::Ok)
        })
    }
}
