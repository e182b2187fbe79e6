//! `aob notify remove|enable`.

use aob_api::{EndpointView, Nothing};
use clap::Args;
use http::Method;

use super::id_of;
use crate::client::Call;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::Format;

/// Tell an endpoint nothing any more, not even what waits to be sent again.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob notify remove ops"))]
pub(crate) struct Remove {
    /// Its id or name.
    endpoint: String,
}

/// Tell an endpoint again that answered 410 and was disabled: of what happens from now on.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob notify enable ops"))]
pub(crate) struct Enable {
    /// Its id or name.
    endpoint: String,
}

impl Remove {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let id = block_on(async {
            let id = id_of(&api, &self.endpoint).await?;
            let path = ["notifications", "endpoints", &id];
            api.send(Call::new(Method::DELETE, &path)).await?;
            Ok::<_, Failure>(id)
        })?;
        match context.out.format {
            Format::Name => context.out.line(&id)?,
            Format::Json | Format::Jsonl | Format::Table | Format::Wide => {
                context.out.note(&format!("{id} is removed"));
            }
        }
        Ok(Exit::Ok)
    }
}

impl Enable {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let got = block_on(async {
            let id = id_of(&api, &self.endpoint).await?;
            let path = ["notifications", "endpoints", &id, "enable"];
            api.fetch::<EndpointView>(Call::post(&path).body(&Nothing {})).await
        })?;
        match context.out.format {
            Format::Json | Format::Jsonl => context.out.json(&got.raw)?,
            Format::Name => context.out.line(&got.view.id)?,
            Format::Table | Format::Wide => {
                context.out.line(&format!("{}  enabled", got.view.id))?;
            }
        }
        Ok(Exit::Ok)
    }
}
