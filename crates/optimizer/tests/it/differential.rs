//! Random graphs, optimized and not: they give the same, and do the same outside.

use std::collections::BTreeMap;

use aob_engine::RunStatus;
use aob_optimizer::{Native, Passes, builtin_passes, difference, plan};
use aob_sim::generator::{Dice, Options, Scenario};
use serde_json::{Value, json};

use crate::support::*;

/// A random graph into which things are put that passes look for, some of them spoiled.
pub(crate) fn document(seed: u64) -> Value {
    let options =
        Options { failures: seed.is_multiple_of(3), commands: false, ..Options::default() };
    let mut document = Scenario::generate(seed, options).document();
    // Virtual time is not what this is about.
    document.as_object_mut().expect("an object").remove("limits");
    let mut dice = Dice::of(seed, &["optimizer"]);
    for n in 0..dice.count(1..=4) {
        let with = grafted(&document, &mut dice, n);
        if aob_ir::compile(&with).is_ok() {
            document = with;
        }
    }
    document
}

/// The document with one more piece, behind a node of its own or beside everything.
fn grafted(document: &Value, dice: &mut Dice, n: usize) -> Value {
    let bases: [fn() -> Value; 7] = [
        crate::coalesce::base,
        crate::parallel::base,
        crate::cse::base,
        crate::cse::requests,
        crate::hoist::base,
        crate::prune::base,
        crate::pushdown::base,
    ];
    let mut piece = dice.pick(&bases)();
    spoil(&mut piece, dice);
    let text = renamed(&piece, n);
    let piece: Value = serde_json::from_str(&text).expect("JSON");
    let mut whole = document.clone();
    let source = {
        let nodes = whole["nodes"].as_array().expect("nodes");
        let ids: Vec<String> =
            nodes.iter().filter_map(|node| node["id"].as_str().map(str::to_owned)).collect();
        ids[dice.count(0..=ids.len() - 1)].clone()
    };
    for key in ["nodes", "edges"] {
        let more = piece[key].as_array().expect("a list").clone();
        if whole.get(key).is_none() {
            whole[key] = json!([]);
        }
        whole[key].as_array_mut().expect("a list").extend(more);
    }
    if dice.percent(60) {
        let mut attached = whole.clone();
        let edge = json!({"from": source, "to": format!("m{n}_start")});
        attached["edges"].as_array_mut().expect("edges").push(edge);
        if aob_ir::compile(&attached).is_ok() {
            return attached;
        }
    }
    whole
}

/// Ids of its own, in references too.
fn renamed(piece: &Value, n: usize) -> String {
    let mut text = piece.to_string().replace("$inputs.items", "$inputs.rows");
    let ids: Vec<&str> = piece["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .filter_map(|node| node["id"].as_str())
        .collect();
    for id in ids.into_iter().chain(["row"]) {
        text = text.replace(&format!("\"{id}\""), &format!("\"m{n}_{id}\""));
        for end in [".", "\"", "[", " "] {
            text = text.replace(&format!("$nodes.{id}{end}"), &format!("$nodes.m{n}_{id}{end}"));
        }
        text = text.replace(&format!("ctx.{id}."), &format!("ctx.m{n}_{id}."));
    }
    text
}

/// Changes something here and there that may matter.
fn spoil(piece: &mut Value, dice: &mut Dice) {
    for node in piece["nodes"].as_array_mut().expect("nodes") {
        let is_runner = matches!(node["type"].as_str(), Some("http" | "function"));
        match dice.within(0..=99) {
            0..=3 => node["on_error"] = json!("skip"),
            4..=6 => node["checks"] = json!({"post": [{"expression": "true"}]}),
            7..=10 if is_runner => node["retry"] = json!({"max_attempts": 5, "backoff_ms": 10}),
            11..=13 if is_runner => node["effect"] = json!("idempotent"),
            14..=16 if node["type"] == "http" => node["config"]["method"] = json!("POST"),
            17..=18 if node["type"] == "transform" => {
                node["config"] = json!({"template": "$input"})
            }
            19..=20 => node["join"] = json!("any"),
            _ => {}
        }
    }
    for edge in piece["edges"].as_array_mut().expect("edges") {
        match dice.within(0..=99) {
            0..=3 => edge["condition"] = json!("1 < 2"),
            4..=5 => edge["condition"] = json!("false"),
            6..=7 => edge["on"] = json!("always"),
            8..=9 => edge["condition"] = json!("inputs.k > 3"),
            _ => {}
        }
    }
}

/// How often rules fired, and how many runs completed.
#[derive(Debug, Default)]
struct Tally {
    rules: BTreeMap<String, u64>,
    completed: u64,
    failed: u64,
    rewritten: u64,
}

fn compare(seed: u64, tally: &mut Tally) {
    let document = document(seed);
    let passes: Vec<(&str, &dyn Passes)> =
        builtin_passes().into_iter().map(|pass| (pass, &Native as &dyn Passes)).collect();
    let planned =
        plan(&document, &passes).unwrap_or_else(|problems| panic!("{seed}: {problems:?}"));
    assert!(planned.notes.is_empty(), "{seed}: {:?}", planned.notes);
    for step in &planned.steps {
        *tally.rules.entry(step.rewrite.rule.clone()).or_default() += 1;
    }
    if planned.steps.is_empty() {
        return;
    }
    tally.rewritten += 1;
    let amounts = [3, 30, 12, 7, 50].map(|amount| json!({"amount": amount}));
    let mut inputs = Scenario::generate(seed, Options::default()).inputs;
    inputs["rows"] = json!(amounts);
    let flaky_percent = [0, 0, 30][usize::try_from(seed % 3).unwrap_or(0)];
    let perform = |ir| {
        run_in(ir, &inputs, &mut ByContent { flaky_percent })
            .unwrap_or_else(|error| panic!("{seed}: {error}"))
    };
    let (one, other) = (perform(&planned.before), perform(&planned.after));
    let rules: Vec<&str> = planned.steps.iter().map(|step| &*step.rewrite.rule).collect();
    if one.status == RunStatus::Failed {
        // What else had started by the time that it failed is a matter of time.
        assert_eq!(other.status, RunStatus::Failed, "{seed}: {rules:?}");
        tally.failed += 1;
        return;
    }
    let found = difference(&one, &other);
    assert_eq!(found, None, "{seed}: {rules:?}");
    tally.completed += u64::from(one.status == RunStatus::Completed);
}

fn compare_all(seeds: std::ops::Range<u64>) {
    let mut tally = Tally::default();
    let count = seeds.end - seeds.start;
    seeds.for_each(|seed| compare(seed, &mut tally));
    assert_eq!(tally.rules.len(), 7, "every rule that can fire does: {tally:?}");
    assert!(tally.rewritten > count / 3 && tally.completed > count / 5, "{tally:?}");
    assert!(tally.failed > 0, "{tally:?}");
}

#[test]
fn random_graphs_give_and_do_the_same() {
    compare_all(0..200);
}

#[test]
#[ignore = "5,000 graphs"]
fn many_random_graphs_give_and_do_the_same() {
    compare_all(0..5_000);
}
