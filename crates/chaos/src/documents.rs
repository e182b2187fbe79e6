//! The workflows under load: every way of being in the middle of something.

use serde_json::{Value, json};

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Built-in functions, a map, a loop.
    Steps,
    /// A timer, then a signal.
    Waits,
    /// An approval between two steps.
    Asks,
    /// Functions of runners: one harmless, one that nobody may do twice, one program.
    Outside,
    /// A GET and a POST.
    Calls,
    /// Child runs: one, and a map of them.
    Nested,
    /// A signal; before it comes, the graph is patched.
    Patched,
    /// Branches that meet, some of them dead, with values that stand in no event.
    Wide,
}

/// All of them.
pub(crate) const KINDS: [Kind; 8] = [
    Kind::Steps,
    Kind::Waits,
    Kind::Asks,
    Kind::Outside,
    Kind::Calls,
    Kind::Nested,
    Kind::Patched,
    Kind::Wide,
];

/// Bytes of a value that stands in no event.
const LARGE_BYTES: usize = 20_000;

fn function(id: &str, name: &str, args: Value) -> Value {
    json!({"id": id, "type": "function", "config": {"name": name, "args": args}})
}

fn chain(nodes: Vec<Value>) -> Value {
    let ids: Vec<Value> = nodes.iter().map(|node| node["id"].clone()).collect();
    let edges: Vec<Value> =
        ids.windows(2).map(|pair| json!({"from": pair[0], "to": pair[1]})).collect();
    json!({"nodes": nodes, "edges": edges})
}

/// A choice, three branches, a join of them.
fn wide() -> Value {
    let mut first = function("left", "echo", json!({"text": "$inputs.text"}));
    first["join"] = json!("any");
    json!({
        "nodes": [
            function("start", "echo", json!({"n": "$inputs.n", "text": "$inputs.text"})),
            {"id": "choose", "type": "conditional"},
            first,
            function("dead", "echo", json!("never")),
            function("right", "sleep", json!({"ms": 4})),
            {"id": "meet", "type": "join", "config": {"mode": "all"}},
        ],
        "edges": [
            {"from": "start", "to": "choose"},
            {"from": "choose", "to": "dead", "condition": "output.n < 0"},
            {"from": "choose", "to": "left"},
            {"from": "start", "to": "right"},
            {"from": "left", "to": "meet"},
            {"from": "dead", "to": "meet"},
            {"from": "right", "to": "meet"},
        ],
    })
}

/// A patch of a run of [`Kind::Patched`]: one step more, between the signal and the end.
pub(crate) fn one_step_more(key: &str) -> Value {
    json!({"description": key, "operations": [
        {"op": "add", "path": "/nodes/-", "value":
            {"id": "more", "type": "transform", "config": {"template": {"by": key, "was": "$input"}}}},
        {"op": "remove", "path": "/edges/signal->last"},
        {"op": "add", "path": "/edges/-", "value": {"from": "signal", "to": "more"}},
        {"op": "add", "path": "/edges/-", "value": {"from": "more", "to": "last"}},
    ]})
}

impl Kind {
    /// Inputs of the run of this number.
    pub(crate) fn inputs(self, number: u64) -> Value {
        let mut inputs = json!({"n": number});
        if self == Self::Wide {
            inputs["text"] = json!("x".repeat(LARGE_BYTES));
        }
        inputs
    }

    /// The document; `http` nodes call `service` (host and port).
    pub(crate) fn document(self, service: &str) -> Value {
        let in_pool = |id: &str, effect: &str, pool: &str| {
            let mut node = function(id, id, json!({"n": "$inputs.n"}));
            (node["effect"], node["pool"]) = (json!(effect), json!(pool));
            node
        };
        let http = |id: &str, method: &str| {
            let url = format!("http://{service}/{id}");
            json!({"id": id, "type": "http", "config": {"url": url, "method": method}})
        };
        let child = json!({"nodes": [
            function("x", "sleep", json!({"ms": 5})),
            function("y", "echo", json!({"a": 1})),
        ], "edges": [{"from": "x", "to": "y"}]});
        match self {
            Self::Steps => {
                let body = function("each", "echo", json!({"item": "$item"}));
                let items: Vec<u32> = (0..12).collect();
                let mut document = chain(vec![
                    function("first", "echo", json!({"n": "$inputs.n"})),
                    json!({"id": "items", "type": "map",
                        "config": {"items": items, "node": body, "max_parallel": 5}}),
                    function("again", "sleep", json!({"ms": 3})),
                    json!({"id": "loop", "type": "loop", "config": {"max_iterations": 3,
                        "loop_back_to": "again", "condition": "true", "timeout_path": "end"}}),
                ]);
                let end = json!({"id": "end", "type": "transform", "config": {"template": 1}});
                document["nodes"].as_array_mut().expect("a list").push(end);
                document
            }
            Self::Waits => chain(vec![
                json!({"id": "timer", "type": "timer", "config": {"for_ms": 60}}),
                json!({"id": "signal", "type": "signal", "config": {"name": "go"}}),
                function("last", "echo", json!("$nodes.signal")),
            ]),
            Self::Asks => chain(vec![
                function("first", "echo", json!({"n": "$inputs.n"})),
                json!({"id": "ask", "type": "hitl", "config": {"message": "Sure?"}}),
                function("last", "sleep", json!({"ms": 2})),
            ]),
            Self::Outside => chain(vec![
                in_pool("score", "idempotent", "ext"),
                in_pool("charge", "irreversible", "ext"),
                in_pool("script", "none", "sh"),
            ]),
            Self::Calls => chain(vec![http("get", "GET"), http("post", "POST")]),
            Self::Nested => chain(vec![
                json!({"id": "one", "type": "composite", "config": {"workflow": child, "inputs": {}}}),
                json!({"id": "many", "type": "map", "config": {"items": [1, 2, 3], "workflow": child}}),
            ]),
            Self::Patched => chain(vec![
                function("first", "echo", json!({"n": "$inputs.n"})),
                json!({"id": "signal", "type": "signal", "config": {"name": "go"}}),
                function("last", "echo", json!("$input")),
            ]),
            Self::Wide => wide(),
        }
    }
}
