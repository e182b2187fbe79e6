//! What decisions ask for when they begin with nothing at hand, as after a restart.

use std::collections::BTreeMap;

use aob_engine::{Actor, Command, CommandId, Decision, Request, decide};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, function, graph};

/// Sends `command` with nothing at hand and hands over what is asked for: how many payloads it asks
/// for each time.
fn asked(run: &Run, command: Command) -> Vec<usize> {
    let request = Request { id: CommandId("late".into()), actor: Actor::system(), command };
    let mut at_hand = BTreeMap::new();
    let mut asked = Vec::new();
    loop {
        let decision = decide(&run.state, &run.ir, &request, &at_hand, run.now);
        let Decision::Need(wanted) = decision else {
            assert!(matches!(decision, Decision::Append { .. }), "{decision:?}");
            return asked;
        };
        asked.push(wanted.len());
        for reference in wanted {
            let blob = run.blobs[&reference.digest].clone();
            assert!(at_hand.insert(reference.digest, blob).is_none(), "it was there already");
        }
    }
}

/// `width` functions, each read by a node of its own; all functions have ended while the run pauses.
fn paused(width: usize) -> Run {
    let reader = |at: usize| constant(&format!("t{at}"), json!({"got": format!("$nodes.f{at}")}));
    let nodes: Vec<Value> =
        (0..width).flat_map(|at| [function(&format!("f{at}")), reader(at)]).collect();
    let edges: Vec<Value> =
        (0..width).map(|at| edge(&format!("f{at}"), &format!("t{at}"))).collect();
    let mut run = Run::start(&graph(json!(nodes), json!(edges)), json!({}));
    run.command(Command::Pause { reason: None }).expect("it may pause");
    (0..width).for_each(|at| run.complete(&format!("f{at}"), json!({"value": at})));
    run
}

#[test]
fn all_that_can_start_asks_at_once() {
    for width in [1, 7, 100] {
        assert_eq!(asked(&paused(width), Command::Resume), [width], "{width}");
    }
}

#[test]
fn a_decision_asks_for_so_much_at_a_time() {
    let asked = asked(&paused(300), Command::Resume);
    assert_eq!(asked, [256, 44]);
}
