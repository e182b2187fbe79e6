//! A run as a report for people: head, nodes, output or error.

use aob_api::{NodeView, RunView, WaitView};
use aob_engine::Timestamp;
use owo_colors::OwoColorize;

use super::budget;
use crate::client::Got;
use crate::client::views::workflow_name;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Cell, Format, Out, duration, facts, moment, plain, table};

/// Prints a run.
pub(crate) fn run(out: Out, run: &Got<RunView>) -> Result<(), Failure> {
    match out.format {
        Format::Json | Format::Jsonl => out.json(&run.raw),
        Format::Name => out.line(&run.view.id.to_string()),
        Format::Table | Format::Wide => out.data(&text(run, clock::now())),
    }
}

/// How the process ends for a run that is over, or not.
pub(crate) fn exit(status: &str) -> Exit {
    match status {
        "failed" | "cancelled" | "rolled_back" => Exit::Failed,
        _ => Exit::Ok,
    }
}

fn text(run: &Got<RunView>, now: Timestamp) -> String {
    let Got { raw, view } = run;
    let row = |name: &str, value: String| vec![Cell::new(name), Cell::new(value)];
    let mut rows = vec![
        row("run", view.id.to_string()),
        vec![Cell::new("status"), Cell::status(&view.status)],
        row("workflow", workflow_name(&view.name, &view.workflow)),
        row("started", view.created_at.to_string()),
        row("took", duration(view.finished_at.unwrap_or(now).since_ms(view.created_at))),
    ];
    if let Some(error) = &view.error {
        rows.push(row("error", format!("{}: {}", error.code, error.message)));
    }
    let mut text = facts(rows);
    if !view.nodes.is_empty() {
        let rows = view.nodes.iter().map(|(id, node)| node_row(id, node, now));
        text.push('\n');
        text.push_str(&table(&["NODE", "STATUS", "ATTEMPTS", "TOOK", ""], rows));
    }
    if !view.budgets.is_empty() {
        text.push('\n');
        text.push_str(&budget::shown(&view.budgets));
    }
    if let Some(output) = &view.output_ref {
        let place = format!("{} bytes: aob api GET {}", output.len, output.href);
        text.push_str(&format!("\n{}\n{place}\n", "output".bold()));
    } else if view.output.is_some() {
        let shown = serde_json::to_string_pretty(&raw["output"]).unwrap_or_default();
        text.push_str(&format!("\n{}\n{}\n", "output".bold(), plain(&shown)));
    }
    text
}

fn node_row(id: &str, node: &NodeView, now: Timestamp) -> Vec<Cell> {
    let took = node.started_at.filter(|_| node.attempts > 0 || node.finished_at.is_some());
    let took = took.map(|at| duration(node.finished_at.unwrap_or(now).since_ms(at)));
    vec![
        Cell::new(id),
        Cell::status(&node.status),
        Cell::new(if node.attempts > 0 { node.attempts.to_string() } else { String::new() }),
        Cell::new(took.unwrap_or_default()),
        Cell::new(remark(node)),
    ]
}

fn remark(node: &NodeView) -> String {
    if let Some(error) = &node.error {
        return format!("{}: {}", error.code, error.message);
    }
    if let Some(items) = &node.items {
        let failed =
            if items.failed > 0 { format!(", {} failed", items.failed) } else { String::new() };
        return format!("{} of {} items{failed}", items.completed, items.count);
    }
    let ticket = node.ticket.as_ref().map(|ticket| format!("ticket {ticket}"));
    let child = node.child.as_ref().map(|child| format!("run {child}"));
    ticket.or(child).unwrap_or_default()
}

/// Why things wait, one paragraph each.
pub(crate) fn waits(waits: &[WaitView], now: Timestamp) -> String {
    let mut text = String::new();
    for wait in waits {
        let WaitView { instance, reason, message, since, until, owner, remedy, alternatives } =
            wait;
        let who = instance.as_ref().map_or("the run".to_owned(), ToString::to_string);
        let for_long = duration(now.since_ms(*since));
        let until = until.map_or(String::new(), |at| {
            // Without its day, a time of day says nothing about tomorrow.
            let left = duration(at.since_ms(now));
            format!(", until {} at most (in {left})", moment(at))
        });
        let head = format!("{} ({})", plain(&who).bold(), plain(reason).yellow());
        text.push_str(&format!("{head}: {}\n", plain(message)));
        text.push_str(&format!("  for {for_long}{until}; owner: {}\n", plain(owner)));
        text.push_str(&format!("  {} {}\n", "do:".cyan(), plain(remedy)));
        for command in alternatives {
            text.push_str(&format!("  {} {}\n", "or:".cyan(), plain(command)));
        }
    }
    text
}
