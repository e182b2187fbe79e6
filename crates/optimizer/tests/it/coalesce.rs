//! HTTP coalescing.

use serde_json::{Value, json};

use crate::support::*;

const PASS: &str = "http-coalescing";

pub(crate) fn base() -> Value {
    json!({
        "nodes": [
            function("start"),
            get("a"),
            get("b"),
            template("end", &json!({"a": "$nodes.a.body.n", "b": "$nodes.b.body.n"})),
        ],
        "edges": edges(&["start->a", "start->b", "a->end", "b->end"]),
    })
}

#[test]
fn requests_of_one_origin_become_one_job() {
    let inputs = json!({"k": 1});
    let plan = fires(PASS, &base(), &["http-coalescing/siblings"], &inputs, 1);
    let document = plan.document();
    let batch =
        document["nodes"].as_array().unwrap().iter().find(|n| n["id"] == "a-batch").unwrap();
    assert_eq!(batch["config"]["batch"][1]["url"], "https://api.example.com/b");

    // Entries whose outputs are the run's; without edges at all.
    let bare = json!({"nodes": [get("a"), get("b"), get("c-d")]});
    fires(PASS, &bare, &["http-coalescing/siblings"], &inputs, 1);

    // Named, retried, authorised, with references, behind a condition, seen through `$input`.
    let mut rich = base();
    for id in ["a", "b"] {
        node(&mut rich, id)["retry"] = json!({"max_attempts": 5});
        node(&mut rich, id)["config"]["auth"] = json!({"type": "bearer", "secret": "crm"});
        node(&mut rich, id)["config"]["query"] = json!({"n": "$nodes.start.n", "in": "${input.n}"});
    }
    for id in ["start->a", "start->b"] {
        edge(&mut rich, id)["condition"] = json!("output.n >= 0");
    }
    node(&mut rich, "end")["config"] = json!({"template": "$input"});
    fires(PASS, &rich, &["http-coalescing/siblings"], &inputs, 1);

    // Two groups.
    let mut two = base();
    for id in ["c", "d"] {
        add(&mut two, get(id));
        node(&mut two, id)["config"]["url"] = json!(format!("http://other.example.com:8080/{id}"));
        join(&mut two, &format!("start->{id}"));
        join(&mut two, &format!("{id}->end"));
    }
    fires(PASS, &two, &["http-coalescing/siblings"; 2], &inputs, 1);
}

/// What silences the pass.
const EDITS: &[Edit] = &[
    ("it writes", |d| node(d, "b")["config"]["method"] = json!("POST")),
    ("its method is computed", |d| node(d, "b")["config"]["method"] = json!("$inputs.m")),
    ("another host", |d| node(d, "b")["config"]["url"] = json!("https://other.example.com/b")),
    ("another port", |d| node(d, "b")["config"]["url"] = json!("https://api.example.com:444/b")),
    ("another scheme", |d| node(d, "b")["config"]["url"] = json!("http://api.example.com/b")),
    ("a computed host", |d| node(d, "b")["config"]["url"] = json!("${inputs.base}/b")),
    ("a body", |d| node(d, "b")["config"]["body"] = json!({"q": 1})),
    ("it is said to have an effect", |d| node(d, "b")["effect"] = json!("idempotent")),
    ("other retries", |d| node(d, "b")["retry"] = json!({"max_attempts": 1})),
    ("another timeout", |d| node(d, "b")["timeout_ms"] = json!(5)),
    ("another queue timeout", |d| node(d, "b")["queue_timeout_ms"] = json!(5)),
    ("another pool", |d| node(d, "b")["pool"] = json!("inside")),
    ("another priority", |d| node(d, "b")["priority"] = json!("high")),
    ("a failure route", |d| route(d, "b")),
    ("its failure is skipped", |d| node(d, "b")["on_error"] = json!("skip")),
    ("its failure waits for a person", |d| node(d, "b")["on_error"] = json!("park")),
    ("it is checked", |d| {
        node(d, "b")["checks"] = json!({"post": [{"expression": "output.status == 200"}]});
    }),
    ("it is compensated", |d| node(d, "b")["compensate"] = undo()),
    ("a condition before one", |d| edge(d, "start->b")["condition"] = json!("output.n > 5")),
    ("a condition behind one", |d| edge(d, "b->end")["condition"] = json!("output.status == 200")),
    ("something starts after one alone", |d| {
        add(d, function("early"));
        join(d, "b->early");
    }),
    ("one waits for the other", |d| {
        cut(d, "start->b");
        join(d, "a->b");
    }),
    ("only one is taken", |d| {
        *node(d, "start") = json!({"id": "start", "type": "conditional"});
        edge(d, "start->a")["condition"] = json!("inputs.k > 0");
    }),
    ("the first answer wins", |d| node(d, "end")["join"] = json!("any")),
    ("failures are tolerated", |d| node(d, "end")["join"] = json!({"tolerate": 1})),
    ("a quorum, later", |d| {
        add(d, template("late", &json!(1)));
        join(d, "end->late");
        join(d, "start->late");
        node(d, "late")["join"] = json!("quorum");
    }),
    ("only one carries a secret", |d| {
        node(d, "b")["config"]["auth"] = json!({"type": "bearer", "secret": "crm"});
    }),
    ("one starts a loop", |d| {
        let config = json!({"loop_back_to": "b", "max_iterations": 2, "condition": "false"});
        add(d, json!({"id": "again", "type": "loop", "config": config}));
        cut(d, "b->end");
        join(d, "b->again");
        join(d, "again->end");
    }),
];

#[test]
fn stays_silent_where_something_would_change() {
    stays_silent(PASS, &base(), EDITS);
}
