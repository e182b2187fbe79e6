//! `aob workflow validate`: what is wrong with documents, as a compiler says it. Needs no server.

use aob_ir::{Diagnostic, Severity};
use clap::Args;
use owo_colors::OwoColorize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Finding};
use crate::grammar::example;
use crate::input::{Source, document};
use crate::output::{Format, plain};

/// Check workflows without a server: every problem, with its place and what to do.
///
/// Exit code 1 where a document has errors; warnings do not count.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob workflow validate onboarding.json"))]
pub(crate) struct Validate {
    /// Files with documents (JSON, or YAML by their extension), or - for standard input.
    #[arg(required = true, value_name = "FILE|-", value_parser = super::create::file)]
    files: Vec<Source>,
}

/// What was found in one document.
struct Checked {
    name: String,
    /// The text that the places refer to; empty where it was converted.
    text: String,
    diagnostics: Vec<Diagnostic>,
    digest: Option<String>,
}

impl Checked {
    fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
    }

    fn to_json(&self) -> Value {
        json!({
            "file": self.name,
            "valid": self.digest.is_some(),
            "digest": self.digest,
            "diagnostics": self.diagnostics,
        })
    }
}

impl Validate {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let checked: Vec<Checked> = self.files.iter().map(check).collect::<Result<_, _>>()?;
        let out = context.out;
        match out.format {
            Format::Json => {
                let documents: Vec<Value> = checked.iter().map(Checked::to_json).collect();
                out.json(&json!({ "items": documents }))?;
            }
            Format::Jsonl => checked.iter().try_for_each(|one| out.json(&one.to_json()))?,
            Format::Name => {
                let valid = checked.iter().filter(|one| one.digest.is_some());
                valid.into_iter().try_for_each(|one| out.line(&one.name))?;
            }
            Format::Table | Format::Wide => {
                checked.iter().try_for_each(|one| show(context, one))?
            }
        }
        let invalid = checked.iter().filter(|one| one.errors() > 0).count();
        if invalid == 0 {
            return Ok(Exit::Ok);
        }
        if !out.is_json() {
            out.todo("correct what is marked, then run the same command again");
        }
        Ok(Exit::Failed)
    }
}

fn check(source: &Source) -> Result<Checked, Failure> {
    let text = document(source)?;
    let (diagnostics, digest) = match aob_ir::compile_text(&text) {
        Ok(compiled) => (compiled.warnings, Some(compiled.ir.digest.to_string())),
        Err(diagnostics) => (diagnostics.0, None),
    };
    let converted = matches!(source, Source::File(path) if is_yaml(path));
    let text = if converted { String::new() } else { text };
    Ok(Checked { name: source.name(), text, diagnostics, digest })
}

fn is_yaml(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn show(context: &Context, one: &Checked) -> Result<(), Failure> {
    let Checked { name, text, diagnostics, digest } = one;
    if !diagnostics.is_empty() {
        let rendered = aob_ir::render_diagnostics(name, text, diagnostics);
        context.out.data(&coloured(&plain(&rendered)))?;
    }
    match digest {
        Some(digest) => context.out.line(&format!("{} {name}  {digest}", "ok".green())),
        None => Ok(()),
    }
}

/// The same with colours where a compiler has them; the stream drops them where none belong.
fn coloured(rendered: &str) -> String {
    let mut text = String::with_capacity(rendered.len() + 256);
    for line in rendered.split_inclusive('\n') {
        let head = line.split_once(": ").filter(|(head, _)| head.ends_with(']'));
        match head {
            Some((head, rest)) if head.starts_with("error[") => {
                text.push_str(&format!("{}: {rest}", head.red().bold()));
            }
            Some((head, rest)) if head.starts_with("warning[") => {
                text.push_str(&format!("{}: {rest}", head.yellow().bold()));
            }
            Some(_) | None => text.push_str(line),
        }
    }
    text
}

/// A document's text as JSON, so that it can be sent. What else is wrong with it the server says.
pub(crate) fn parsed(text: &str, source: &Source) -> Result<Value, Failure> {
    aob_ir::parse_document(text).map_err(|diagnostics| {
        let message = format!("{} is not a document", source.name());
        let findings = diagnostics.0.into_iter().map(|diagnostic| {
            let place =
                diagnostic.position.map(|p| format!("line {}, column {}: ", p.line, p.column));
            Finding {
                pointer: diagnostic.pointer,
                message: format!("{}{}", place.unwrap_or_default(), diagnostic.message),
                hint: diagnostic.hint,
                example: diagnostic.example,
            }
        });
        let todo = source.validate();
        let failure = Failure::new(Exit::Usage, "invalid_document", message, todo);
        failure.with_findings(findings.collect())
    })
}
