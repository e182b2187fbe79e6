//! What a command prints: data on stdout, everything else on stderr.
//!
//! Texts from elsewhere (workflow names, messages of programs) pass [`plain`] before they reach a
//! terminal, so that they can't move its cursor.

pub(crate) mod changes;
mod plain;
mod table;
mod times;

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use owo_colors::OwoColorize;
use serde::Serialize;

pub(crate) use self::plain::plain;
pub(crate) use self::table::{Cell, Tint, facts, table};
pub(crate) use self::times::{ago, duration, moment};
use crate::client::Listing;
use crate::exit::Exit;
use crate::failure::{Failure, Finding};

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// One JSON document, as the server answers it.
    Json,
    /// One JSON document per line and item.
    Jsonl,
    /// Only ids or names, one per line.
    Name,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where output goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    pub(crate) format: Format,
    color: Color,
    quiet: bool,
}

impl Out {
    pub(crate) fn new(format: Format, color: Color, quiet: bool) -> Self {
        Self { format, color, quiet }
    }

    /// True where a person watches stderr, so that a live view makes sense.
    pub(crate) fn is_live(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// True where not even chatter is wanted.
    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// True where stderr takes colours.
    pub(crate) fn stderr_has_color(self) -> bool {
        self.choice(&io::stderr()) != ColorChoice::Never
    }

    /// True where a person can be asked something.
    pub(crate) fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// True for the formats that programs read.
    pub(crate) fn is_json(self) -> bool {
        matches!(self.format, Format::Json | Format::Jsonl)
    }

    /// Data: text that is complete with its last newline.
    pub(crate) fn data(self, text: &str) -> Result<(), Failure> {
        let choice = self.choice(&io::stdout());
        let mut stream = AutoStream::new(io::stdout().lock(), choice);
        written(stream.write_all(text.as_bytes()).and_then(|()| stream.flush()))
    }

    /// Data: one line of text.
    pub(crate) fn line(self, text: &str) -> Result<(), Failure> {
        self.data(&format!("{text}\n"))
    }

    /// Data: one JSON document.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = match self.format {
            Format::Jsonl => serde_json::to_string(value),
            Format::Table | Format::Wide | Format::Json | Format::Name => {
                serde_json::to_string_pretty(value)
            }
        };
        self.line(&text.map_err(unprintable)?)
    }

    /// Chatter: one line on stderr, unless `--quiet`.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Chatter: what to do next.
    pub(crate) fn todo(self, command: &str) {
        self.note(&format!("{} {command}", "do:".cyan()));
    }

    /// One line on stderr, in any case.
    pub(crate) fn say(self, text: &str) {
        let choice = self.choice(&io::stderr());
        let mut stream = AutoStream::new(io::stderr().lock(), choice);
        // Where stderr is gone there is nobody left to tell.
        let _ = writeln!(stream, "{text}");
    }

    /// Prints why the command failed, and answers how the process ends.
    pub(crate) fn failure(self, failure: &Failure) -> Exit {
        if failure.code() == BROKEN_PIPE {
            return Exit::Ok;
        }
        if self.is_json() {
            self.say(&failure.to_json().to_string());
            return failure.exit();
        }
        let mut text = format!("{} {}", "error:".red().bold(), plain(failure.message()));
        for finding in failure.findings() {
            text.push_str(&describe(finding));
        }
        self.say(&text);
        self.say(&format!("{} {}", "do:".cyan(), plain(failure.todo())));
        failure.exit()
    }

    fn choice(self, stream: &impl anstream::stream::RawStream) -> ColorChoice {
        match self.color {
            Color::Auto => AutoStream::choice(stream),
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
    }
}

/// The items of a list: how each is printed in every format.
pub(crate) struct List<'a, T> {
    /// Column titles; those behind the first `narrow` are shown by `-o wide` only.
    pub(crate) titles: &'a [&'a str],
    /// Columns of the plain table.
    pub(crate) narrow: usize,
    /// Cells of an item.
    pub(crate) cells: &'a dyn Fn(&T) -> Vec<Cell>,
    /// What `-o name` prints.
    pub(crate) name: &'a dyn Fn(&T) -> String,
    /// What is said where there is nothing.
    pub(crate) empty: &'a str,
}

impl Out {
    /// Data: a list.
    pub(crate) fn list<T>(self, list: &List<'_, T>, items: &Listing<T>) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(&items.to_json()),
            Format::Jsonl => items.items.iter().try_for_each(|item| self.json(&item.raw)),
            Format::Name => {
                items.items.iter().try_for_each(|item| self.line(&(list.name)(&item.view)))
            }
            Format::Table => self.rows(list, items, list.narrow),
            Format::Wide => self.rows(list, items, list.titles.len()),
        }
    }

    fn rows<T>(self, list: &List<'_, T>, items: &Listing<T>, shown: usize) -> Result<(), Failure> {
        if items.items.is_empty() {
            self.note(list.empty);
            return Ok(());
        }
        let rows = items.items.iter().map(|item| {
            let mut cells = (list.cells)(&item.view);
            cells.truncate(shown);
            cells
        });
        self.data(&table(list.titles.get(..shown).unwrap_or(list.titles), rows))?;
        if let Some(cursor) = &items.next_cursor {
            self.note(&format!("there are more: --limit N, or --cursor {cursor}"));
        }
        Ok(())
    }
}

fn describe(finding: &Finding) -> String {
    let Finding { pointer, message, hint, example } = finding;
    let place = if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
    let mut text = format!("\n  {}{}", plain(&place).bold(), plain(message));
    if let Some(hint) = hint {
        text.push_str(&format!("\n    {} {}", "hint:".cyan(), plain(hint)));
    }
    if let Some(example) = example {
        text.push_str(&format!("\n    {} {}", "example:".cyan(), plain(example)));
    }
    text
}

const BROKEN_PIPE: &str = "broken_pipe";

/// Whoever reads stdout may stop reading: that is no failure.
fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::new(Exit::Ok, BROKEN_PIPE, "nobody reads the output", "");
        }
        let message = format!("the output cannot be written: {error}");
        Failure::new(Exit::Failed, "output", message, "check where the output goes")
    })
}

fn unprintable(error: serde_json::Error) -> Failure {
    let message = format!("the answer cannot be printed: {error}");
    Failure::new(Exit::Failed, "output", message, "report this as a bug")
}
