//! Plans and diffs as people read them: what changes, what was checked, what comes next. Colours are
//! always in the text: the stream that it is written to takes them out where none belong.

use aob_api::{
    Change, CheckView, Consequences, DiffView, EdgeDiff, FieldDiff, NodeDiff, PlanBudget, PlanView,
    RawText, Share,
};
use aob_engine::Approver;
use aob_ir::{Digest, EdgeOn};
use owo_colors::{OwoColorize, Style};

use super::{Cell, Tint, facts, plain};

/// Hex digits of a digest that are shown.
const DIGEST_LEN: usize = 12;
/// Characters of a value that are shown.
const VALUE_LEN: usize = 96;

/// The beginning of a digest, which is enough to tell it from others.
pub(crate) fn short(digest: &Digest) -> String {
    let text = digest.to_string();
    text.get(..text.find(':').map_or(0, |at| at + 1) + DIGEST_LEN).unwrap_or(&text).to_owned()
}

/// A whole plan.
pub(crate) fn plan(plan: &PlanView) -> String {
    let mut rows = vec![row("base", base(plan)), row("result", short(&plan.result))];
    if plan.rebased {
        let what = if plan.revision.is_some() { "run" } else { "workflow" };
        let text = format!("the {what} has moved on: the patch was brought to what holds");
        rows.push(row("", text));
    }
    let mut text = facts(rows);
    text.push_str(&format!("\n{}", diff(&plan.diff)));
    text.push_str(&format!("\n{}\n{}", "checks".bold(), checks(&plan.checks)));
    let mut rows = vec![row("budget", budget(&plan.budget)), row("tier", tier(plan))];
    rows.extend(plan.growth.iter().enumerate().map(|(at, grown)| {
        let place = grown.node.as_ref().map_or(String::new(), |node| format!("  (node {node})"));
        let granted = if grown.granted { "  granted by policy" } else { "" };
        let text = format!("{} {}{place}{granted}", grown.kind, grown.name);
        let tint = if grown.granted { Tint::None } else { Tint::Waiting };
        vec![Cell::new(if at == 0 { "grows" } else { "" }), Cell::new(text).tinted(tint)]
    }));
    if plan.growth.is_empty() {
        rows.push(row("grows", "nothing that the graph could not do before".to_owned()));
    }
    if let Some(consequences) = &plan.consequences {
        rows.extend(follows(consequences));
    }
    rows.extend(plan.warnings.iter().map(|warning| {
        vec![Cell::new("warning").tinted(Tint::Waiting), Cell::new(&warning.message)]
    }));
    rows.push(next(plan));
    text.push_str(&format!("\n{}", facts(rows)));
    text
}

fn row(name: &str, value: String) -> Vec<Cell> {
    vec![Cell::new(name), Cell::new(value)]
}

fn base(plan: &PlanView) -> String {
    match plan.revision {
        Some(revision) => format!("{}  revision {revision}", short(&plan.base)),
        None => short(&plan.base),
    }
}

/// What changes, one line per node, edge and key.
pub(crate) fn diff(diff: &DiffView) -> String {
    let mut text = String::new();
    for node in &diff.nodes {
        text.push_str(&node_lines(node));
    }
    for edge in &diff.edges {
        text.push_str(&edge_line(edge));
    }
    text.push_str(&field_lines("  ", &diff.sections));
    if diff.reordered {
        let line = "~ nodes or edges stand in another order".to_owned();
        text.push_str(&format!("  {}\n", line.style(sign(Change::Changed).1)));
    }
    if diff.truncated {
        text.push_str("  ... and more: compare the documents with -o json\n");
    }
    if diff.is_empty() {
        text.push_str("  nothing changes\n");
    }
    text
}

/// How much changes, in one line: `+1 node, +2 -1 edges, ~metadata`.
pub(crate) fn summary(diff: &DiffView) -> String {
    let nodes = diff.nodes.iter().map(|node| node.change);
    let edges = diff.edges.iter().map(|edge| edge.change);
    let mut parts: Vec<String> =
        [counted("node", nodes.collect()), counted("edge", edges.collect())]
            .into_iter()
            .flatten()
            .collect();
    if diff.reordered {
        parts.push("another order".to_owned());
    }
    let mut sections: Vec<&str> = Vec::new();
    sections.extend(diff.sections.iter().filter_map(|field| field.pointer.split('/').nth(1)));
    sections.dedup();
    parts.extend(sections.iter().map(|section| format!("~{}", plain(section))));
    if parts.is_empty() { "nothing changes".to_owned() } else { parts.join(", ") }
}

/// `+2 -1 edges`
fn counted(noun: &str, changes: Vec<Change>) -> Option<String> {
    let kinds = [Change::Added, Change::Removed, Change::Changed].into_iter();
    let counts = kinds.filter_map(|kind| {
        let count = changes.iter().filter(|change| **change == kind).count();
        (count > 0).then(|| format!("{}{count}", sign(kind).0))
    });
    let counts: Vec<String> = counts.collect();
    let plural = if changes.len() == 1 { "" } else { "s" };
    (!counts.is_empty()).then(|| format!("{} {noun}{plural}", counts.join(" ")))
}

fn sign(change: Change) -> (&'static str, Style) {
    match change {
        Change::Added => ("+", Style::new().green()),
        Change::Removed => ("-", Style::new().red()),
        Change::Changed => ("~", Style::new().yellow()),
    }
}

fn node_lines(node: &NodeDiff) -> String {
    let (sign, style) = sign(node.change);
    let (id, kind) = (plain(&node.id), plain(&node.kind));
    let line = format!("{sign} node {id}  {kind}");
    format!("  {}\n{}", line.style(style), field_lines("      ", &node.fields))
}

fn field_lines(indent: &str, fields: &[FieldDiff]) -> String {
    let width = fields.iter().map(|field| name(field).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for field in fields {
        let (before, after) = (value(field.before.as_ref()), value(field.after.as_ref()));
        let shown = match field.change {
            Change::Added => after.green().to_string(),
            Change::Removed => format!("{}", before.red().strikethrough()),
            Change::Changed => format!("{} -> {}", before.red(), after.green()),
        };
        let sign = sign(field.change).0;
        text.push_str(&format!("{indent}{sign} {:<width$}  {shown}\n", name(field)));
    }
    text
}

/// `/config/url` as `config.url`.
fn name(field: &FieldDiff) -> String {
    let name = field.pointer.trim_start_matches('/').replace('/', ".");
    plain(&name.replace("~1", "/").replace("~0", "~")).into_owned()
}

fn value(value: Option<&RawText>) -> String {
    let Some(value) = value else { return "(long)".to_owned() };
    let text = plain(value.0.get()).replace('\n', " ");
    match text.char_indices().nth(VALUE_LEN) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

fn edge_line(edge: &EdgeDiff) -> String {
    let (sign, style) = sign(edge.change);
    let on = if edge.on == EdgeOn::Success {
        String::new()
    } else {
        format!("  on {}", format!("{:?}", edge.on).to_lowercase())
    };
    let condition = edge.condition.as_ref().map_or(String::new(), |text| format!("  if {text}"));
    let line = format!("{sign} edge {} -> {}{on}{condition}", edge.from, edge.to);
    format!("  {}\n", plain(&line).style(style))
}

fn checks(checks: &[CheckView]) -> String {
    let mut checks: Vec<&CheckView> = checks.iter().collect();
    checks.sort_by_key(|check| check.layer);
    let rows = checks.into_iter().map(|check| {
        let (word, tint) = match &*check.outcome {
            "passed" => ("ok", Tint::Good),
            "warned" => ("warning", Tint::Waiting),
            "needs_approval" => ("approval", Tint::Waiting),
            "failed" => ("refused", Tint::Bad),
            other => (other, Tint::None),
        };
        vec![
            Cell::new(format!("  layer {}", check.layer)),
            Cell::new(&check.name),
            Cell::new(word).tinted(tint),
            Cell::new(&check.detail),
        ]
    });
    facts(rows.collect())
}

fn budget(budget: &PlanBudget) -> String {
    let share = |name: &str, share: Share| format!("{name} {}/{}", share.used, share.max);
    [
        share("agents", budget.agents),
        share("operations", budget.operations),
        share("nodes", budget.nodes),
        share("bytes", budget.bytes),
    ]
    .join("  ")
}

fn tier(plan: &PlanView) -> String {
    if plan.tier == plan.tier_before {
        plan.tier.clone()
    } else {
        format!("{} -> {}", plan.tier_before, plan.tier)
    }
}

fn follows(consequences: &Consequences) -> Vec<Vec<Cell>> {
    let names = |items: &[String]| items.join(", ");
    let routes: Vec<String> = consequences.routes.iter().map(ToString::to_string).collect();
    let said = [
        (routes, "has finished: its new edges are decided at once"),
        (consequences.withdrawn.clone(), "was decided: what it had brought is taken back"),
        (consequences.repaired.clone(), "has started: its next attempt follows the new spec"),
    ];
    let said = said.into_iter().filter(|(items, _)| !items.is_empty());
    said.map(|(items, what)| row("run", format!("{} {what}", names(&items)))).collect()
}

fn next(plan: &PlanView) -> Vec<Cell> {
    let (text, tint) = match &plan.approval {
        None => ("applies at once".to_owned(), Tint::Good),
        Some(need) => {
            (format!("asks for an approval by {}", approvers(&need.approvers)), Tint::Waiting)
        }
    };
    vec![Cell::new("next"), Cell::new(text).tinted(tint)]
}

/// Who may decide, in words.
pub(crate) fn approvers(approvers: &[Approver]) -> String {
    if approvers.is_empty() {
        return "any approver".to_owned();
    }
    let names = approvers.iter().map(|approver| match approver {
        Approver::Role(role) => format!("role {role}"),
        Approver::User(user) => user.to_string(),
    });
    names.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> DiffView {
        let digest = Digest([0; 32]).to_string();
        let field = |pointer: &str, change: &str, before: i64, after: i64| {
            let mut field = json!({"pointer": pointer, "change": change});
            for (key, value) in [("before", before), ("after", after)] {
                if value > 0 {
                    field[key] = json!(value);
                }
            }
            field
        };
        let diff = json!({
            "base": digest, "result": digest, "reordered": true,
            "nodes": [
                {"id": "validate", "type": "function", "change": "added", "fields": []},
                {"id": "fetch", "type": "http", "change": "changed", "fields": [
                    field("/timeout_ms", "changed", 30_000, 5_000),
                    field("/config/a~1b", "added", 0, 1),
                    field("/retry", "removed", 3, 0)]},
                {"id": "\u{1b}[2J", "type": "transform", "change": "removed"}],
            "edges": [
                {"id": "x", "from": "process", "to": "validate", "on": "failure", "condition": "$.ok", "change": "added"},
                {"id": "y", "from": "process", "to": "save", "on": "success", "change": "removed"}],
            "sections": [field("/metadata/name", "changed", 1, 2), field("/metadata/version", "added", 0, 2)],
        });
        serde_json::from_value(diff).unwrap()
    }

    #[test]
    fn a_difference_is_read_line_by_line_and_summed_up() {
        let text = anstream::adapter::strip_str(&diff(&sample())).to_string();
        let expected = [
            "  + node validate  function",
            "  ~ node fetch  http",
            "      ~ timeout_ms  30000 -> 5000",
            "      + config.a/b  1",
            "      - retry       3",
            "  - node \\u{1b}[2J  transform",
            "  + edge process -> validate  on failure  if $.ok",
            "  - edge process -> save",
            "  ~ metadata.name     1 -> 2",
            "  + metadata.version  2",
            "  ~ nodes or edges stand in another order",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        assert_eq!(summary(&sample()), "+1 -1 ~1 nodes, +1 -1 edges, another order, ~metadata");
        assert!(diff(&sample()).contains("\u{1b}[32m+ node validate"), "added is green");
    }
}
