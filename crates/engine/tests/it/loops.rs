//! Loops.

use aob_engine::{Command, RunStatus};
use serde_json::{Value, json};

use crate::harness::{Run, constant, edge, final_failure, function, graph};

fn poll(condition: &str, max: u32, extra: Value) -> Value {
    let mut config =
        json!({"loop_back_to": "check", "max_iterations": max, "condition": condition});
    for (key, value) in extra.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    json!({"id": "again", "type": "loop", "config": config})
}

#[test]
fn the_body_runs_exactly_max_iterations_times() {
    for max in [1, 2, 5] {
        let document = graph(
            json!([
                constant("check", json!("$iteration")),
                poll("true", max, json!({"timeout_path": "gave_up"})),
                constant("gave_up", json!("late"))
            ]),
            json!([edge("check", "again")]),
        );
        let run = Run::start(&document, json!({}));
        assert_eq!(run.output(), json!("late"), "{max}");
        let bodies = run.ended("node_completed").iter().filter(|id| id.ends_with("/check")).count();
        assert_eq!(bodies, max as usize);
    }
}

#[test]
fn without_a_timeout_path_the_loop_fails() {
    let document = graph(
        json!([constant("check", json!(1)), poll("true", 3, json!({}))]),
        json!([edge("check", "again")]),
    );
    let run = Run::start(&document, json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(&*run.state.error().expect("an error").0, "max_iterations");
}

#[test]
fn a_false_condition_breaks() {
    let document = graph(
        json!([
            function("check"),
            poll(
                "output.ready == false",
                10,
                json!({"break_path": "done", "timeout_path": "gave_up"})
            ),
            constant("done", json!({"last": "$nodes.check.n"})),
            constant("gave_up", json!("late")),
        ]),
        json!([edge("check", "again")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.complete("again[1]/check", json!({"ready": false, "n": 1}));
    assert_eq!(
        run.lines(),
        [
            "node_completed again[1]/check 1 +again",
            "node_completed again[1]/again",
            "loop_iterated again 2",
            "node_scheduled again[2]/check 1"
        ]
    );
    run.complete("again[2]/check", json!({"ready": true, "n": 2}));
    assert_eq!(run.output(), json!({"done": {"last": 2}}));
    assert_eq!(run.ended("node_skipped"), ["gave_up"]);
}

#[test]
fn without_break_path_plain_edges_lead_on() {
    let document = graph(
        json!([
            constant("check", json!("$iteration")),
            poll("output < 3", 10, json!({})),
            constant("after", json!("$input"))
        ]),
        json!([edge("check", "again"), edge("again", "after")]),
    );
    assert_eq!(Run::start(&document, json!({})).output(), json!(3));
}

#[test]
fn nested_loops_start_over_inside_each_outer_iteration() {
    let document = graph(
        json!([
            constant("outer_head", json!("$iteration")),
            constant("check", json!("$iteration")),
            poll("output < 2", 10, json!({})),
            constant("body", json!("$input")),
            {"id": "outer", "type": "loop", "config": {"loop_back_to": "outer_head", "max_iterations": 3, "condition": "true", "timeout_path": "end"}},
            constant("end", json!("end")),
        ]),
        json!([
            edge("outer_head", "check"),
            edge("check", "again"),
            edge("again", "body"),
            edge("body", "outer")
        ]),
    );
    let run = Run::start(&document, json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
    let checks: Vec<String> =
        run.ended("node_completed").into_iter().filter(|id| id.ends_with("/check")).collect();
    assert_eq!(
        checks,
        [
            "outer[1]/again[1]/check",
            "outer[1]/again[2]/check",
            "outer[2]/again[1]/check",
            "outer[2]/again[2]/check",
            "outer[3]/again[1]/check",
            "outer[3]/again[2]/check",
        ]
    );
}

#[test]
fn a_failure_route_leaves_the_loop_once() {
    let mut check = function("check");
    check["retry"] = json!({"max_attempts": 1});
    let document = graph(
        json!([
            check,
            poll("true", 5, json!({"timeout_path": "late"})),
            constant("late", json!("late")),
            constant("rescue", json!("$input.error.code"))
        ]),
        json!([edge("check", "again"), {"from": "check", "to": "rescue", "on": "failure"}]),
    );
    let mut run = Run::start(&document, json!({}));
    run.complete("again[1]/check", json!(1));
    assert!(
        !run.all_lines().iter().any(|line| line.contains("-rescue")),
        "the route stays open while the loop runs"
    );
    run.fail("again[2]/check", final_failure("boom"));
    assert_eq!(run.status(), RunStatus::Completed, "{:?}", run.lines());
    assert_eq!(run.output(), json!({"rescue": "boom"}));
    let mut run = Run::start(&document, json!({}));
    for iteration in 1..=5 {
        run.complete(&format!("again[{iteration}]/check"), json!(iteration));
    }
    assert_eq!(run.output(), json!({"late": "late"}));
    assert_eq!(run.ended("node_skipped"), ["rescue"]);
}

#[test]
fn a_long_loop_keeps_the_state_small() {
    let document = graph(
        json!([
            constant("check", json!("$iteration")),
            poll("true", 3_000, json!({"timeout_path": "end"})),
            constant("end", json!("end"))
        ]),
        json!([edge("check", "again")]),
    );
    let run = Run::start(&document, json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert!(run.events.len() > 9_000);
    assert!(run.state.weight() < 20, "{}", run.state.weight());
}

#[test]
fn what_went_round_is_not_begun_again_on_resume() {
    let document = graph(
        json!([
            function("check"),
            poll("output < 1", 5, json!({})),
            function("after"),
            {
                "id": "outer",
                "type": "loop",
                "config": {"loop_back_to": "check", "max_iterations": 2, "condition": "false"},
            }
        ]),
        json!([edge("check", "again"), edge("again", "after"), edge("after", "outer")]),
    );
    let mut run = Run::start(&document, json!({}));
    run.complete("outer[1]/again[1]/check", json!(0));
    run.complete("outer[1]/again[2]/check", json!(1));
    run.command(Command::Pause { reason: None }).unwrap();
    run.command(Command::Resume).unwrap();
    run.complete("outer[1]/after", json!(2));
    assert_eq!(run.status(), RunStatus::Completed, "{:?}", run.lines());
    let checks = run.ended("node_completed").iter().filter(|id| id.ends_with("/check")).count();
    assert_eq!(checks, 2);
}
