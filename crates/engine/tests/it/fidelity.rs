//! Full fidelity: the log tells more, and nothing else is different.

use aob_engine::{Command, Event, EventKind, Fidelity, Place, RunStatus, SEGMENT_EVENTS_MAX};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, final_failure, graph};

/// A run of each fidelity, led to its end in the same way.
fn both(document: &Value, inputs: &Value, mut lead: impl FnMut(&mut Run)) -> [Run; 2] {
    [Fidelity::Fast, Fidelity::Full].map(|fidelity| {
        let mut run = Run::new(document);
        let mut start = run.start_run(inputs.clone());
        start.fidelity = fidelity;
        run.command(Command::Start(Box::new(start))).expect("start is accepted");
        lead(&mut run);
        run
    })
}

/// What the events say, without their numbers and what only full fidelity says.
fn told(events: &[Event]) -> Vec<&'static str> {
    let kinds = events.iter().map(|event| event.kind.name());
    kinds.filter(|kind| !matches!(*kind, "node_started" | "continued")).collect()
}

fn started(run: &Run) -> Vec<(String, Option<Value>)> {
    let starts = run.events.iter().filter_map(|event| {
        let EventKind::NodeStarted(data) = &event.kind else { return None };
        let value = match &data.input.place {
            Place::Here(blob) => Some(Value::clone(blob.value())),
            Place::Event(_) | Place::Cas => None,
        };
        Some((data.instance.to_string(), value))
    });
    starts.collect()
}

fn mixed() -> Value {
    graph(
        json!([
            constant("a", json!(1)),
            constant("b", json!(2)),
            {"id": "both", "type": "join", "config": {}},
            {"id": "work", "type": "function", "config": {"name": "echo", "args": "$input"}},
            {"id": "each", "type": "map", "config": {
                "items": [1, 2],
                "node": {"id": "body", "type": "transform", "config": {"template": "$item"}},
            }},
            {"id": "ask", "type": "signal", "config": {"name": "go"}},
            {"id": "checked", "type": "transform", "config": {"template": 1}, "on_error": "skip",
             "checks": {"pre": [{"expression": "input == 7", "message": "not seven"}]}},
        ]),
        json!([
            edge("a", "both"),
            edge("b", "both"),
            edge("both", "work"),
            edge("work", "each"),
            edge("each", "ask"),
            edge("ask", "checked"),
        ]),
    )
}

fn lead(run: &mut Run) {
    run.complete("work", json!("done"));
    run.signal("go", "1", json!(3)).expect("it is awaited");
}

#[test]
fn every_instance_says_that_it_starts_and_with_what() {
    let [fast, full] = both(&mixed(), &json!({"k": 1}), lead);
    assert_eq!(started(&fast), []);
    assert_eq!(full.state.status(), RunStatus::Completed);
    let joined = Some(json!({"a": 1, "b": 2}));
    let expected = [
        ("a", None),
        ("b", None),
        ("both", joined),
        ("work", None),
        ("each", None),
        ("each[0]/body", Some(json!(1))),
        ("each[1]/body", Some(json!(2))),
        ("ask", None),
        ("checked", None),
    ];
    assert_eq!(started(&full), expected.map(|(id, input)| (id.to_owned(), input)));
}

#[test]
fn nothing_else_is_different() {
    let [fast, full] = both(&mixed(), &json!({"k": 1}), lead);
    assert_eq!(told(&fast.events), told(&full.events));
    assert_eq!(fast.output(), full.output());
}

#[test]
fn a_failure_before_the_first_attempt_has_started_too() {
    let mut node = json!({"id": "n", "type": "function", "config": {"name": "echo", "args": 1}});
    node["checks"] = json!({"pre": [{"expression": "false", "message": "never"}]});
    let [fast, full] = both(&graph(json!([node]), json!([])), &json!({}), |_| {});
    assert_eq!(started(&full), [("n".to_owned(), None)]);
    assert_eq!(told(&fast.events), told(&full.events));
    assert_eq!(full.state.status(), RunStatus::Failed);
}

#[test]
fn segments_hold_as_much_as_they_may() {
    let body = json!({"id": "body", "type": "transform", "config": {"template": "$index"}});
    let map = json!({"id": "each", "type": "map", "config": {"items": "$inputs", "node": body}});
    let items: Vec<usize> = (0..2_500).collect();
    let [fast, full] = both(&graph(json!([map]), json!([])), &json!(items), |_| {});
    assert_eq!(fast.output(), full.output());
    let mut longest = 0;
    let by_command = full.events.chunk_by(|a, b| a.command == b.command);
    by_command.for_each(|segment| longest = longest.max(segment.len()));
    assert!(longest <= SEGMENT_EVENTS_MAX && longest > SEGMENT_EVENTS_MAX / 2, "{longest}");
    assert_eq!(started(&full).len(), items.len() + 1);
}

#[test]
fn attempts_after_the_first_are_no_start() {
    let node = json!({
        "id": "n", "type": "function", "config": {"name": "echo", "args": 1}, "on_error": "park",
    });
    let [_, full] = both(&graph(json!([node]), json!([])), &json!({}), |run| {
        run.fail("n", final_failure("boom"));
    });
    assert_eq!(started(&full).len(), 1);
}
