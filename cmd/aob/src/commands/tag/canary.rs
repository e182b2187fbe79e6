//! `aob tag canary`: trying a version on a share of the runs.

use aob_api::TagView;
use clap::Args;
use serde_json::json;

use super::step::matching;
use crate::client::Call;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::Format;

/// Try a version on a share of the runs that are started by the tag, or end the trial.
///
/// Which runs, a hash says; the same `canary_key` meets the same version. Each run that starts
/// during the trial has the labels `aob.version` and `aob.canary`.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob tag canary onboarding 5 --percent 10",
    "aob tag canary onboarding --off",
))]
pub(crate) struct Canary {
    /// The tag.
    tag: String,
    /// The version to try.
    #[arg(required_unless_present = "off")]
    version: Option<u64>,
    /// Its share of the runs.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100), default_value_t = 10)]
    percent: u32,
    /// End the trial.
    #[arg(long, conflicts_with_all = ["version", "percent"])]
    off: bool,
    /// Only if the tag is at this version; otherwise nothing is done (exit code 4).
    #[arg(long, value_name = "VERSION")]
    at: Option<u64>,
}

impl Canary {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let body = match self.version {
            Some(version) => json!({"canary": {"version": version, "percent": self.percent}}),
            None => json!({ "canary": null }),
        };
        let call = matching(Call::post(&["tags", &self.tag, "canary"]).body(&body), self.at);
        let answer = block_on(api.fetch::<TagView>(call))?;
        let out = context.out;
        let TagView { current, canary, .. } = &answer.view;
        let (tag, version) = (&current.tag, current.version);
        match out.format {
            Format::Json | Format::Jsonl => out.json(&answer.raw)?,
            Format::Name => out.line(tag)?,
            Format::Table | Format::Wide => {
                let share = canary.map_or_else(
                    || format!("all runs to version {version}"),
                    |canary| {
                        let (percent, tried) = (canary.percent, canary.version);
                        format!(
                            "{percent}% of the runs to version {tried}, the others to {version}"
                        )
                    },
                );
                out.line(&format!("{tag}  {share}"))?;
                if let Some(canary) = canary {
                    out.todo(&format!("aob tag move {tag} {}", canary.version));
                }
            }
        }
        Ok(Exit::Ok)
    }
}
