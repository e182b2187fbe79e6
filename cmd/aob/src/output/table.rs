//! Columns for people.

use comfy_table::{Attribute, Color, ContentArrangement, Table, presets};

use super::plain;

/// A cell's text and colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    tint: Tint,
}

/// What a colour means; the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tint {
    /// Nothing.
    #[default]
    None,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// It is going on.
    Active,
    /// It waits for somebody.
    Waiting,
    /// It does not matter any more.
    Faint,
}

impl Cell {
    /// A cell without colour.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self { text: plain(text.as_ref()).replace(['\n', '\t'], " "), tint: Tint::None }
    }

    /// The same with a colour.
    #[must_use]
    pub(crate) fn tinted(self, tint: Tint) -> Self {
        Self { tint, ..self }
    }

    /// A status of a run, an instance or a ticket, with its colour.
    pub(crate) fn status(status: &str) -> Self {
        Self::new(status).tinted(Tint::of_status(status))
    }
}

impl Tint {
    /// The colour of a run's, an instance's or a ticket's status.
    pub(crate) fn of_status(status: &str) -> Self {
        match status {
            "completed" | "approved" | "applied" | "delivered" => Self::Good,
            "failed" | "rejected" | "rolled_back" => Self::Bad,
            "running" | "scheduled" | "retrying" | "cancelling" => Self::Active,
            "waiting" | "paused" | "parked" => Self::Waiting,
            "skipped" | "cancelled" | "expired" | "compensated" | "reverted" | "dropped" => {
                Self::Faint
            }
            // `queued`, `pending`, and words that a newer server may know.
            _ => Self::None,
        }
    }

    pub(crate) fn color(self) -> Option<Color> {
        match self {
            Self::None => None,
            Self::Good => Some(Color::DarkGreen),
            Self::Bad => Some(Color::DarkRed),
            Self::Active => Some(Color::DarkBlue),
            Self::Waiting => Some(Color::DarkYellow),
            Self::Faint => Some(Color::DarkGrey),
        }
    }
}

/// Rows under titles, two spaces between columns, no lines. Colours are always in it: the stream
/// that it is written to takes them out.
pub(crate) fn table(titles: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.enforce_styling();
    table.style_text_only();
    // An empty cell has nothing to style, and codes around nothing would keep its padding.
    let title = |title: &&str| match title.is_empty() {
        true => comfy_table::Cell::new(title),
        false => comfy_table::Cell::new(title).add_attribute(Attribute::Bold),
    };
    table.set_header(titles.iter().map(title));
    for row in rows {
        table.add_row(row.into_iter().map(|Cell { text, tint }| {
            let cell = comfy_table::Cell::new(text);
            match tint.color() {
                Some(color) => cell.fg(color),
                None => cell,
            }
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Names and values, without titles.
pub(crate) fn facts(rows: Vec<Vec<Cell>>) -> String {
    let whole = table(&[], rows);
    let lines = whole.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}
