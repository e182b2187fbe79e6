//! Log lines of functions, as lines for people.

use aob_engine::Timestamp;
use owo_colors::OwoColorize;
use serde::Deserialize;
use serde_json::json;

use super::describe::EventView;
use crate::output::{moment, plain};

/// A chunk of log lines.
#[derive(Debug)]
pub(crate) struct LinesView {
    /// What it is, as if it were an event: for the filters.
    pub(crate) event: EventView,
    missing_lines: u64,
    missing_chunks: u64,
    lines: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Wire {
    #[serde(default)]
    at: Timestamp,
    #[serde(default)]
    instance: String,
    #[serde(default)]
    missing_lines: u64,
    #[serde(default)]
    missing_chunks: u64,
    #[serde(default)]
    lines: Vec<String>,
}

impl LinesView {
    /// Reads a chunk's JSON. What cannot be read has no lines.
    pub(crate) fn parse(text: &str) -> Self {
        let Wire { at, instance, missing_lines, missing_chunks, lines } =
            serde_json::from_str(text).unwrap_or_default();
        let data = json!({ "instance": instance });
        let event = EventView { seq: 0, at, kind: "log".to_owned(), data };
        Self { event, missing_lines, missing_chunks, lines }
    }

    /// `06:39:57.123         log                  score              | half way`, with colours.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let instance = plain(self.event.instance().unwrap_or_default());
        let time = moment(self.event.at);
        let head = format!("{} {:>5}  {:<20} {instance:<18}", time.dimmed(), "", "log");
        let dropped = [(self.missing_chunks, "chunks"), (self.missing_lines, "lines")];
        let dropped = dropped.into_iter().filter(|(count, _)| *count > 0);
        let dropped = dropped.map(|(count, of)| format!("... {of} missing here: {count}"));
        let lines = self.lines.iter().map(|line| plain(line).into_owned());
        dropped.chain(lines).map(move |line| format!("{head} | {line}").trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_with_what_is_missing_before_them() {
        let text = r#"{"n":4,"instance":"a","at":"2026-01-01T00:00:00.000Z","missing_lines":3,
            "lines":["one","t\u001b[31mwo"]}"#;
        let lines: Vec<String> = LinesView::parse(text).lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].ends_with("| ... lines missing here: 3"), "{lines:?}");
        assert!(lines[1].ends_with("| one"), "{lines:?}");
        assert!(lines[2].ends_with("| t\\u{1b}[31mwo"), "{lines:?}");
        assert_eq!(LinesView::parse("not json").lines().count(), 0);
    }
}
