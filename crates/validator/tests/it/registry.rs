//! The node registry says what the compiler says.

use aob_ir::Code;
use aob_validator::{node_example, node_schema, node_types};
use serde_json::{Value, json};

/// A document around a node, so that what is wrong is the node's.
fn around(node: &Value) -> Value {
    let template = json!({"items": [], "body": {"name": "x", "text": "x"}, "status": "x"});
    let shape = |id: &str| json!({"id": id, "type": "transform", "config": {"template": template}});
    let mut node = node.clone();
    node["id"] = json!("tested");
    let edge = |from: &str, to: &str| json!({"from": from, "to": to});
    json!({
        "nodes": [shape("fetch"), shape("poll"), node, shape("end")],
        "edges": [edge("fetch", "poll"), edge("poll", "tested"), edge("tested", "end")],
    })
}

#[test]
fn types_are_those_of_the_schema() {
    let schema: Value = serde_json::from_str(aob_ir::document::SCHEMA).unwrap();
    let rules = schema["$defs"]["ConfigByType"]["allOf"].as_array().unwrap();
    let types: Vec<&str> = rules
        .iter()
        .flat_map(|rule| rule["if"]["properties"]["type"]["enum"].as_array().unwrap())
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(node_types().collect::<Vec<_>>(), types);
    assert!(node_schema("approval").is_none() && node_example("approval").is_none());
}

#[test]
fn examples_compile() {
    for name in node_types() {
        let example: Value = serde_json::from_str(node_example(name).unwrap()).unwrap();
        assert_eq!(example["type"], *name);
        if let Err(problems) = aob_ir::compile(&around(&example)) {
            panic!("{name}: {problems}");
        }
    }
}

#[test]
fn schemas_accept_their_examples_and_refuse_what_the_compiler_refuses() {
    let workflow: Value = serde_json::from_str(aob_ir::document::SCHEMA).unwrap();
    let registry = jsonschema::Registry::new()
        .add("https://aob.dev/schema/workflow.schema.json", &workflow)
        .unwrap()
        .prepare()
        .unwrap();
    let keys = [
        ("queue_timeout_ms", json!(1)),
        ("idle_timeout_ms", json!(1)),
        ("timeout_ms", json!(1)),
        ("retry", json!({"max_attempts": 2})),
        ("effect", json!("idempotent")),
        ("compensate", json!({"type": "function", "config": {"name": "undo"}})),
        ("priority", json!("high")),
        ("pool", json!("p")),
        ("join", json!({"mode": "any"})),
        ("on_error", json!("park")),
        ("checks", json!({})),
    ];
    for name in node_types() {
        let schema: Value = serde_json::from_str(node_schema(name).unwrap()).unwrap();
        let validator = jsonschema::options().with_registry(&registry).build(&schema).unwrap();
        for example in schema["examples"].as_array().unwrap() {
            assert!(validator.is_valid(example), "{name}: {example}");
        }
        let example: Value = serde_json::from_str(node_example(name).unwrap()).unwrap();
        for (key, value) in &keys {
            let mut node = example.clone();
            node[*key] = value.clone();
            let refused = match aob_ir::compile(&around(&node)) {
                Ok(_) => false,
                Err(problems) => problems.0.iter().any(|p| p.code == Code::NotApplicable),
            };
            assert_eq!(validator.is_valid(&node), !refused, "{name}.{key}");
        }
    }
}
