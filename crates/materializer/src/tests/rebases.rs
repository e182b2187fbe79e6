//! Patches carried over others.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::generate::{choices, edge_id, has_ids, realise, workflow};
use crate::{
    Budget, ConflictReason, Draft, Operation, Patch, RebaseError, Touched, apply,
    materialize_chain, rebase, touched,
};

fn base() -> Value {
    json!({
        "nodes": [
            {"id": "fetch", "type": "http", "config": {"url": "http://a", "headers": {"a": "1"}}},
            {"id": "check", "type": "conditional"},
            {"id": "save", "type": "function", "config": {"name": "echo", "args": [1, 2]}},
        ],
        "edges": [
            {"from": "fetch", "to": "check"},
            {"from": "check", "to": "save", "condition": "output > 1"},
        ],
    })
}

fn patch(operations: Value) -> Patch {
    Patch::from_value(operations).expect("the case is a patch")
}

fn after(patches: &[&Patch]) -> Value {
    let made = materialize_chain(base(), patches.iter().copied(), &Budget::PERSON);
    made.expect("the patches fit").document
}

/// The rebased operations.
fn carried(ours: Value, theirs: Value) -> Result<Value, RebaseError> {
    let carried = rebase(&patch(ours), &base(), &[patch(theirs)])?;
    Ok(serde_json::to_value(&carried).unwrap_or_default())
}

fn reason(ours: Value, theirs: Value) -> (ConflictReason, String) {
    match carried(ours, theirs) {
        Err(RebaseError::Conflicts(mut conflicts)) => {
            let conflict = conflicts.0.remove(0);
            (conflict.reason, conflict.values.pointer.to_string())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn operations_stay_as_they_are_written_where_they_mean_the_same() {
    let ours = json!([
        {"op": "test", "path": "/nodes/2/id", "value": "save"},
        {"op": "replace", "path": "/nodes/fetch/config/url", "value": "http://b"},
        {"op": "add", "path": "/nodes/notify", "value": {"id": "notify", "type": "http"}},
    ]);
    let theirs = json!([{"op": "add", "path": "/nodes/x", "value": {"id": "x", "type": "http"}}]);
    assert_eq!(carried(ours.clone(), theirs).unwrap(), ours);
    assert_eq!(carried(ours.clone(), json!([])).unwrap(), ours);
}

#[test]
fn indices_become_ids_and_follow_their_neighbours() {
    let theirs = json!([
        {"op": "remove", "path": "/nodes/fetch"},
        {"op": "add", "path": "/nodes/0", "value": {"id": "first", "type": "http"}},
        {"op": "add", "path": "/nodes/0", "value": {"id": "zeroth", "type": "http"}},
    ]);
    let ours = json!([
        {"op": "replace", "path": "/nodes/2/config/name", "value": "other"},
        {"op": "add", "path": "/nodes/2", "value": {"id": "new", "type": "http"}},
        {"op": "replace", "path": "/nodes/3/config/args/1", "value": 3},
        {"op": "move", "from": "/nodes/3", "path": "/nodes/1"},
    ]);
    let expected = json!([
        {"op": "replace", "path": "/nodes/save/config/name", "value": "other"},
        {"op": "add", "path": "/nodes/3", "value": {"id": "new", "type": "http"}},
        {"op": "replace", "path": "/nodes/save/config/args/1", "value": 3},
        {"op": "move", "from": "/nodes/save", "path": "/nodes/2"},
    ]);
    assert_eq!(carried(ours, theirs).unwrap(), expected);
}

#[test]
fn conflicts_name_both_sides_and_three_values() {
    let ours = patch(json!([
        {"op": "test", "path": "/nodes/fetch/type", "value": "http"},
        {"op": "replace", "path": "/nodes/0/config", "value": {"url": "http://ours"}},
    ]));
    let theirs = [
        patch(json!([{"op": "add", "path": "/limits", "value": {}}])),
        patch(json!([
            {"op": "remove", "path": "/limits"},
            {"op": "replace", "path": "/nodes/fetch/config/url", "value": "http://theirs"},
        ])),
    ];
    let Err(RebaseError::Conflicts(conflicts)) = rebase(&ours, &base(), &theirs) else {
        panic!("both change the URL")
    };
    let expected = json!([{
        "reason": "both_change",
        "ours": {"op_index": 1, "operation": ours.operations[1]},
        "theirs": {"patch": 1, "op_index": 1, "operation": theirs[1].operations[1]},
        "values": {
            "pointer": "/nodes/fetch/config/url",
            "base": "http://a", "ours": "http://ours", "theirs": "http://theirs",
        },
    }]);
    assert_eq!(serde_json::to_value(&conflicts).unwrap(), expected);
}

fn clashes() -> Vec<(Value, Value, ConflictReason, &'static str)> {
    use ConflictReason::{BothChange, CopiesChanged, Order, TestFails};
    let url = || json!([{"op": "replace", "path": "/nodes/fetch/config/url", "value": "u"}]);
    let gone = || json!([{"op": "remove", "path": "/nodes/fetch"}]);
    let edge = |to: &str| json!({"from": "check", "to": to});
    vec![
        (url(), gone(), BothChange, "/nodes/fetch/config/url"),
        (gone(), url(), BothChange, "/nodes/fetch/config/url"),
        (
            url(),
            json!([{"op": "replace", "path": "/nodes/fetch/id", "value": "get"}]),
            BothChange,
            "/nodes/fetch/config/url",
        ),
        (
            url(),
            json!([{"op": "replace", "path": "", "value": base()}]),
            BothChange,
            "/nodes/fetch/config/url",
        ),
        (
            json!([{"op": "add", "path": "/nodes/x", "value": {"id": "x"}}]),
            json!([{"op": "add", "path": "/nodes/0", "value": {"id": "x"}}]),
            BothChange,
            "/nodes/x",
        ),
        (
            json!([{"op": "add", "path": "/limits", "value": {}}]),
            json!([{"op": "add", "path": "/limits", "value": {}}]),
            BothChange,
            "/limits",
        ),
        (
            json!([{"op": "add", "path": "/nodes/save/config/args/-", "value": 3}]),
            json!([{"op": "replace", "path": "/nodes/2/config/args/0", "value": 0}]),
            BothChange,
            "/nodes/save/config/args/0",
        ),
        (
            json!([{"op": "copy", "from": "/nodes/fetch/config", "path": "/nodes/check/config"}]),
            url(),
            CopiesChanged,
            "/nodes/fetch/config/url",
        ),
        (
            json!([{"op": "test", "path": "/nodes/fetch/config", "value": base()["nodes"][0]["config"]}]),
            url(),
            TestFails,
            "/nodes/fetch/config/url",
        ),
        (
            json!([{"op": "add", "path": "/edges/check->fetch", "value": edge("fetch")}]),
            json!([{"op": "add", "path": "/edges/0", "value": edge("check")}]),
            Order,
            "/edges",
        ),
    ]
}

#[test]
fn what_cannot_both_be_is_a_conflict() {
    for (ours, theirs, expected, pointer) in clashes() {
        let found = reason(ours.clone(), theirs.clone());
        assert_eq!(found, (expected, pointer.to_owned()), "{ours} over {theirs}");
    }
}

#[test]
fn a_test_that_still_holds_is_none() {
    let ours = json!([{"op": "test", "path": "/nodes/fetch/config/url", "value": "u"}]);
    let theirs = json!([{"op": "replace", "path": "/nodes/fetch/config/url", "value": "u"}]);
    // It holds on neither side of the base, so that it is no patch of the base.
    assert!(matches!(carried(ours, theirs), Err(RebaseError::Ours(_))));
    let ours = json!([{"op": "test", "path": "/nodes/fetch/config/url", "value": "http://a"}]);
    let theirs = json!([
        {"op": "replace", "path": "/nodes/fetch/config/url", "value": "u"},
        {"op": "replace", "path": "/nodes/fetch/config/url", "value": "http://a"},
    ]);
    assert_eq!(carried(ours.clone(), theirs).unwrap(), ours);
}

#[test]
fn edges_of_other_nodes_may_come_on_both_sides() {
    let ours = json!([{"op": "add", "path": "/edges/-", "value": {"from": "fetch", "to": "save"}}]);
    let theirs = json!([{"op": "add", "path": "/edges/0", "value": {"id": "x", "from": "fetch", "to": "save"}}]);
    assert_eq!(carried(ours.clone(), theirs).unwrap(), ours);
}

#[test]
fn what_theirs_rewords_counts_as_theirs() {
    // `payload` is another spelling of `body`.
    let theirs = json!([{"op": "add", "path": "/nodes/fetch/config/payload", "value": 1}]);
    let ours = json!([{"op": "add", "path": "/nodes/fetch/config/body", "value": 2}]);
    assert_eq!(reason(ours.clone(), theirs.clone()).0, ConflictReason::BothChange);
    assert_eq!(reason(theirs, ours).0, ConflictReason::BothChange);
}

/// A document in which the order of what has no order does not show.
fn unordered(document: &Value) -> Value {
    fn sort(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for key in ["nodes", "edges"] {
                    if let Some(Value::Array(items)) = map.get_mut(key) {
                        items.sort_by_key(|item| (edge_id(item), item.to_string()));
                    }
                }
                map.values_mut().for_each(sort);
            }
            Value::Array(items) => items.iter_mut().for_each(sort),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut document = document.clone();
    sort(&mut document);
    document
}

/// Edges out of conditionals, in order, by their source.
fn decided_by_order(document: &Value) -> Vec<(String, Vec<String>)> {
    let nodes = document["nodes"].as_array().cloned().unwrap_or_default();
    let conditionals = nodes.iter().filter(|node| node["type"] == "conditional");
    let edges = document["edges"].as_array().cloned().unwrap_or_default();
    conditionals
        .map(|node| {
            let own = edges.iter().filter(|edge| edge["from"] == node["id"]).map(edge_id);
            (node["id"].to_string(), own.collect())
        })
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_iter()
        .collect()
}

fn apart(a: &Touched, b: &Touched) -> bool {
    let lists = |side: &Touched| side.sections.contains("nodes") || side.sections.contains("edges");
    !(a.document || b.document || lists(a) || lists(b))
        && a.nodes.keys().all(|node| !b.nodes.contains_key(node))
        && a.edges.is_disjoint(&b.edges)
        && a.sections.is_disjoint(&b.sections)
}

/// What both ways of putting two patches together give.
fn both_ways(base: &Value, a: &Patch, b: &Patch) -> Result<[Value; 2], RebaseError> {
    let over = |first: &Patch, second: &Patch| {
        let rebased = rebase(second, base, std::slice::from_ref(first))?;
        let made = materialize_chain(base.clone(), [first, &rebased], &Budget::PERSON);
        made.map(|made| made.document).map_err(RebaseError::Theirs)
    };
    Ok([over(a, b)?, over(b, a)?])
}

fn traces(draft: &mut Draft, patch: &Patch) -> Vec<crate::trace::Trace> {
    crate::trace::follow(draft, patch).expect("it fits its base")
}

/// Whether what a patch wrote stands in `all` as it left it.
fn keeps(patch: &Patch, base: &Value, all: &Value) -> Result<(), TestCaseError> {
    let mut alone = Draft::new(base.clone());
    let traces = traces(&mut alone, patch);
    let mut all = Draft::new(all.clone());
    for written in traces.iter().flat_map(|trace| &trace.writes) {
        let (wanted, found) = (alone.get(written).cloned(), all.get(written).cloned());
        prop_assert_eq!(found, wanted, "{}", written);
    }
    Ok(())
}

/// Two patches of one document whose items have ids, before and after each.
fn pairs(most: usize) -> impl Strategy<Value = (Value, Patch, Patch)> {
    (workflow(1), choices(most), choices(most))
        .prop_map(|(base, a, b)| {
            let (a, b) = (realise(&base, &a), realise(&base, &b));
            (base, a, b)
        })
        .prop_filter("items have ids", |(base, a, b)| {
            let after = |patch| apply(base.clone(), patch, &Budget::PERSON).expect("it fits");
            has_ids(base) && has_ids(&after(a)) && has_ids(&after(b))
        })
}

/// Runs a law over many pairs of patches; at least `wanted` have to get to its end.
fn holds(
    most: usize,
    wanted: usize,
    law: impl Fn(&Value, &Patch, &Patch) -> Result<bool, TestCaseError>,
) {
    let config = ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::default() };
    let cases = config.cases.max(2_000);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig { cases, ..config }, rng);
    let reached = Cell::new(0);
    let run = runner.run(&pairs(most), |(base, a, b)| {
        let end = law(&base, &a, &b).map_err(|error| match error {
            TestCaseError::Fail(why) => {
                TestCaseError::fail(format!("{why}\nbase {base}\na {a:?}\nb {b:?}"))
            }
            TestCaseError::Reject(why) => TestCaseError::Reject(why),
        })?;
        reached.set(reached.get() + usize::from(end));
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    assert!(reached.get() >= wanted, "only {}", reached.get());
}

#[test]
fn patches_commute() {
    holds(3, 500, |base, a, b| {
        let both = match both_ways(base, a, b) {
            Ok(both) => both,
            Err(RebaseError::Conflicts(_)) => return Ok(false),
            Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert_eq!(unordered(&both[0]), unordered(&both[1]));
        prop_assert_eq!(decided_by_order(&both[0]), decided_by_order(&both[1]));
        for document in &both {
            keeps(a, base, document)?;
            keeps(b, base, document)?;
        }
        Ok(!a.operations.is_empty() && !b.operations.is_empty())
    });
}

/// What touches other parts is no conflict.
#[test]
fn patches_of_other_parts_are_rebased() {
    holds(2, 300, |base, a, b| {
        let parts = [touched(a, base).unwrap(), touched(b, base).unwrap()];
        let reads = |patch: &Patch| {
            patch.operations.iter().any(|operation| {
                let in_place = operation.from() == Some(operation.path());
                in_place || matches!(operation, Operation::Copy { .. } | Operation::Test { .. })
            })
        };
        if !apart(&parts[0], &parts[1]) || reads(a) || reads(b) {
            return Ok(false);
        }
        match both_ways(base, a, b) {
            Ok(_) => Ok(!a.operations.is_empty() && !b.operations.is_empty()),
            Err(RebaseError::Conflicts(conflicts)) => {
                let other = conflicts.0.iter().find(|one| one.reason != ConflictReason::Order);
                prop_assert!(other.is_none(), "{:?}", other);
                Ok(true)
            }
            Err(other) => Err(TestCaseError::fail(format!("{other:?}"))),
        }
    });
}

#[test]
fn a_rebase_over_several_patches_is_one_over_each() {
    let ours = patch(json!([{"op": "replace", "path": "/nodes/2/config/name", "value": "z"}]));
    let one = patch(json!([{"op": "remove", "path": "/nodes/check"}]));
    let two =
        patch(json!([{"op": "add", "path": "/nodes/0", "value": {"id": "n", "type": "http"}}]));
    let at_once = rebase(&ours, &base(), &[one.clone(), two.clone()]).unwrap();
    let first = rebase(&ours, &base(), std::slice::from_ref(&one)).unwrap();
    let second = rebase(&first, &after(&[&one]), std::slice::from_ref(&two)).unwrap();
    assert_eq!(after(&[&one, &two, &at_once]), after(&[&one, &two, &second]));
}
