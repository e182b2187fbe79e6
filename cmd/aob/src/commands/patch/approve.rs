//! `aob patch approve`: the answer to the ticket of a patch.

use aob_api::{Decide, Decided, RunPatch};
use aob_engine::Vote;
use clap::Args;

use super::propose::answered;
use super::{LATEST, patch_id, patches};
use crate::client::{Api, Call, RunRef};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;

/// Approve a patch that waits, or reject it. Without a patch: the only one that waits.
///
/// The decision counts for exactly what was shown: if the patch means something else since, it is
/// refused, and asked for again.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob patch approve @latest --reason 'the customer asked for it'"))]
pub(crate) struct Approve {
    /// The run.
    run: RunRef,
    /// The patch.
    patch: Option<String>,
    /// Why, for the log.
    #[arg(long)]
    reason: Option<String>,
    /// Reject it instead.
    #[arg(long)]
    reject: bool,
}

impl Approve {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let answer = block_on(async {
            let run = api.run_id(&self.run).await?;
            let patch = self.patch(&api, &run).await?;
            let place = ["runs", &run, "patches", &patch];
            let shown = api.fetch::<RunPatch>(Call::get(&place)).await?.view;
            let Some(ticket) = &shown.ticket else {
                let message =
                    format!("patch {patch} is {}: nobody is asked", shown.status.as_str());
                let todo = format!("aob patch show {run} {patch}");
                return Err(Failure::new(Exit::Conflict, "patch_decided", message, todo));
            };
            let body = Decide {
                decision: if self.reject { Vote::Reject } else { Vote::Approve },
                reason: self.reason.clone(),
                data: None,
                edits: None,
                subject_hash: shown.subject_hash,
            };
            let call = Call::post(&["approvals", &ticket.0, "decision"]).body(&body);
            api.fetch::<Decided>(call).await?;
            api.fetch::<RunPatch>(Call::get(&place)).await
        })?;
        answered(context, &answer)
    }

    async fn patch(&self, api: &Api, run: &str) -> Result<String, Failure> {
        if let Some(name) = &self.patch {
            return patch_id(api, run, name).await;
        }
        let all = patches(api, run).await?;
        let waiting = all.items.iter().filter(|patch| patch.view.status.as_str() == "waiting");
        let ids: Vec<String> = waiting.map(|patch| patch.view.id.to_string()).collect();
        match &ids[..] {
            [only] => Ok(only.clone()),
            [] => {
                let message = "no patch of the run waits for an approval";
                let todo = format!("aob patch list {run}");
                Err(Failure::new(Exit::NotFound, "unknown_patch", message, todo))
            }
            [_, _, ..] => {
                let message = format!("{} patches of the run wait", ids.len());
                Err(Failure::usage(message, format!("name one: {}, or {LATEST}", ids.join(", "))))
            }
        }
    }
}
