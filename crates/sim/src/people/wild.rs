//! Changes of any kind: most of them are workflows still, and some are not.

use aob_ir::{EdgeIr, NodeIr};
use serde_json::{Value, json};

use super::change::{STORM, View, agent, one_of, transform, without};
use crate::generator::Dice;

/// A change of any kind, or two at once.
pub(super) fn wild(view: &View, dice: &mut Dice) -> Value {
    let count = dice.weighted(&[(4, 1), (1, 2)]);
    (0..count).flat_map(|n| operations(view, dice, &view.fresh(n), &view.fresh(n + 10))).collect()
}

/// The operations of one change; the ids are for the nodes that it adds.
fn operations(view: &View, dice: &mut Dice, id: &str, second: &str) -> Vec<Value> {
    let ir = &view.ir;
    let (Some(node), Some(other)) = (one_of(dice, &ir.nodes), one_of(dice, &ir.nodes)) else {
        return vec![add_node(&transform(id))];
    };
    let edge = one_of(dice, &ir.edges);
    match (dice.within(0..=15), edge) {
        (0, _) => without(ir, node),
        (1, Some(edge)) => vec![remove_edge(edge)],
        (2, Some(edge)) => {
            let from = &ir.node(edge.from).id;
            vec![remove_edge(edge), add_edge(dice, from, &node.id)]
        }
        (3, _) => vec![add_edge(dice, &node.id, &other.id)],
        (4, _) => {
            let spec = spec(dice, &node.id);
            vec![json!({"op": "replace", "path": format!("/nodes/{}", node.id), "value": spec})]
        }
        (5, _) => vec![set(node, "join", &join(dice))],
        (6, Some(edge)) => {
            let condition = dice.pick(&["true", "false", "output.n > 3", "output.storm == 'x'"]);
            let path = format!("/edges/{}/condition", edge.id);
            vec![json!({"op": "add", "path": path, "value": condition})]
        }
        (7, _) => vec![setting(dice, node)],
        (8, Some(edge)) => inside(view, edge, &gate(id)),
        (9, Some(edge)) => inside(view, edge, &spec(dice, id)),
        (10, _) => {
            let map = map(dice.percent(50), id);
            behind(dice, node, &map)
        }
        (11, _) => behind(dice, node, &composite(id)),
        (12, _) => looped(dice, node, id, second),
        (13, _) => {
            let from = format!("/nodes/{}", node.id);
            vec![json!({"op": "move", "from": from, "path": "/nodes/-"})]
        }
        (14, _) => {
            let policies = json!({"on_failure": dice.pick(&["stop", "compensate"])});
            vec![json!({"op": "add", "path": "/policies", "value": policies})]
        }
        _ => {
            let mut operations = behind(dice, node, &agent(id));
            let agents = ir.nodes.iter().filter(|node| node.id.starts_with(STORM));
            operations.extend(agents.take(1).flat_map(|node| without(ir, node)));
            operations
        }
    }
}

fn add_node(node: &Value) -> Value {
    json!({"op": "add", "path": "/nodes/-", "value": node})
}

fn remove_edge(edge: &EdgeIr) -> Value {
    json!({"op": "remove", "path": format!("/edges/{}", edge.id)})
}

fn add_edge(dice: &mut Dice, from: &str, to: &str) -> Value {
    let on = dice.weighted(&[(5, "success"), (1, "failure"), (1, "always"), (1, "timeout")]);
    let id = format!("{from}-{to}-{}", dice.within(0..=999));
    json!({"op": "add", "path": "/edges/-", "value": {"id": id, "from": from, "to": to, "on": on}})
}

fn set(node: &NodeIr, key: &str, value: &Value) -> Value {
    json!({"op": "add", "path": format!("/nodes/{}/{key}", node.id), "value": value})
}

/// A node in the middle of an edge.
fn inside(view: &View, edge: &EdgeIr, node: &Value) -> Vec<Value> {
    let (from, to) = (&view.ir.node(edge.from).id, &view.ir.node(edge.to).id);
    vec![
        add_node(node),
        remove_edge(edge),
        json!({"op": "add", "path": "/edges/-", "value": {"from": from, "to": node["id"]}}),
        json!({"op": "add", "path": "/edges/-", "value": {"from": node["id"], "to": to}}),
    ]
}

/// A node behind another.
fn behind(dice: &mut Dice, from: &NodeIr, node: &Value) -> Vec<Value> {
    let to = node["id"].as_str().unwrap_or_default();
    vec![add_node(node), add_edge(dice, &from.id, to)]
}

/// A loop of one node that goes round three times.
fn looped(dice: &mut Dice, from: &NodeIr, head: &str, end: &str) -> Vec<Value> {
    let config = json!({"loop_back_to": head, "max_iterations": 3, "condition": "true"});
    let body = spec(dice, head);
    let mut operations = behind(dice, from, &body);
    operations
        .push(add_node(&json!({"id": end, "type": "loop", "on_error": "skip", "config": config})));
    let edge = json!({"from": head, "to": end});
    operations.push(json!({"op": "add", "path": "/edges/-", "value": edge}));
    operations
}

/// Any node that ends by itself.
fn spec(dice: &mut Dice, id: &str) -> Value {
    match dice.within(0..=6) {
        0 => json!({"id": id, "type": "timer", "config": {"for_ms": 500}}),
        1 => json!({"id": id, "type": "function", "config": {"name": "echo", "args": {"n": 1}}}),
        2 => json!({"id": id, "type": "function", "config": {"name": "charge", "args": {}}}),
        3 => {
            let config = json!({"url": "https://storm.example.com/", "method": "PUT"});
            json!({"id": id, "type": "http", "config": config})
        }
        4 => json!({"id": id, "type": "conditional"}),
        5 => json!({"id": id, "type": "join", "config": {"mode": "any"}}),
        _ => transform(id),
    }
}

fn gate(id: &str) -> Value {
    json!({"id": id, "type": "hitl", "timeout_ms": 2_000, "config": {"message": "storm"}})
}

fn map(over_jobs: bool, id: &str) -> Value {
    let body = if over_jobs {
        json!({"type": "function", "config": {"name": "echo", "args": {"n": "$item"}}})
    } else {
        json!({"type": "transform", "config": {"template": "$item"}})
    };
    json!({"id": id, "type": "map", "config": {"items": [1, 2, 3], "node": body}})
}

fn composite(id: &str) -> Value {
    let work = json!({"id": "work", "type": "function", "config": {"name": "echo", "args": {}}});
    let workflow = json!({"metadata": {"name": "below"}, "nodes": [work], "edges": []});
    json!({"id": id, "type": "composite", "config": {"workflow": workflow}})
}

fn join(dice: &mut Dice) -> Value {
    match dice.within(0..=4) {
        0 => json!("all"),
        1 => json!("any"),
        2 => json!("quorum"),
        3 => json!({"mode": "any", "cancel_losers": true}),
        _ => json!({"mode": "k_of_n", "k": 1}),
    }
}

fn setting(dice: &mut Dice, node: &NodeIr) -> Value {
    match dice.within(0..=4) {
        0 => set(node, "on_error", &"skip".into()),
        1 => set(node, "on_error", &"park".into()),
        2 => set(node, "retry", &json!({"max_attempts": 2, "backoff_ms": 10})),
        3 => set(node, "timeout_ms", &60_000.into()),
        _ => set(node, "priority", &"high".into()),
    }
}
