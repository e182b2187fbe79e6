//! `aob run start`: a new run, on a server or in this process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aob_api::{BudgetSpec, Dedup, RawText, StartRun, StartedRun};
use clap::{Args, ValueEnum};
use http::HeaderValue;
use serde_json::{Value, json};

use super::wait;
use crate::client::{Api, Call, Got};
use crate::commands::keys::idempotency_key;
use crate::commands::patch::edits::operations;
use crate::commands::{report, workflow};
use crate::context::{Context, block_on};
use crate::embedded::{self, Patience};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{self, Watch};
use crate::grammar::example;
use crate::input::{self, Source, WorkflowRef, document, json_pair, pair};
use crate::output::Format;

/// Start a run.
///
/// With --wait, --follow or --embedded the exit code is the run's: 0 completed, 1 failed or
/// cancelled, 6 not over in time.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob run start onboarding.json --inputs customer.json --follow",
    "aob run start onboarding --input name=Ada --label team=risk",
    "aob run start hello.json --embedded",
))]
pub(crate) struct Start {
    /// A document (a file, or - for standard input), a tag, TAG@VERSION, or a digest. What has a
    /// slash or ends in .json, .yaml or .yml is a file.
    #[arg(value_name = "FILE|TAG|-")]
    workflow: WorkflowRef,
    /// Inputs: JSON, a file with it, or - for standard input.
    #[arg(short, long, value_name = "JSON|FILE|-", value_parser = Source::json_or_file)]
    inputs: Option<Source>,
    /// One key of the inputs, as name=value; the value is JSON, or else text.
    #[arg(long, value_name = "NAME=VALUE", value_parser = json_pair)]
    input: Vec<(String, Value)>,
    /// Label, for search; may be repeated.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// Patch the workflow for this run alone: JSON Patch, a file with it, or - for standard input. May
    /// be repeated; the tag stays where it is.
    #[arg(long, value_name = "JSON|FILE|-", value_parser = Source::json_or_file, conflicts_with = "embedded")]
    patch: Vec<Source>,
    /// How soon its jobs get their turn.
    #[arg(long, value_enum, value_name = "PRIORITY")]
    priority: Option<Priority>,
    /// What it may spend on models, its child runs included, such as usd=5,calls=100,tokens=200000. What
    /// is not named is bounded as limits.budget of the workflow says.
    #[arg(long, value_name = "CAPS", value_parser = input::budget)]
    budget: Option<BudgetSpec>,
    /// How much its log tells.
    #[arg(long, value_enum, value_name = "FIDELITY")]
    fidelity: Option<Fidelity>,
    /// Show its events until it is over, then the result.
    #[arg(short, long)]
    follow: bool,
    /// Wait until it is over, then show the result.
    #[arg(short, long)]
    wait: bool,
    /// Wait no longer than this, such as 90s or 5m; the run goes on. Implies --wait.
    #[arg(long, value_name = "SPAN", value_parser = input::span)]
    timeout: Option<Duration>,
    /// Only one run with this key may be open at a time.
    #[arg(long, value_name = "KEY")]
    dedup_key: Option<String>,
    /// What happens where another run with that key is open.
    #[arg(long, value_enum, requires = "dedup_key", value_name = "POLICY")]
    dedup_policy: Option<DedupPolicy>,
    /// Repeating a call with the same key starts one run.
    #[arg(long, value_name = "KEY", value_parser = idempotency_key, conflicts_with = "embedded")]
    idempotency_key: Option<HeaderValue>,
    /// Run it to its end in this process; no server is asked, whichever is configured.
    #[arg(long)]
    embedded: bool,
    /// Data directory of --embedded; AOB_DATA names another default.
    #[arg(long, requires = "embedded", value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Priority {
    High,
    Medium,
    Low,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Fidelity {
    /// What is needed to go on; the default.
    Fast,
    /// Every node that starts, with its input, too.
    Full,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DedupPolicy {
    /// Refuse the new run.
    Reject,
    /// Answer the open one.
    Attach,
}

impl Start {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let body = self.body()?;
        if self.embedded {
            let patience = Patience { follow: self.follow, limit: self.timeout };
            let done = embedded::run(context, self.data.as_deref(), body, patience);
            return done.map_err(|failure| self.explained(failure));
        }
        let api = context.api()?;
        block_on(self.perform(context, &api, &body))
    }

    fn body(&self) -> Result<StartRun, Failure> {
        let workflow = match &self.workflow {
            WorkflowRef::Stored(name) => json!(name),
            WorkflowRef::Document(source) => {
                if self.inputs == Some(Source::Stdin) && *source == Source::Stdin {
                    let message = "standard input cannot be both the document and the inputs";
                    return Err(Failure::usage(message, "put one of them into a file"));
                }
                workflow::parsed(&document(source)?, source)?
            }
        };
        let inputs = input::inputs(self.inputs.as_ref(), &self.input)?;
        let dedup = self.dedup_key.clone().map(|key| {
            let policy = match self.dedup_policy.unwrap_or(DedupPolicy::Reject) {
                DedupPolicy::Reject => aob_api::DedupPolicy::Reject,
                DedupPolicy::Attach => aob_api::DedupPolicy::Attach,
            };
            Dedup { key, policy }
        });
        let patches = self.patch.iter().map(|source| Ok(RawText::of(&operations(source)?)));
        Ok(StartRun {
            workflow: Some(RawText::of(&workflow)),
            patches: patches.collect::<Result<_, Failure>>()?,
            inputs: inputs.as_ref().map(RawText::of),
            labels: self.label.iter().cloned().collect(),
            priority: self.priority.map(|priority| match priority {
                Priority::High => aob_ir::Priority::High,
                Priority::Medium => aob_ir::Priority::Medium,
                Priority::Low => aob_ir::Priority::Low,
            }),
            fidelity: self.fidelity.map(|fidelity| match fidelity {
                Fidelity::Fast => aob_engine::Fidelity::Fast,
                Fidelity::Full => aob_engine::Fidelity::Full,
            }),
            budget: self.budget,
            dedup,
            ..StartRun::default()
        })
    }

    /// Starts it on a server, and does what else was asked for.
    async fn perform(
        &self,
        context: &Context,
        api: &Api,
        body: &StartRun,
    ) -> Result<Exit, Failure> {
        let call = Call::post(&["runs"]).body(body).idempotent(self.idempotency_key.clone());
        let started = api.fetch::<StartedRun>(call).await;
        let started = started.map_err(|failure| self.explained(failure))?;
        let run = started.view.id.to_string();
        let waits = self.wait || self.timeout.is_some();
        if !self.follow && !waits {
            show(context, &started)?;
            return Ok(Exit::Ok);
        }
        let result = wait::within(self.timeout, &run, async {
            if self.follow {
                follow::until_over(context, api, &Watch::whole(&run)).await?;
            }
            wait::until_over(api, &run).await
        });
        let result = result.await?;
        // The stream of events is the data of `--follow -o jsonl`.
        if !(self.follow && context.out.format == Format::Jsonl) {
            report::run(context.out, &result)?;
        }
        Ok(report::exit(&result.view.status))
    }

    /// A tag that does not exist may have been meant as a file; a document that is refused can be
    /// checked by itself.
    fn explained(&self, failure: Failure) -> Failure {
        match (&self.workflow, failure.code()) {
            (WorkflowRef::Stored(name), "workflow_not_found") => {
                if Path::new(name).is_file() {
                    return failure.with_todo(format!("aob run start ./{name}"));
                }
                let todo = "`aob workflow list` shows the tags; a file needs its extension or a /";
                failure.with_todo(todo)
            }
            (WorkflowRef::Document(source), "invalid_workflow") => {
                failure.with_todo(source.validate())
            }
            (WorkflowRef::Stored(_) | WorkflowRef::Document(_), _) => failure,
        }
    }
}

fn show(context: &Context, started: &Got<StartedRun>) -> Result<(), Failure> {
    let (out, StartedRun { id, status, attached, .. }) = (context.out, &started.view);
    match out.format {
        Format::Json | Format::Jsonl => out.json(&started.raw),
        Format::Name => out.line(&id.to_string()),
        Format::Table | Format::Wide => {
            out.line(&format!("{id}  {status}"))?;
            if *attached {
                out.note("it was open before, and holds the dedup key");
            }
            out.todo(&format!("aob logs stream {id}"));
            Ok(())
        }
    }
}
