//! An event as one line for people. Types that this version does not know are shown as they are.

use aob_engine::{Amounts, Timestamp};
use aob_ir::Budget;
use owo_colors::{OwoColorize, Style};
use serde::Deserialize;
use serde_json::Value;

use crate::output::{Tint, moment, plain};

/// Characters of an input that are shown in a line.
const INPUT_CHARS_MAX: usize = 80;

/// The parts of an event that are shown.
#[derive(Debug, Clone)]
pub(crate) struct EventView {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    /// Its type.
    pub(crate) kind: String,
    pub(crate) data: Value,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    at: Timestamp,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    data: Value,
}

impl EventView {
    /// Reads an event's JSON. What cannot be read is shown as an event of type `unreadable`.
    pub(crate) fn parse(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Wire { seq, at, kind, data }) => Self { seq, at, kind, data },
            Err(error) => Self {
                seq: 0,
                at: Timestamp::default(),
                kind: "unreadable".to_owned(),
                data: Value::String(error.to_string()),
            },
        }
    }

    /// The run's last status, where this is its last event.
    pub(crate) fn end(&self) -> Option<&'static str> {
        match &*self.kind {
            "run_completed" => Some("completed"),
            "run_failed" => Some("failed"),
            "run_cancelled" => Some("cancelled"),
            "run_rolled_back" => Some("rolled_back"),
            _ => None,
        }
    }

    /// The instance that it is about, as text.
    pub(crate) fn instance(&self) -> Option<&str> {
        let named = ["instance", "source", "node"].into_iter().find_map(|key| self.data.get(key));
        named.and_then(Value::as_str)
    }

    /// True where it is about the node `id`, or about something inside of it.
    pub(crate) fn is_of(&self, id: &str) -> bool {
        let Some(instance) = self.instance() else { return false };
        let step = |step: &str| step.split(['[', '.']).next() == Some(id) || step == id;
        instance.split('/').any(step)
    }

    /// `06:39:57.123    12  node_completed      score   attempt 2`, with colours.
    pub(crate) fn line(&self) -> String {
        let time = moment(self.at);
        let instance = self.instance().unwrap_or_default();
        let detail = self.detail();
        let kind = plain(&self.kind);
        let gap = " ".repeat(20_usize.saturating_sub(kind.chars().count()));
        let line = format!(
            "{} {:>5}  {}{gap} {:<18} {}",
            time.dimmed(),
            self.seq,
            kind.style(self.style()),
            plain(instance),
            plain(&detail).replace('\n', " "),
        );
        line.trim_end().to_owned()
    }

    fn style(&self) -> Style {
        let style = Style::new();
        match self.tint() {
            Tint::None => style,
            Tint::Good => style.green(),
            Tint::Bad => style.red(),
            Tint::Active => style.blue(),
            Tint::Waiting => style.yellow(),
            Tint::Faint => style.dimmed(),
        }
    }

    fn tint(&self) -> Tint {
        match &*self.kind {
            "node_completed" | "run_completed" | "patch_applied" => Tint::Good,
            "node_failed" | "run_failing" | "run_failed" | "patch_rejected" | "unreadable" => {
                Tint::Bad
            }
            "node_started" | "node_scheduled" | "child_started" | "map_expanded"
            | "loop_iterated" => Tint::Active,
            "approval_requested" | "signal_awaited" | "timer_started" | "node_waiting"
            | "node_parked" | "run_paused" | "retry_scheduled" | "warning_raised"
            | "cancel_requested" => Tint::Waiting,
            "node_skipped"
            | "node_cancelled"
            | "patch_planned"
            | "run_cancelled"
            | "late_result_discarded"
            | "edges_decided"
            | "continued"
            | "attempt_redispatched" => Tint::Faint,
            _ => Tint::None,
        }
    }

    /// What happened, in a few words.
    pub(crate) fn detail(&self) -> String {
        match &*self.kind {
            "run_created" => self.created(),
            "warning_raised" => format!("{}: {}", self.text("code"), self.text("message")),
            "node_started" => self.input(),
            "node_scheduled" => self.scheduled(),
            "attempt_redispatched" => format!("attempt {} sent again", self.number("attempt")),
            "retry_scheduled" => {
                let (attempt, failure) = (self.number("attempt"), self.failure());
                format!("attempt {attempt} failed: {failure}; again at {}", self.time("retry_at"))
            }
            "timer_started" => format!("until {}", self.time("due")),
            "signal_awaited" => format!("waits for signal {}", self.text("name")),
            "approval_requested" => {
                let (message, ticket) = (self.text("message"), self.text("ticket"));
                format!("{message} (aob approve {ticket} approve)")
            }
            "approval_voted" => format!("{} by {}", self.text("vote"), self.text("by")),
            "approval_escalated" => format!("{} to {}", self.text("ticket"), self.data["to"]),
            "approval_edited" => format!("{} by {}", self.text("ticket"), self.text("by")),
            "approval_decided" => format!("{} by {}", self.text("outcome"), self.text("by")),
            "child_started" => format!("run {}", self.text("child")),
            "map_expanded" => format!("{} items", self.number("count")),
            "loop_iterated" => format!("iteration {}", self.number("iteration")),
            "node_waiting" | "run_paused" | "cancel_requested" | "run_cancelled" => {
                self.text("reason").to_owned()
            }
            "node_completed" => self.completed(),
            "node_failed" | "run_failing" | "run_failed" => self.failure(),
            "node_skipped" | "node_cancelled" => self.text("cause").to_owned(),
            "node_parked" => self.parked(),
            "retry_granted" => format!("up to attempt {}", self.number("attempts_max")),
            "budget_reserved" => self.spends("amounts"),
            "budget_settled" => self.spends("used"),
            "budget_warned" => self.warned(),
            "budget_raised" => {
                let (of, by, more) = (self.budget(), self.text("by"), self.amounts("amounts"));
                format!("{of} by {by}: {more} more")
            }
            "budget_returned" => format!("run {} is over", self.text("child")),
            "patch_proposed" => self.proposed(),
            "patch_planned" => self.planned(),
            "patch_applied" => self.applied(),
            "patch_rejected" => {
                format!("{} {}: {}", self.text("patch"), self.text("code"), self.text("message"))
            }
            "patch_reverted" => {
                format!("{}, taken back by {}", self.text("patch"), self.text("by"))
            }
            "late_result_discarded" => format!("attempt {}", self.number("attempt")),
            "signal_received" => format!("{} from {}", self.text("name"), self.text("actor")),
            "run_resumed" => format!("by {}", self.text("actor")),
            "unreadable" => self.data.as_str().unwrap_or_default().to_owned(),
            // Their type says it all, or this version does not know them.
            _ => String::new(),
        }
    }

    fn created(&self) -> String {
        let name = [self.text("tag"), self.text("name")].into_iter().find(|name| !name.is_empty());
        name.unwrap_or(self.text("digest")).to_owned()
    }

    fn scheduled(&self) -> String {
        let job = &self.data["job"];
        let name = job["name"].as_str().unwrap_or_default();
        match (self.number("attempt"), self.number("attempts_max")) {
            (1, _) => name.to_owned(),
            (attempt, max) => format!("{name}, attempt {attempt} of {max}"),
        }
    }

    fn completed(&self) -> String {
        match (self.number("attempt"), self.text("by")) {
            (0 | 1, "") => String::new(),
            (attempt, "") => format!("attempt {attempt}"),
            (_, by) => format!("by {by}"),
        }
    }

    /// What flows into a node, where it stands here and is short.
    fn input(&self) -> String {
        let input = self.data.pointer("/input/value").map(Value::to_string).unwrap_or_default();
        if input.chars().count() > INPUT_CHARS_MAX { String::new() } else { input }
    }

    fn parked(&self) -> String {
        let failure = self.failure();
        let reason = self.text("reason");
        if failure.is_empty() { reason.to_owned() } else { format!("{reason}: {failure}") }
    }

    /// What a call reserves or used.
    fn spends(&self, key: &str) -> String {
        format!(
            "attempt {}, {}: {}",
            self.number("attempt"),
            self.text("reservation"),
            self.amounts(key)
        )
    }

    /// How much of a budget is gone.
    fn warned(&self) -> String {
        let limit = self.data.get("limit").cloned().unwrap_or_default();
        let limit = serde_json::from_value::<Budget>(limit).unwrap_or_default();
        let gone = self.data.get("committed").cloned().unwrap_or_default();
        let gone = serde_json::from_value::<Amounts>(gone).unwrap_or_default().bounded_by(&limit);
        format!("{}: {gone} of {limit} are gone", self.budget())
    }

    /// Amounts, as people read them.
    fn amounts(&self, key: &str) -> String {
        let found = self.data.get(key).cloned().unwrap_or_default();
        serde_json::from_value::<Amounts>(found).unwrap_or_default().to_string()
    }

    /// Whose budget it is.
    fn budget(&self) -> String {
        let node = self.data.pointer("/of/node").and_then(Value::as_str);
        node.map_or_else(|| "the run".to_owned(), |node| format!("node {node}"))
    }

    fn proposed(&self) -> String {
        let why = match self.text("description") {
            "" => String::new(),
            text => format!(": {text}"),
        };
        let (patch, by) = (self.text("patch"), self.text("by"));
        match self.text("reverts") {
            "" => format!("{patch} by {by}{why}"),
            other => format!("{patch} by {by}, takes back {other}{why}"),
        }
    }

    fn planned(&self) -> String {
        match self.text("approval") {
            "" => format!("{} is sound", self.text("patch")),
            why => format!("{} needs an approval: {why}", self.text("patch")),
        }
    }

    fn applied(&self) -> String {
        let (patch, revision) = (self.text("patch"), self.number("revision"));
        let repaired = self.data["repaired"].as_array().map(Vec::as_slice).unwrap_or_default();
        let names: Vec<&str> = repaired.iter().filter_map(|node| node["node"].as_str()).collect();
        let repaired = if names.is_empty() {
            String::new()
        } else {
            format!(", repairs {}", names.join(", "))
        };
        format!("{patch}: revision {revision} of the graph holds from here on{repaired}")
    }

    fn failure(&self) -> String {
        let failure = &self.data["failure"];
        let part = |key: &str| failure[key].as_str().unwrap_or_default();
        match (part("code"), part("message")) {
            ("", "") => String::new(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        }
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.data[key].as_str().unwrap_or_default()
    }

    pub(crate) fn number(&self, key: &str) -> u64 {
        self.data[key].as_u64().unwrap_or_default()
    }

    fn time(&self, key: &str) -> String {
        let text = self.text(key);
        text.parse().map_or_else(|_| text.to_owned(), moment)
    }
}

#[cfg(test)]
mod tests {
    use aob_engine::EventKind;
    use serde_json::json;

    use super::*;

    fn event(kind: &str, data: Value) -> EventView {
        let text = json!({ "seq": 12, "at": "2026-11-20T06:39:57.123Z", "command": "c", "type": kind, "data": data });
        EventView::parse(&text.to_string())
    }

    fn line(kind: &str, data: Value) -> String {
        anstream::adapter::strip_str(&event(kind, data).line()).to_string()
    }

    #[test]
    fn events_are_one_line_each() {
        let cases = [
            line("run_created", json!({"tag": "onboarding", "name": "Onboarding"})),
            line("run_created", json!({"digest": "sha256:ab"})),
            line(
                "node_scheduled",
                json!({"instance": "kyc", "attempt": 1, "attempts_max": 3, "job": {"name": "http"}}),
            ),
            line(
                "node_scheduled",
                json!({"instance": "kyc", "attempt": 2, "attempts_max": 3, "job": {"name": "http"}}),
            ),
            line(
                "retry_scheduled",
                json!({"instance": "kyc", "attempt": 1, "retry_at": "2026-11-20T06:39:59.000Z",
                "failure": {"code": "http_status", "message": "503\nService Unavailable"}}),
            ),
            line(
                "approval_requested",
                json!({"instance": "offer", "ticket": "tk_1", "message": "Approve?"}),
            ),
            line(
                "node_started",
                json!({"instance": "score", "input": {"digest": "sha256:ab", "len": 7, "value": {"n": 1}}}),
            ),
            line(
                "node_started",
                json!({"instance": "score", "input": {"digest": "sha256:ab", "len": 7, "seq": 3}}),
            ),
            line("map_expanded", json!({"instance": "crawl", "count": 500})),
            line("node_completed", json!({"instance": "crawl[3]/fetch", "attempt": 2})),
            line(
                "node_failed",
                json!({"instance": "x", "failure": {"code": "boom", "message": "\u{1b}[2Jgone"}}),
            ),
            line(
                "patch_proposed",
                json!({"patch": "pt_1", "by": "agent:planner", "description": "one step more"}),
            ),
            line("patch_planned", json!({"patch": "pt_1", "approval": "it grows"})),
            line(
                "patch_applied",
                json!({"patch": "pt_1", "revision": 2, "repaired": [{"node": "x"}]}),
            ),
            line(
                "patch_rejected",
                json!({"patch": "pt_2", "code": "expired", "message": "nobody decided in time"}),
            ),
            line("patch_reverted", json!({"patch": "pt_1", "by": "pt_3"})),
            line("run_completed", json!({})),
            line("something_newer", json!({"instance": "x"})),
        ];
        insta::assert_snapshot!(cases.join("\n"));
    }

    #[test]
    fn budgets_are_one_line_each() {
        let amounts = json!({"calls": 1, "tokens": 900, "usd_micros": 20_000});
        let cases = [
            (
                "budget_reserved",
                json!({"instance": "a", "attempt": 1, "reservation": "c1", "amounts": amounts}),
                "attempt 1, c1: 1 call, 900 tokens, 0.02 USD",
            ),
            (
                "budget_warned",
                json!({"of": "run", "limit": {"calls": 10}, "committed": {"calls": 8, "tokens": 9}}),
                "the run: 8 calls of 10 calls are gone",
            ),
            (
                "budget_raised",
                json!({"of": {"node": "a"}, "amounts": {"usd_micros": 5_000_000}, "by": "user:ada"}),
                "node a by user:ada: 5 USD more",
            ),
        ];
        for (kind, data, expected) in cases {
            let shown = line(kind, data);
            assert!(shown.ends_with(expected), "{shown}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_shown_as_such() {
        let shown = EventView::parse("{nope");
        assert_eq!(shown.kind, "unreadable");
        assert!(!shown.detail().is_empty());
    }

    #[test]
    fn every_end_of_a_run_is_known() {
        let ends = EventKind::NAMES.iter().filter(|name| event(name, json!({})).end().is_some());
        assert_eq!(
            ends.copied().collect::<Vec<_>>(),
            ["run_completed", "run_failed", "run_cancelled"]
        );
    }

    #[test]
    fn a_node_is_found_in_every_scope() {
        let cases = [
            ("fetch", "fetch", true),
            ("crawl[3]/fetch", "fetch", true),
            ("crawl[3]/fetch", "crawl", true),
            ("crawl.item", "crawl", true),
            ("fetcher", "fetch", false),
            ("crawl[3]/fetcher", "fetch", false),
        ];
        for (instance, node, expected) in cases {
            let event = event("node_completed", json!({ "instance": instance }));
            assert_eq!(event.is_of(node), expected, "{instance} {node}");
        }
        assert!(!event("run_completed", json!({})).is_of("fetch"));
    }
}
