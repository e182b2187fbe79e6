//! `aob tag undo|redo|move`: pointing a tag at another version.

use aob_api::TagView;
use clap::Args;
use http::HeaderValue;
use http::header::IF_MATCH;
use serde_json::{Value, json};

use crate::client::{Api, Call, Got};
use crate::commands::keys::idempotency_key;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{Format, Out};

/// Go back to the version before. Runs that were started stay with what they were started with.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob tag undo onboarding", "aob tag undo onboarding --at 4"))]
pub(crate) struct Undo {
    #[command(flatten)]
    common: Common,
}

/// Go forward to the version that an undo led away from.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob tag redo onboarding"))]
pub(crate) struct Redo {
    #[command(flatten)]
    common: Common,
}

/// Point a tag at a version, a digest or another tag: a new version, which an undo takes back.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob tag move onboarding 2 --description 'version 3 mails twice'",
    "aob tag move production staging@7",
))]
pub(crate) struct Move {
    #[command(flatten)]
    common: Common,
    /// A version of the tag, a digest, another tag, or TAG@VERSION.
    #[arg(value_name = "VERSION|DIGEST|TAG")]
    to: String,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

/// What all of them take.
#[derive(Debug, Args)]
struct Common {
    /// The tag.
    tag: String,
    /// Only if the tag is at this version; otherwise nothing is done (exit code 4).
    #[arg(long, value_name = "VERSION")]
    at: Option<u64>,
    /// Repeating a call with the same key moves the tag once.
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<HeaderValue>,
}

impl Undo {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        self.common.send(context, "undo", &json!({}))
    }
}

impl Redo {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        self.common.send(context, "redo", &json!({}))
    }
}

impl Move {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let to = match self.to.parse::<u64>() {
            Ok(version) => json!(version),
            Err(_) => json!(self.to),
        };
        let body = match &self.description {
            Some(description) => json!({"to": to, "description": description}),
            None => json!({ "to": to }),
        };
        self.common.send(context, "move", &body)
    }
}

impl Common {
    fn send(self, context: &Context, verb: &str, body: &Value) -> Result<Exit, Failure> {
        let api = context.api()?;
        block_on(async {
            let before = self.before(context.out, &api).await;
            let call = Call::post(&["tags", &self.tag, verb]).body(body);
            let call = matching(call, self.at).idempotent(self.idempotency_key);
            let answer = api.fetch::<TagView>(call).await?;
            shown(context.out, before, &answer)
        })
    }

    /// Where the tag is now, for people who like to see what a move did. If it cannot be said, the
    /// move itself will tell why.
    async fn before(&self, out: Out, api: &Api) -> Option<u64> {
        if out.is_json() {
            return None;
        }
        let tag = api.fetch::<TagView>(Call::get(&["tags", &self.tag])).await;
        tag.ok().map(|tag| tag.view.current.version)
    }
}

/// The same call, on the condition that the tag is at this version.
pub(super) fn matching(call: Call, at: Option<u64>) -> Call {
    match at.and_then(|at| HeaderValue::from_str(&format!("\"{at}\"")).ok()) {
        Some(etag) => call.header(IF_MATCH, etag),
        None => call,
    }
}

/// Prints where the tag stands.
pub(super) fn shown(out: Out, before: Option<u64>, answer: &Got<TagView>) -> Result<Exit, Failure> {
    let TagView { current, tip, .. } = &answer.view;
    let (tag, version) = (&current.tag, current.version);
    match out.format {
        Format::Json | Format::Jsonl => out.json(&answer.raw)?,
        Format::Name => out.line(&format!("{tag}@{version}"))?,
        Format::Table | Format::Wide => {
            let before = before.filter(|before| *before != version);
            let before = before.map_or_else(String::new, |before| format!("{before} -> "));
            out.line(&format!("{tag}  {before}{version}  {}", current.digest))?;
            if *tip != version {
                out.todo(&format!("aob tag redo {tag}"));
            }
        }
    }
    Ok(Exit::Ok)
}
