//! Effects of events, and what is owed from the state alone.

use aob_engine::{Effect, RunState, apply, owed};
use serde_json::json;

use crate::harness::{Run, constant, edge, function, graph};

#[test]
fn what_is_open_is_owed_again_from_the_state() {
    let child = json!({"nodes": [constant("x", json!(1))], "edges": []});
    let document = graph(
        json!([function("a"), function("b"), {"id": "sub", "type": "composite", "config": {"workflow": child}}]),
        json!([edge("a", "b")]),
    );
    let mut run = Run::start(&document, json!({}));
    let names = |effects: &[Effect]| -> Vec<String> {
        let name = |effect: &Effect| {
            if let Effect::Dispatch(d) = effect {
                format!("dispatch {}#{}", d.instance, d.attempt)
            } else if let Effect::StartChild(s) = effect {
                format!("start {}", s.instance)
            } else {
                format!("{effect:?}")
            }
        };
        effects.iter().filter(|e| !matches!(e, Effect::Publish(_))).map(name).collect()
    };
    assert_eq!(names(&run.effects()), ["dispatch a#1", "start sub"]);
    assert_eq!(names(&owed(&run.state)), ["dispatch a#1", "start sub"]);
    run.complete("a", json!(1));
    assert_eq!(names(&owed(&run.state)), ["start sub", "dispatch b#1"]);
    let mut folded = RunState::default();
    run.events.iter().for_each(|event| apply(&mut folded, event));
    assert_eq!(names(&owed(&folded)), names(&owed(&run.state)));
}

#[test]
fn a_repeated_dispatch_names_the_same_attempt_and_key() {
    let mut run = Run::start(&graph(json!([function("a")]), json!([])), json!({}));
    let first = run.effects();
    run.now = run.now.plus_ms(1);
    let again = owed(&run.state);
    let (Some(Effect::Dispatch(first)), Some(Effect::Dispatch(again))) =
        (first.first(), again.first())
    else {
        panic!("both are dispatches");
    };
    assert_eq!(first.instance, again.instance);
    assert_eq!(first.attempt, again.attempt);
    assert_eq!(first.job.idempotency_key, again.job.idempotency_key);
    assert_eq!(first.job.config.digest, again.job.config.digest);
}
