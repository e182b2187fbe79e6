//! `aob notify test`.

use std::time::Duration;

use aob_api::{DeliveryStatus, DeliveryView, Nothing};
use clap::Args;

use super::id_of;
use crate::client::{Api, Call};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::Format;

/// Between two looks at what became of it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Send a message that says nothing, and wait for what becomes of it.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob notify test ops"))]
pub(crate) struct Test {
    /// Id or name of the endpoint.
    endpoint: String,
    /// Wait for so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
}

impl Test {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let last = block_on(async {
            let id = id_of(&api, &self.endpoint).await?;
            let path = ["notifications", "endpoints", &id, "test"];
            let put = api.fetch::<DeliveryView>(Call::post(&path).body(&Nothing {})).await?.view;
            let wait = Duration::from_secs(self.timeout);
            match tokio::time::timeout(wait, tried(&api, &put)).await {
                Ok(tried) => tried,
                Err(_) => Ok(put),
            }
        })?;
        let out = context.out;
        match out.format {
            Format::Json | Format::Jsonl => out.json(&last)?,
            Format::Name => out.line(&last.id)?,
            Format::Table | Format::Wide => {
                out.line(&format!("{}  {}", last.id, last.status.as_str()))?;
            }
        }
        match (last.status, last.error) {
            (DeliveryStatus::Delivered, _) => Ok(Exit::Ok),
            (DeliveryStatus::Pending, None) => {
                let todo =
                    format!("see what becomes of it: aob notify log --endpoint {}", last.endpoint);
                Err(Failure::new(Exit::Timeout, "timeout", "it was not tried in time", todo))
            }
            (_, error) => {
                let message = format!("it did not arrive: {}", error.unwrap_or_default());
                let todo = format!(
                    "correct that; what is tried next: aob notify log --endpoint {}",
                    last.endpoint
                );
                Err(Failure::new(Exit::Failed, "not_delivered", message, todo))
            }
        }
    }
}

/// The delivery once it was tried.
async fn tried(api: &Api, put: &DeliveryView) -> Result<DeliveryView, Failure> {
    loop {
        let call = Call::get(&["notifications", "deliveries"]).query("endpoint", &put.endpoint);
        let page = api.pages::<DeliveryView>(call, 50).await?;
        let own = page.items.into_iter().map(|item| item.view).find(|one| one.id == put.id);
        match own {
            Some(one) if one.status != DeliveryStatus::Pending || one.error.is_some() => {
                return Ok(one);
            }
            Some(_) | None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
