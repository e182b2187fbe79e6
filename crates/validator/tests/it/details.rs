//! What a refusal says, and what an approval and a proof are bound to.

use std::collections::BTreeMap;

use aob_materializer::{Budget, Patch};
use aob_validator::{
    Author, Code, Power, PowerKind, Problem, Proposal, Rules, Unstarted, agents_of, check_offline,
    validate,
};
use serde_json::{Value, json};

use crate::case::{Case, base, cases};

fn problems(case: &Case) -> Vec<Problem> {
    match case.judge() {
        Err(rejected) => rejected.problems,
        Ok(validated) => {
            let reasons = validated.approval.map(|need| need.reasons).unwrap_or_default();
            reasons.into_iter().chain(validated.warnings).collect()
        }
    }
}

#[test]
fn every_code_says_where_why_and_what_to_do() {
    let mut first: BTreeMap<&str, Value> = BTreeMap::new();
    for (name, case) in cases("hostile").into_iter().chain(cases("benign")) {
        for problem in problems(&case) {
            if Code::ALL.iter().any(|code| code.as_str() == problem.code) {
                let shown = || json!({"case": name, "patch": case.patch, "problem": problem});
                first.entry(problem.code).or_insert_with(shown);
            }
        }
    }
    insta::assert_json_snapshot!("codes", first);
}

#[test]
fn examples_are_json_and_operations_exist() {
    for (name, case) in cases("hostile") {
        let count = case.patch.as_array().map_or(0, Vec::len);
        for problem in problems(&case) {
            assert!(!problem.message.is_empty(), "{name}");
            assert!(problem.op.is_none_or(|op| op < count), "{name}: {problem:?}");
            if let Some(example) = &problem.example {
                let member = format!("{{{example}}}");
                let is_json = [example, &member]
                    .iter()
                    .any(|text| serde_json::from_str::<Value>(text).is_ok());
                assert!(is_json, "{name}: {example}");
            }
        }
    }
}

fn parse(patch: &Value) -> Patch {
    Patch::parse(&patch.to_string(), &Budget::PERSON).expect("a patch")
}

fn propose(base: &aob_ir::Ir, patch: &Value) -> aob_validator::Validated {
    let patch = parse(patch);
    let proposal = Proposal { base, against: base.digest, patch: &patch, author: &Author::Person };
    validate(&proposal, &Unstarted::default(), &Rules::default()).expect("it is valid")
}

fn call(host: &str) -> Value {
    json!([
        {"op": "add", "path": "/nodes/-", "value":
            {"id": "call", "type": "http", "config": {"url": format!("https://{host}/")}}},
        {"op": "add", "path": "/edges/-", "value": {"from": "process", "to": "call"}},
    ])
}

#[test]
fn a_proof_needs_the_approval_of_its_own_subject() {
    let base = base("pipeline");
    let one = propose(&base, &call("one.example"));
    let other = propose(&base, &call("other.example"));
    assert_ne!(one.subject_hash, other.subject_hash);
    let subject = one.subject_hash;
    let parked = one.authorise(None).expect_err("nobody approved it");
    let parked = parked.authorise(Some(other.subject_hash)).expect_err("another was approved");
    let proof = parked.authorise(Some(subject)).expect("it was approved");
    assert_eq!((proof.base(), proof.subject()), (base.digest, subject));
    assert_eq!(proof.patch(), parse(&call("one.example")).digest().unwrap());
}

#[test]
fn an_approval_outlives_a_rebase_over_other_parts_alone() {
    let before = base("pipeline");
    let own = propose(&before, &call("one.example")).subject_hash;
    let elsewhere = json!([{"op": "add", "path": "/nodes/save/timeout_ms", "value": 5}]);
    let moved = propose(&before, &elsewhere).ir;
    assert_eq!(propose(&moved, &call("one.example")).subject_hash, own);
    // The same operation now results in something else, and grows less.
    let grown = propose(&before, &call("one.example")).ir;
    let change =
        json!([{"op": "add", "path": "/nodes/process/retry", "value": {"max_attempts": 4}}]);
    let again = json!([
        {"op": "add", "path": "/nodes/-", "value":
            {"id": "call2", "type": "http", "config": {"url": "https://one.example/"}}},
        {"op": "add", "path": "/edges/-", "value": {"from": "process", "to": "call2"}},
    ]);
    let first = propose(&before, &again).subject_hash;
    assert_ne!(propose(&grown, &again).subject_hash, first);
    let defaults = json!([{"op": "add", "path": "/nodes/process/pool", "value": "db"}]);
    let pooled = propose(&before, &defaults).ir;
    assert_ne!(propose(&pooled, &change).subject_hash, propose(&before, &change).subject_hash);
}

#[test]
fn the_first_layer_alone_refuses_what_it_can() {
    let document = base("five_agents").canonical.to_string();
    let sixth = json!([
        {"op": "add", "path": "/nodes/-", "value":
            {"id": "a6", "type": "agent", "config": {"task": "x"}}},
        {"op": "add", "path": "/edges/-", "value": {"from": "a5", "to": "a6"}},
    ]);
    let agent = Author::Agent { node: None };
    let codes = |patch: &str| -> Vec<&str> {
        match check_offline(&document, patch, &agent) {
            Ok(_) => Vec::new(),
            Err(rejected) => rejected.problems.iter().map(|problem| problem.code).collect(),
        }
    };
    assert_eq!(codes(&sixth.to_string()), ["too_many_agents"]);
    assert_eq!(codes("[{]"), ["invalid_json"]);
    assert_eq!(codes(r#"[{"op":"remove","path":"/nodes/x"}]"#), ["not_found"]);
    assert_eq!(
        codes(r#"[{"op":"move","from":"/nodes/a1","path":"/nodes/0"}]"#),
        ["operation_not_allowed"]
    );
    assert!(check_offline("{", "[]", &agent).is_err());
    let fine = r#"[{"op":"add","path":"/nodes/-","value":{"id":"x","type":"http","config":{"url":"https://x.example/"}}},{"op":"add","path":"/edges/-","value":{"from":"end","to":"x"}}]"#;
    let plan = check_offline(&document, fine, &agent).unwrap();
    assert_eq!((plan.agents, plan.diff.nodes_added.len()), (5, 1));
    assert!(plan.growth.items.iter().any(|grown| grown.power.kind() == PowerKind::Egress));
    assert!(plan.checks.iter().all(|check| check.layer == 1));
}

#[test]
fn agents_are_counted_like_the_compiler_counts_them() {
    for name in ["payments", "five_agents", "looped", "mapped", "hooks", "pipeline"] {
        let ir = base(name);
        let found = agents_of(&ir, &BTreeMap::new());
        assert_eq!(found.len(), usize::try_from(ir.agents).unwrap(), "{name}");
    }
    let nested = json!({"nodes": [
        {"id": "m", "type": "map", "config": {"items": [1], "node":
            {"id": "b", "type": "agent", "config": {"task": "x"}}}},
        {"id": "c", "type": "composite", "config": {"workflow": {"nodes": [
            {"id": "m", "type": "agent", "config": {"task": "x"},
             "compensate": {"type": "agent", "config": {"task": "undo"}}}]}}},
        {"id": "d", "type": "map", "config": {"items": [1], "workflow": {"nodes": [
            {"id": "m", "type": "agent", "config": {"task": "x"}}]}}},
    ]});
    let ir = aob_ir::compile(&nested).unwrap().ir;
    let found: Vec<String> =
        agents_of(&ir, &BTreeMap::new()).into_iter().map(|key| key.path.to_string()).collect();
    assert_eq!(found, ["b", "c/m", "c/m.compensate", "d.item/m"]);
    assert_eq!(ir.agents, 4);
}

#[test]
fn workflows_that_use_each_other_twice_end_somewhere() {
    let twice = |tag: &str| {
        let node = |id: &str| json!({"id": id, "type": "composite", "config": {"workflow": tag}});
        json!({"nodes": [node("a"), node("b")]})
    };
    let mut rules = Rules::default();
    for level in 0..30 {
        let compiled = aob_ir::compile(&twice(&format!("w{}", level + 1))).unwrap();
        rules.children.insert(format!("w{level}").into(), compiled.ir);
    }
    let leaf = json!({"nodes": [{"id": "x", "type": "transform", "config": {"template": 1}}]});
    rules.children.insert("w30".into(), aob_ir::compile(&leaf).unwrap().ir);
    let base = base("pipeline");
    let patch = parse(&json!([
        {"op": "add", "path": "/nodes/-", "value":
            {"id": "deep", "type": "composite", "config": {"workflow": "w0"}}},
        {"op": "add", "path": "/edges/-", "value": {"from": "save", "to": "deep"}},
    ]));
    let proposal =
        Proposal { base: &base, against: base.digest, patch: &patch, author: &Author::Person };
    let rejected = validate(&proposal, &Unstarted::default(), &rules).unwrap_err();
    assert!(rejected.problems.iter().any(|p| p.code == Code::TooManySubWorkflows.as_str()));
}

#[test]
fn powers_are_named_as_documented() {
    let validated = propose(
        &base("pipeline"),
        &json!([
            {"op": "add", "path": "/nodes/-", "value": {"id": "x", "type": "http", "config": {
                "url": "https://x.example/a", "method": "PUT",
                "auth": {"type": "header", "secret": "k", "header": "X-K"},
                "headers": {"Y": "$secrets.other"}}}},
            {"op": "add", "path": "/nodes/-", "value":
                {"id": "f", "type": "function", "config": {"name": "g", "pool": "p", "args": "$secrets.k"}}},
            {"op": "add", "path": "/nodes/-", "value":
                {"id": "y", "type": "http", "config": {"url": "https://${nodes.x.body.host}/"}}},
            {"op": "add", "path": "/edges/-", "value": {"from": "save", "to": "x"}},
            {"op": "add", "path": "/edges/-", "value": {"from": "x", "to": "f"}},
            {"op": "add", "path": "/edges/-", "value": {"from": "x", "to": "y"}},
        ]),
    );
    let grown: Vec<String> =
        validated.growth.items.iter().map(|grown| Power::to_string(&grown.power)).collect();
    assert_eq!(
        grown,
        [
            "egress GET https://${nodes.x.body.host}/ in y",
            "egress PUT https://x.example:443",
            "secret k -> g@p",
            "secret k -> https://x.example:443/auth",
            "secret other -> https://x.example:443/headers/Y",
            "function g@p",
            "pool p",
        ]
    );
    assert!(validated.approval.is_some());
}
