//! The live view: one line per node, drawn over itself.

use std::fmt::Write as _;

use aob_engine::Timestamp;
use indexmap::IndexMap;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize;

use super::describe::EventView;
use crate::clock;
use crate::output::{duration, plain};

/// Nodes shown at once; the others are counted.
const ROWS_MAX: usize = 24;
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// A picture of a run, as far as its events tell.
pub(super) struct Live {
    picture: Picture,
    bar: ProgressBar,
    color: bool,
    frame: usize,
}

impl Live {
    pub(super) fn new(run: &str, color: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self { picture: Picture::new(run), bar, color, frame: 0 }
    }

    pub(super) fn see(&mut self, event: &EventView) {
        self.picture.see(event);
    }

    pub(super) fn draw(&mut self) {
        self.frame += 1;
        let text = self.picture.render(clock::now(), self.frame);
        let text = if self.color { text } else { anstream::adapter::strip_str(&text).to_string() };
        self.bar.set_message(text);
        self.bar.tick();
    }

    /// Leaves the last picture standing.
    pub(super) fn finish(&mut self) {
        self.draw();
        self.bar.abandon();
    }
}

/// What is known of a run and its nodes.
struct Picture {
    run: String,
    name: String,
    status: &'static str,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    nodes: IndexMap<String, Row>,
}

/// A node: its instances together.
#[derive(Default)]
struct Row {
    status: &'static str,
    attempt: u64,
    started: Timestamp,
    ended: Option<Timestamp>,
    note: String,
    /// Instances that began, and those that ended well and badly.
    begun: u32,
    done: u32,
    failed: u32,
    /// Items of a map.
    items: Option<u64>,
}

impl Picture {
    fn new(run: &str) -> Self {
        Self {
            run: run.to_owned(),
            name: String::new(),
            status: "running",
            started: None,
            ended: None,
            nodes: IndexMap::new(),
        }
    }

    fn see(&mut self, event: &EventView) {
        self.started.get_or_insert(event.at);
        match &*event.kind {
            "run_created" => self.name = event.detail(),
            "run_paused" => self.status = "paused",
            "run_resumed" => self.status = "running",
            "cancel_requested" | "run_failing" => self.status = "cancelling",
            _ => self.node(event),
        }
        if let Some(end) = event.end() {
            self.status = end;
            self.ended = Some(event.at);
        }
    }

    fn node(&mut self, event: &EventView) {
        let Some(status) = becomes(&event.kind) else { return };
        let Some(instance) = event.instance() else { return };
        let id = instance.rsplit('/').next().unwrap_or(instance).to_owned();
        let row = self.nodes.entry(id).or_default();
        let ends = matches!(status, "completed" | "failed" | "skipped" | "cancelled");
        let opens = !ends && row.ended.is_some();
        if row.begun == 0 || opens {
            row.begun += 1;
            row.started = event.at;
        }
        row.status = status;
        row.ended = ends.then_some(event.at);
        row.attempt = row.attempt.max(event.number("attempt"));
        row.done += u32::from(matches!(status, "completed" | "skipped"));
        row.failed += u32::from(matches!(status, "failed" | "cancelled"));
        if event.kind == "map_expanded" {
            row.items = Some(event.number("count"));
        }
        row.note = if ends && status == "completed" { String::new() } else { event.detail() };
    }

    fn render(&self, now: Timestamp, frame: usize) -> String {
        let mut text = String::new();
        let took = self.started.map_or(0, |at| self.ended.unwrap_or(now).since_ms(at));
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{} {} {} {}",
            plain(&self.name).bold(),
            self.run.dimmed(),
            mark(self.status, frame),
            duration(took).dimmed()
        );
        let (shown, hidden) = self.choose();
        let width = shown.iter().map(|(id, _)| id.chars().count()).max().unwrap_or(0);
        for (id, row) in shown {
            let _ = write!(text, "\n  {}", row.render(id, width, now, frame));
        }
        if !hidden.is_empty() {
            let count = |status: &str| hidden.iter().filter(|row| row.status == status).count();
            let _ = write!(
                text,
                "\n  {}",
                format!(
                    "and {} more: {} completed, {} skipped",
                    hidden.len(),
                    count("completed"),
                    count("skipped")
                )
                .dimmed()
            );
        }
        text
    }

    /// The rows to show, in the order of their first event, and those that are only counted: where
    /// there are too many, what has ended well goes first.
    fn choose(&self) -> (Vec<(&String, &Row)>, Vec<&Row>) {
        let excess = self.nodes.len().saturating_sub(ROWS_MAX);
        let (mut shown, mut hidden) = (Vec::new(), Vec::new());
        for (id, row) in &self.nodes {
            let boring = matches!(row.status, "completed" | "skipped");
            if boring && hidden.len() < excess { hidden.push(row) } else { shown.push((id, row)) }
        }
        hidden.extend(shown.drain(ROWS_MAX.min(shown.len())..).map(|(_, row)| row));
        (shown, hidden)
    }
}

impl Row {
    fn render(&self, id: &str, width: usize, now: Timestamp, frame: usize) -> String {
        let took = duration(self.ended.unwrap_or(now).since_ms(self.started));
        let mut parts = Vec::new();
        if self.attempt > 1 {
            parts.push(format!("attempt {}", self.attempt));
        }
        if let Some(items) = self.items {
            parts.push(format!("{items} items"));
        } else if self.begun > 1 {
            let failed =
                if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
            parts.push(format!("{} of {} done{failed}", self.done, self.begun));
        }
        if !self.note.is_empty() && self.items.is_none() {
            parts.push(self.note.clone());
        }
        let remark = parts.join("; ");
        let id = format!("{:<width$}", plain(id));
        let line =
            format!("{} {id}  {:>8}  {}", mark(self.status, frame), took.dimmed(), plain(&remark));
        line.trim_end().to_owned()
    }
}

/// What an event makes of the node that it is about.
fn becomes(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "node_scheduled" | "map_expanded" | "child_started" => "running",
        "retry_scheduled" => "retrying",
        "timer_started" | "signal_awaited" | "approval_requested" | "node_waiting" => "waiting",
        "node_parked" => "parked",
        "node_cancelling" => "cancelling",
        "node_completed" => "completed",
        "node_failed" => "failed",
        "node_skipped" => "skipped",
        "node_cancelled" => "cancelled",
        _ => return None,
    })
}

fn mark(status: &str, frame: usize) -> String {
    match status {
        "completed" => "✓".green().to_string(),
        "failed" => "✗".red().to_string(),
        "skipped" => "-".dimmed().to_string(),
        "cancelled" => "∅".dimmed().to_string(),
        "waiting" | "parked" | "paused" => "◦".yellow().to_string(),
        "retrying" => "↻".yellow().to_string(),
        _ => SPINNER[frame % SPINNER.len()].blue().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn picture(events: &[(&str, Value)]) -> Picture {
        let mut picture = Picture::new("0198-run");
        for (index, (kind, data)) in (1..).zip(events) {
            let at = Timestamp(1_763_620_797_000 + index * 100);
            let text = json!({ "at": at, "type": kind, "data": data }).to_string();
            picture.see(&EventView::parse(&text));
        }
        picture
    }

    fn rendered(picture: &Picture) -> String {
        let text = picture.render(Timestamp(1_763_620_799_000), 0);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_run_in_the_middle() {
        insta::assert_snapshot!(rendered(&picture(&[
            ("run_created", json!({"tag": "onboarding"})),
            ("node_scheduled", json!({"instance": "kyc", "attempt": 1, "job": {"name": "http"}})),
            (
                "retry_scheduled",
                json!({"instance": "kyc", "attempt": 1, "failure": {"code": "http_status", "message": "503"}})
            ),
            (
                "node_scheduled",
                json!({"instance": "kyc", "attempt": 2, "attempts_max": 3, "job": {"name": "http"}})
            ),
            ("node_completed", json!({"instance": "kyc", "attempt": 2})),
            ("node_skipped", json!({"instance": "manual", "cause": "dead_path"})),
            ("map_expanded", json!({"instance": "crawl", "count": 3})),
            (
                "node_scheduled",
                json!({"instance": "crawl[0]/fetch", "attempt": 1, "job": {"name": "http"}})
            ),
            ("node_completed", json!({"instance": "crawl[0]/fetch", "attempt": 1})),
            (
                "node_scheduled",
                json!({"instance": "crawl[1]/fetch", "attempt": 1, "job": {"name": "http"}})
            ),
            (
                "approval_requested",
                json!({"instance": "offer", "ticket": "tk_9", "message": "Approve?"})
            ),
            ("node_parked", json!({"instance": "charge", "reason": "outcome_unknown"})),
        ])));
    }

    #[test]
    fn wide_runs_are_compact() {
        let mut events = vec![("run_created", json!({"name": "wide"}))];
        for node in 0..60 {
            let data =
                json!({"instance": format!("n{node:02}"), "attempt": 1, "job": {"name": "echo"}});
            events.push(("node_scheduled", data.clone()));
            if node % 3 != 0 {
                events.push(("node_completed", data));
            }
        }
        let text = rendered(&picture(&events));
        assert_eq!(text.lines().count(), 2 + ROWS_MAX, "{text}");
        insta::assert_snapshot!(text.lines().last().unwrap());
    }

    #[test]
    fn the_last_picture_stands_still() {
        let picture = picture(&[
            ("run_created", json!({"name": "one"})),
            ("node_scheduled", json!({"instance": "a", "attempt": 1, "job": {"name": "echo"}})),
            ("node_completed", json!({"instance": "a", "attempt": 1})),
            ("run_completed", json!({})),
        ]);
        let later = picture.render(Timestamp(1_963_620_799_000), 7);
        assert_eq!(picture.render(Timestamp(1_763_620_799_000), 0), later);
    }
}
