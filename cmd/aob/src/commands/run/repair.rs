//! `aob run retry|skip|fail|succeed`: what a person decides about a parked instance.

use aob_api::{CommandOutcome, Explanation};
use aob_engine::InstanceId;
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Api, Call, RunRef};
use crate::commands::ask;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::Source;

/// Which instance of which run.
#[derive(Debug, Args)]
struct Target {
    /// The run.
    run: RunRef,
    /// The parked instance, such as `charge` or `items[3]/charge`; without it, the run's only one.
    instance: Option<InstanceId>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Let a parked instance go on with more attempts.
///
/// What has failed for good is not retried; an instance parks where nobody knows whether its
/// effect happened, or where the workflow says `on_error: park`.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run retry @latest charge"))]
pub(crate) struct Retry {
    #[command(flatten)]
    target: Target,
    /// Retry every parked instance of the run.
    #[arg(long, conflicts_with = "instance")]
    all: bool,
}

/// Pass over a parked instance: the run goes on as if it had succeeded with null.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run skip @latest charge --yes"))]
pub(crate) struct Skip {
    #[command(flatten)]
    target: Target,
}

/// Let a parked instance fail: its failure edges and on_error decide what follows.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run fail @latest charge --message 'not charged' --yes"))]
pub(crate) struct Fail {
    #[command(flatten)]
    target: Target,
    /// Why.
    #[arg(long, default_value = "failed by hand")]
    message: String,
}

/// Say what a parked instance returned, because its effect did happen.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob run succeed @latest charge --result '{\"id\": \"ch_1\"}' --yes"))]
pub(crate) struct Succeed {
    #[command(flatten)]
    target: Target,
    /// What it returned: JSON, a file with it, or - for standard input.
    #[arg(long, value_name = "JSON|FILE|-", value_parser = Source::json_or_file)]
    result: Source,
}

impl Retry {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        apply(context, "retry", &self.target, self.all, json!({}))
    }
}

impl Skip {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        apply(context, "skip", &self.target, false, json!({}))
    }
}

impl Fail {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        apply(context, "fail", &self.target, false, json!({ "message": self.message }))
    }
}

impl Succeed {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let output = self.result.json()?;
        apply(context, "succeed", &self.target, false, json!({ "output": output }))
    }
}

fn apply(
    context: &Context,
    verb: &str,
    target: &Target,
    all: bool,
    mut body: Value,
) -> Result<Exit, Failure> {
    let api = context.api()?;
    block_on(async {
        let run = api.run_id(&target.run).await?;
        let instances = match &target.instance {
            Some(instance) => vec![instance.to_string()],
            None => parked(&api, &run, all).await?,
        };
        if !target.yes {
            ask::consent(context.out, verb, "instance", &instances, verb != "retry")?;
        }
        for instance in instances {
            body["instance"] = json!(instance);
            let call = Call::post(&["runs", &run, verb]).body(&body);
            let answer = api.fetch::<CommandOutcome>(call).await?;
            if context.out.is_json() {
                context.out.json(&answer.raw)?;
            } else {
                let status = &answer.view.status;
                context.out.line(&format!("{run}  {instance}  {verb}: the run is {status}"))?;
            }
        }
        Ok(Exit::Ok)
    })
}

/// Why an explanation says that an instance is parked.
const PARKED: [&str; 4] =
    ["outcome_unknown", "parked_on_error", "unknown_type", "compensation_failed"];

/// The parked instances of a run: its only one, or `all`.
async fn parked(api: &Api, run: &str, all: bool) -> Result<Vec<String>, Failure> {
    let answer = api.fetch::<Explanation>(Call::get(&["runs", run, "explain"])).await?;
    let Explanation { status, waits, .. } = answer.view;
    let parked = waits.into_iter().filter(|wait| PARKED.contains(&&*wait.reason));
    let parked: Vec<String> =
        parked.filter_map(|wait| wait.instance).map(|instance| instance.to_string()).collect();
    match parked.len() {
        0 => {
            let message = format!("run {run} is {status}, and no instance of it is parked");
            let todo = format!("aob run explain {run}");
            Err(Failure::new(Exit::Conflict, "not_parked", message, todo))
        }
        1 => Ok(parked),
        _ if all => Ok(parked),
        count => {
            let message = format!("{count} instances are parked: {}", parked.join(", "));
            Err(Failure::usage(message, "name the instance behind the run"))
        }
    }
}
