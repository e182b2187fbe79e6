//! `aob workflow create`: a document under a tag.

use aob_api::CreatedWorkflow;
use clap::Args;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::client::{Call, Got};
use crate::commands::keys::idempotency_key;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::{Source, document};
use crate::output::{Format, plain};

/// Store a workflow and point a tag at it, as the tag's next version.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob workflow create onboarding.json --tag onboarding"))]
pub(crate) struct Create {
    /// File with the document (JSON, or YAML by its extension), or - for standard input.
    #[arg(value_name = "FILE|-", value_parser = file)]
    file: Source,
    /// The tag.
    #[arg(long)]
    tag: String,
    /// Repeating a call with the same key stores it once.
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<HeaderValue>,
}

impl Create {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let text = document(&self.file)?;
        let api = context.api()?;
        let mut call = Call::post(&["workflows"])
            .query("tag", &self.tag)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .idempotent(self.idempotency_key);
        call.body = text.into();
        let answer = block_on(api.fetch::<CreatedWorkflow>(call));
        let Got { raw, view } = answer.map_err(|failure| {
            let refused = failure.exit() == Exit::Usage;
            if refused { failure.with_todo(self.file.validate()) } else { failure }
        })?;
        let (out, version) = (context.out, &view.version);
        let (tag, number) = (&version.tag, version.version);
        match out.format {
            Format::Json | Format::Jsonl => out.json(&raw)?,
            Format::Name => out.line(&format!("{tag}@{number}"))?,
            Format::Table | Format::Wide => {
                for warning in &view.warnings {
                    let place = warning.pointer.as_deref().unwrap_or_default();
                    out.note(&format!("warning: {}: {}", plain(place), plain(&warning.message)));
                }
                let unchanged = if view.unchanged { "  unchanged" } else { "" };
                out.line(&format!("{tag}@{number}  {}{unchanged}", version.digest))?;
                out.todo(&format!("aob run start {tag} --follow"));
            }
        }
        Ok(Exit::Ok)
    }
}

pub(super) fn file(text: &str) -> Result<Source, String> {
    match text {
        "" => Err("write a file or -".to_owned()),
        "-" => Ok(Source::Stdin),
        path => Ok(Source::File(path.into())),
    }
}
