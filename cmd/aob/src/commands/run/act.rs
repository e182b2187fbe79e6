//! `aob run cancel|pause|resume`: what is done to whole runs.

use aob_api::CommandOutcome;
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Api, Call, RunRef};
use crate::commands::ask;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::Format;

/// Cancel runs: what runs is asked to stop, then cut off; children too.
///
/// On a terminal it asks first. More than one run needs an answer, or --yes.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run cancel @latest --reason 'wrong customer' --yes"))]
pub(crate) struct Cancel {
    /// The runs.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<RunRef>,
    /// Why, for the log.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Pause runs: nothing more starts; what is running may end.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run pause @latest --reason 'partner is down'"))]
pub(crate) struct Pause {
    /// The runs.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<RunRef>,
    /// Why, for the log.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Resume paused runs.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run resume @latest"))]
pub(crate) struct Resume {
    /// The runs.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<RunRef>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Cancel {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let verb = Verb { name: "cancel", asks_for_one: true, yes: self.yes };
        verb.apply(context, &self.runs, &json!({ "reason": self.reason }))
    }
}

impl Pause {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let verb = Verb { name: "pause", asks_for_one: false, yes: self.yes };
        verb.apply(context, &self.runs, &json!({ "reason": self.reason }))
    }
}

impl Resume {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let verb = Verb { name: "resume", asks_for_one: false, yes: self.yes };
        verb.apply(context, &self.runs, &json!({}))
    }
}

/// Something that is done to runs, one after the other.
struct Verb {
    name: &'static str,
    /// On a terminal, ask for a single run too.
    asks_for_one: bool,
    yes: bool,
}

impl Verb {
    fn apply(&self, context: &Context, runs: &[RunRef], body: &Value) -> Result<Exit, Failure> {
        let api = context.api()?;
        block_on(async {
            let mut ids: Vec<String> = Vec::new();
            for run in runs {
                let id = api.run_id(run).await?;
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
            if !self.yes {
                ask::consent(context.out, self.name, "run", &ids, self.asks_for_one)?;
            }
            let mut worst = None;
            for id in &ids {
                if let Err(failure) = self.one(context, &api, id, body).await {
                    // One of several that fails does not hold up the others.
                    if ids.len() == 1 {
                        return Err(failure);
                    }
                    context.out.say(&format!("{id}:"));
                    worst = Some(context.out.failure(&failure));
                }
            }
            Ok(worst.unwrap_or(Exit::Ok))
        })
    }

    async fn one(
        &self,
        context: &Context,
        api: &Api,
        id: &str,
        body: &Value,
    ) -> Result<(), Failure> {
        let call = Call::post(&["runs", id, self.name]).body(body);
        let answer = api.fetch::<CommandOutcome>(call).await?;
        let out = context.out;
        match out.format {
            Format::Json | Format::Jsonl => out.json(&answer.raw),
            Format::Name => out.line(id),
            Format::Table | Format::Wide => {
                let before = if answer.view.changed { "" } else { " before" };
                out.line(&format!("{id}  {}{before}", answer.view.status))
            }
        }
    }
}
