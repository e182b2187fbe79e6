//! The targets. Each takes any bytes and panics where the product breaks a promise.

use std::sync::Arc;

use aob_engine::{
    Actor, Around, AttemptOutcome, AttemptResult, Blob, Command, CommandId, Event, Request,
    RunState, Timestamp, apply, decide, effects, explain, owed,
};
use aob_ir::{Digest, Ir};
use aob_materializer::{Budget, Patch, apply as apply_patch, diff, inverse, materialize};
use serde_json::Value;

use crate::drive::drive;

/// Lines of a log that are folded at most.
const LINES_MAX: usize = 2_000;

/// Any bytes as a document: parsed, compiled, and its problems rendered.
///
/// # Panics
/// Where the canonical text does not mean the same, or a refusal says nothing.
pub fn document(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match aob_ir::compile_text(text) {
        Ok(compiled) => {
            // What is stored is the canonical text, so it must mean the same.
            let again = aob_ir::compile_text(&compiled.ir.canonical).expect("it compiled before");
            assert_eq!(again.ir.digest, compiled.ir.digest);
            compiled.ir.dominators();
            aob_ir::render_diagnostics("document.json", text, &compiled.warnings);
        }
        Err(problems) => {
            assert!(!problems.0.is_empty(), "a refusal says why");
            aob_ir::render_diagnostics("document.json", text, &problems.0);
        }
    }
}

/// A document, its inputs and a script, with a zero byte between them: compiled, started, and
/// driven by the script until it ends.
///
/// # Panics
/// Where a promise of the engine is broken; see [`drive`].
pub fn run(bytes: &[u8]) {
    if let Some((ir, inputs, script)) = runnable(bytes) {
        drive(&ir, inputs, script);
    }
}

/// The log that [`run`] makes of the same bytes, a line per event after the document and a zero
/// byte: what [`events`] takes. `None`: nothing can be run.
pub fn log_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let (ir, inputs, script) = runnable(bytes)?;
    let driven = drive(&ir, inputs, script);
    driven.events.first()?;
    let mut log = ir.canonical.as_bytes().to_vec();
    log.push(0);
    for event in &driven.events {
        log.extend_from_slice(&serde_json::to_vec(event).expect("events serialize"));
        log.push(b'\n');
    }
    Some(log)
}

fn runnable(bytes: &[u8]) -> Option<(Arc<Ir>, Value, &[u8])> {
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let text = std::str::from_utf8(parts.next()?).ok()?;
    let inputs = parts.next().unwrap_or_default();
    let inputs = serde_json::from_slice(inputs).unwrap_or_else(|_| serde_json::json!({}));
    let ir = aob_ir::compile_text(text).ok()?.ir;
    Some((ir, inputs, parts.next().unwrap_or_default()))
}

/// A document and the lines of a log, with a zero byte between them: whatever still reads as an
/// event is folded, looked at in every way, and decided upon.
///
/// # Panics
/// Where the fold, a view, the checker or a decision gives up on a log that nobody wrote.
pub fn events(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let text = std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let ir = aob_ir::compile_text(text).ok().map(|compiled| compiled.ir);
    let lines = parts.next().unwrap_or_default().split(|byte| *byte == b'\n');
    let log: Vec<Event> =
        lines.filter_map(|line| serde_json::from_slice(line).ok()).take(LINES_MAX).collect();
    let mut state = RunState::default();
    for event in &log {
        let text = serde_json::to_string(event).expect("events serialize");
        let again: Event = serde_json::from_str(&text).expect("what was written reads back");
        assert_eq!(*event, again);
        apply(&mut state, event);
    }
    effects(&log);
    look_at(&state, ir.as_deref());
    if !state.exists() {
        return;
    }
    let bytes = state.to_snapshot();
    let again = RunState::from_snapshot(&bytes).expect("snapshots read back");
    assert!(again.to_snapshot() == bytes, "snapshots are stable");
    let known = |wanted: &Digest| ir.clone().filter(|ir| ir.digest == *wanted);
    aob_checker::check(&log, &known);
    if let Some(ir) = ir.filter(|ir| state.digest() == Some(ir.digest)) {
        decide_upon(&state, &ir);
    }
}

/// Any bytes as a snapshot: read, or refused.
pub fn snapshot(bytes: &[u8]) {
    if let Ok(state) = RunState::from_snapshot(bytes) {
        state.to_snapshot();
    }
}

/// A document and the text of a patch, with a zero byte between them: parsed, applied within what
/// an agent and a person may, taken back, compared and compiled.
///
/// # Panics
/// Where a budget or a law of patches is broken.
pub fn patch(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let text = std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let Ok(mut base) = aob_ir::parse_document(text) else { return };
    aob_ir::respell(&mut base);
    let text = std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    for budget in [Budget::AGENT, Budget::PERSON] {
        match Patch::parse(text, &budget) {
            Ok(patch) => patch_of(&base, &patch, &budget),
            Err(refusal) => assert!(!refusal.0.is_empty(), "a refusal says why"),
        }
    }
}

fn patch_of(base: &Value, patch: &Patch, budget: &Budget) {
    let text = patch.canonical().expect("what was parsed has a canonical text");
    assert_eq!(Patch::parse(&text, budget).as_ref(), Ok(patch));
    let Ok(made) = materialize(base, patch, budget) else { return };
    assert!(made.canonical.len() <= budget.document_bytes);
    if let Ok(compiled) = aob_ir::compile(&made.document) {
        assert_eq!(compiled.ir.digest, made.digest, "the digest is that of the IR");
    }
    let canonical = |value: &Value| aob_ir::canonical_json(value).expect("documents have one");
    let raw = apply_patch(base.clone(), patch, budget).expect("it was applied before");
    let back = inverse(base.clone(), patch, budget).expect("it was applied before");
    let again = apply_patch(raw, &back, &Budget::DOCUMENT).expect("an inverse applies");
    assert_eq!(canonical(&again), canonical(base), "what was taken back is as it was");
    let other = diff(base, &made.document);
    let other = apply_patch(base.clone(), &other, &Budget::DOCUMENT).expect("a diff applies");
    assert_eq!(canonical(&other), *made.canonical, "a diff leads where it should");
}

/// Every view of a state.
pub(crate) fn look_at(state: &RunState, ir: Option<&Ir>) {
    owed(state);
    explain(state, ir, &Around::default());
    state.due(state.at());
    state.outstanding();
    state.spans(None, 1_000);
    state.edge_counts();
    state.error();
    if let Some(ir) = ir {
        state.nodes(ir);
    }
}

/// Every command that needs no preparation, on a state that no decision made.
fn decide_upon(state: &RunState, ir: &Ir) {
    let now = Timestamp(state.at().0.saturating_add(1_000_000_000));
    let results = state.outstanding().into_iter().take(20).map(|(instance, attempt, _)| {
        let output = Blob::of(Value::from(1));
        let outcome = AttemptOutcome::Completed { output };
        Command::Result(AttemptResult {
            instance,
            attempt,
            outcome,
            started_at: None,
            usage: None,
            patches: Vec::new(),
        })
    });
    let others = [
        Command::Continue { after: state.seq() },
        Command::Tick { leases: Vec::new() },
        Command::Pause { reason: None },
        Command::Resume,
        Command::Cancel { reason: None },
    ];
    for command in others.into_iter().chain(results) {
        let request = Request { id: CommandId("fuzz".into()), actor: Actor::system(), command };
        decide(state, ir, &request, &std::collections::BTreeMap::new(), now);
    }
}
