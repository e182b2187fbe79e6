//! Large documents: they compile, and need no stack for it.

use aob_ir::{Compiled, compile, compile_text};
use serde_json::{Value, json};

const NODES: usize = 100_000;
/// A tenth of what a thread usually has. Recursion over the graph would not fit.
const STACK_BYTES: usize = 200 * 1024;

fn compile_on_a_small_stack(document: Value) -> Compiled {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let run = move || compile(&document).unwrap_or_else(|problems| panic!("{problems}"));
    thread.spawn(run).expect("a thread").join().expect("no panic")
}

fn node(ix: usize, reads: &str) -> Value {
    let config = json!({"template": {"previous": reads}});
    json!({"id": format!("n{ix}"), "type": "transform", "config": config})
}

#[test]
fn a_chain_of_100_000_nodes() {
    let nodes: Vec<Value> =
        (0..NODES)
            .map(|ix| {
                if ix == 0 { node(0, "$inputs") } else { node(ix, &format!("$nodes.n{}", ix - 1)) }
            })
            .collect();
    let edges: Vec<Value> = (1..NODES)
        .map(|ix| json!({"from": format!("n{}", ix - 1), "to": format!("n{ix}")}))
        .collect();
    let compiled = compile_on_a_small_stack(json!({"nodes": nodes, "edges": edges}));
    let ir = &compiled.ir;
    assert_eq!((ir.nodes.len(), ir.edges.len()), (NODES, NODES - 1));
    assert_eq!(
        (ir.entries.as_slice(), ir.terminals.as_slice()),
        (&[0][..], &[NODES as u32 - 1][..])
    );
    assert!(ir.dominators().dominates(0, NODES as u32 - 1));
    let again = compile_text(&ir.canonical).expect("the canonical text compiles");
    assert_eq!(again.ir.digest, ir.digest);
}

#[test]
fn a_fan_of_100_000_nodes_and_back() {
    let middle = NODES - 2;
    let mut nodes: Vec<Value> = (0..middle).map(|ix| node(ix, "$nodes.start")).collect();
    nodes.push(json!({"id": "start", "type": "parallel"}));
    nodes.push(json!({"id": "end", "type": "join", "config": {"mode": "quorum"}}));
    let edges: Vec<Value> = (0..middle)
        .map(|ix| format!("n{ix}"))
        .flat_map(|id| [json!({"from": "start", "to": id}), json!({"from": id, "to": "end"})])
        .collect();
    let compiled = compile_on_a_small_stack(json!({"nodes": nodes, "edges": edges}));
    let ir = &compiled.ir;
    let end = ir.node_ix("end").expect("the end");
    assert_eq!(ir.node(end).incoming.len(), middle);
    assert_eq!(ir.dominators().immediate(end), ir.node_ix("start"));
}

/// Loops one after the other, and one around all of them.
#[test]
fn ten_thousand_loops_in_a_loop() {
    const LOOPS: usize = 10_000;
    let mut nodes = vec![json!({"id": "first", "type": "parallel"})];
    let mut edges = Vec::new();
    let mut before = "first".to_owned();
    for ix in 0..LOOPS {
        let config = json!({"max_iterations": 2, "loop_back_to": format!("h{ix}"), "condition": "input.again"});
        nodes.push(json!({"id": format!("h{ix}"), "type": "transform", "config": {"template": "$nodes.first"}}));
        nodes.push(json!({"id": format!("l{ix}"), "type": "loop", "config": config}));
        edges.push(json!({"from": before, "to": format!("h{ix}")}));
        edges.push(json!({"from": format!("h{ix}"), "to": format!("l{ix}")}));
        before = format!("l{ix}");
    }
    let config = json!({"max_iterations": 3, "loop_back_to": "first", "condition": "false"});
    nodes.push(json!({"id": "outer", "type": "loop", "config": config}));
    edges.push(json!({"from": before, "to": "outer"}));
    let compiled = compile_on_a_small_stack(json!({"nodes": nodes, "edges": edges}));
    let ir = &compiled.ir;
    assert_eq!(ir.loops.len(), LOOPS + 1);
    assert_eq!(ir.loops[0].body.len(), 2 * LOOPS + 2);
    let innermost = &ir.node(ir.node_ix("h7").expect("a head")).loops;
    assert_eq!(innermost.len(), 2);
    assert_eq!(ir.loop_at(innermost[1]).parent, Some(0));
}

/// References across a wide graph, where nothing dominates anything.
#[test]
fn far_references_in_a_wide_graph_are_decided_in_bounded_time() {
    const LAYERS: usize = 200;
    const WIDTH: usize = 20;
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    for layer in 0..LAYERS {
        for lane in 0..WIDTH {
            let reads = if layer == 0 { "$inputs".to_owned() } else { format!("$nodes.n0_{lane}") };
            let config = json!({"template": reads});
            nodes.push(
                json!({"id": format!("n{layer}_{lane}"), "type": "transform", "config": config}),
            );
            for next in [lane, (lane + 1) % WIDTH] {
                if layer + 1 < LAYERS {
                    let (from, to) = (format!("n{layer}_{lane}"), format!("n{}_{next}", layer + 1));
                    edges.push(json!({"from": from, "to": to}));
                }
            }
        }
    }
    assert_eq!(
        compile_on_a_small_stack(json!({"nodes": nodes, "edges": edges})).ir.nodes.len(),
        LAYERS * WIDTH
    );
}
